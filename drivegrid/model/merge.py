"""Put an adapter into its base for good.

The result is a plain Hugging Face folder: transformers, and so vLLM, loads it without this
package. Weights are edited shard by shard on disk, so memory stays at one shard.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from drivegrid.errors import ModelError
from drivegrid.model.adapter_files import ADAPTER_WEIGHTS, verify_adapter
from drivegrid.model.manifest import MANIFEST_FILE, Manifest, rebuild_manifest, verify
from drivegrid.model.processor import save_size_wh, stated_size_wh
from drivegrid.model.weight_files import (
    Change,
    copy_small_files,
    copy_weights,
    new_checkpoint,
    weights_size,
)


def merge_adapter(
    base_dir: str | Path, adapter_dir: str | Path, target_dir: str | Path
) -> Manifest:
    """Write a copy of a checkpoint whose weights include what an adapter has learned.

    Sums are formed in fp32 and stored in the base's dtype. Rows of other than spatial tokens,
    the vision tower and everything else without an adapter stay bit-identical. The target
    appears whole or not at all.

    Args:
        base_dir: Extended checkpoint the adapter was trained on. Not changed.
        adapter_dir: Folder written by `drivegrid.model.adapter.save_adapter`.
        target_dir: Folder to create; must not exist.

    Returns:
        The manifest of the target, with the new rows' sha256.

    Raises:
        ConfigError: If the target exists or the disk is too small.
        ModelError: If adapter or base is damaged, they do not fit, or a sum is not finite.
    """
    base, target = Path(base_dir), Path(target_dir)
    adapter = verify_adapter(base, Path(adapter_dir))
    learned = load_file(Path(adapter_dir) / ADAPTER_WEIGHTS)
    changes: dict[str, Change] = {
        name: partial(_put_rows, name, learned[key], adapter.manifest.base_id)
        for name, key in adapter.rows.items()
    }
    changes |= {
        name: partial(_add_pair, name, learned[down], learned[up] * adapter.scale)
        for name, (down, up) in adapter.pairs.items()
    }
    with new_checkpoint(target, weights_size(base)) as folder:
        copy_small_files(base, folder, without={MANIFEST_FILE})
        if (size_wh := stated_size_wh(adapter_dir)) is not None:
            save_size_wh(folder, size_wh)
        copy_weights(base, folder, changes)
        old = adapter.manifest
        rebuild_manifest(folder, old).save(folder)
        return verify(folder)


def _put_rows(name: str, rows: Tensor, start: int, old: Tensor) -> Tensor:
    new = old.clone()
    new[start : start + len(rows)] = rows.to(old.dtype)
    return _finite(name, new, rows)


def _add_pair(name: str, down: Tensor, up: Tensor, old: Tensor) -> Tensor:
    total = old.float() + up.float() @ down.float()
    return _finite(name, total.to(old.dtype), total)


def _finite(name: str, new: Tensor, changed: Tensor) -> Tensor:
    if not torch.isfinite(changed).all() or not torch.isfinite(new).all():
        raise ModelError(f"{name} must stay finite when merged. The adapter has diverged.")
    return new
