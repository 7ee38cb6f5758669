"""Scenes on disk: JSON lines or Parquet, one record a scene, floats exact.

A record is ``{"schema", "frame", "instances", "extra"}``. A geometry is
``{"kind", "points"}``, for polygons ``{"kind", "rings"}``; a box is its two corners. Parquet
holds the record as JSON text beside plain columns to filter on (image, clip, size, labels).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from drivegrid.data.checks import check_extras
from drivegrid.data.files import (
    atomic_path,
    check_regular,
    parse_json,
    read_lines,
    write_lines,
    write_text,
)
from drivegrid.data.parquet import read_rows, write_rows
from drivegrid.data.scene import MAX_COORDINATE_PX, SCHEMA_VERSION, Frame, Instance, Scene
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import FloatArray, Geometry, GeometryKind, Polygon, as_points, from_parts

__all__ = [
    "iter_numbered",
    "iter_scenes",
    "load_scenes",
    "numbered_records",
    "parse_record",
    "record_text",
    "save_scenes",
    "scene_from_record",
    "scene_to_record",
    "write_text",
]

SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
NUM_POINTS: Mapping[str, int | None] = {"point": 1, "box": 2, "line": None, "seg": None}


# a value that holds itself recurses too deep, which is noticed all the same
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False)


def scene_to_record(scene: Scene) -> dict[str, Any]:
    """Return a scene as JSON values; ``scene_from_record`` gives an equal scene back."""
    frame = scene.frame
    return {
        "schema": SCHEMA_VERSION,
        "frame": {
            "image": frame.image,
            "size_wh": list(frame.size_wh),
            "attributes": dict(frame.attributes),
            "clip": frame.clip,
        },
        "instances": [
            {
                "label": instance.label,
                "geometry": _geometry_to_record(instance.geometry),
                "attributes": dict(instance.attributes),
                "visibility": instance.visibility,
                "confidence": instance.confidence,
                "source": instance.source,
                "extra": dict(instance.extra),
            }
            for instance in scene.instances
        ],
        "extra": dict(scene.extra),
    }


def _geometry_to_record(geometry: Geometry) -> dict[str, Any]:
    if isinstance(geometry, Polygon):
        return {"kind": "poly", "rings": [ring.tolist() for ring in geometry.rings]}
    return {"kind": geometry.kind, "points": geometry.vertices().tolist()}


def scene_from_record(record: object) -> Scene:
    """Return the scene of a record made by ``scene_to_record``.

    Raises:
        FormatError: If the schema version is another one, a key is missing or unknown, or a value
            has the wrong type; names the item, without path and line (see ``FormatError.at``).
    """
    found = record.get("schema") if isinstance(record, dict) else type(record).__name__
    if not isinstance(record, dict) or type(found) is not int or found != SCHEMA_VERSION:
        raise FormatError(
            f"record must have schema {SCHEMA_VERSION}, got {found!r:.100}. "
            "Another version of drivegrid wrote it.",
            item="schema",
        )
    _check_keys(record, {"schema", "frame", "instances", "extra"}, "record")
    instances = tuple(
        _instance_from_record(value, f"instance {index}")
        for index, value in enumerate(_typed(record, "instances", list, "record"))
    )
    frame = _frame_from_record(record["frame"])
    return check_extras(Scene(frame, instances, _typed(record, "extra", dict, "record")))


def _frame_from_record(record: object) -> Frame:
    record = _check_keys(record, {"image", "size_wh", "attributes", "clip"}, "frame")
    size = record["size_wh"]
    if not isinstance(size, list) or len(size) != 2 or any(type(side) is not int for side in size):
        raise FormatError(f"size_wh must be two whole numbers, got {size!r:.100}.", item="frame")
    clip = record["clip"]
    if clip is not None and not isinstance(clip, str):
        raise FormatError(f"clip must be a text or null, got {clip!r:.100}.", item="frame")
    try:
        image = _typed(record, "image", str, "frame")
        return Frame(image, (size[0], size[1]), _attributes(record, "frame"), clip)
    except GeometryError as error:
        raise FormatError(str(error), item="frame") from error


def _instance_from_record(record: object, item: str) -> Instance:
    keys = {"label", "geometry", "attributes", "visibility", "confidence", "source", "extra"}
    record = _check_keys(record, keys, item)
    return Instance(
        label=_typed(record, "label", str, item),
        geometry=_geometry_from_record(record["geometry"], item),
        attributes=_attributes(record, item),
        visibility=_share(record, "visibility", item),
        confidence=_share(record, "confidence", item),
        source=_typed(record, "source", str, item),
        extra=_typed(record, "extra", dict, item),
    )


def _geometry_from_record(record: object, item: str) -> Geometry:
    kind = record.get("kind") if isinstance(record, dict) else None
    if kind == "poly":
        rings = _typed(_check_keys(record, {"kind", "rings"}, item), "rings", list, item)
        return from_parts("poly", tuple(_points(ring, item) for ring in rings))
    if not isinstance(kind, str) or kind not in NUM_POINTS:
        known = ", ".join([*NUM_POINTS, "poly"])
        raise FormatError(f"geometry must be one of {known}, got {kind!r:.100}.", item=item)
    points = _points(_check_keys(record, {"kind", "points"}, item)["points"], item)
    if NUM_POINTS[kind] not in (None, len(points)):
        raise FormatError(
            f"{kind} must have {NUM_POINTS[kind]} points, got {len(points)}.", item=item
        )
    return from_parts(cast(GeometryKind, kind), (points,))


def _points(values: object, item: str) -> FloatArray:
    try:
        raw = np.asarray(values)
        if raw.size and raw.dtype.kind not in "iuf":  # else numpy would read "1.5" as a number
            raise FormatError("points must be x, y pairs of numbers, got other values.", item=item)
        if np.abs(raw).max(initial=0) > MAX_COORDINATE_PX:
            raise FormatError(f"points must lie within {MAX_COORDINATE_PX:g} px.", item=item)
        return as_points(raw)
    except ValueError as error:  # ragged lists and what as_points finds
        message = error.message if isinstance(error, FormatError) else str(error)
        raise FormatError(message, item=item) from error


def _check_keys(record: object, keys: set[str], item: str) -> dict[str, Any]:
    if not isinstance(record, dict) or record.keys() != keys:
        found = sorted(record) if isinstance(record, dict) else type(record).__name__
        raise FormatError(f"keys must be {sorted(keys)}, got {found!r:.200}.", item=item)
    return record


def _typed(record: Mapping[str, Any], key: str, kind: type[Any], item: str) -> Any:
    if not isinstance(record[key], kind):
        raise FormatError(f"{key} must be a {kind.__name__}, got {record[key]!r:.100}.", item=item)
    return record[key]


def _attributes(record: Mapping[str, Any], item: str) -> dict[str, str]:
    attributes: dict[str, str] = _typed(record, "attributes", dict, item)
    for name, value in attributes.items():
        if not isinstance(value, str):
            raise FormatError(f"attribute {name} must be a text, got {value!r:.100}.", item=item)
    return attributes


def _share(record: Mapping[str, Any], key: str, item: str) -> float | None:
    value = record[key]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise FormatError(f"{key} must lie in [0, 1] or be null, got {value!r:.100}.", item=item)
    return value


def save_scenes(scenes: Iterable[Scene], path: str | Path) -> int:
    """Write scenes to ``.jsonl``, ``.jsonl.gz`` or ``.parquet``, atomically.

    Returns:
        How many scenes were written.

    Raises:
        FormatError: If the suffix is another one, or a value is not JSON; then nothing is written.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
        OSError: If the disk is full or the folder cannot be written; then nothing is written.
    """
    path, written = Path(path), 0

    def rows() -> Iterator[tuple[Scene, str]]:
        nonlocal written
        for scene in scenes:
            try:
                yield scene, record_text(scene)
            except FormatError as error:
                raise FormatError(error.message, path, item=f"scene {written}") from error
            written += 1

    if _suffix(path) == ".parquet":
        with atomic_path(path) as part:
            write_rows(part, rows(), path)
    else:
        write_lines(path, (text for _, text in rows()))
    return written


def load_scenes(path: str | Path) -> list[Scene]:
    """Return all scenes of a file written by ``save_scenes``.

    Raises:
        FormatError: At the first record that is wrong; names file, line (Parquet: row) and item.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
    """
    return list(iter_scenes(path))


def iter_scenes(path: str | Path) -> Iterator[Scene]:
    """Yield the scenes of a file one by one; raises like ``load_scenes``."""
    for _, found in iter_numbered(path):
        if isinstance(found, FormatError):
            raise found
        yield found


def _suffix(path: Path) -> str:
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return suffix
    raise FormatError(f"file of scenes must end in one of {', '.join(SUFFIXES)}.", path)


def record_text(scene: Scene) -> str:
    """Return the JSON text of a scene's record.

    Raises:
        FormatError: If the scene holds what is not JSON, or a text that UTF-8 cannot hold.
    """
    try:
        text = _ENCODER.encode(scene_to_record(scene))
        if "\\ud" in text:  # an escaped surrogate: what could not be read again is not written
            parse_json(text.encode("ascii"))
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"scene must hold JSON values, got: {error}") from error


def iter_numbered(path: str | Path) -> Iterator[tuple[int, Scene | FormatError]]:
    """Yield the 1-based line (Parquet: row) of each record, and its scene or what is wrong.

    Raises:
        FormatError: If the file itself cannot be read.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
    """
    path = Path(path)
    for number, text in numbered_records(path):
        try:
            yield number, parse_record(path, (number, text))
        except FormatError as error:
            yield number, error


def numbered_records(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Yield the 1-based line (Parquet: row) and the JSON text of each record.

    Raises:
        FormatError: If the file itself cannot be read.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
    """
    path = Path(path)
    if _suffix(path) == ".parquet":
        return _parquet_records(path)
    return ((number, line) for number, line in read_lines(path) if line)


def _parquet_records(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        check_regular(path)
    except OSError as error:
        raise FormatError(f"file must be Parquet, got: {error}.", path) from error
    yield from read_rows(path, path)


def parse_record(path: Path, numbered: tuple[int, bytes]) -> Scene:
    """Return the scene of one of ``numbered_records``.

    Raises:
        FormatError: If the record is wrong; names file, line and item.
    """
    number, text = numbered
    try:
        return scene_from_record(parse_json(text))
    except FormatError as error:
        raise error.at(path, number) from error
