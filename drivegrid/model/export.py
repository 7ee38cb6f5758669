"""A checkpoint as other tools want it: in their dtype and shard size, with all settings beside.

What was merged is already a plain Hugging Face folder. Exporting adds what serving reads from
it: picture size, chat template, and how to decode. These follow how the model is trained and
asked here, whatever the base came with: Qwen's own generation settings sample and punish
repetition, and an answer of grid and offset tokens repeats by nature.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import torch

from drivegrid.errors import ConfigError, ModelError
from drivegrid.geometry import Size
from drivegrid.model.adapter_files import ADAPTER_CONFIG, QWEN_TYPE
from drivegrid.model.manifest import (
    MANIFEST_FILE,
    Manifest,
    load_tokenizer_file,
    rebuild_manifest,
    verify,
)
from drivegrid.model.processor import (
    DEFAULT_SYSTEM,
    IMAGE_PAD,
    VISUAL_PITCH,
    save_size_wh,
    stated_size_wh,
)
from drivegrid.model.stored import read_json, tensor_files
from drivegrid.model.weight_files import (
    copy_small_files,
    new_checkpoint,
    read_tensor,
    reshard,
    weights_size,
)
from drivegrid.model.whole import check_whole
from drivegrid.tokens.grid import GridSpec

WeightDtype: TypeAlias = Literal["bfloat16", "float16", "float32"]
SHARD_BYTES = 5_000_000_000
CHAT_TEMPLATE = (
    "{%- if messages[0].role != 'system' -%}"
    "{{- '<|im_start|>system\\n" + DEFAULT_SYSTEM + "<|im_end|>\\n' -}}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.content is string -%}{{- message.content -}}"
    "{%- else -%}{%- for part in message.content -%}"
    "{%- if part.type in ('image', 'image_url') -%}"
    "{{- '<|vision_start|>" + IMAGE_PAD + "<|vision_end|>' -}}"
    "{%- else -%}{{- part.text -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
"""Jinja for the text of `drivegrid.model.processor.chat_text`, its image as one placeholder."""
# Written anew, or, for the old place of the chat template, in the way of the new one.
_REPLACED = (MANIFEST_FILE, "chat_template.json", "chat_template.jinja")


def export_checkpoint(
    source_dir: str | Path,
    target_dir: str | Path,
    *,
    dtype: WeightDtype | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Manifest:
    """Write a copy of an extended Qwen2.5-VL checkpoint for other tools.

    The copy has as many rows as the source. The target appears whole or not at all.

    Args:
        source_dir: Extended, and merged if an adapter was trained. Not changed.
        target_dir: Folder to create; must not exist.
        dtype: Of the weights; None keeps it.
        shard_bytes: Most bytes of weights in a file.

    Returns:
        The manifest of the target.

    Raises:
        ConfigError: If the target exists, the disk is too small or a setting is out of range.
        ModelError: If the source is no such checkpoint, does not fit its manifest, or its
            weights do not survive the cast.
    """
    source, target = Path(source_dir), Path(target_dir)
    if dtype not in (None, *get_args(WeightDtype)) or shard_bytes < 1:
        raise ConfigError(
            f"dtype must be one of {', '.join(get_args(WeightDtype))} and shard_bytes at least 1, "
            f"got {dtype!r} and {shard_bytes}."
        )
    old = _check_source(source)
    # No more than fp32 takes of what may have been stored in half the size.
    with new_checkpoint(target, weights_size(source) * (2 if dtype == "float32" else 1)) as folder:
        copy_small_files(source, folder, without=_REPLACED)
        reshard(source, folder, getattr(torch, dtype) if dtype else None, shard_bytes)
        _write_settings(folder, dtype)
        save_size_wh(folder, picture_size_wh(source))
        for name in old.row_tensors:
            _check_distinct(folder, name, old.token_ids)
        rebuild_manifest(folder, old).save(folder)
        return verify(folder)


def picture_size_wh(folder: str | Path) -> Size:
    """Return the picture size in pixels for a checkpoint: its own, or the aligned one."""
    return stated_size_wh(folder) or aligned_size_wh(Manifest.load(folder).grid)


def aligned_size_wh(grid: GridSpec) -> Size:
    """Return the picture size in pixels at which each visual token is a cell of the lattice.

    >>> aligned_size_wh(GridSpec(cols=32, rows=32))
    (896, 896)
    """
    return grid.cols * VISUAL_PITCH, grid.rows * VISUAL_PITCH


def _check_source(source: Path) -> Manifest:
    if (source / ADAPTER_CONFIG).exists():
        raise ModelError(
            f"checkpoint must be whole, got an adapter ({source}). Run: drivegrid model merge"
        )
    manifest = verify(source)
    if manifest.model_type != QWEN_TYPE:
        raise ModelError(
            f"checkpoint must be of type {QWEN_TYPE}, got {manifest.model_type} ({source}). "
            "Only drivegrid loads this one: copy its folder as it is."
        )
    check_whole(source)
    return manifest


def _check_distinct(folder: Path, name: str, token_ids: range) -> None:
    """Check that no two spatial tokens became one by the cast."""
    path = tensor_files(folder)[name]
    rows = read_tensor(path, name)[token_ids.start : token_ids.stop]
    num_distinct = len(torch.unique(rows, dim=0))
    if num_distinct < len(token_ids):
        raise ModelError(
            f"rows of {len(token_ids)} spatial tokens must differ, got {num_distinct} different "
            f"ones in {rows.dtype} ({name}). Export in a finer dtype."
        )


def _write_settings(folder: Path, dtype: WeightDtype | None) -> None:
    if dtype is not None:
        config = read_json(folder / "config.json")
        _state_dtype(config, dtype)
        _write(folder / "config.json", config)
    _write(folder / "generation_config.json", _decoding_settings(folder))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")


def _state_dtype(config: dict[str, Any], dtype: WeightDtype) -> None:
    """Set the dtype wherever the configuration states it, and at its top."""
    config["dtype"] = dtype
    for part in (config, config.get("text_config", {}), config.get("vision_config", {})):
        part.update({name: dtype for name in ("dtype", "torch_dtype") if name in part})


def _decoding_settings(folder: Path) -> dict[str, Any]:
    tokenizer = load_tokenizer_file(folder)
    turn, text = (tokenizer.token_to_id(token) for token in ("<|im_end|>", "<|endoftext|>"))
    if turn is None or text is None:
        raise ModelError(f"tokenizer must know <|im_end|> and <|endoftext|> ({folder}).")
    return {"do_sample": False, "eos_token_id": [turn, text], "pad_token_id": text}


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
