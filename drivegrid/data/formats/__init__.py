"""Label formats: each opens a data set as a ``Source`` of scenes and writes scenes back.

>>> [name for name in FORMATS if FORMATS[name].path_is == "folder"][:1]
['culane']
"""

from __future__ import annotations

from pathlib import Path

from drivegrid.data.formats.contract import Format, Source, parse_entry
from drivegrid.data.formats.culane import load_culane, save_culane
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.table import FORMATS
from drivegrid.data.formats.tusimple import load_tusimple, save_tusimple
from drivegrid.errors import FormatError

__all__ = [
    "FORMATS",
    "Format",
    "Source",
    "detect_format",
    "find_format",
    "load_culane",
    "load_tusimple",
    "parse_entry",
    "possible_formats",
    "save_culane",
    "save_tusimple",
]


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        FormatError: If the name is unknown; lists the known ones.
    """
    if name not in FORMATS:
        raise FormatError(f"format must be one of {', '.join(FORMATS)}, got {name!r}.")
    return FORMATS[name]


def detect_format(path: str | Path) -> tuple[str, str]:
    """Return (name of the format, why) of a file or folder, from its content.

    Raises:
        FormatError: If it looks like none of the known formats, or like several; lists them.
    """
    peek = Peek(Path(path))
    found = _recognising(peek)
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        told = "; ".join(f"{name} ({reason})" for name, reason in found.items())
        raise FormatError(f"labels must be of one format, got {told}. Say which: --from.", path)
    raise FormatError(f"labels must be one of {', '.join(FORMATS)}, got {_sight(peek)}.", path)


def possible_formats(path: str | Path) -> list[str]:
    """Return the names of all formats that a file or folder looks like; perhaps none.

    Raises:
        FormatError: If it is missing or cannot be read.
    """
    return list(_recognising(Peek(Path(path))))


def _recognising(peek: Peek) -> dict[str, str]:
    if not peek.path.exists():
        raise FormatError("labels must exist, got no such file or folder.", peek.path)
    reasons = {name: entry.recognise(peek) for name, entry in FORMATS.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _sight(peek: Peek) -> str:
    """Say what a path looks like that is of no known format."""
    if peek.is_folder:
        endings = sorted({"".join(file.suffixes[-2:]) for file in peek.files if file.suffix})
        return f"a folder with *{', *'.join(endings[:8])} files" if endings else "an empty folder"
    if isinstance(peek.json, dict):
        return f"JSON with the keys {sorted(peek.json)!s:.200}"
    if peek.line:
        return f"JSON lines with the keys {sorted(peek.line)!s:.200}"
    return f"a file that begins with {peek.head[:40]!r}"
