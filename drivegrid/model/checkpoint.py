"""Nano checkpoints: a plain folder of JSON and safetensors."""

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from drivegrid.errors import ModelError
from drivegrid.model import SHIPPED
from drivegrid.model.manifest import build_manifest
from drivegrid.model.nano import EMBEDDING_STD, NanoForGrounding
from drivegrid.model.nano_config import NanoConfig
from drivegrid.model.nano_files import CONFIG_FILE, EMBEDDING, verify_nano
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.nano_tokenizer import build_tokenizer
from drivegrid.model.rows import fourier_rows
from drivegrid.model.stored import read_json, tensor_files
from drivegrid.model.weight_files import no_progress_bar
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.spelling import BIN_TOKENS, NUM_BINS, Spelling
from drivegrid.tokens.vocabulary import Vocabulary
from drivegrid.trunk.efficientnet import load_pretrained_trunk

MAX_SHARD = "16MB"


def new_nano(
    grid: GridSpec, corpus: Iterable[str], spelling: Spelling | None = None, **sizes: Any
) -> tuple[NanoForGrounding, NanoProcessor]:
    """Return an untrained nano model with a pretrained trunk, and its processor.

    Args:
        grid: Lattice.
        corpus: Text the tokenizer is trained on.
        spelling: How points are spelt, and words for masks; by cells and without by default.
        **sizes: Fields of `NanoConfig`.
    """
    words = spelling.words if spelling else None
    tokenizer = build_tokenizer(corpus, Vocabulary(grid, words=words), spelling)
    config = NanoConfig(grid=dataclasses.asdict(grid), **sizes)
    processor = NanoProcessor(tokenizer, grid, config.image_size_wh, words)
    config.spatial_base_id = processor.base_id
    config.special_ids = processor.special_ids
    config.vocab_size = len(tokenizer)
    config.eos_token_id = processor.special_ids["end"]
    config.pad_token_id = processor.special_ids["pad"]
    model = NanoForGrounding(config)
    model.trunk.load_state_dict(load_pretrained_trunk().state_dict())
    if spelling is not None and spelling.name == "bins":
        _init_bins(model, processor)
    return model, processor


@torch.no_grad()
def _init_bins(model: NanoForGrounding, processor: NanoProcessor) -> None:
    """Start the rows of the bins as one smooth function of the number, as those of cells are."""
    start = processor.tokenizer.convert_tokens_to_ids(BIN_TOKENS[0])
    rows = model.embedding.weight[start : start + NUM_BINS]
    scale = np.full(rows.shape[1], EMBEDDING_STD)
    rows.copy_(torch.from_numpy(fourier_rows(GridSpec(NUM_BINS, 1), 0 * scale, scale)))


def save_nano(
    model: NanoForGrounding,
    processor: NanoProcessor,
    folder: Path,
    training: Mapping[str, Any],
    weights: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint in half precision with its manifest, whole or not at all.

    Args:
        model: The model; it is left as it is.
        processor: Its processor.
        folder: Target; an existing one is replaced.
        training: Facts about the run for ``training.json``, JSON values.
        weights: Written in place of the model's own of the same names.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        tensors = {**model.state_dict(), **(weights or {})}
        half = {name: tensor.detach().half() for name, tensor in tensors.items()}
        with no_progress_bar():
            model.save_pretrained(part, state_dict=half, max_shard_size=MAX_SHARD)
        # It repeats config.json, and nothing here reads it.
        (part / "generation_config.json").unlink()
        processor.tokenizer.save_pretrained(part)
        (part / "training.json").write_text(json.dumps(training, indent=1))
        manifest = build_manifest(
            part,
            processor.grid,
            row_tensors=(EMBEDDING,),
            init="fourier",
            mask_words=processor.vocabulary.words,
        )
        manifest.save(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_nano(folder: Path) -> tuple[NanoForGrounding, NanoProcessor]:
    """Load a checkpoint folder after checking that its files fit each other.

    Raises:
        ModelError: If something is missing, damaged or does not fit.
    """
    folder = Path(folder)
    manifest = verify_nano(folder)
    path = folder / CONFIG_FILE
    try:
        config = NanoConfig.from_dict(read_json(path))
        model = NanoForGrounding(config)
    except Exception as error:  # whatever transformers makes of fields `verify_nano` does not know
        raise ModelError(f"{CONFIG_FILE} must describe a model, got: {error} ({path}).") from error
    _load_weights(model, folder)
    processor = NanoProcessor.from_pretrained(
        folder, manifest.grid, config.image_size_wh, manifest.mask_words
    )
    return model.eval(), processor


def _load_weights(model: NanoForGrounding, folder: Path) -> None:
    """Fill every weight of the model from the checkpoint, and leave none of either over."""
    # Not transformers' loading: it fills gaps with random values.
    wanted = model.state_dict()
    files = tensor_files(folder)
    for names, rule in (
        (wanted.keys() - files.keys(), "hold every tensor of the model, but lack"),
        (files.keys() - wanted.keys(), "hold no other tensors than the model, but hold"),
    ):
        if names:
            few = ", ".join(sorted(names)[:4])
            raise ModelError(f"weights must {rule} {len(names)} such as {few} ({folder}).")
    found: dict[str, Tensor] = {}
    for path in sorted(set(files.values())):
        found |= load_file(path)
    for name, tensor in found.items():
        shape = tuple(wanted[name].shape)
        if tuple(tensor.shape) != shape:
            raise ModelError(
                f"{name} must have shape {shape}, got {tuple(tensor.shape)} ({files[name]})."
            )
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ModelError(f"{name} must hold finite floating-point numbers ({files[name]}).")
    model.load_state_dict(found)


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
