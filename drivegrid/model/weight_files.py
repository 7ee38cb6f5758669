"""Checkpoint folders written from checkpoint folders: whole or not at all, shard by shard.

Extending, merging and exporting all copy a folder and change some tensors. Memory stays at one
shard, and what nobody asked to change keeps its bytes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers.utils import logging

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.stored import WEIGHTS_FILE, WEIGHTS_INDEX, read_json, tensor_files
from drivegrid.model.whole import check_finite

Change: TypeAlias = Callable[[Tensor], Tensor]
"""New value of a tensor, from its old one."""
_FLOAT_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
# Settings, licences and cards; neither code nor pickles.
_COPIED_SUFFIXES = frozenset((".json", ".jinja", ".md", ".txt", ""))


@contextmanager
def new_checkpoint(target: Path, num_bytes: int) -> Iterator[Path]:
    """Give a folder to fill that becomes the target once the block ends without an error.

    Args:
        target: Folder to create; must not exist.
        num_bytes: What will be written at most.

    Raises:
        ConfigError: If the target exists or the disk is too small.
    """
    if target.exists():
        raise ConfigError(f"target must not exist yet, got {target}. Choose another folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target.parent).free
    if free < num_bytes:
        raise ConfigError(
            f"disk must have {num_bytes:,} bytes free, got {free:,} ({target.parent})."
        )
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        folder = Path(scratch) / "checkpoint"
        folder.mkdir()
        yield folder
        folder.rename(target)


@contextmanager
def no_progress_bar() -> Iterator[None]:
    """Keep transformers from drawing a bar, if it would."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def weights_size(folder: Path) -> int:
    """Return the size of the weights of a folder in bytes."""
    return sum(path.stat().st_size for path in set(tensor_files(folder).values()))


def copy_small_files(source: Path, folder: Path, without: Collection[str] = ()) -> None:
    """Copy settings, licence and card: no weights, code, pickles or hidden files."""
    for path in source.iterdir():
        wanted = path.suffix in _COPIED_SUFFIXES and path.name not in {WEIGHTS_INDEX, *without}
        if path.is_file() and wanted and not path.name.startswith("."):
            shutil.copyfile(path, folder / path.name)


def read_tensor(path: Path, name: str) -> Tensor:
    """Return one tensor of a safetensors file; it is mapped, and read when it is used."""
    with safe_open(path, framework="pt") as shard:
        tensor: Tensor = shard.get_tensor(name)
    return tensor


def _check_float(tensor: Tensor, name: str, path: Path) -> None:
    if tensor.dtype not in _FLOAT_DTYPES:
        raise ModelError(f"{name} must be in floating point, got {tensor.dtype} ({path}).")


def copy_weights(source: Path, folder: Path, changes: Mapping[str, Change]) -> None:
    """Copy the shards of a checkpoint and its index, changing the named tensors.

    Args:
        source: Folder with safetensors.
        folder: Where the shards go, under their names.
        changes: Tensor name to how it changes. Shards without one are copied byte for byte.

    Raises:
        ModelError: If a tensor to change is not in floating point.
    """
    added_params = added_bytes = 0
    for path in sorted(set(tensor_files(source).values())):
        with safe_open(path, framework="pt") as shard:
            names, metadata = list(shard.keys()), shard.metadata()
        if changes.keys().isdisjoint(names):
            shutil.copyfile(path, folder / path.name)
            continue
        tensors = {}
        for name in names:
            old = tensors[name] = read_tensor(path, name)
            if name in changes:
                _check_float(old, name, path)
                tensors[name] = changes[name](old)
            added_params += tensors[name].numel() - old.numel()
            added_bytes += tensors[name].nbytes - old.nbytes
        save_file(tensors, folder / path.name, metadata=metadata)
        shutil.copymode(path, folder / path.name)  # safetensors writes for the owner only.
    if (source / WEIGHTS_INDEX).exists():
        content = read_json(source / WEIGHTS_INDEX)
        totals = content.setdefault("metadata", {})
        for key, added in (("total_size", added_bytes), ("total_parameters", added_params)):
            if key in totals:
                totals[key] += added
        _write_json(folder / WEIGHTS_INDEX, content)


def reshard(source: Path, folder: Path, dtype: torch.dtype | None, shard_bytes: int) -> None:
    """Write the weights of a checkpoint anew, in shards of another size or another dtype.

    Args:
        source: Folder with safetensors.
        folder: Where the new shards and their index go.
        dtype: None keeps each tensor's own.
        shard_bytes: Most bytes of tensors in a file; a larger tensor has a file to itself.

    Raises:
        ModelError: If a finite number would overflow, or a tensor to cast is quantised.
    """
    files = tensor_files(source)
    shards: list[list[str]] = [[]]
    total = filled = 0
    for name, path in files.items():
        size = _stored_bytes(path, name, dtype)
        if shards[-1] and filled + size > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled, total = filled + size, total + size
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        file = file if len(shards) > 1 else WEIGHTS_FILE
        tensors = {name: _cast(files[name], name, dtype) for name in names}
        save_file(tensors, folder / file, metadata={"format": "pt"})
        shutil.copymode(files[names[0]], folder / file)
        weight_map |= dict.fromkeys(names, file)
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        _write_json(folder / WEIGHTS_INDEX, index)


def _stored_bytes(path: Path, name: str, dtype: torch.dtype | None) -> int:
    tensor = read_tensor(path, name)
    return tensor.numel() * (dtype or tensor.dtype).itemsize


def _cast(path: Path, name: str, dtype: torch.dtype | None) -> Tensor:
    old = read_tensor(path, name)
    check_finite(name, old, path)
    if dtype is None:
        return old
    _check_float(old, name, path)
    new = old.to(dtype)
    if dtype == torch.float16 and (new.isfinite() != old.isfinite()).any():
        raise ModelError(
            f"{name} must fit into float16, got {old.abs().max().item():.3g} ({path}). "
            "Use bfloat16."
        )
    return new


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
