"""Scenes as a folder of Parquet shards: what lies where, reading it, checking it.

part-00000.parquet …     the good frames among each 10,000 of the source
quarantine.jsonl         the frames that were set aside, with the reason
manifest.json            written last: schema, config, each shard's counts and sha256
_log/                    what the writer needs to go on after a kill (see ``shard_writer``)
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, cast

from drivegrid.data.fields import as_kind, field
from drivegrid.data.files import parse_json
from drivegrid.data.folders import Folder
from drivegrid.data.parquet import read_rows
from drivegrid.data.quarantine import Rejected
from drivegrid.data.scene import SCHEMA_VERSION, Scene
from drivegrid.data.store import scene_from_record
from drivegrid.errors import FormatError

MANIFEST = "manifest.json"
QUARANTINE = "quarantine.jsonl"
LOG = "_log"
CONFIG = f"{LOG}/config.json"
FORMAT = "drivegrid-shards"
SHARD_NAME = re.compile(r"part-[0-9]{5,9}\.parquet")


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard: read = count + rejected.

    Args:
        name: File in the folder.
        count: Scenes in it.
        rejected: Frames that were set aside instead.
        sha256: Of the file.
    """

    name: str
    count: int
    rejected: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A finished folder of shards.

    Args:
        config: What it was made from: ``source``, ``source_format``, ``frames_per_shard``, and
            the version of ``drivegrid``.
        shards: In the order of the source.
    """

    config: Mapping[str, Any]
    shards: tuple[Shard, ...]

    @property
    def count(self) -> int:
        """How many scenes there are."""
        return sum(shard.count for shard in self.shards)

    @property
    def rejected(self) -> int:
        """How many frames of the source were set aside."""
        return sum(shard.rejected for shard in self.shards)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the JSON values of the file."""
        return {
            "format": FORMAT,
            "schema": SCHEMA_VERSION,
            "config": dict(self.config),
            "count": self.count,
            "rejected": self.rejected,
            "quarantine": QUARANTINE,
            "shards": [asdict(shard) for shard in self.shards],
        }


def read_manifest(folder: Folder) -> Manifest:
    """Return the manifest of a finished folder of shards.

    Raises:
        FormatError: If there is none, or it is of something else or another schema.
    """
    where = f"{folder}/{MANIFEST}"
    text = folder.read(MANIFEST)
    if text is None:
        begun = folder.read(CONFIG) is not None
        fix = " Its conversion has not ended: run it again." if begun else ""
        raise FormatError(f"folder of shards must have a manifest, got none.{fix}", where)
    try:
        record = as_kind(parse_json(text), dict, "manifest")
        found = record.get("format"), record.get("schema")
        if found != (FORMAT, SCHEMA_VERSION):
            raise FormatError(
                f"manifest must be of {FORMAT}, schema {SCHEMA_VERSION}, got {found!r:.100}."
            )
        shards = [as_kind(shard, dict, "shard") for shard in field(record, "shards", list)]
        manifest = Manifest(
            field(record, "config", dict), tuple(shard_from_record(shard) for shard in shards)
        )
        for key, total in (("count", manifest.count), ("rejected", manifest.rejected)):
            if record.get(key) != total:
                raise FormatError(
                    f"{key} must be the sum {total} of its shards, got {record.get(key)!r:.50}."
                )
    except FormatError as error:
        raise error.at(where) from error
    return manifest


def is_shards(folder: Folder) -> bool:
    """Tell whether a folder holds shards, or a writer of shards has begun there."""
    text = folder.read(MANIFEST)
    if text is None:
        return folder.read(CONFIG) is not None
    try:
        record = parse_json(text)
    except FormatError:
        return False
    return isinstance(record, dict) and record.get("format") == FORMAT


def shard_from_record(record: Mapping[str, Any]) -> Shard:
    """Return a shard of a manifest; raises FormatError where it is none."""
    name = field(record, "name", str, "shard")
    if not SHARD_NAME.fullmatch(name):
        raise FormatError(f"shard must be called part-NUMBER.parquet, got {name!r:.100}.")
    count, rejected = (field(record, key, int, name) for key in ("count", "rejected"))
    if min(count, rejected) < 0:
        raise FormatError("counts must not be negative.", item=name)
    return Shard(name, count, rejected, field(record, "sha256", str, name))


def numbered_rows(folder: Folder, manifest: Manifest) -> Iterator[tuple[str, int, bytes]]:
    """Yield shard, 1-based row in it and JSON text of each record, in the order of the source.

    Raises:
        FormatError: If a shard is missing, cannot be read, or holds another number of scenes.
    """
    for shard in manifest.shards:
        where = f"{folder}/{shard.name}"
        try:
            with folder.open(shard.name) as file:
                for row, text in read_rows(file, where, shard.count):
                    yield shard.name, row, text
        except OSError as error:
            raise FormatError(f"shard must be readable, got: {error}.", where) from error


def parse_row(folder: Folder, numbered: tuple[str, int, bytes]) -> Scene:
    """Return the scene of one of ``numbered_rows``; raises FormatError if the record is wrong."""
    name, row, text = numbered
    try:
        return scene_from_record(parse_json(text))
    except FormatError as error:
        raise error.at(f"{folder}/{name}", row) from error


def check_shards(folder: Folder) -> Iterator[FormatError]:
    """Yield what is wrong with the files of a folder: torn, changed, missing, left over."""
    try:
        manifest = read_manifest(folder)
    except FormatError as error:
        yield error
        return
    for shard in manifest.shards:
        where = f"{folder}/{shard.name}"
        try:
            found = file_sha256(folder, shard.name)
        except OSError as error:
            yield FormatError(f"shard must be readable, got: {error}.", where)
            continue
        if found != shard.sha256:
            yield FormatError(f"shard must have sha256 {shard.sha256}, got {found}.", where)
    listed = {shard.name for shard in manifest.shards}
    for name in sorted(filter(SHARD_NAME.fullmatch, folder.names() - listed)):
        yield FormatError("shard must be in the manifest, got another.", f"{folder}/{name}")
    where = f"{folder}/{QUARANTINE}"
    try:
        with folder.open(QUARANTINE) as file:
            rejected = sum(1 for _ in file)
    except OSError as error:
        yield FormatError(f"quarantine must be readable, got: {error}.", where)
        return
    if rejected != manifest.rejected:
        yield FormatError(f"quarantine must hold {manifest.rejected} lines, got {rejected}.", where)


def file_sha256(folder: Folder, name: str) -> str:
    """Return the sha256 of a file; raises OSError if it cannot be read."""
    with folder.open(name) as file:
        return hashlib.file_digest(cast("io.BytesIO", file), "sha256").hexdigest()


def read_rejected(folder: Folder, most: int) -> list[Rejected]:
    """Return the first records that were set aside.

    Args:
        folder: Finished by ``write_shards``.
        most: How many at most.
    """
    with folder.open(QUARANTINE) as file:
        return [Rejected(**json.loads(line)) for line in islice(file, most)]
