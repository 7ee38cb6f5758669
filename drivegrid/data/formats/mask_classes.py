"""Class lists of mask data sets: which pixel value, number or colour, stands for which class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from drivegrid.data.fields import as_kind
from drivegrid.data.files import parse_json, read_lines, read_whole
from drivegrid.data.formats.frames import folder_clip
from drivegrid.data.formats.naming import label_of, label_of_word
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import DroppedLabel, MappedLabel

LIST_NAMES = ("classes.txt", "classes.json", "label_colors.txt", "codes.txt")
"""Names of class lists; the first that is there is read."""
IGNORE, IGNORE_VALUE = "ignore", 255
"""What number 255 means where the list says nothing of it."""
VOID = "Void"
"""Class of pixels that no instance covers."""
MAX_VALUE, MAX_COLOR = 0xFFFF, 0xFFFFFF
MAX_LIST_BYTES = 2**20
_SOURCES = ("camvid", "cityscapes", "mapillary_vistas")
"""Whose class names are understood, in this order, before words of the taxonomy."""

_CAMVID_CLIP = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_")
_COLOR_LINE = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\S.*)")
_NUMBER_LINE = re.compile(r"(\d{1,5})[\s,:]+(\S.*)")


class ClassList(NamedTuple):
    """The classes of a data set.

    Args:
        values: Class name to pixel value: a number, or a colour as 0xRRGGBB.
        colors: Whether values are colours.
    """

    values: Mapping[str, int]
    colors: bool


KITTI_ROAD = ClassList({"road": 0xFF00FF, "unlabeled": 0xFF0000, "out of roi": 0x000000}, True)
"""Magenta road, red other ground, black not judged: gt_image_2 of KITTI road."""


def label_of_class(name: str) -> MappedLabel | DroppedLabel:
    """Return the label of a class name of any mask data set.

    >>> label_of_class("Car").path, label_of_class("guard rail").path, label_of_class("goat").path
    ('object/vehicle/car', 'obstacle/guard_rail', 'goat')
    """
    if name == IGNORE:
        return DroppedLabel("Pixels that are not to be judged.")
    for source in _SOURCES:
        if name in default_label_space().maps[source].labels:
            return label_of(source, name)
    return MappedLabel(label_of_word(name), {})


def find_class_list(root: Path) -> Path | None:
    """Return the class list in a folder, if there is one."""
    return next((root / name for name in LIST_NAMES if (root / name).is_file()), None)


def read_class_list(path: Path) -> ClassList:
    """Read a class list: text, one class a line, or JSON.

    Text lines are all of one kind: ``3 Road`` (number), ``128 64 128 Road`` (red, green, blue)
    or ``Road`` (numbered from 0). JSON is a list of names, an object of numbers to names, or one
    of names to numbers or to [red, green, blue]. Number 255 is ``ignore`` unless it is listed.

    Raises:
        FormatError: If the list is none of this, or names a class or a value twice.
    """
    pairs = list(_json_pairs(path) if path.suffix == ".json" else _text_pairs(path))
    colors = any(isinstance(value, tuple) for _, value in pairs)
    values: dict[str, int] = {}
    for name, value in pairs:
        if colors != isinstance(value, tuple):
            raise FormatError(f"classes must all have colours or none, got {value}.", path)
        packed = _packed(value, path, name)
        if not name or name in values or packed in values.values():
            raise FormatError(f"class must have a name and value of its own, got {name!r}.", path)
        values[name] = packed
    if not values:
        raise FormatError("class list must name at least one class, got none.", path)
    if not colors and IGNORE not in values and IGNORE_VALUE not in values.values():
        values[IGNORE] = IGNORE_VALUE
    return ClassList(values, colors)


def _text_pairs(path: Path) -> Iterator[tuple[str, int | tuple[int, ...]]]:
    lines: list[str] = []
    for place, raw in read_lines(path):
        try:
            lines += [raw.decode("utf-8")] if raw else []
        except UnicodeDecodeError as error:
            raise FormatError(f"class must be UTF-8, got {raw!r:.100}.", path, place) from error
        if len(lines) > MAX_VALUE + 1:
            raise FormatError(f"classes must be at most {MAX_VALUE + 1}, got more.", path, place)
    of_colors = [_COLOR_LINE.fullmatch(line) for line in lines]
    of_numbers = [_NUMBER_LINE.fullmatch(line) for line in lines]
    for place, line in enumerate(lines):
        color, number = of_colors[place], of_numbers[place]
        if color and all(of_colors):
            yield color[4], (int(color[1]), int(color[2]), int(color[3]))
        elif number and all(of_numbers):
            yield number[2], int(number[1])
        else:
            yield line, place


def _json_pairs(path: Path) -> Iterator[tuple[str, int | tuple[int, ...]]]:
    try:
        listed: Any = parse_json(read_whole(path, MAX_LIST_BYTES))
        if isinstance(listed, list):
            yield from ((as_kind(name, str, "class"), place) for place, name in enumerate(listed))
            return
        for key, value in as_kind(listed, dict, "class list").items():
            if isinstance(value, str):
                if re.fullmatch("[0-9]{1,5}", key) is None:
                    raise FormatError(f"class must have a number, got {key!r:.100}.", item=value)
                yield value, int(key)
            elif isinstance(value, list):
                yield key, tuple(as_kind(part, int, f"colour of {key}") for part in value)
            else:
                yield key, as_kind(value, int, f"value of {key}")
    except FormatError as error:
        raise error.at(path) from error


def _packed(value: int | tuple[int, ...], path: Path, name: str) -> int:
    """Return a value as one number."""
    parts = value if isinstance(value, tuple) else (value,)
    highest = MAX_VALUE if isinstance(value, int) else 255
    if len(parts) not in (1, 3) or not all(0 <= part <= highest for part in parts):
        raise FormatError(
            f"class must have a number up to {MAX_VALUE} or a colour of three up to 255, "
            f"got {value}.",
            path,
            item=name,
        )
    red, green, blue = parts if len(parts) == 3 else (0, 0, parts[0])
    return red << 16 | green << 8 | blue


class ClassTable:
    """The classes of a data set as it is written; grows with the frames.

    Classes keep the values they were read with where those are free; the first frame says whether
    values are colours.
    """

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.colors: bool | None = None
        self._names: dict[int, str] = {IGNORE_VALUE: IGNORE}

    def adopt(self, classes: ClassList) -> None:
        """Take over the class list that a frame was read with."""
        if self.colors is None:
            self.colors = classes.colors
            self._names = {} if classes.colors else {IGNORE_VALUE: IGNORE}
        for name, value in classes.values.items():
            self.value(name, value if classes.colors == self.colors else None)

    def value(self, name: str, wanted: int | None = None) -> int:
        """Return the pixel value of a class; a new class gets the wanted one, if it is free.

        Raises:
            FormatError: If the name cannot stand in a list, or no value is left.
        """
        if name not in self.values:
            free = wanted is not None and self._names.get(wanted, name) == name
            value = wanted if free and wanted is not None else self._free_value()
            line = self._line(name, value)
            match = (_COLOR_LINE if self.colors else _NUMBER_LINE).fullmatch(line)
            unclear = not self.colors and _COLOR_LINE.fullmatch(line)
            if unclear or not line.isprintable() or match is None or match.groups()[-1] != name:
                raise FormatError(
                    f"class name must be words on one line, got {name!r:.100}.", item="class"
                )
            self.values[name], self._names[value] = value, name
        return self.values[name]

    def _free_value(self) -> int:
        if self.colors:  # multiples of an odd number come in any order and meet each colour once
            return next(c for i in count(1) if (c := i * 0x9E3779 & MAX_COLOR) not in self._names)
        free = next((value for value in range(1, MAX_VALUE + 1) if value not in self._names), None)
        if free is None:
            raise FormatError(f"masks must have at most {MAX_VALUE} classes, got more.")
        return free

    def _line(self, name: str, value: int) -> str:
        if self.colors:
            return f"{value >> 16} {value >> 8 & 255} {value & 255} {name}"
        return f"{value} {name}"

    def lines(self) -> list[str]:
        """Return the lines of ``classes.txt``."""
        implied = None if self.colors else (IGNORE, IGNORE_VALUE)
        return [self._line(*known) for known in self.values.items() if known != implied]


def clip_of(image: str) -> str | None:
    """Return the clip of a picture: the sequence of CamVid, else its folder."""
    match = _CAMVID_CLIP.match(PurePosixPath(image).name)
    return match[1] if match else folder_clip(image)
