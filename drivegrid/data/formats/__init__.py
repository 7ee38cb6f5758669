"""Label formats: one reader and one writer each.

>>> sorted(FORMATS)
['culane', 'drivegrid', 'tusimple']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from drivegrid.data.files import parse_json, read_lines, walk_files
from drivegrid.data.formats.culane import LABEL_SUFFIX, load_culane, save_culane
from drivegrid.data.formats.tusimple import load_tusimple, save_tusimple
from drivegrid.data.formats.tusimple_types import find_side_file, own_side_file
from drivegrid.data.quarantine import Loaded, Saved
from drivegrid.data.scene import Scene
from drivegrid.data.store import load_store, save_store
from drivegrid.errors import FormatError

__all__ = [
    "FORMATS",
    "Format",
    "detect_format",
    "find_format",
    "load_culane",
    "load_tusimple",
    "save_culane",
    "save_tusimple",
]


def _nothing(path: Path) -> Path | None:
    """Return the side file of formats that have none."""
    del path
    return None


class Format(NamedTuple):
    """How one format is read and written.

    Args:
        load: Reader of a path.
        save: Writer to a path; a file, or a folder that is new or empty, appears whole or not at
            all.
        is_folder: Whether the path is a folder of many files.
        side_read: The file beside a path that the reader reads too, if there is one.
        side_written: The file beside a path that the writer may write too.
    """

    load: Callable[[Path], Loaded]
    save: Callable[[Sequence[Scene], Path], Saved]
    is_folder: bool = False
    side_read: Callable[[Path], Path | None] = _nothing
    side_written: Callable[[Path], Path | None] = _nothing


FORMATS = {
    "culane": Format(load_culane, save_culane, is_folder=True),
    "drivegrid": Format(load_store, save_store),
    "tusimple": Format(
        load_tusimple, save_tusimple, side_read=find_side_file, side_written=own_side_file
    ),
}
"""Name to reader and writer. "drivegrid" is our own: .jsonl, .jsonl.gz and .parquet."""


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        FormatError: If the name is unknown; lists the known ones.
    """
    if name not in FORMATS:
        raise FormatError(f"format must be one of {', '.join(sorted(FORMATS))}, got {name!r}.")
    return FORMATS[name]


def detect_format(path: str | Path) -> tuple[str, str]:
    """Return (name of the format, why) of a file or folder, from its content.

    Raises:
        FormatError: If it looks like none of the known formats; lists them.
    """
    path = Path(path)
    if path.is_dir():
        files = (file for file in walk_files(path) if isinstance(file, Path))
        label = next((file for file in files if file.name.endswith(LABEL_SUFFIX)), None)
        if label is not None:
            return "culane", f"folder with {label.relative_to(path)}"
        found = f"a folder without *{LABEL_SUFFIX}"
    elif path.suffix == ".parquet":
        return "drivegrid", "Parquet file"
    else:
        keys = _first_keys(path)
        if {"lanes", "h_samples", "raw_file"} <= keys:
            return "tusimple", "JSON lines with lanes, h_samples and raw_file"
        if {"schema", "frame", "instances"} <= keys:
            return "drivegrid", "JSON lines with schema, frame and instances"
        found = f"a first line with the keys {sorted(keys)}" if keys else "no JSON lines"
    known = ", ".join(sorted(FORMATS))
    raise FormatError(f"labels must be one of {known}, got {found:.200}.", path)


def _first_keys(path: Path) -> set[str]:
    """Return the keys of the first JSON object among the lines; a bad line is passed over."""
    for _, line in read_lines(path):
        try:
            record = parse_json(line)
        except FormatError:
            continue
        if isinstance(record, dict):
            return set(record)
    return set()
