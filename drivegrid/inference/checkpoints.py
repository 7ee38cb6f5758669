"""Checkpoint folders of any model the predictor speaks for."""

from __future__ import annotations

from pathlib import Path

from peft import PeftModel
from transformers import Qwen2_5_VLForConditionalGeneration

from drivegrid.errors import ModelError
from drivegrid.model.adapter import load_adapter, load_base
from drivegrid.model.adapter_files import ADAPTER_MANIFEST, QWEN_TYPE
from drivegrid.model.checkpoint import load_nano, shipped_checkpoint
from drivegrid.model.manifest import MANIFEST_FILE, Manifest
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.processor import ALIGNED_SIZE_WH, QwenProcessor, stated_size_wh
from drivegrid.model.stored import read_json


def load_checkpoint(
    folder: str | Path | None, base: str | Path | None = None
) -> (
    tuple[NanoForGrounding, NanoProcessor]
    | tuple[Qwen2_5_VLForConditionalGeneration, QwenProcessor]
):
    """Return the model of a folder and its processor.

    Args:
        folder: Nano checkpoint, extended Qwen2.5-VL checkpoint or adapter; None for the shipped
            nano.
        base: What an adapter was trained on.

    Raises:
        ModelError: If folder and base do not go together, or a file is missing or does not fit.
    """
    path = Path(folder) if folder is not None else shipped_checkpoint()
    if (path / ADAPTER_MANIFEST).is_file():
        if base is None:
            name = read_json(path / "adapter_config.json").get("base_model_name_or_path")
            raise ModelError(
                f"adapter must come with its base, got none ({path}). Pass the folder of {name}."
            )
        adapted, tokenizer, manifest = load_adapter(base, path)
        size_wh = stated_size_wh(path) or stated_size_wh(base) or ALIGNED_SIZE_WH
        return _plain(adapted), QwenProcessor(tokenizer, manifest.vocabulary, size_wh)
    if base is not None:
        raise ModelError(f"base must be given with an adapter alone, got {base} with {path}.")
    if (path / MANIFEST_FILE).is_file() and Manifest.load(path).model_type == QWEN_TYPE:
        model, tokenizer, manifest = load_base(path)
        size_wh = stated_size_wh(path) or ALIGNED_SIZE_WH
        return model, QwenProcessor(tokenizer, manifest.vocabulary, size_wh)
    return load_nano(path)


def _plain(adapted: PeftModel) -> Qwen2_5_VLForConditionalGeneration:
    """Return the model inside, whose layers hold the adapter."""
    model = adapted.get_base_model()
    assert isinstance(model, Qwen2_5_VLForConditionalGeneration)
    return model
