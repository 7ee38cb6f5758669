"""Writing shards of scenes from many processes, resumable after a kill at any moment.

    _log/config.json         written first: what this folder is made from
    _log/part-00000.json …   what is known of each shard, written after it

A shard stands if its log and its sha256 say so and the source still has the same entries there.
Making a shard that stands does nothing. So the same conversion, run again, does what is left.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import Any

from drivegrid.data.engines import IN_PROCESS, Engine
from drivegrid.data.fields import as_kind
from drivegrid.data.files import parse_json
from drivegrid.data.folders import Folder
from drivegrid.data.parquet import import_parquet, write_rows
from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Scene
from drivegrid.data.shards import (
    CONFIG,
    LOG,
    MANIFEST,
    QUARANTINE,
    SHARD_NAME,
    Manifest,
    Shard,
    file_sha256,
    shard_from_record,
)
from drivegrid.data.store import record_text
from drivegrid.errors import FormatError

FRAMES_PER_SHARD = 10_000


def make_config(
    source: str, source_format: str, frames_per_shard: int = FRAMES_PER_SHARD
) -> dict[str, Any]:
    """Return what tells one conversion from another.

    Args:
        source: Name of the data set.
        source_format: Its format.
        frames_per_shard: Frames of the source for each shard.
    """
    return {
        "drivegrid": version("drivegrid"),
        "source": source,
        "source_format": source_format,
        "frames_per_shard": frames_per_shard,
    }


def write_shards(
    entries: Iterable[Any],
    parse: Callable[[Any], Scene],
    folder: Folder,
    config: Mapping[str, Any],
    engine: Engine = IN_PROCESS,
) -> Manifest:
    """Make all shards of a data set that do not stand yet, and the manifest.

    Args:
        entries: One piece a frame, as in ``formats.Source``.
        parse: Makes a scene of an entry or raises FormatError; other processes must have it too.
        folder: New, empty, or begun by the same conversion.
        config: From ``make_config``.
        engine: Where it is done.

    Raises:
        FormatError: If the folder holds something else, or the entries cannot be read to the end.
        OSError: If the disk is full or the folder cannot be written. What is finished is kept.
    """
    import_parquet()
    _claim(folder, config)
    shards: list[Shard] = []
    jobs = _jobs(iter(entries), config["frames_per_shard"])
    for shard in engine.map(partial(make_shard, folder, parse), jobs):
        shards.append(shard)
        engine.progress(shard.count + shard.rejected)
    manifest = Manifest(config, tuple(shards))
    _finish(folder, manifest)
    return manifest


def _claim(folder: Folder, config: Mapping[str, Any]) -> None:
    """Refuse a folder of something else; note in an empty one what it will hold."""
    held = folder.read(CONFIG)
    if held is None:
        if folder.names():
            raise FormatError(
                "target must be new or an empty folder, or one that the same conversion began. "
                "Choose another.",
                str(folder),
            )
        folder.write(CONFIG, _json(config))
        return
    before = as_kind(parse_json(held), dict, CONFIG)
    keys = (*config, *(key for key in before if key not in config))
    other = [f"{k} {before.get(k)!r:.100}" for k in keys if before.get(k) != config.get(k)]
    if other:
        raise FormatError(
            f"target must be begun by the same conversion, got one of {', '.join(other)}. "
            "Choose another.",
            str(folder),
        )


def _jobs(entries: Iterator[Any], size: int) -> Iterator[tuple[int, list[Any]]]:
    index = 0
    while batch := list(islice(entries, size)):
        yield index, batch
        index += 1


def make_shard(
    folder: Folder, parse: Callable[[Any], Scene], job: tuple[int, Sequence[Any]]
) -> Shard:
    """Make one shard, unless it stands. What it writes depends on nothing but its arguments.

    Args:
        folder: Where to write it.
        parse: Makes a scene of an entry or raises FormatError.
        job: Number of the shard, and its entries.
    """
    index, entries = job
    name, digest = f"part-{index:05d}", _digest(entries)
    held = _standing(folder, name, digest)
    if held is not None:
        return held
    folder.remove(MANIFEST)  # it would speak of another shard
    quarantine, content = Quarantine(), io.BytesIO()
    write_rows(content, _good_rows(entries, parse, quarantine), name)
    packed = content.getvalue()
    shard = Shard(
        f"{name}.parquet",
        quarantine.num_kept,
        quarantine.num_rejected,
        hashlib.sha256(packed).hexdigest(),
    )
    folder.write(shard.name, packed)
    log = asdict(shard) | {"entries": digest, "records": [asdict(r) for r in quarantine.rejected]}
    folder.write(_log_of(name), _json(log))
    return shard


def _good_rows(
    entries: Sequence[Any], parse: Callable[[Any], Scene], quarantine: Quarantine
) -> Iterator[tuple[Scene, str]]:
    for entry in entries:
        try:
            if isinstance(entry, FormatError):
                raise entry
            scene = parse(entry)
            text = record_text(scene)
        except FormatError as error:
            quarantine.reject(error)
            continue
        quarantine.keep()
        yield scene, text


def _digest(entries: Sequence[Any]) -> str:
    """Return what tells these entries from others, for example of a source that grew."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(ascii(entry).encode() + b"\n")
    return digest.hexdigest()


def _log_of(name: str) -> str:
    return f"{LOG}/{name.removesuffix('.parquet')}.json"


def _read_log(folder: Folder, name: str) -> dict[str, Any] | None:
    """Return what is known of a shard; None if that is nothing, or a torn file."""
    try:
        text = folder.read(_log_of(name))
        return None if text is None else as_kind(parse_json(text), dict, name)
    except FormatError:
        return None


def _standing(folder: Folder, name: str, digest: str) -> Shard | None:
    """Return a shard that is finished, whole and of the same entries."""
    log = _read_log(folder, name)
    if log is None or log.get("entries") != digest:
        return None
    try:
        shard = shard_from_record(log)
        records = as_kind(log.get("records"), list, name)
        known = shard.name == f"{name}.parquet" and len(records) == shard.rejected
        return shard if known and file_sha256(folder, shard.name) == shard.sha256 else None
    except (FormatError, OSError):
        return None


def _finish(folder: Folder, manifest: Manifest) -> None:
    """Remove what earlier runs left, gather what was set aside, and write the manifest."""
    listed = {shard.name for shard in manifest.shards}
    for name in filter(SHARD_NAME.fullmatch, folder.names() - listed):
        folder.remove(name)  # of a source that was longer then
        folder.remove(_log_of(name))
    folder.tidy()
    folder.write_lines(QUARANTINE, _rejected_lines(folder, manifest))
    folder.write(MANIFEST, _json(manifest.to_dict()))


def _rejected_lines(folder: Folder, manifest: Manifest) -> Iterator[str]:
    for shard in manifest.shards:
        if shard.rejected:
            log = _read_log(folder, shard.name) or {"records": []}
            yield from map(json.dumps, log["records"])


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
