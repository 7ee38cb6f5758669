"""What a checkpoint or adapter folder is, read from its headers and checked. No torch here."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal, TypeAlias

from drivegrid.errors import ModelError
from drivegrid.model.adapter_files import (
    ADAPTER_CONFIG,
    ADAPTER_MANIFEST,
    ADAPTER_WEIGHTS,
    QWEN_TYPE,
    AdapterManifest,
    is_tied,
)
from drivegrid.model.manifest import MANIFEST_FILE, Manifest, expect, verify
from drivegrid.model.nano_files import verify_nano
from drivegrid.model.stored import file_sha256, read_json, tensor_files, tensor_headers
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords

Form: TypeAlias = Literal["full", "adapter", "base"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a folder holds.

    Args:
        form: ``"full"``: a checkpoint with spatial tokens; ``"adapter"``: rows and LoRA for
            one; ``"base"``: a checkpoint that is not extended.
        model_type: As in ``config.json``, of the base for an adapter.
        num_params: Numbers in all stored tensors.
        num_bytes: Size of these tensors.
        dtypes: Numbers of parameters by dtype, in safetensors' names.
        num_files: Files that hold them.
        hidden_size: Width of the language model; None for an adapter.
        num_layers: Its depth; None for an adapter.
        tied: Whether the head is the input embedding; None for an adapter.
        num_rows: Rows of the embedding; None for an adapter.
        grid: Lattice; None where there is none.
        token_ids: First and last id of the spatial tokens; None where there are none.
        init: How the rows were first filled; None where there are none.
        created_by: What wrote the manifest; None where there is none.
        rank: Of an adapter's LoRA.
        alpha: Of an adapter's LoRA.
        base_sha256: Of the manifest of an adapter's base.
        mask_words: Those for masks; None where there are none.
    """

    form: Form
    model_type: str
    num_params: int
    num_bytes: int
    dtypes: dict[str, int]
    num_files: int
    hidden_size: int | None = None
    num_layers: int | None = None
    tied: bool | None = None
    num_rows: int | None = None
    grid: GridSpec | None = None
    token_ids: tuple[int, int] | None = None
    init: str | None = None
    created_by: str | None = None
    rank: int | None = None
    alpha: float | None = None
    base_sha256: str | None = None
    mask_words: MaskWords | None = None


def describe(folder: str | Path) -> ModelInfo:
    """Check a folder and tell what it is.

    Every hash that the folder states is computed again. Whether an adapter fits a base is
    checked where they are put together.

    Raises:
        ModelError: If it is no checkpoint or adapter, or does not fit its manifest.
    """
    folder = Path(folder)
    if (folder / ADAPTER_CONFIG).is_file():
        return _adapter(folder)
    config = read_json(folder / "config.json")
    model_type = str(config.get("model_type"))
    text = config.get("text_config", config)
    facts: dict[str, Any] = {
        "hidden_size": text.get("hidden_size"),
        "num_layers": text.get("num_hidden_layers", text.get("num_layers")),
    }
    if not (folder / MANIFEST_FILE).is_file():
        if model_type != QWEN_TYPE:
            raise ModelError(f"model_type must be {QWEN_TYPE!r}, got {model_type!r} ({folder}).")
        facts |= {"tied": is_tied(folder), "num_rows": text.get("vocab_size")}
        return ModelInfo(form="base", model_type=model_type, **_weights(folder), **facts)
    manifest = verify(folder) if model_type == QWEN_TYPE else verify_nano(folder)
    tied = is_tied(folder) if model_type == QWEN_TYPE else True
    facts |= {"tied": tied, "num_rows": text.get("vocab_size")} | _claims(manifest)
    return ModelInfo(form="full", model_type=model_type, **_weights(folder), **facts)


def _claims(manifest: Manifest) -> dict[str, Any]:
    return {
        "grid": manifest.grid,
        "token_ids": (manifest.token_ids[0], manifest.token_ids[-1]),
        "init": manifest.init,
        "created_by": manifest.created_by,
        "mask_words": manifest.mask_words,
    }


def _adapter(folder: Path) -> ModelInfo:
    claims, config = AdapterManifest.load(folder), read_json(folder / ADAPTER_CONFIG)
    path, digest = folder / ADAPTER_MANIFEST, file_sha256(folder / ADAPTER_WEIGHTS)
    expect(path, "weights_sha256", claims.weights_sha256, digest)
    manifest = Manifest.parse(claims.base_manifest, path)
    return ModelInfo(
        form="adapter",
        model_type=manifest.model_type,
        rank=config.get("r"),
        alpha=config.get("lora_alpha"),
        base_sha256=claims.base_sha256,
        **_counts([folder / ADAPTER_WEIGHTS]),
        **_claims(manifest),
    )


def _weights(folder: Path) -> dict[str, Any]:
    return _counts(sorted(set(tensor_files(folder).values())))


def _counts(files: list[Path]) -> dict[str, Any]:
    dtypes: Counter[str] = Counter()
    num_bytes = 0
    for path in files:
        for entry in tensor_headers(path).values():
            dtypes[entry["dtype"]] += prod(entry["shape"])
            num_bytes += entry["data_offsets"][1] - entry["data_offsets"][0]
    return {
        "num_params": dtypes.total(),
        "num_bytes": num_bytes,
        "dtypes": dict(dtypes),
        "num_files": len(files),
    }


def as_json(info: ModelInfo) -> Mapping[str, Any]:
    """Return the facts as JSON values, without those that do not apply."""
    return {name: value for name, value in dataclasses.asdict(info).items() if value is not None}
