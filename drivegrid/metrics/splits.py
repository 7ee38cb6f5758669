"""Lists of frames that are scored apart: CULane's ``list/test_split``, OpenLane's scene lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from drivegrid.data.files import read_lines
from drivegrid.errors import FormatError
from drivegrid.metrics.pairing import ends_of, known_end


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


def find_listed(
    splits: Mapping[str, Iterable[str]], names: Collection[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the frames of each split, and which of its images have no frame.

    The longer of two paths is the same image if it ends in the shorter, whichever side has it;
    an end that several frames have names none of them.

    Args:
        splits: Image names by split.
        names: The frames' names.

    >>> find_listed({"night": ["b.jpg", "c.jpg"]}, ["a.jpg", "clips/b.jpg"])
    ({'night': ['clips/b.jpg']}, {'night': ['c.jpg']})
    """
    whole, frames_by_end = set(names), dict[str, list[str]]()
    for name in names:
        for end in ends_of(name):
            frames_by_end.setdefault(end, []).append(name)
    found: dict[str, list[str]] = {}
    lost: dict[str, list[str]] = {}
    for split, listed in splits.items():
        frames = {image: known_end(image, whole) for image in listed}
        for image, frame in frames.items():
            longer = frames_by_end.get(image, [])
            if frame is None and len(longer) == 1:
                frames[image] = longer[0]
        found[split] = list(dict.fromkeys(name for name in frames.values() if name is not None))
        if unknown := [image for image, frame in frames.items() if frame is None]:
            lost[split] = unknown
    return found, lost
