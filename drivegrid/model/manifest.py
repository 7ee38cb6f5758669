"""The manifest of a grounding checkpoint: which ids are spatial tokens, on which lattice.

``drivegrid.json`` stands in the checkpoint folder beside ``tokenizer.json`` and the weights.
Whatever loads such a folder calls `verify` first, so that a tokenizer, lattice or embedding of
another model fails by name instead of by wrong pictures. No torch here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from drivegrid.errors import ModelError, TokenError
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import SPEC_VERSION, Vocabulary

MANIFEST_FILE = "drivegrid.json"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a checkpoint folder claims about its spatial tokens.

    Args:
        model_type: ``model_type`` of ``config.json``.
        grid: The lattice, gamma included.
        base_id: Id of ``<grid_0_0>``; the others follow in the order of `Vocabulary`.
        num_tokens: Number of spatial tokens.
        tokenizer_sha256: Of ``tokenizer.json``.
        row_tensors: Weights that hold a row per token: input embedding, then an untied head.
        rows_sha256: Of the spatial rows of these tensors, as stored, one after the other.
        init: How the rows were first filled.
        spec_version: Version of the token specification.
        created_by: Package and version that wrote the manifest.
    """

    model_type: str
    grid: GridSpec
    base_id: int
    num_tokens: int
    tokenizer_sha256: str
    row_tensors: tuple[str, ...]
    rows_sha256: str
    init: str
    spec_version: int = SPEC_VERSION
    created_by: str = dataclasses.field(default_factory=lambda: f"drivegrid {version('drivegrid')}")

    @property
    def vocabulary(self) -> Vocabulary:
        """The spatial tokens with this checkpoint's ids."""
        return Vocabulary(self.grid, self.base_id)

    @property
    def token_ids(self) -> range:
        """Ids of the spatial tokens."""
        return range(self.base_id, self.base_id + self.num_tokens)

    def save(self, folder: str | Path) -> None:
        """Write ``drivegrid.json`` into a folder, whole or not at all."""
        target = Path(folder) / MANIFEST_FILE
        partial = target.with_suffix(".partial")
        partial.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")
        os.replace(partial, target)

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """Read ``drivegrid.json`` of a folder; see `verify` for whether it is true.

        Raises:
            ModelError: If folder or file is missing, or a field is missing, unknown or of a wrong
                type.
        """
        path = Path(folder) / MANIFEST_FILE
        return cls.parse(read_json(path, "Run: drivegrid model extend"), path)

    @classmethod
    def parse(cls, found: dict[str, Any], path: Path) -> Manifest:
        """Return the manifest that a JSON file holds.

        Raises:
            ModelError: If a field is missing, unknown or of a wrong type.
        """
        types = {field.name: _JSON_TYPES[field.name] for field in dataclasses.fields(cls)}
        if found.keys() != types.keys():
            odd = sorted(found.keys() ^ types.keys())
            raise ModelError(
                f"manifest must have exactly the fields {list(types)}, not {odd} ({path})."
            )
        for name, kind in types.items():
            if type(found[name]) is not kind:
                raise ModelError(f"{name} must be a {kind.__name__}, got {found[name]!r} ({path}).")
        if found["base_id"] < 0:
            raise ModelError(f"base_id must be at least 0, got {found['base_id']} ({path}).")
        names = found["row_tensors"]
        if not names or any(type(name) is not str for name in names):
            raise ModelError(f"row_tensors must be names of tensors, got {names} ({path}).")
        grid = parse_grid(found["grid"], path)
        return cls(**found | {"grid": grid, "row_tensors": tuple(names)})


_JSON_TYPES: dict[str, type] = {
    "model_type": str,
    "grid": dict,
    "base_id": int,
    "num_tokens": int,
    "tokenizer_sha256": str,
    "row_tensors": list,
    "rows_sha256": str,
    "init": str,
    "spec_version": int,
    "created_by": str,
}


def parse_grid(found: object, path: Path) -> GridSpec:
    """Return the lattice that a JSON file states as an object of `GridSpec` fields.

    Raises:
        ModelError: If a field is unknown, of a wrong type or out of range.
    """
    if not isinstance(found, dict):
        raise ModelError(f"grid must be an object, got {found!r} ({path}).")
    try:
        return GridSpec(**found)
    except (TypeError, TokenError) as error:
        raise ModelError(f"grid must be a lattice, got {found}: {error} ({path}).") from error


