"""Adapter folders: which base they belong to, and which of its weights they change.

An adapter is peft's ``adapter_config.json`` and ``adapter_model.safetensors`` beside
``drivegrid_adapter.json``, which holds a copy of the base's manifest and its sha256. Nothing is
loaded here: names, shapes and settings are enough to tell whether an adapter fits. No torch here.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivegrid.errors import ModelError
from drivegrid.model.manifest import MANIFEST_FILE, Manifest, expect, verify
from drivegrid.model.stored import file_sha256, read_json, tensor_files, tensor_shape, tensor_shapes

ADAPTER_MANIFEST = "drivegrid_adapter.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
QWEN_TYPE = "qwen2_5_vl"
EMBEDDING, HEAD = "embed_tokens", "lm_head"
_PREFIX = "base_model.model."
_LAYER = re.compile(r"(model\.)?(language_model\.)?layers\.\d+\.(self_attn|mlp)\.\w+")
# Fields of peft's settings that may hold what they like; any other must be off, since it would
# change what a pair adds to its weight.
_FREE_FIELDS = frozenset(
    ("auto_mapping", "base_model_name_or_path", "exclude_modules", "inference_mode",
     "lora_alpha", "lora_dropout", "megatron_core", "peft_type", "peft_version",
     "qalora_group_size", "r", "revision", "target_modules", "task_type", "trainable_token_indices")
)  # fmt: skip
_OFF: tuple[object, ...] = (None, False, "none", {}, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterManifest:
    """What an adapter folder claims.

    Args:
        base_manifest: Copy of the base's ``drivegrid.json``.
        base_sha256: Of that file.
        weights_sha256: Of ``adapter_model.safetensors``.
    """

    base_manifest: dict[str, Any]
    base_sha256: str
    weights_sha256: str

    @classmethod
    def of(cls, base: Path, folder: Path) -> AdapterManifest:
        """Describe the adapter weights in a folder as belonging to a base."""
        return cls(
            base_manifest=read_json(base / MANIFEST_FILE),
            base_sha256=file_sha256(base / MANIFEST_FILE),
            weights_sha256=file_sha256(folder / ADAPTER_WEIGHTS),
        )

    def save(self, folder: Path) -> None:
        """Write ``drivegrid_adapter.json``."""
        text = json.dumps(dataclasses.asdict(self), indent=2)
        (folder / ADAPTER_MANIFEST).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> AdapterManifest:
        """Read ``drivegrid_adapter.json``.

        Raises:
            ModelError: If it is missing or its fields are not these.
        """
        path = folder / ADAPTER_MANIFEST
        found = read_json(path, "Save it with drivegrid.model.adapter.save_adapter.")
        types = {"base_manifest": dict, "base_sha256": str, "weights_sha256": str}
        if {name: type(value) for name, value in found.items()} != types:
            raise ModelError(f"fields must be {', '.join(types)}, got {sorted(found)} ({path}).")
        return cls(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """How an adapter changes the weights of a base; tensors by name.

    Args:
        manifest: Of the base.
        rank: Of its LoRA pairs.
        scale: Each pair adds scale * (B @ A) to its weight.
        rows: Base matrix to the adapter's rows for the spatial tokens in it.
        pairs: Base weight to the adapter's A and B.
    """

    manifest: Manifest
    rank: int
    scale: float
    rows: dict[str, str]
    pairs: dict[str, tuple[str, str]]


def verify_adapter(base: Path, folder: Path) -> Adapter:
    """Check that an adapter is whole, is plain LoRA with rows, and fits its base.

    Raises:
        ModelError: Naming the file and what does not fit.
    """
    manifest = verify(base)
    if manifest.model_type != QWEN_TYPE:
        raise ModelError(
            f"base must have model_type {QWEN_TYPE!r}, got {manifest.model_type!r} ({base})."
        )
    path, claims = folder / ADAPTER_MANIFEST, AdapterManifest.load(folder)
    if claims.base_sha256 != file_sha256(base / MANIFEST_FILE):
        raise ModelError(
            f"adapter must belong to this base, got one of another ({path}; {base}). "
            "Pass the folder it was trained on."
        )
    digest = file_sha256(folder / ADAPTER_WEIGHTS)
    expect(path, "weights_sha256", claims.weights_sha256, digest)
    config = read_json(folder / ADAPTER_CONFIG)
    _check_plain(config, folder / ADAPTER_CONFIG)
    shapes = tensor_shapes(folder / ADAPTER_WEIGHTS)
    adapter = Adapter(
        manifest=manifest,
        rank=config["r"],
        scale=config["lora_alpha"] / config["r"],
        rows=_find_rows(base, manifest, shapes),
        pairs=_find_pairs(base, shapes),
    )
    _check_all_used(adapter, shapes, folder)
    _check_shapes(adapter, base, shapes)
    _check_ids(adapter, config, folder / ADAPTER_CONFIG)
    return adapter


def _check_plain(config: Mapping[str, Any], path: Path) -> None:
    """Check that the settings are those of plain LoRA."""
    if config.get("peft_type") != "LORA":
        raise ModelError(f"peft_type must be 'LORA', got {config.get('peft_type')!r} ({path}).")
    if config.get("modules_to_save"):
        raise ModelError(
            f"modules_to_save must be empty, got {config['modules_to_save']} ({path}). Whole "
            "matrices would change old rows, and untie a tied head; train rows alone."
        )
    for name, value in config.items():
        if name == "init_lora_weights":
            plain = value in (True, False, "gaussian")  # others change the base's own weights
        else:
            plain = name in _FREE_FIELDS or value in _OFF
        if not plain:
            raise ModelError(f"adapter must be plain LoRA, got {name} {value!r} ({path}).")
    for name in ("r", "lora_alpha"):
        value = config.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise ModelError(f"{name} must be a positive number, got {value!r} ({path}).")


def base_name(name: str, known: Mapping[str, Path]) -> str | None:
    """Return the name a tensor of the running model has in the files of a checkpoint.

    Files of the first Qwen2.5-VL releases, and those transformers writes, leave out
    ``language_model``, and ``model`` before ``visual``.
    """
    old = name.replace("model.language_model.", "model.", 1).replace("model.visual.", "visual.", 1)
    for candidate in (name, old):
        if candidate in known:
            return candidate
    return None


def _find_rows(base: Path, manifest: Manifest, shapes: Mapping[str, list[int]]) -> dict[str, str]:
    """Return each matrix with a row per token and the adapter's rows for it."""
    found = {}
    for key in shapes:
        module, mark, _ = key.removeprefix(_PREFIX).partition(".token_adapter.")
        if mark:
            found[module.rpartition(".")[2]] = key
    tied = is_tied(base)
    expected = {EMBEDDING} if tied else {EMBEDDING, HEAD}
    if found.keys() != expected:
        raise ModelError(
            f"adapter of a {'tied' if tied else 'untied'} base must hold rows of "
            f"{' and '.join(sorted(expected))}, got {sorted(found) or 'none'} ({base})."
        )
    matrices = {name: name.split(".")[-2] for name in manifest.row_tensors}
    return {name: found[EMBEDDING if tied else kind] for name, kind in matrices.items()}


