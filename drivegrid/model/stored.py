"""What lies in a checkpoint folder: JSON, and safetensors by their headers. No torch here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from drivegrid.errors import ModelError

WEIGHTS_FILE = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"


def read_json(path: Path, fix: str = "") -> dict[str, Any]:
    """Load a JSON object of a checkpoint folder; ``fix`` ends the message where it is missing.

    Raises:
        ModelError: If the folder or the file is missing, or it is no JSON or no object.
    """
    folder = path.parent
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise ModelError(f"checkpoint must be a folder, got {got} ({folder}).")
    if not path.is_file():
        raise ModelError(
            f"checkpoint must hold {path.name}, which is missing ({folder}). {fix}".rstrip()
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} must be JSON, got: {error} ({path}).") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path.name} must hold an object, got {type(found).__name__} ({path}).")
    return found


def tensor_files(folder: Path) -> dict[str, Path]:
    """Return tensor name to the safetensors file that holds it, over all shards.

    Raises:
        ModelError: If the folder has no safetensors, a shard is missing or a header is damaged.
    """
    claimed = _indexed_files(folder)
    names = set(claimed.values()) or {WEIGHTS_FILE}
    files = [folder / name for name in sorted(names)]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise ModelError(f"checkpoint must hold {', '.join(missing)} ({folder}).")
    found = {name: path for path in files for name in _tensor_header(path)[0]}
    for name, file in claimed.items():
        if found.get(name) != folder / file:
            raise ModelError(f"{file} must hold the tensor {name} ({folder / WEIGHTS_INDEX}).")
    return found


def _indexed_files(folder: Path) -> dict[str, str]:
    """Return tensor name to shard as the index states it; empty where there is no index."""
    path = folder / WEIGHTS_INDEX
    if not path.exists():
        return {}
    found = read_json(path).get("weight_map")
    if (
        not isinstance(found, dict)
        or not found
        # A bare name: weights must not come from outside the folder.
        or any(not isinstance(file, str) or Path(file).name != file for file in found.values())
    ):
        raise ModelError(f"weight_map must give each tensor a file beside the index ({path}).")
    return found


def tensor_shape(path: Path, name: str) -> list[int]:
    """Return the shape of a tensor that a safetensors file holds.

    Raises:
        ModelError: If the file is damaged.
    """
    return tensor_shapes(path)[name]


def tensor_shapes(path: Path) -> dict[str, list[int]]:
    """Return the shape of each tensor that a safetensors file holds.

    Raises:
        ModelError: If the file is damaged.
    """
    return {name: entry["shape"] for name, entry in tensor_headers(path).items()}


def tensor_headers(path: Path) -> dict[str, dict[str, Any]]:
    """Return ``dtype``, ``shape`` and ``data_offsets`` of each tensor of a safetensors file.

    Raises:
        ModelError: If the file is missing or damaged.
    """
    return _tensor_header(path)[0]


def rows_sha256(folder: Path, row_tensors: Sequence[str], token_ids: range) -> str:
    """Return the sha256 of some rows of some tensors, as the bytes stored on disk.

    Raises:
        ModelError: If a tensor is missing or has too few rows.
    """
    files = tensor_files(folder)
    digest = hashlib.sha256()
    for name in row_tensors:
        if name not in files:
            raise ModelError(f"weights must hold the tensor {name} ({folder}).")
        header, start = _tensor_header(files[name])
        num_rows = (*header[name]["shape"], 0)[0]
        if num_rows < token_ids.stop:
            raise ModelError(
                f"{name} must have at least {token_ids.stop} rows, got {num_rows} ({files[name]})."
            )
        begin, end = header[name]["data_offsets"]
        row_bytes = (end - begin) // num_rows
        with files[name].open("rb") as file:
            file.seek(start + begin + token_ids.start * row_bytes)
            digest.update(file.read(len(token_ids) * row_bytes))
    return digest.hexdigest()


def _tensor_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the tensors of a safetensors file and where its data begins, in bytes."""
    try:
        # Checks that shapes, types and places of the tensors fill the file exactly.
        with safe_open(path, framework="np"):
            pass
    except (OSError, SafetensorError) as error:
        raise ModelError(f"weights must be a whole safetensors file, got: {error} ({path}).") from (
            error
        )
    # Read by hand: safetensors' numpy side has no bfloat16.
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file of a checkpoint folder.

    Raises:
        ModelError: If it is missing.
    """
    if not path.is_file():
        raise ModelError(f"checkpoint must hold {path.name}, which is missing ({path.parent}).")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
