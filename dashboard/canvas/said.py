"""What a person did on the canvas, checked: nothing that a browser sends is trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from drivegrid.dashboard.canvas.layers import CanvasError, Layer, Picture, Shape, parts_to_data

from drivegrid.data.scene import MAX_COORDINATE_PX, Instance
from drivegrid.geometry import Box, Geometry, GeometryKind, Point, Size, clip_points, from_parts

VerdictName: TypeAlias = Literal["accept", "reject", "undo", "next", "previous", "skip"]

MAX_SHAPES = 2_000
MAX_POINTS = 20_000
"""Of one commit, over all its shapes."""
MAX_TEXT = 200
"""Characters of an id or a label."""
LEAST_POINTS: dict[str, int] = {"point": 1, "box": 2, "line": 2, "poly": 3, "seg": 1}
MOST_POINTS: dict[str, int] = {"point": 1, "box": 2}
TOKEN = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True, slots=True)
class Commit:
    """The editable layer as the person left it.

    Args:
        picture: Id of the picture that it was said about.
        revision: Revision that the person saw.
        token: The browser's; a repeat of the same deed carries the same one.
        stale: Whether picture or revision are no longer the current ones.
        shapes: All shapes of the layer; untouched ones are as they were given.
    """

    picture: str
    revision: int
    token: str
    stale: bool
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """A shape was picked, or none any more; the first four fields as in `Commit`."""

    picture: str
    revision: int
    token: str
    stale: bool
    shape_id: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict or a step through the queue; the first four fields as in `Commit`."""

    picture: str
    revision: int
    token: str
    stale: bool
    verdict: VerdictName


@dataclass(frozen=True, slots=True)
class Region:
    """A place or box that a question is about; the first four fields as in `Commit`."""

    picture: str
    revision: int
    token: str
    stale: bool
    geometry: Point | Box


Said: TypeAlias = Commit | Select | Verdict | Region


@dataclass(frozen=True, slots=True)
class Shown:
    """What the canvas shows now; what is said is checked against it."""

    picture: Picture
    revision: int
    layer: Layer | None
    labels: tuple[str, ...]


def parse_said(message: object, shown: Shown) -> Said:
    """Return what a message of the browser says.

    Coordinates are moved into the frame, except those of shapes that nobody touched.

    Raises:
        CanvasError: If it is not of the form that the canvas sends.
    """
    if not isinstance(message, Mapping) or not isinstance(message.get("kind"), str):
        raise _refused("message", "be a mapping with a kind", message)
    read = _READERS.get(message["kind"])
    if read is None:
        raise _refused("kind", f"be one of {', '.join(_READERS)}", message["kind"])
    keys = {"kind", "picture", "revision", "token", *_KEYS[message["kind"]]}
    if message.keys() != keys:
        raise _refused("keys", f"be {sorted(keys)}", list(message))
    return read(message, _about(message, shown), shown)


def token_of(message: object) -> str | None:
    """Return the token of a message; None where it has none that could be one."""
    token = message.get("token") if isinstance(message, Mapping) else None
    return token if isinstance(token, str) and TOKEN.fullmatch(token) else None


def _about(message: Mapping[str, Any], shown: Shown) -> tuple[str, int, str, bool]:
    """Return picture, revision, token and whether it is stale."""
    picture, revision = _text(message["picture"], "picture"), message["revision"]
    if isinstance(revision, bool) or not isinstance(revision, int) or abs(revision) >= 2**63:
        raise _refused("revision", "be a whole number", revision)
    token = token_of(message)
    if token is None:
        raise _refused("token", "have 8 to 64 letters, digits or dashes", message["token"])
    return picture, revision, token, (picture, revision) != (shown.picture.id, shown.revision)


def _commit(message: Mapping[str, Any], about: tuple[str, int, str, bool], shown: Shown) -> Commit:
    values = message["shapes"]
    if shown.layer is None:
        raise _refused("commit", "be of an editable layer", "none")
    if not isinstance(values, list) or len(values) > MAX_SHAPES:
        raise _refused("shapes", f"be a list of at most {MAX_SHAPES}", values)
    given = {shape.id: shape for shape in shown.layer.shapes}
    shapes = tuple(_shape(value, given, shown) for value in values)
    if len({shape.id for shape in shapes}) < len(shapes):
        raise _refused("ids of shapes", "differ", [shape.id for shape in shapes])
    num = sum(len(shape.instance.geometry.vertices()) for shape in shapes)
    if num > MAX_POINTS:
        raise _refused("shapes", f"have at most {MAX_POINTS} points", num)
    return Commit(*about, shapes)


def _select(message: Mapping[str, Any], about: tuple[str, int, str, bool], _: Shown) -> Select:
    shape = message["shape"]
    return Select(*about, None if shape is None else _text(shape, "shape"))


