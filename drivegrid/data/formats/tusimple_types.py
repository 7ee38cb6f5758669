"""Lane types of TuSimple: the side files, and our attributes for the seven names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from drivegrid.data.checks import check_image_name
from drivegrid.data.files import parse_json, read_lines, write_lines
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError, FormatError
from drivegrid.labels import MappedLabel, default_label_space

HELD = frozenset({"style", "color"})
UNKNOWN = "unknown"
NAMES = (
    "continuous yellow",
    "continuous white",
    "dashed",
    "double dashed",
    "Botts' dots",
    "double continuous yellow",
    UNKNOWN,
)
"""Names of the ids 1 to 7, in order (fabvio/TuSimple-lane-classes)."""


@dataclass(frozen=True, slots=True)
class LaneTypes:
    """Type names of the lanes of each frame, by image name or by line number.

    Args:
        path: The side file; None without one.
        by_image: ``raw_file`` to (line in the side file, one name per lane entry).
        by_line: One list of names per line of the label file.
    """

    path: Path | None = None
    by_image: Mapping[str, tuple[int, list[str]]] = field(default_factory=dict)
    by_line: Sequence[list[str]] | None = None

    def of_frame(self, image: str, line: int, num_lanes: int) -> list[str] | None:
        """Return one name per lane entry, or None if the frame has no types.

        Raises:
            FormatError: If there are more or fewer names than lanes.
        """
        if self.by_line is not None:
            if line > len(self.by_line):
                raise FormatError(
                    f"lane types must have a line for each frame, got {len(self.by_line)}.",
                    item=str(self.path),
                )
            where, names = line, self.by_line[line - 1]
        elif image in self.by_image:
            where, names = self.by_image[image]
        else:
            return None
        if len(names) != num_lanes:
            raise FormatError(
                f"lane types must be one per lane ({num_lanes}), got {len(names)}.",
                item=f"{self.path}, line {where}",
            )
        return names

    def check_length(self, num_lines: int) -> None:
        """Raise FormatError if types by line number are more than the label file's lines."""
        if self.by_line is not None and len(self.by_line) > num_lines:
            raise FormatError(
                f"lane types must have a line for each of {num_lines} label lines, "
                f"got {len(self.by_line)}. They belong to another file.",
                self.path,
            )


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    return name.removesuffix(".json").removesuffix(".jsonl")


def own_side_file(path: Path) -> Path:
    """Return where the lane types of a label file are written."""
    return path.with_name(f"{_stem(path)}.lane_types.jsonl")


def find_side_file(path: Path) -> Path | None:
    """Return the file beside a label file that its lane types are read from; None without one."""
    beside = [
        own_side_file(path),
        path.with_name(f"{_stem(path)}_classes.txt"),
        path.with_name("lane_types.jsonl"),
    ]
    return next((file for file in beside if file != path and file.is_file()), None)


def load_lane_types(path: Path) -> LaneTypes:
    """Return the lane types that lie beside a label file; none if there is no side file.

    Raises:
        FormatError: If a line of the side file is wrong.
    """
    side = find_side_file(path)
    if side is None:
        return LaneTypes()
    if side.suffix == ".txt":
        by_line = []
        for number, line in read_lines(side):
            ids = line.decode("utf-8", "replace").split()
            by_line.append([_checked_name(lane_id, side, number) for lane_id in ids])
        return LaneTypes(side, by_line=by_line)
    by_image: dict[str, tuple[int, list[str]]] = {}
    for number, line in read_lines(side):
        if not line:
            continue
        try:
            record = parse_json(line)
            if not isinstance(record, dict) or not isinstance(record.get("lane_types"), list):
                raise FormatError("line must have raw_file and a list lane_types.")
            image = check_image_name(record.get("raw_file"))
        except FormatError as error:
            raise error.at(side, number) from error
        by_image[image] = (
            number,
            [_checked_name(name, side, number) for name in record["lane_types"]],
        )
    return LaneTypes(side, by_image)


def _checked_name(value: object, path: Path, line: int) -> str:
    """Return the type name of a name or of an id 1 to 7."""
    if isinstance(value, str) and value in NAMES:
        return value
    if isinstance(value, str) and value in [str(number) for number in range(1, len(NAMES) + 1)]:
        return NAMES[int(value) - 1]
    raise FormatError(
        f"lane type must be 1 to {len(NAMES)} or one of {', '.join(NAMES)}, got {value!r:.50}.",
        path,
        line,
    )


@cache
def attributes_of_type(name: str) -> Mapping[str, str]:
    """Return our attributes of a type name.

    >>> dict(attributes_of_type("continuous yellow"))
    {'style': 'solid', 'color': 'yellow'}
    """
    target = default_label_space().map_label("tusimple", name)
    if not isinstance(target, MappedLabel):
        raise ConfigError(f"taxonomy must keep TuSimple's type {name!r}, got {target}.")
    return target.attributes


def type_of_attributes(instance: Instance) -> tuple[str, list[str]]:
    """Return the type name nearest to a lane's style and colour, and what the name does not say."""
    wanted = [(name, instance.attributes[name]) for name in HELD if name in instance.attributes]
    name, lost = _nearest_type(frozenset(wanted))
    return name, list(lost)


@lru_cache(maxsize=1024)
def _nearest_type(wanted: frozenset[tuple[str, str]]) -> tuple[str, tuple[str, ...]]:
    fitting = [name for name in NAMES if attributes_of_type(name).items() <= wanted]
    best = max(fitting, key=lambda name: len(attributes_of_type(name)), default=UNKNOWN)
    left = sorted(wanted - attributes_of_type(best).items())
    return best, tuple(
        f"lane {name} {value} left out: no TuSimple lane type for it" for name, value in left
    )


def save_lane_types(path: Path, rows: Sequence[tuple[str, list[str]]]) -> None:
    """Write the types beside a label file, if a lane has one or old ones would be read instead."""
    if find_side_file(path) is not None or any(
        name != UNKNOWN for _, names in rows for name in names
    ):
        records = ({"raw_file": image, "lane_types": names} for image, names in rows)
        write_lines(own_side_file(path), (json.dumps(record) for record in records))


def lost_types(rows: Sequence[tuple[str, list[str]]]) -> list[Loss]:
    """Return a loss for each frame with a lane of known type, for a target with nothing beside."""
    return [
        Loss(image, "lane types left out: no file can lie beside a device or pipe")
        for image, names in rows
        if any(name != UNKNOWN for name in names)
    ]
