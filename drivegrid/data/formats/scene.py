"""drivegrid's own form: scenes as JSON lines or Parquet, nothing lost (see ``data.store``)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from drivegrid.data.formats.contract import Format, Source
from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Quarantine, Saved
from drivegrid.data.scene import Scene
from drivegrid.data.store import numbered_records, parse_record, save_scenes


def open_scene(path: str | Path) -> Source:
    """Open a file of scenes: ``.jsonl``, ``.jsonl.gz`` or ``.parquet``.

    Raises:
        FormatError: If the suffix is another one; while iterating, if the file cannot be read.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
    """
    return Source(numbered_records(path), partial(parse_record, Path(path)))


def save_scene(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write scenes as ``store.save_scenes`` does; nothing can be lost."""
    return Saved(Quarantine(num_kept=save_scenes(scenes, path)))


def recognise_scene(peek: Peek) -> str | None:
    """Return why a path holds scenes of drivegrid, None if it does not."""
    if peek.path.suffix == ".parquet" and peek.path.is_file():
        return "Parquet file"
    if {"schema", "frame", "instances"} <= peek.line.keys():
        return "JSON lines with schema, frame and instances"
    return None


SCENE = Format(
    name="scene",
    title="drivegrid's own (.jsonl, .jsonl.gz, .parquet)",
    path_is="file",
    open=open_scene,
    save=save_scene,
    recognise=recognise_scene,
    holds="everything",
    lost_in="",
    lost_out="nothing",
    suffix=".jsonl",
)
