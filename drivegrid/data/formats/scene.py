"""drivegrid's own form: scenes as JSON lines, Parquet or a folder of shards, nothing lost.

See ``data.store`` for the files and ``data.shards`` for the folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from drivegrid.data.folders import LocalFolder, as_folder, is_url, plain_path
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Quarantine, Saved
from drivegrid.data.scene import Scene
from drivegrid.data.shards import is_shards, numbered_rows, parse_row, read_manifest
from drivegrid.data.store import numbered_records, parse_record, save_scenes


def open_scene(path: str | Path) -> Source:
    """Open a file of scenes (``.jsonl``, ``.jsonl.gz``, ``.parquet``) or a folder of shards.

    Args:
        path: The file; or the folder, which may be a URL (``s3://bucket/shards``).

    Raises:
        FormatError: If the suffix is another one, or the folder has no manifest; while iterating,
            if a file cannot be read or a shard holds another number of scenes.
        MissingExtraError: If Parquet is to be read and pyarrow is absent.
    """
    path = plain_path(path)
    if is_url(path) or Path(path).is_dir():
        folder = as_folder(path)
        rows = numbered_rows(folder, read_manifest(folder))
        return Source(
            rows, partial(parse_row, folder), lambda row: Place(Path(f"{folder}/{row[0]}"), row[1])
        )
    file = Path(path)
    return Source(
        numbered_records(file), partial(parse_record, file), lambda record: Place(file, record[0])
    )


def save_scene(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a file of scenes as ``store.save_scenes`` does; nothing can be lost.

    Folders of shards are written by ``data.convert``, from a source that can be read again.
    """
    return Saved(Quarantine(num_kept=save_scenes(scenes, path)))


def recognise_scene(peek: Peek) -> str | None:
    """Return why a path holds scenes of drivegrid, None if it does not."""
    if peek.is_folder and is_shards(LocalFolder(peek.path)):
        return "folder of shards"
    if peek.path.suffix == ".parquet" and peek.path.is_file():
        return "Parquet file"
    if {"schema", "frame", "instances"} <= peek.line.keys():
        return "JSON lines with schema, frame and instances"
    return None


SCENE = Format(
    name="scene",
    title="drivegrid's own (.jsonl, .jsonl.gz, .parquet, folder of shards)",
    path_is="file or folder",
    open=open_scene,
    save=save_scene,
    recognise=recognise_scene,
    holds="everything",
    lost_in="",
    lost_out="nothing",
    suffix=".jsonl",
)