def _verdict(message: Mapping[str, Any], about: tuple[str, int, str, bool], _: Shown) -> Verdict:
    verdict = message["verdict"]
    if not isinstance(verdict, str) or verdict not in get_args(VerdictName):
        raise _refused("verdict", f"be one of {', '.join(get_args(VerdictName))}", verdict)
    return Verdict(*about, cast(VerdictName, verdict))


def _region(message: Mapping[str, Any], about: tuple[str, int, str, bool], shown: Shown) -> Region:
    region = message["region"]
    if not isinstance(region, Mapping) or region.keys() != {"kind", "parts"}:
        raise _refused("region", "have kind and parts", region)
    if region["kind"] not in ("point", "box"):
        raise _refused("region", "be a point or a box", region["kind"])
    parts = _parts(region["parts"], "region")
    geometry = _geometry(region["kind"], parts, shown.picture.size_wh, "region")
    return Region(*about, cast(Point | Box, geometry))


_READERS: dict[str, Callable[[Mapping[str, Any], tuple[str, int, str, bool], Shown], Said]] = {
    "commit": _commit,
    "select": _select,
    "verdict": _verdict,
    "region": _region,
}
_KEYS = {
    "commit": ("shapes",),
    "select": ("shape",),
    "verdict": ("verdict",),
    "region": ("region",),
}


def _shape(value: object, given: Mapping[str, Shape], shown: Shown) -> Shape:
    if not isinstance(value, Mapping) or value.keys() != {"id", "kind", "parts", "label"}:
        raise _refused("shape", "have id, kind, parts and label", value)
    name, label = _text(value["id"], "id of a shape"), value["label"]
    kind, parts = value["kind"], _parts(value["parts"], name)
    if not isinstance(kind, str) or kind not in LEAST_POINTS:
        raise _refused("kind", f"be one of {', '.join(LEAST_POINTS)}", kind, name)
    before = given.get(name)
    offered = (*shown.labels, before.instance.label) if before else shown.labels
    if not isinstance(label, str) or label not in offered:
        raise _refused("label", "be one of those offered", label, name)
    if before is None:
        geometry = _geometry(kind, parts, shown.picture.size_wh, name)
        return Shape(name, Instance(label, geometry))
    return _changed(before, label, kind, parts, shown.picture.size_wh)


def _changed(
    before: Shape, label: str, kind: str, parts: list[list[list[float]]], size_wh: Size
) -> Shape:
    """Return a shape that was given, as it was where nobody touched it.

    A changed one is a person's: it has no confidence and no trace any more.
    """
    instance = before.instance
    if kind != instance.geometry.kind:
        raise _refused("kind", f"stay {instance.geometry.kind}", kind, before.id)
    moved = parts != parts_to_data(instance.geometry)
    if not moved and label == instance.label:
        return before
    geometry = _geometry(kind, parts, size_wh, before.id) if moved else instance.geometry
    return Shape(before.id, replace(instance, label=label, geometry=geometry, confidence=None))


def _geometry(kind: str, parts: list[list[list[float]]], size_wh: Size, where: str) -> Geometry:
    """Return a shape inside the frame."""
    if not parts or (kind != "poly" and len(parts) > 1):
        raise _refused(kind, "have rings" if kind == "poly" else "be one list", len(parts), where)
    least, most = LEAST_POINTS[kind], MOST_POINTS.get(kind, MAX_POINTS)
    for part in parts:
        if not least <= len(part) <= most:
            raise _refused(kind, f"have {least} to {most} points", len(part), where)
    inside = tuple(clip_points(np.array(part), size_wh) for part in parts)
    geometry = from_parts(cast(GeometryKind, kind), inside)
    if isinstance(geometry, Box) and not geometry.wh.all():
        raise _refused("box", "have an area inside the frame", geometry.xyxy.tolist(), where)
    return geometry


def _parts(values: object, where: str) -> list[list[list[float]]]:
    if not isinstance(values, list) or not all(isinstance(part, list) for part in values):
        raise _refused("parts", "be lists of points", values, where)
    if sum(map(len, values)) + len(values) > 2 * MAX_POINTS:
        raise _refused("parts", f"have at most {MAX_POINTS} points", "more", where)
    return [[_point(value, where) for value in part] for part in values]


def _point(value: object, where: str) -> list[float]:
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_coordinate, value)):
        raise _refused("point", f"be x, y within {MAX_COORDINATE_PX:g} px", value, where)
    return [float(number) for number in value]


def _is_coordinate(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= MAX_COORDINATE_PX and math.isfinite(value)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise _refused(what, f"be a text of 1 to {MAX_TEXT} characters", value)
    return value


def _refused(what: str, rule: str, got: object, where: str = "canvas") -> CanvasError:
    return CanvasError(f"{what} must {rule}, got {got!r:.100} ({where:.100}). Reload the page.")
