"""A part of a frame as a frame of its own: picture, planes and labels moved by the same map.

Labels are cut at the new border, as if they had been made there: boxes and polygons keep what is
inside, lines their longest piece, anchors those that are inside; a point outside is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.data.images import Picture
from drivegrid.data.scene import Instance, Scene
from drivegrid.data.verdicts import MIN_SIDE_SHARE, lies_under
from drivegrid.errors import GeometryError
from drivegrid.geometry import (
    Anchors,
    Box,
    FloatArray,
    Geometry,
    Point,
    Polygon,
    Polyline,
    Size,
    from_parts,
    x_at_bottom,
)
from drivegrid.labels import default_label_space
from drivegrid.tokens.lines import clip_line
from drivegrid.tokens.rings import clip_rings

Extent: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""

MIN_LEFT = 0.25
"""Things of which less of the visible extent is left have no label any more."""
READABLE_PX = 12.0
"""A sign's face lower or narrower than this cannot be read, in pixels of the frame."""

KEPT_EXTRA = ("id", "painted", "flags", "order", "ego", "hidden", "face")
"""What instances keep beside their boxes; what a format keeps is of a frame that is no more."""
BOXES = ("visible_box", "box_xyxy")
KEPT_OF_SCENE = ("template", "held_out")

_FILL = (114, 114, 114)
_SPREADING = ("area", "region")
"""Labels that have no whole: any part of them is one."""
_RESTS_ON: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "density": ("free", ("object/vehicle",)),
    "blockage": ("open", ("obstacle", "object")),
    "surface": (
        "dry",
        ("obstacle/pothole", "region/puddle", "region/crack", "region/snow", "region/ice"),
    ),
}
"""Attribute to the value that fewer things leave true, and the labels the others rest on."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of a picture, in whole pixels, that becomes a picture.

    Args:
        left: First column; negative where the window begins beside the picture.
        top: First row; negative where it begins above.
        span_wh: Width and height in pixels of the source, at least 1.
        size_wh: Width and height it becomes.

    Raises:
        GeometryError: If a side is below 1.

    >>> Window(10, 0, (20, 20), (40, 40)).points(np.array([[10.0, 0.0], [20.0, 20.0]])).tolist()
    [[0.0, 0.0], [20.0, 40.0]]
    """

    left: int
    top: int
    span_wh: Size
    size_wh: Size

    def __post_init__(self) -> None:
        if min(*self.span_wh, *self.size_wh) < 1:
            raise GeometryError(
                f"window must have sides of at least 1 pixel, got {self.span_wh} to {self.size_wh}."
            )

    @property
    def scale(self) -> FloatArray:
        """(2,) pixels of the result for each of the source."""
        return np.asarray(np.array(self.size_wh) / np.array(self.span_wh))

    def points(self, points: FloatArray) -> FloatArray:
        """Return (..., 2) points of the source in pixels of the result."""
        return np.asarray((points - (self.left, self.top)) * self.scale)

    def region(self, picture_wh: Size) -> tuple[int, int, int, int]:
        """Return x0, y0, x1, y1 of what the window shows of a picture, in pixels of the source.

        Raises:
            GeometryError: If the two do not meet.
        """
        x0, y0 = max(self.left, 0), max(self.top, 0)
        x1 = min(self.left + self.span_wh[0], picture_wh[0])
        y1 = min(self.top + self.span_wh[1], picture_wh[1])
        if x0 >= x1 or y0 >= y1:
            raise GeometryError(f"window must meet the picture {picture_wh}, got {self}.")
        return x0, y0, x1, y1

    def picture(self, image: Picture) -> Picture:
        """Return (H, W, 3) uint8 what the window shows of a picture, grey beside it."""
        height, width = image.shape[:2]
        x0, y0, x1, y1 = self.region((width, height))
        shown = image[y0:y1, x0:x1]
        if (x1 - x0, y1 - y0) != self.span_wh:
            right, bottom = self.left + self.span_wh[0], self.top + self.span_wh[1]
            sides = (y0 - self.top, bottom - y1, x0 - self.left, right - x1)
            padded = cv2.copyMakeBorder(shown, *sides, cv2.BORDER_CONSTANT, value=_FILL)
            shown = np.asarray(padded, dtype=np.uint8)
        shrinks = bool((self.scale < 1).any())
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(shown, self.size_wh, interpolation=how), dtype=np.uint8)

    def plane(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return (H, W) what the window shows of a mask or a plane of ids, 0 beside it.

        Each pixel takes the value under its centre.
        """
        height, width = values.shape
        self.region((width, height))
        columns, rows = (
            np.floor((np.arange(size) + 0.5) * span / size + start).astype(int)
            for size, span, start in zip(
                self.size_wh, self.span_wh, (self.left, self.top), strict=True
            )
        )
        inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
        shown = values[np.clip(rows, 0, height - 1)][:, np.clip(columns, 0, width - 1)]
        return np.where(inside, shown, np.zeros((), values.dtype))


@dataclass(frozen=True, slots=True)
class Viewed:
    """A scene through a window.

    Args:
        scene: Without the texts of the source, see ``augment_texts``.
        kept: Index in the source of each instance.
        cut: Indices in the source of those of which a part is left.
    """

    scene: Scene
    kept: tuple[int, ...]
    cut: tuple[int, ...]


def view_scene(scene: Scene, window: Window) -> Viewed:
    """Return what a window shows of a scene.

    Boxes that the new border cuts are ``cut off``; things of which less than ``MIN_LEFT`` is left
    are gone, and so are lines, areas and regions smaller than ``verdicts.MIN_SIDE_SHARE``. Facts
    about the frame or a road that a lost thing may have caused are left out: traffic is no
    longer dense where cars are gone. Only the renderer's ``extra`` stays.

    Raises:
        GeometryError: If the window does not meet the picture.
    """
    size_wh = scene.frame.size_wh
    region, picture = window.region(size_wh), (0, 0, *size_wh)
    kept: list[int] = []
    cut: list[int] = []
    shown: list[Instance] = []
    lost: list[str] = []
    for index, instance in enumerate(scene.instances):
        inside = _within(_whole_extent(instance), picture)
        is_cut = inside is not None and _within(inside, region) != inside
        found = _view_instance(instance, window, (region, picture), is_cut)
        lost += [instance.label] if found is None or is_cut else []
        if found is not None:
            kept.append(index)
            shown.append(found)
            cut += [index] if is_cut else []
    shown = [replace(one, attributes=_still_true(one.attributes, lost)) for one in shown]
    frame = replace(
        scene.frame,
        size_wh=window.size_wh,
        attributes=_still_true(scene.frame.attributes, lost),
    )
    extra = {name: scene.extra[name] for name in KEPT_OF_SCENE if name in scene.extra}
    instances = number_lines(shown, window.size_wh)
    return Viewed(Scene(frame, instances, extra), tuple(kept), tuple(cut))


def number_lines(instances: Iterable[Instance], size_wh: Size) -> tuple[Instance, ...]:
    """Return instances whose ``extra["order"]`` counts those that have one from left to right."""
    found = list(instances)
    lines = [
        i for i, one in enumerate(found) if "order" in one.extra and len(one.geometry.vertices())
    ]
    lines.sort(key=lambda i: x_at_bottom(found[i].geometry.vertices(), size_wh))
    for order, i in enumerate(lines, start=1):
        found[i] = replace(found[i], extra={**found[i].extra, "order": order})
    return tuple(found)


def _still_true(attributes: Mapping[str, str], lost: Iterable[str]) -> dict[str, str]:
    """Return the attributes that do not rest on what is lost."""
    gone = {
        name
        for name, (least, roots) in _RESTS_ON.items()
        if attributes.get(name, least) != least and any(lies_under(label, roots) for label in lost)
    }
    return {name: value for name, value in attributes.items() if name not in gone}


def _whole_extent(instance: Instance) -> Extent | None:
    """Return the box of a thing, hidden or not; None where it has no points."""
    if "box_xyxy" in instance.extra:
        return _extent(instance.extra["box_xyxy"])
    points = instance.geometry.vertices()
    return _extent([*points.min(axis=0), *points.max(axis=0)]) if len(points) else None


def _extent(numbers: Sequence[float]) -> Extent:
    x0, y0, x1, y1 = map(float, numbers)
    return x0, y0, x1, y1


def _within(box: Extent | None, region: Extent) -> Extent | None:
    """Return what a region holds of a box; None where they do not meet."""
    if box is None:
        return None
    x0, y0 = max(box[0], region[0]), max(box[1], region[1])
    x1, y1 = min(box[2], region[2]), min(box[3], region[3])
    return (x0, y0, x1, y1) if x0 <= x1 and y0 <= y1 else None


def _share_left(instance: Instance, region: Extent, picture: Extent) -> float:
    """Return the share in [0, 1] that a region holds of the visible extent in the picture."""
    seen = instance.extra.get("visible_box")
    before = _within(_whole_extent(instance) if seen is None else _extent(seen), picture)
    after = _within(before, region)
    if before is None or after is None:
        return 0.0
    share = 1.0
    for axis in (0, 1):
        side = before[axis + 2] - before[axis]
        share *= (after[axis + 2] - after[axis]) / side if side > 0 else 1.0
    return share


def _view_instance(
    instance: Instance, window: Window, where: tuple[Extent, Extent], is_cut: bool
) -> Instance | None:
    region, shape = where[0], instance.geometry
    spreads = isinstance(shape, Polyline) or lies_under(instance.label, _SPREADING)
    if not spreads and _share_left(instance, *where) < MIN_LEFT:
        return None
    clipped = clip_shape(shape, region)
    if clipped is None:
        return None
    moved = from_parts(shape.kind, tuple(window.points(part) for part in clipped.parts()))
    if spreads and is_cut and _is_small(moved, window.size_wh):
        return None
    extra = {name: instance.extra[name] for name in KEPT_EXTRA if name in instance.extra}
    if clipped is not shape:
        extra.pop("hidden", None)  # numbers the points of the whole line
    for name in BOXES:
        if name in instance.extra:
            corners = np.reshape(instance.extra[name], (2, 2)).clip(region[:2], region[2:])
            extra[name] = window.points(corners).ravel().tolist()
    attributes: Mapping[str, str] = _view_attributes(instance, is_cut)
    if bool((window.scale < 1).any()):
        attributes = _shrunk(attributes, moved, extra)
    return Instance(
        instance.label,
        moved,
        attributes,
        instance.visibility,
        instance.confidence,
        instance.source,
        extra,
    )


def _view_attributes(instance: Instance, is_cut: bool) -> dict[str, str]:
    """Return attributes with ``visible_state`` as it is at the new border."""
    attributes, label = dict(instance.attributes), instance.label
    if is_cut and instance.geometry.kind in ("box", "point"):
        space = default_label_space()
        known = space.attributes_of(label) if label in space.labels else {}
        if "cut off" in known.get("visible_state", ()):
            attributes["visible_state"] = "cut off"
    return attributes


def _shrunk(
    attributes: Mapping[str, str], shape: Geometry, extra: Mapping[str, Any]
) -> Mapping[str, str]:
    """Return attributes without what can no longer be told of a face that got smaller."""
    side = face_side(shape, extra)
    return without_clear(attributes) if side is None or side < READABLE_PX else attributes


def without_clear(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a sign or light that may be unreadable now."""
    pairs = attributes.items()
    return {name: value for name, value in pairs if (name, value) != ("visible_state", "clear")}


def face_side(shape: Geometry, extra: Mapping[str, Any]) -> float | None:
    """Return the shorter side of a face in pixels; None where only a point is known."""
    box = extra.get("box_xyxy")
    corners = shape.vertices() if box is None else np.reshape(box, (2, 2))
    return float(np.ptp(corners, axis=0).min()) if len(corners) > 1 else None


def _is_small(shape: Geometry, size_wh: Size) -> bool:
    """Tell what may be overlooked: lines short in both ways, areas short in one."""
    sides = np.ptp(shape.vertices(), axis=0) / np.array(size_wh)
    return bool((sides.max() if isinstance(shape, Polyline) else sides.min()) < MIN_SIDE_SHARE)


def clip_shape(shape: Geometry, region: Extent) -> Geometry | None:
    """Return what a region of whole pixels holds of a shape; None where nothing is left.

    Args:
        shape: In pixels.
        region: x0, y0, x1, y1 in pixels.

    What lies wholly inside stays as it is. A line that is cut keeps its longest piece, a polygon
    its rings in canonical order (``tokens.rings``), holes after their shells.

    >>> clip_shape(Box(np.array([0.0, 0.0, 9.0, 9.0])), (3, 0, 20, 20)).xyxy.tolist()
    [3.0, 0.0, 9.0, 9.0]
    """
    points = shape.vertices()
    inside = ((points >= region[:2]) & (points <= region[2:])).all(axis=1)
    if isinstance(shape, Box):
        box = _within(_extent(shape.xyxy.tolist()), region)
        return None if box is None or box[0] == box[2] or box[1] == box[3] else Box(np.array(box))
    if isinstance(shape, Anchors):
        return Anchors(points[inside]) if inside.any() else None
    if isinstance(shape, Point) or not len(points) or inside.all():
        return shape if len(points) and inside.all() else None
    try:
        return _clip_parts(shape, region)
    except GeometryError:  # nothing of it meets the region
        return None


def _clip_parts(shape: Polyline | Polygon, region: Extent) -> Geometry | None:
    corner = np.array(region[:2])
    width, height = int(region[2] - region[0]), int(region[3] - region[1])
    if isinstance(shape, Polyline):
        piece = clip_line(shape.xy - corner, (width, height)) + corner
        return Polyline(piece) if len(piece) > 1 else None
    rings = clip_rings(tuple(ring - corner for ring in shape.rings), (width, height))
    has_area = len(rings[0]) > 2 and bool(np.ptp(rings[0], axis=0).all())
    return Polygon(tuple(ring + corner for ring in rings)) if has_area else None
