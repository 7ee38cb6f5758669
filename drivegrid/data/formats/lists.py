"""List files of lane data sets: one picture a line, perhaps with a mask and existence flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import read_lines
from drivegrid.data.formats.peek import Peek
from drivegrid.errors import FormatError

Entry: TypeAlias = tuple[str, dict[str, Any]]
"""Image name of a frame, and what a list says of it."""

LabelName: TypeAlias = Callable[[str], str]
"""Name of a picture to the name of its label file, both relative to the data set's folder."""

LIST_SUFFIX = ".txt"
MAX_LIST_LINE = 4096
MAX_TRIED = 100
"""How many lines of a list are looked at for the folder it belongs to."""

_LINE = re.compile(
    r"/?(?P<image>.+?\.(?:jpe?g|png|webp|bmp|ppm|tiff?))(?:\s+(?P<mask>\S*[^\s01]\S*))?"
    r"(?P<exist>(?:\s+[01])*)",
    re.IGNORECASE,
)


def read_list(root: Path, list_file: Path, label_name: LabelName) -> Iterator[Entry | FormatError]:
    """Yield the frames of a list in its order, an error for each line that gives none.

    Args:
        root: Folder that the pictures' names are relative to.
        list_file: The list; relative to the working folder or else to the root.
        label_name: Which label file a picture must have; a second line for it is an error too.

    Raises:
        FormatError: If the list cannot be read.
    """
    if not list_file.is_file() and (root / list_file).is_file():
        list_file = root / list_file
    seen: set[str] = set()
    for number, line in read_lines(list_file):
        if not line:
            continue
        try:
            image, extra = parse_list_line(line)
            if image in seen:
                raise FormatError(f"image must be listed once, got {image} again.", item=image)
            label = root / label_name(image)
            if not label.is_file():
                raise FormatError(
                    f"image must have a label file {label.name}, got none. "
                    "Write an empty file for a frame without lanes.",
                    item=image,
                )
            seen.add(image)
            yield image, extra
        except FormatError as error:
            yield error.at(list_file, number)


def require_root(list_file: Path, label_name: LabelName) -> Path:
    """Return the nearest folder above a list in which its pictures have labels.

    Raises:
        FormatError: If the list cannot be read, or there is no such folder.
    """
    found = _find_label(list_file, label_name)
    if found is None:
        raise FormatError(
            "list must name pictures with labels below a folder above it, got none. "
            "Move the list into its data set.",
            list_file,
        )
    return found[0]


def listed_label(peek: Peek, label_name: LabelName) -> Path | None:
    """Return a label file that a list of pictures leads to; None for all but such lists."""
    if peek.is_folder or peek.path.suffix != LIST_SUFFIX:
        return None
    found = _find_label(peek.path, label_name)
    return found[1] if found else None


def _find_label(list_file: Path, label_name: LabelName) -> tuple[Path, Path] | None:
    """Return the nearest folder above a list with a label of it, and that label."""
    lines = (line for _, line in read_lines(list_file) if line)
    names = []
    for line in islice(lines, MAX_TRIED):
        try:
            names.append(label_name(parse_list_line(line)[0]))
        except FormatError:
            continue
    labels = ((top, top / name) for top in list_file.absolute().parents for name in names)
    return next((found for found in labels if _is_file(found[1])), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # for example a name longer than the disk allows
        return False


def parse_list_line(line: bytes) -> Entry:
    """Return the image name and what else a list line says.

    Raises:
        FormatError: If it is no picture's path with, perhaps, a mask's path and flags.

    >>> parse_list_line(b"/a/1.jpg /laneseg/1.png 0 1")
    ('a/1.jpg', {'mask': '/laneseg/1.png', 'exist': [0, 1]})
    """
    match = None
    if len(line) <= MAX_LIST_LINE:  # the pattern is slow on endless lines
        match = _LINE.fullmatch(line.decode("utf-8", "replace"))
    if match is None or "\ufffd" in match[0]:
        raise FormatError(f"line must be a picture's path [mask path] [flags], got {line!r:.100}.")
    extra: dict[str, Any] = {}
    if match["mask"]:
        extra["mask"] = match["mask"]
    if match["exist"]:
        extra["exist"] = [int(flag) for flag in match["exist"].split()]
    return check_image_name(match["image"]), extra
