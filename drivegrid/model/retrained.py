"""A checkpoint whose own weights were trained further: a copy of its base with new values.

The result is like what `merge_adapter` writes: a plain Hugging Face folder in the base's dtype
and shards, which transformers, and so vLLM, loads without this package.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from drivegrid.errors import ModelError
from drivegrid.model.adapter_files import EMBEDDING, HEAD, base_name, is_tied
from drivegrid.model.manifest import MANIFEST_FILE, Manifest, rebuild_manifest, verify
from drivegrid.model.stored import tensor_files
from drivegrid.model.weight_files import (
    Change,
    copy_small_files,
    copy_weights,
    new_checkpoint,
    weights_size,
)


def save_retrained(
    base_dir: str | Path, target_dir: str | Path, weights: Mapping[str, Tensor]
) -> Manifest:
    """Write a copy of an extended checkpoint with other values for some of its weights.

    What is not named keeps its bits. The target appears whole or not at all.

    Args:
        base_dir: Extended checkpoint the training began with. Not changed.
        target_dir: Folder to write; an existing one is replaced.
        weights: By the names of ``model.named_parameters()`` of the loaded base; stored in the
            dtype that the base has there.

    Returns:
        The manifest of the target, with the new rows' sha256.

    Raises:
        ConfigError: If the disk is too small.
        ModelError: If the base is damaged, has no such weight or one of another shape, or a value
            is not finite.
    """
    base, target = Path(base_dir), Path(target_dir)
    old, changes = verify(base), _changes(base, weights)
    # An existing target must stay until the new one is whole.
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with new_checkpoint(part, weights_size(base)) as folder:
        copy_small_files(base, folder, without={MANIFEST_FILE})
        copy_weights(base, folder, changes)
        rebuild_manifest(folder, old).save(folder)
        manifest = verify(folder)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    return manifest


def _changes(base: Path, weights: Mapping[str, Tensor]) -> dict[str, Change]:
    """Return how each stored tensor changes, by its name in the files."""
    known = tensor_files(base)
    stored = {name: base_name(name, known) for name in weights}
    if missing := [name for name, file_name in stored.items() if file_name is None]:
        raise ModelError(f"weights must be those of the base, got {missing[0]} ({base}).")
    changes: dict[str, Change] = {
        str(stored[name]): partial(_replace, name, new) for name, new in weights.items()
    }
    # A tied head may be stored all the same.
    head = f"{HEAD}.weight"
    if head in known and is_tied(base):
        rows = next((name for name in changes if name.endswith(f"{EMBEDDING}.weight")), None)
        if rows is not None:
            changes[head] = changes[rows]
    return changes


def _replace(name: str, new: Tensor, old: Tensor) -> Tensor:
    if new.shape != old.shape:
        raise ModelError(f"{name} must have shape {list(old.shape)}, got {list(new.shape)}.")
    cast = new.detach().cpu().to(old.dtype).contiguous()
    if not torch.isfinite(cast).all():
        raise ModelError(f"{name} must be finite in {old.dtype}. The training has diverged.")
    return cast