def build_manifest(
    folder: str | Path, grid: GridSpec, *, row_tensors: Sequence[str], init: str
) -> Manifest:
    """Describe a checkpoint folder: after extending it, and again after training it.

    Args:
        folder: Holds ``config.json``, ``tokenizer.json`` and safetensors.
        grid: Lattice of the tokens in the tokenizer.
        row_tensors: Weights with a row per token; a tied head is not listed.
        init: How the rows were first filled.

    Raises:
        ModelError: If a file or tensor is missing or the tokenizer lacks the tokens.
    """
    folder = Path(folder)
    vocabulary = Vocabulary(grid)
    tokenizer = load_tokenizer_file(folder)
    base_id = tokenizer.token_to_id(vocabulary.tokens[0])
    if base_id is None:
        raise ModelError(
            f"tokenizer must know {vocabulary.tokens[0]} ({folder / TOKENIZER_FILE}). "
            "Run: drivegrid model extend"
        )
    vocabulary = Vocabulary(grid, base_id)
    check_tokens(tokenizer, vocabulary, folder / TOKENIZER_FILE)
    return Manifest(
        model_type=_model_type(folder),
        grid=grid,
        base_id=base_id,
        num_tokens=len(vocabulary),
        tokenizer_sha256=file_sha256(folder / TOKENIZER_FILE),
        row_tensors=tuple(row_tensors),
        rows_sha256=rows_sha256(folder, row_tensors, range(base_id, base_id + len(vocabulary))),
        init=init,
    )


def verify(folder: str | Path) -> Manifest:
    """Load the manifest of a checkpoint folder and check every claim against the files.

    Raises:
        ModelError: Naming the file and the field that do not fit.
    """
    folder = Path(folder)
    manifest = Manifest.load(folder)
    path = folder / MANIFEST_FILE
    expect(path, "spec_version", manifest.spec_version, SPEC_VERSION)
    expect(path, "model_type", manifest.model_type, _model_type(folder))
    expect(path, "num_tokens", manifest.num_tokens, len(manifest.vocabulary))
    digest = file_sha256(folder / TOKENIZER_FILE)
    expect(path, "tokenizer_sha256", manifest.tokenizer_sha256, digest)
    check_tokens(load_tokenizer_file(folder), manifest.vocabulary, folder / TOKENIZER_FILE)
    digest = rows_sha256(folder, manifest.row_tensors, manifest.token_ids)
    expect(path, "rows_sha256", manifest.rows_sha256, digest)
    return manifest


def expect(path: Path, field: str, claimed: object, found: object) -> None:
    """Raise unless what a file claims is what the rest of the checkpoint holds.

    Raises:
        ModelError: Naming file and field.
    """
    if claimed != found:
        raise ModelError(
            f"{field} must match the checkpoint's {found!r}, got {claimed!r} ({path})."
        )


def check_tokens(tokenizer: Tokenizer, vocabulary: Vocabulary, where: Path) -> None:
    """Raise unless every spatial token is one plain id, in order from the vocabulary's base.

    Raises:
        ModelError: Naming the first token that is missing, misplaced or special, or a clash.
    """
    added = tokenizer.get_added_tokens_decoder()
    for token_id, token in enumerate(vocabulary.tokens, start=vocabulary.base_id):
        found = tokenizer.token_to_id(token)
        if found != token_id:
            raise ModelError(f"{token} must have id {token_id}, got {found} ({where}).")
        # skip_special_tokens would erase a special one; the other flags eat or ask for spaces.
        flags = added.get(token_id)
        if flags is None or flags.special or flags.single_word or flags.lstrip or flags.rstrip:
            raise ModelError(f"{token} must be a plain, non-special added token ({where}).")
    # All in one text: neighbours must not clash, as <grid_1_1> and <grid_1_11> might.
    ids = tokenizer.encode("".join(vocabulary.tokens), add_special_tokens=False).ids
    expected = list(range(vocabulary.base_id, vocabulary.base_id + len(vocabulary)))
    if ids != expected:
        raise ModelError(
            f"spatial tokens must encode to one id each, got {len(ids)} ids for "
            f"{len(expected)} tokens ({where})."
        )


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


def load_tokenizer_file(folder: Path) -> Tokenizer:
    """Load ``tokenizer.json`` of a folder.

    Raises:
        ModelError: If it is missing or unreadable.
    """
    path = folder / TOKENIZER_FILE
    if not path.is_file():
        raise ModelError(f"checkpoint must hold {TOKENIZER_FILE}, which is missing ({folder}).")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the Rust side raises a bare Exception
        raise ModelError(f"{TOKENIZER_FILE} must be a tokenizer, got: {error} ({path}).") from error


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


def _model_type(folder: Path) -> str:
    return str(read_json(folder / "config.json").get("model_type"))


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file of a checkpoint folder.

    Raises:
        ModelError: If it is missing.
    """
    if not path.is_file():
        raise ModelError(f"checkpoint must hold {path.name}, which is missing ({path.parent}).")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
