"""The manifest of a grounding checkpoint: which ids are spatial tokens, on which lattice.

``drivegrid.json`` stands in the checkpoint folder beside ``tokenizer.json`` and the weights.
Whatever loads such a folder calls `verify` first, so that a tokenizer, lattice or embedding of
another model fails by name instead of by wrong pictures. No torch here.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from drivegrid.errors import ModelError, TokenError
from drivegrid.model.stored import file_sha256, read_json, rows_sha256
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.vocabulary import SPEC_VERSION, Vocabulary

MANIFEST_FILE = "drivegrid.json"
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a checkpoint folder claims about its spatial tokens.

    Args:
        model_type: ``model_type`` of ``config.json``.
        grid: The lattice, gamma included.
        base_id: Id of ``<grid_0_0>``; the others follow in the order of `Vocabulary`.
        num_tokens: Number of spatial tokens, words for masks included.
        tokenizer_sha256: Of ``tokenizer.json``.
        row_tensors: Weights that hold a row per token: input embedding, then an untied head.
        rows_sha256: Of the spatial rows of these tensors, as stored, one after the other.
        init: How the rows were first filled.
        spec_version: Version of the token specification.
        created_by: Package and version that wrote the manifest.
        mask_words: Those for masks, which follow the other tokens. A manifest without the field, as
            all were once, is of a checkpoint without any.
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
    mask_words: MaskWords | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The spatial tokens with this checkpoint's ids."""
        return Vocabulary(self.grid, self.base_id, self.mask_words)

    @property
    def token_ids(self) -> range:
        """Ids of the spatial tokens."""
        return range(self.base_id, self.base_id + self.num_tokens)

    def save(self, folder: str | Path) -> None:
        """Write ``drivegrid.json`` into a folder, whole or not at all."""
        target = Path(folder) / MANIFEST_FILE
        partial = target.with_suffix(".partial")
        facts = dataclasses.asdict(self)
        if self.mask_words is None:
            del facts["mask_words"]
        partial.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
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
        if "mask_words" not in found:
            del types["mask_words"]
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
        read = {"grid": parse_grid(found["grid"], path), "row_tensors": tuple(names)}
        if "mask_words" in found:
            read["mask_words"] = _parse_words(found["mask_words"], path)
        return cls(**found | read)


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
    "mask_words": dict,
}


def _parse_words(found: dict[str, Any], path: Path) -> MaskWords:
    try:
        return MaskWords(**found)
    except (TypeError, TokenError) as error:
        raise ModelError(
            f"mask_words must be those of a tokenizer, got {found}: {error} ({path})."
        ) from error


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
    folder: str | Path,
    grid: GridSpec,
    *,
    row_tensors: Sequence[str],
    init: str,
    mask_words: MaskWords | None = None,
) -> Manifest:
    """Describe a checkpoint folder: after extending it, and again after training it.

    Args:
        folder: Holds ``config.json``, ``tokenizer.json`` and safetensors.
        grid: Lattice of the tokens in the tokenizer.
        row_tensors: Weights with a row per token; a tied head is not listed.
        init: How the rows were first filled.
        mask_words: Those for masks in the tokenizer.

    Raises:
        ModelError: If a file or tensor is missing or the tokenizer lacks the tokens.
    """
    folder = Path(folder)
    vocabulary = Vocabulary(grid, words=mask_words)
    tokenizer = load_tokenizer_file(folder)
    base_id = tokenizer.token_to_id(vocabulary.tokens[0])
    if base_id is None:
        raise ModelError(
            f"tokenizer must know {vocabulary.tokens[0]} ({folder / TOKENIZER_FILE}). "
            "Run: drivegrid model extend"
        )
    vocabulary = Vocabulary(grid, base_id, mask_words)
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
        mask_words=mask_words,
    )


def rebuild_manifest(folder: str | Path, old: Manifest) -> Manifest:
    """Describe a copy of a checkpoint whose weights have changed.

    Args:
        folder: The copy.
        old: Manifest of what it was copied from.

    Raises:
        ModelError: As `build_manifest`.
    """
    return build_manifest(
        folder,
        old.grid,
        row_tensors=old.row_tensors,
        init=old.init,
        mask_words=old.mask_words,
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


def _model_type(folder: Path) -> str:
    return str(read_json(folder / "config.json").get("model_type"))
