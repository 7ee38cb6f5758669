"""TuSimple lanes: JSON lines of x by row, with lane types in a file beside.

One line a frame: ``{"lanes": [[x, ...], ...], "h_samples": [y, ...], "raw_file": "clips/..."}``;
x of -2 (any negative x, as the official scorer reads it) means that the lane has no point in
that row. Predictions add ``run_time`` in milliseconds and may leave ``h_samples`` out. Source:
TuSimple/tusimple-benchmark, doc/lane_detection/readme.md; lane types (ids 1 to 7) after
fabvio/TuSimple-lane-classes.

What a scene cannot say stays in ``extra["tusimple"]``. Of the scene: the rows ``h_samples``
(``assumed_rows`` where the file gave none), the lanes without any point (``empty``, as
[slot, row] pairs), ``run_time`` and other keys (``rest``). Of an instance: its ``slot`` in the
list, and the original ``x`` where the line alone would not give it back. So an unchanged scene is
written as it was read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drivegrid.data.checks import check_image_name, check_numbers, check_rows, is_number
from drivegrid.data.files import atomic_path, fill_lines, is_stream, parse_json, read_lines
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.frames import find_frame, folder_clip
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.lanes import (
    LANE,
    climbs,
    prolonged,
    sample_rows,
    split_lanes,
)
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.tusimple_types import (
    HELD,
    UNKNOWN,
    LaneTypes,
    attributes_of_type,
    find_side_file,
    load_lane_types,
    lost_types,
    own_side_file,
    save_lane_types,
    type_of_attributes,
)
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, Polyline, Size

SIZE: Size = (1280, 720)
NO_POINT = -2
FIRST_ROW, LAST_ROW, ROW_STEP = 160, 710, 10
_KEYS = ("lanes", "h_samples", "raw_file")


def open_tusimple(path: str | Path, root: str | Path | None = None) -> Source:
    """Open a TuSimple label or prediction file (``.json``, ``.jsonl``, or either with ``.gz``).

    Every lane is a ``lane/line`` from bottom to top. Lane types come from the first of
    ``<stem>.lane_types.jsonl``, ``<stem>_classes.txt`` and ``lane_types.jsonl`` that lies beside.

    Args:
        path: The file.
        root: Folder that ``raw_file`` is relative to; default: the file's folder. A picture
            found there gives the frame's size; without one it is 1280x720.

    A line with anything wrong is set aside whole, with its number and item.

    Raises:
        FormatError: If the file cannot be read at all, or the lane types do not belong to it.
    """
    path = Path(path)
    folder = path.parent if root is None else Path(root)
    types = load_lane_types(path)
    parse = partial(_parse, path, folder, types)
    return Source(_numbered_lines(path, types), parse, lambda entry: Place(path, entry[0]))


def load_tusimple(path: str | Path, root: str | Path | None = None) -> Loaded:
    """Return all frames of a file at once; see ``open_tusimple``."""
    return open_tusimple(path, root).load()


def recognise_tusimple(peek: Peek) -> str | None:
    """Return why a path holds TuSimple labels, None if it does not."""
    if {"lanes", "raw_file"} <= peek.line.keys():
        return "JSON lines with lanes and raw_file"
    return None


def _numbered_lines(path: Path, types: LaneTypes) -> Iterator[tuple[int, bytes]]:
    last = 0
    for last, line in read_lines(path):
        if line:
            yield last, line
    types.check_length(last)


def _parse(path: Path, root: Path, types: LaneTypes, entry: tuple[int, bytes]) -> Scene:
    number, line = entry
    try:
        return _scene(parse_json(line), root, types, number)
    except FormatError as error:
        item = error.item or (f"image {error.path}" if error.path else None)
        raise FormatError(error.message, path, number, item) from error


def _scene(record: object, root: Path, types: LaneTypes, number: int) -> Scene:
    if not isinstance(record, dict):
        raise FormatError(f"line must be a JSON object, got {type(record).__name__}.")
    missing = [key for key in ("lanes", "raw_file") if key not in record]
    if missing:
        raise FormatError(f"frame must have lanes and raw_file, got no {' and no '.join(missing)}.")
    image = check_image_name(record["raw_file"])
    if not isinstance(record["lanes"], list):
        raise FormatError(f"lanes must be a list, got {record['lanes']!r:.100}.", item="lanes")
    assumed = "h_samples" not in record  # as in the predictions the benchmark asks for
    record = {"h_samples": _usual_rows(record["lanes"]), **record}
    rows = check_rows(record["h_samples"])
    names = types.of_frame(image, number, len(record["lanes"]))
    instances: list[Instance] = []
    empty: list[list[Any]] = []
    lines = _lines(_lanes_by_row(record["lanes"], len(rows)), rows)
    for slot, (values, (points, gives_back)) in enumerate(zip(record["lanes"], lines, strict=True)):
        if len(points):
            known = attributes_of_type(names[slot]) if names else {}
            own = {"slot": slot} if gives_back else {"slot": slot, "x": values}
            instances.append(_instance(points, known, own))
        else:
            empty.append([slot, values])
    frame, about_size = find_frame(root, image, SIZE)
    extra = _frame_extra(record, empty) | ({"assumed_rows": True} if assumed else {})
    return Scene(frame, tuple(instances), {"tusimple": extra} | about_size)


def _lanes_by_row(lanes: list[Any], num_rows: int) -> FloatArray:
    """Return (L, R) the x of each lane at each row."""
    by_row = np.empty((len(lanes), num_rows))
    for slot, values in enumerate(lanes):
        item = f"lane {slot}"
        xs = check_numbers(values, item)
        if len(xs) != num_rows:
            raise FormatError(
                f"lane must have one x for each of {num_rows} h_samples, got {len(xs)}.", item=item
            )
        by_row[slot] = xs
    return by_row


def _usual_rows(lanes: list[Any]) -> list[int]:
    """Return the rows of lanes that come without: the last of every 10 px down to 710."""
    count = (
        len(lanes[0])
        if lanes and isinstance(lanes[0], list)
        else (LAST_ROW - FIRST_ROW) // ROW_STEP + 1
    )
    return [LAST_ROW - ROW_STEP * i for i in range(count)][::-1]


def _frame_extra(record: Mapping[str, Any], empty: list[list[Any]]) -> dict[str, Any]:
    rest = {key: value for key, value in record.items() if key not in (*_KEYS, "run_time")}
    extra = {"h_samples": record["h_samples"], "empty": empty, "rest": rest}
    if "run_time" in record:
        run_time = record["run_time"]
        if not is_number(run_time):
            raise FormatError(f"run_time must be a number, got {run_time!r:.50}.", item="run_time")
        extra["run_time"] = run_time
    return extra


def _lines(by_row: FloatArray, rows: FloatArray) -> Iterator[tuple[FloatArray, bool]]:
    """Yield each lane's (N, 2) points, bottom to top, and whether they alone give its x back.

    They do where there is no gap, and -2 beyond the ends.
    """
    upwards = np.argsort(-rows, kind="stable")
    places = np.empty((*by_row.shape, 2))
    places[..., 0], places[..., 1] = by_row[:, upwards], rows[upwards]
    seen = places[..., 0] >= 0
    span = len(rows) - seen[:, ::-1].argmax(axis=1) - seen.argmax(axis=1)
    plain = (seen | (places[..., 0] == NO_POINT)).all(axis=1) & (seen.sum(axis=1) == span)
    return (
        (place[there], back)
        for place, there, back in zip(places, seen, plain.tolist(), strict=True)
    )


def _instance(points: FloatArray, attributes: Mapping[str, str], extra: dict[str, Any]) -> Instance:
    flags = {"flags": ["one-point"]} if len(points) == 1 else {}
    return Instance(LANE, Polyline(points), attributes, extra={"tusimple": extra, **flags})


def _row(points: FloatArray, rows: FloatArray) -> list[int | float]:
    """Return x by row, -2 where the line has no point inside or right of the image."""
    xs = sample_rows(points, rows).tolist()
    # NaN is not >= 0 either
    return [(int(x) if x.is_integer() else x) if x >= 0 else NO_POINT for x in xs]


def save_tusimple(
    scenes: Iterable[Scene], path: str | Path, *, h_samples: Sequence[float] | None = None
) -> Saved:
    """Write a TuSimple file, atomically, and lane types beside it where lanes have them.

    Lines are sampled at the rows, linear between points; an end counts for the row it is nearest
    to. Lane types go to ``<stem>.lane_types.jsonl``, which ``load_tusimple`` finds.

    Args:
        scenes: Any scenes; only ``lane/line`` lines can be held.
        path: Target; ``.gz`` compresses.
        h_samples: (R,) rows in pixels for every frame. Default: the rows a frame was read with,
            else every 10 px from 160 to above the lower edge (710 for 720 px); from 0 in an image
            that ends above 160.

    Returns:
        What could not be held, and the frames without a usable image name. Beside a device or
        pipe no lane types are written; they count as lost.

    Raises:
        OSError: If the disk is full or a file cannot be written; then nothing is written.
    """
    path, saved = Path(path), Saved()
    type_rows: list[tuple[str, list[str]]] = []

    def line_of(scene: Scene) -> tuple[str, list[Loss]]:
        image = check_image_name(scene.frame.image)
        record, lines, losses = _record(scene, h_samples)
        type_rows.append((image, [name for name, _ in lines]))
        return json.dumps(record), losses

    with atomic_path(path) as part:
        fill_lines(part, held(scenes, line_of, path, saved), packed=path.suffix == ".gz")
        if is_stream(path):
            saved.lose(lost_types(type_rows))
        else:  # before the labels appear, which would be read with the wrong types
            save_lane_types(path, type_rows)
    return saved


class _Rows(NamedTuple):
    """Rows that lanes are sampled at: (R,) y in pixels, their ends, and half the least step."""

    y: FloatArray
    top: float
    bottom: float
    half_step: float


@lru_cache(maxsize=64)  # all frames of a data set have the same
def _rows_at(values: tuple[float, ...]) -> _Rows:
    y = np.array(values, dtype=np.float64)
    half_step = np.diff(np.sort(y)).min(initial=ROW_STEP) / 2
    return _Rows(y, y.min(initial=math.inf), y.max(initial=-math.inf), half_step)


def _record(
    scene: Scene, h_samples: Sequence[float] | None
) -> tuple[dict[str, Any], list[tuple[str, Instance | None]], list[Loss]]:
    """Return the record, type and instance of its lanes (None for an empty one), and losses."""
    extra: Mapping[str, Any] = scene.extra.get("tusimple", {})
    own = h_samples is None and "h_samples" in extra
    rows = extra["h_samples"] if own else _default_rows(scene) if h_samples is None else h_samples
    lanes, losses = split_lanes(scene, "tusimple", folder_clip(scene.frame.image), HELD)
    written: list[tuple[float, Sequence[float], str, Instance | None]] = []
    target = _rows_at(tuple(rows))
    for slot, row in extra.get("empty", []) if own else []:
        written.append((slot, row, UNKNOWN, None))
    for item, instance in lanes:
        row, lost = _lane_row(instance, target, scene.frame.size_wh[0])
        losses += [Loss(scene.frame.image, message, item) for message in lost]
        if max(row, default=NO_POINT) >= 0:
            lane_type, lost = type_of_attributes(instance)
            losses += [Loss(scene.frame.image, message, item) for message in lost]
            written.append(
                (instance.extra.get("tusimple", {}).get("slot", math.inf), row, lane_type, instance)
            )
    written.sort(key=lambda lane: lane[0])
    if scene.frame.size_wh != SIZE:
        message = "image size left out: readers without the picture take 1280x720"
        losses.append(Loss(scene.frame.image, message))
    record = {
        "lanes": [list(row) for _, row, _, _ in written],
        "h_samples": list(rows),
        "raw_file": scene.frame.image,
    }
    if own and extra.get("assumed_rows"):
        del record["h_samples"]
    record |= {"run_time": extra["run_time"]} if "run_time" in extra else {}
    lines = [(name, instance) for _, _, name, instance in written]
    return record | extra.get("rest", {}), lines, losses


def lane_rows(
    scene: Scene, h_samples: Sequence[float] | None = None
) -> tuple[list[float], list[list[float]], list[int | None]]:
    """Return a scene's lanes as the TuSimple rule sees them: x at fixed rows, as in the file.

    Args:
        scene: Any scene; one read from a TuSimple file gives its numbers back unchanged, lanes
            without any point included.
        h_samples: As in `save_tusimple`.

    Returns:
        The rows, (R,) y in pixels; (R,) x for each lane, -2 where there is no point; and each
        lane's place among the instances, None for one without any point.
    """
    own = scene.extra.get("tusimple", {}).get("h_samples", _default_rows(scene))
    rows = list(own if h_samples is None else h_samples)
    record, lines, _ = _record(scene, None if rows == own else rows)
    places = {id(instance): i for i, instance in enumerate(scene.instances)}
    return rows, record["lanes"], [places.get(id(instance)) for _, instance in lines]


def _default_rows(scene: Scene) -> list[int]:
    height = scene.frame.size_wh[1]
    return list(range(FIRST_ROW if height > FIRST_ROW else 0, height, ROW_STEP))


def _lane_row(instance: Instance, rows: _Rows, width: int) -> tuple[list[int | float], list[str]]:
    """Return x by row and what was lost; the original x where the line is unchanged."""
    points = instance.geometry.vertices()
    original = instance.extra.get("tusimple", {}).get("x")
    if original is not None and len(original) == len(rows.y):
        [(before, _)] = _lines(np.asarray(original, dtype=np.float64)[None], rows.y)
        if np.array_equal(before, points):
            return list(original), []
    row = _row(prolonged(points, rows.half_step, width), rows.y)
    if max(row, default=NO_POINT) < 0:
        return row, ["lane left out: it meets no row inside the image"]
    lost = [] if climbs(points) else ["lane does not climb: only its first x in a row is kept"]
    y = points[:, 1]
    if y.min() <= rows.top - ROW_STEP or y.max() >= rows.bottom + ROW_STEP:
        lost.append("part of the lane beyond the rows left out")
    if points[:, 0].min() < 0:
        lost.append("part of the lane left of the image left out")
    return row, lost


TUSIMPLE = Format(
    name="tusimple",
    title="TuSimple lanes (JSON lines), lane types in a file beside",
    path_is="file",
    open=open_tusimple,
    save=save_tusimple,
    recognise=recognise_tusimple,
    holds="lane lines by row, style and colour as lane types, run time",
    lost_in="",
    lost_out="all but lane lines (lane becomes lane/line, no style comes back as unknown); points "
    "between, above and below the rows; other attributes; clips that are not the folder",
    side_read=find_side_file,
    side_written=own_side_file,
)
