"""Nano checkpoints: a plain folder of JSON and safetensors."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from drivegrid.errors import ModelError
from drivegrid.model.manifest import build_manifest, verify
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_config import NanoConfig
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.nano_tokenizer import build_tokenizer
from drivegrid.model.trunk import load_pretrained_trunk
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary

SHIPPED = "nano"
MAX_SHARD = "16MB"


def new_nano(
    grid: GridSpec, corpus: Iterable[str], **sizes: Any
) -> tuple[NanoForGrounding, NanoProcessor]:
    """Return an untrained nano model with a pretrained trunk, and its processor.

    Args:
        grid: Lattice.
        corpus: Text the tokenizer is trained on.
        **sizes: Fields of `NanoConfig`.
    """
    tokenizer = build_tokenizer(corpus, Vocabulary(grid))
    config = NanoConfig(grid=dataclasses.asdict(grid), **sizes)
    processor = NanoProcessor(tokenizer, grid, config.image_size_wh)
    config.spatial_base_id = processor.base_id
    config.special_ids = processor.special_ids
    config.vocab_size = len(tokenizer)
    config.eos_token_id = processor.special_ids["end"]
    config.pad_token_id = processor.special_ids["pad"]
    model = NanoForGrounding(config)
    model.trunk.load_state_dict(load_pretrained_trunk().state_dict())
    return model, processor


def save_nano(
    model: NanoForGrounding, processor: NanoProcessor, folder: Path, training: Mapping[str, Any]
) -> None:
    """Write a checkpoint in half precision with its manifest, whole or not at all.

    Args:
        model: The model; it is left as it is.
        processor: Its processor.
        folder: Target; an existing one is replaced.
        training: Facts about the run for ``training.json``, JSON values.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        half = {name: tensor.detach().half() for name, tensor in model.state_dict().items()}
        model.save_pretrained(part, state_dict=half, max_shard_size=MAX_SHARD)
        processor.tokenizer.save_pretrained(part)
        (part / "training.json").write_text(json.dumps(training, indent=1))
        rows = ("embedding.weight",)
        build_manifest(part, processor.grid, row_tensors=rows, init="fourier").save(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_nano(folder: Path) -> tuple[NanoForGrounding, NanoProcessor]:
    """Load a checkpoint folder after checking it against its manifest.

    Raises:
        ModelError: If something is missing, damaged or does not fit.
    """
    manifest = verify(folder)
    if manifest.model_type != NanoConfig.model_type:
        raise ModelError(
            f"checkpoint must be of type {NanoConfig.model_type}, got {manifest.model_type} "
            f"({folder})."
        )
    try:
        model = NanoForGrounding.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"weights must be readable, got: {error} ({folder}).") from error
    processor = NanoProcessor.from_pretrained(folder, manifest.grid, model.config.image_size_wh)
    return model.eval(), processor


def shipped_checkpoint() -> Path:
    """Return the folder of the packaged model.

    Raises:
        ModelError: If the package was built without it.
    """
    folder = Path(str(files("drivegrid.model"))) / "weights" / SHIPPED
    if not folder.is_dir():
        raise ModelError(
            f"shipped weights must be installed, got no {folder}. Reinstall drivegrid."
        )
    return folder