def _find_pairs(base: Path, shapes: Mapping[str, list[int]]) -> dict[str, tuple[str, str]]:
    """Return each base weight that a LoRA pair changes, and the pair."""
    known = tensor_files(base)
    pairs = {}
    for key in shapes:
        module, mark, _ = key.removeprefix(_PREFIX).partition(".lora_A.")
        if not mark:
            continue
        target = base_name(f"{module}.weight", known)
        if target is None or not _LAYER.fullmatch(target.removesuffix(".weight")):
            raise ModelError(
                f"LoRA must be on linear layers of the language model, got {module} ({base})."
            )
        pairs[target] = (key, key.replace(".lora_A.", ".lora_B."))
    return pairs


def _check_all_used(adapter: Adapter, shapes: Mapping[str, list[int]], folder: Path) -> None:
    used = {*adapter.rows.values(), *(key for pair in adapter.pairs.values() for key in pair)}
    if used != shapes.keys():
        odd = sorted(used ^ shapes.keys())
        raise ModelError(
            f"adapter must hold whole LoRA pairs and rows alone, got {odd[0]} left over or "
            f"missing ({folder / ADAPTER_WEIGHTS})."
        )


def _check_shapes(adapter: Adapter, base: Path, shapes: Mapping[str, list[int]]) -> None:
    files = tensor_files(base)
    for name, key in adapter.rows.items():
        _, dim = tensor_shape(files[name], name)
        _expect_shape(key, shapes[key], [adapter.manifest.num_tokens, dim], base)
    for name, (down, up) in adapter.pairs.items():
        outputs, inputs = tensor_shape(files[name], name)
        _expect_shape(down, shapes[down], [adapter.rank, inputs], base)
        _expect_shape(up, shapes[up], [outputs, adapter.rank], base)


def _expect_shape(name: str, found: list[int], expected: list[int], base: Path) -> None:
    if found != expected:
        raise ModelError(f"{name} must have shape {expected}, got {found} ({base}).")


def _check_ids(adapter: Adapter, config: Mapping[str, Any], path: Path) -> None:
    """Check that the adapter's rows are those of the spatial tokens, in order."""
    ids = list(adapter.manifest.token_ids)
    found = config.get("trainable_token_indices")
    if not isinstance(found, dict) or any(value != ids for value in found.values()):
        raise ModelError(
            f"trainable_token_indices must be the ids {ids[0]} to {ids[-1]}, got others ({path})."
        )


def is_tied(base: Path) -> bool:
    """Return whether the head of a Qwen2.5-VL checkpoint is its input embedding."""
    from transformers import AutoConfig  # slow, and nothing else here needs it

    return bool(AutoConfig.from_pretrained(base).tie_word_embeddings)
