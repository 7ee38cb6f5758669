"""What must hold between the files of a nano checkpoint folder. No torch here.

``config.json``, the manifest, the tokenizer and the weights all state the lattice, the ids and the
sizes. `verify_nano` compares them, so that a folder put together from two models fails by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from drivegrid.errors import ModelError
from drivegrid.model.manifest import (
    MANIFEST_FILE,
    Manifest,
    expect,
    load_tokenizer_file,
    parse_grid,
    verify,
)
from drivegrid.model.stored import read_json, tensor_files, tensor_shape

MODEL_TYPE = "drivegrid_nano"
CONFIG_FILE = "config.json"
EMBEDDING = "embedding.weight"
SPECIAL_TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "user": "<|user|>",
        "assistant": "<|assistant|>",
        "end": "<|end|>",
        "pad": "<|pad|>",
        "offset": "<offset>",
        "end_offset": "</offset>",
    }
)
"""Role to token, of the tokens the model and its decoding ask for by id."""
# Nothing is read from them here, but other tools do.
_UNREAD_FILES = ("tokenizer_config.json", "generation_config.json")
_LEAST = {
    "vocab_size": 1,
    "spatial_base_id": 0,
    "hidden_size": 1,
    "num_layers": 1,
    "num_heads": 1,
    "num_image_layers": 0,
    "num_cell_classes": 1,
}
# transformers' names for the same number.
_ALIASES = {"num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"}


def verify_nano(folder: str | Path) -> Manifest:
    """Check all that can be checked of a nano checkpoint without building the model.

    Raises:
        ModelError: Naming the file and the field that do not fit.
    """
    folder = Path(folder)
    manifest = verify(folder)
    expect(folder / MANIFEST_FILE, "row_tensors", manifest.row_tensors, (EMBEDDING,))
    if manifest.model_type != MODEL_TYPE:
        raise ModelError(
            f"checkpoint must be of type {MODEL_TYPE}, got {manifest.model_type} ({folder})."
        )
    for name in _UNREAD_FILES:
        if (folder / name).exists():
            read_json(folder / name)
    path = folder / CONFIG_FILE
    config = read_json(path)
    _check_sizes(config, path)
    _check_weights(config, folder)
    _check_ids(config, manifest, folder)
    if parse_grid(config.get("grid"), path) != manifest.grid:
        raise ModelError(f"grid must match the manifest's {manifest.grid} ({path}).")
    return manifest


def _check_sizes(config: Mapping[str, Any], path: Path) -> None:
    for name, least in _LEAST.items():
        value = config.get(name)
        if type(value) is not int or value < least:
            raise ModelError(f"{name} must be an int of at least {least}, got {value!r} ({path}).")
    for alias, name in _ALIASES.items():
        expect(path, alias, config.get(alias, config[name]), config[name])
    # Rotary embedding turns pairs, so each head must have an even width.
    if config["hidden_size"] % (2 * config["num_heads"]):
        raise ModelError(
            f"hidden_size must be a multiple of twice num_heads, got {config['hidden_size']} and "
            f"{config['num_heads']} heads ({path})."
        )
    size_wh = config.get("image_size_wh")
    sides = size_wh if isinstance(size_wh, list) and len(size_wh) == 2 else [None]
    if any(type(side) is not int or side < 32 or side % 32 for side in sides):
        raise ModelError(
            f"image_size_wh must be two ints, positive multiples of 32, got {size_wh!r} ({path})."
        )
    sigma = config.get("target_sigma")
    if not isinstance(sigma, int | float) or not 0 <= sigma < math.inf:
        raise ModelError(f"target_sigma must be a number from 0 up, got {sigma!r} ({path}).")


def _check_weights(config: Mapping[str, Any], folder: Path) -> None:
    """Check what bounds the size of the model, so that no typing error asks for all memory."""
    path, files = folder / CONFIG_FILE, tensor_files(folder)
    rows_and_width = [config["vocab_size"], config["hidden_size"]]
    stored = tensor_shape(files[EMBEDDING], EMBEDDING)
    expect(path, "[vocab_size, hidden_size]", rows_and_width, stored)
    for name in ("num_layers", "num_image_layers"):
        if config[name] > len(files):
            raise ModelError(
                f"{name} must be at most the number of tensors {len(files)}, got {config[name]} "
                f"({path})."
            )


def _check_ids(config: Mapping[str, Any], manifest: Manifest, folder: Path) -> None:
    path, tokenizer = folder / CONFIG_FILE, load_tokenizer_file(folder)
    special_ids = {role: tokenizer.token_to_id(token) for role, token in SPECIAL_TOKENS.items()}
    expect(path, "special_ids", config.get("special_ids"), special_ids)
    expect(path, "eos_token_id", config.get("eos_token_id"), special_ids["end"])
    expect(path, "pad_token_id", config.get("pad_token_id"), special_ids["pad"])
    expect(path, "spatial_base_id", config["spatial_base_id"], manifest.base_id)
    num_ids = 1 + max(tokenizer.get_vocab().values())
    if config["vocab_size"] < num_ids:
        raise ModelError(
            f"vocab_size must cover the tokenizer's {num_ids} ids, got {config['vocab_size']} "
            f"({path})."
        )
