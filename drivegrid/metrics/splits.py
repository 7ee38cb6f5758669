"""Lists of frames that are scored apart: CULane's ``list/test_split``, OpenLane's scene lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from drivegrid.data.files import read_lines
from drivegrid.errors import FormatError


def load_splits(path: str | Path) -> dict[str, list[str]]:
    """Return the image names of each split, by the list file's name without its ending.

    Args:
        path: A list file, or a folder of them (``*.txt``): one image a line, whatever follows it
            on the line being passed over, with or without a leading slash.

    Raises:
        FormatError: If a list cannot be read or is empty, or a folder has none.
    """
    path = Path(path)
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise FormatError("folder of splits must hold *.txt lists, got none.", path)
    return {file.stem: _names(file) for file in files}


def _names(file: Path) -> list[str]:
    names = []
    for number, line in read_lines(file):
        try:
            words = line.decode("utf-8").split()
        except UnicodeDecodeError as error:
            raise FormatError("list must be UTF-8, got other bytes.", file, number) from error
        names += [words[0].lstrip("/")] if words else []
    if not names:
        raise FormatError("list must name at least one image, got none.", file)
    return list(dict.fromkeys(names))


def places_of(
    splits: Mapping[str, Iterable[str]], names: Iterable[str]
) -> tuple[dict[str, list[int]], dict[str, list[str]]]:
    """Return where the frames of each split stand, and which of its images have no frame.

    Args:
        splits: Image names by split.
        names: The frames' names, in order.

    >>> places_of({"night": ["b.jpg", "c.jpg"]}, ["a.jpg", "b.jpg"])
    ({'night': [1]}, {'night': ['c.jpg']})
    """
    known = {name: i for i, name in enumerate(names)}
    found = {split: [known[n] for n in listed if n in known] for split, listed in splits.items()}
    lost = {split: [n for n in listed if n not in known] for split, listed in splits.items()}
    return found, {split: listed for split, listed in lost.items() if listed}
