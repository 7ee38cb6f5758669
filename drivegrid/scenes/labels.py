"""Exact labels from the camera, the world and the id planes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import shapely

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, FloatArray, Point, Polygon, Size
from drivegrid.scenes import conditions
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.clipping import clip_ring
from drivegrid.scenes.ground_labels import area_instances, line_instances, mark_instances
from drivegrid.scenes.placing import Thing
from drivegrid.scenes.silhouettes import Extent, Outline, id_counts
from drivegrid.scenes.stations import SHIFT
from drivegrid.scenes.strip_labels import strip_instances
from drivegrid.scenes.view import UInt8Array, UInt16Array
from drivegrid.scenes.world import World

MIN_VISIBILITY = 0.2
MIN_SIDE_PX = 6.0
"""Things less visible, or whose visible box is smaller in native pixels, have no label."""

UNREADABLE_PX = 13.0
"""A sign face lower or narrower than this, in native pixels, cannot be read."""

UNREADABLE_LIGHT_PX = 4.5
"""Which lamp of a narrower light is lit cannot be told, in native pixels."""

NIGHT_READING_M = 40.0
"""Signs farther away are too dark to read at night."""

_MIN_PIECE_PX = 30
_RUN = 3
"""A thing of more bodies is a run along the road, labelled by its visible outline."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The id planes and what was drawn into them.

    Args:
        camera: At the size of the picture.
        segments: (H, W) uint8 segment of each pixel.
        instances: (H, W) uint16 instance id of each pixel.
        areas: Pixels that each id would cover if nothing hid it.
        boxes: x1, y1, x2, y2 of each id inside the picture, hidden or not.
        cut: Ids that the picture's border cuts.
    """

    camera: Camera
    segments: UInt8Array
    instances: UInt16Array
    areas: dict[int, int]
    boxes: dict[int, Extent]
    cut: frozenset[int]

    def visible(self, number: int) -> tuple[int, tuple[int, int, int, int]]:
        """Return how many pixels of an id are visible, and the x1, y1, x2, y2 that hold them."""
        x0, y0, x1, y1 = self.boxes[number]
        left, top = max(int(x0) - 2, 0), max(int(y0) - 2, 0)
        # What lies beyond the picture's border numpy leaves out by itself.
        mask = self.instances[top : int(y1) + 3, left : int(x1) + 3] == number
        own = mask.view(np.uint8)
        x, y, wide, tall = cv2.boundingRect(own)
        return cv2.countNonZero(own), (left + x, top + y, left + x + wide, top + y + tall)

    def visible_point(self, number: int, middle: tuple[float, float]) -> FloatArray:
        """Return the (2,) middle of a thing if it is visible, else its nearest visible pixel."""
        width, height = self.camera.size_wh
        row, column = min(int(middle[1]), height - 1), min(int(middle[0]), width - 1)
        if self.instances[row, column] == number:
            return np.array(middle)
        _, (left, top, right, bottom) = self.visible(number)
        rows, columns = np.nonzero(self.instances[top:bottom, left:right] == number)
        pixels = np.column_stack([columns + left, rows + top]) + 0.5
        return np.asarray(pixels[np.argmin(((pixels - middle) ** 2).sum(axis=1))])


def union_boxes(outlines: list[Outline], size_wh: Size) -> tuple[dict[int, Extent], frozenset[int]]:
    """Return the box of what each labelled id shows inside the picture, hidden or not.

    Returns:
        x1, y1, x2, y2 by id, and the ids that the picture's border cuts. What lies outside the
        picture has no part in a box: a pole whose lamp is above it is as wide as the pole.
    """
    boxes: dict[int, Extent] = {}
    cut = set()
    for outline in outlines:
        number = outline.body.part_of
        if not number:
            continue
        box: Extent | None = outline.box
        if not _inside(outline.box, size_wh):
            cut.add(number)
            box = _box_inside(outline, size_wh)
        if box is not None:
            boxes[number] = _joined([boxes[number], box]) if number in boxes else box
    return boxes, frozenset(cut)


def _inside(box: Extent, size_wh: Size) -> bool:
    return min(box) >= 0 and box[2] <= size_wh[0] and box[3] <= size_wh[1]


def _joined(boxes: list[Extent]) -> Extent:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _box_inside(outline: Outline, size_wh: Size) -> Extent | None:
    """Return the extents of the outline's parts cut to the picture, None if all is outside."""
    found: list[Extent] = []
    for hull in outline.whole:
        left, top, wide, tall = cv2.boundingRect(hull)
        right, bottom = left + wide - 1, top + tall - 1
        extent = (_pixels(left), _pixels(top), _pixels(right), _pixels(bottom))
        if _inside(extent, size_wh):
            found.append(extent)
        elif len(ring := clip_ring(hull[:, 0] / (1 << SHIFT) + 0.5, size_wh)):
            found.append((*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist()))
    return _joined(found) if found else None


def _pixels(fixed: int) -> float:
    return fixed / (1 << SHIFT) + 0.5


def label_world(world: World, seen: Seen) -> Scene:
    """Return the scene: lane lines, marks, things, drivable areas, with their attributes."""
    things = []
    for number, thing in enumerate(world.things, start=world.first_id):
        if number in seen.areas and number in seen.boxes:
            found = _thing_instance(world, seen, thing, number)
            things += [found] if found is not None else []
    vehicles = [i for i in things if i.label.startswith("object/vehicle/")]
    counts = id_counts(seen.instances, world.first_id - 1)
    flats = mark_instances(world, seen.camera, counts, seen.areas)
    surface = conditions.surface_of(world, flats, things)
    density = conditions.density_of(len(vehicles))
    areas = area_instances(world, seen.camera, surface, density)
    strips = strip_instances(world, seen.camera, seen.segments)
    blockage = areas[0].attributes["blockage"] if areas else "open"
    attributes = {
        "weather": world.weather,
        "time": world.time,
        "place": world.road.place,
        "blockage": blockage,
        "surface": surface,
        "density": density,
    }
    lines = line_instances(world, seen.camera, seen.segments, seen.areas)
    extra = {"seed": world.seed, "template": world.template, "held_out": list(world.held_out())}
    frame = Frame("", seen.camera.size_wh, attributes)
    return Scene(frame, (*lines, *flats, *things, *areas, *strips), extra)


def _thing_instance(world: World, seen: Seen, thing: Thing, number: int) -> Instance | None:
    """Return a thing's label, or None if too little of it is seen."""
    inside = seen.boxes[number]
    size = seen.camera.size_wh
    native = world.camera.size_wh[0] / size[0]
    least = MIN_SIDE_PX * (0.5 if thing.label.startswith("light/") else 1.0)
    side = min(inside[2] - inside[0], inside[3] - inside[1])
    if side * native < least:
        return None
    pixels, box = seen.visible(number)
    visibility = min(pixels / max(seen.areas[number], 1), 1.0)
    if visibility < MIN_VISIBILITY:
        return None
    extra: dict[str, Any] = {
        "id": number,
        "visible_box": [float(end) for end in box],
        "ego": conditions.ego_relations(world, thing),
    }
    cut = number in seen.cut
    if len(thing.bodies) > _RUN:
        return _run_instance(seen, thing, number, visibility, extra)
    if thing.shape == "point":
        middle = ((inside[0] + inside[2]) / 2, (inside[1] + inside[3]) / 2)
        place = seen.visible_point(number, middle)
        return _sign_instance(world, thing, (inside, native, cut, place), visibility, extra)
    state = conditions.visible_state(visibility, cut)
    attributes = dict(thing.attributes) | {"visible_state": state}
    if thing.label.startswith("light/"):
        attributes["visible_state"] = _light_state(
            thing, visibility, cut, bool(side * native < UNREADABLE_LIGHT_PX)
        )
    return Instance(
        thing.label,
        Box(np.array(inside)),
        attributes,
        visibility=round(visibility, 4),
        source="rendered",
        extra=extra,
    )


def _light_state(thing: Thing, visibility: float, cut: bool, small: bool) -> str:
    if cut:
        return "cut off"
    if conditions.facing(thing.bodies[0]) < 0.2:
        return "turned away"
    if visibility < 0.9:
        return "partly hidden"
    return "unreadable" if small else "clear"


def _run_instance(
    seen: Seen, thing: Thing, number: int, visibility: float, extra: dict[str, Any]
) -> Instance | None:
    """A rail, wall or fence by the outline of what is seen of it."""
    rings = visible_rings(seen.instances, number)
    if not rings:
        return None
    return Instance(
        thing.label,
        Polygon(rings),
        dict(thing.attributes),
        visibility=round(visibility, 4),
        source="rendered",
        extra=extra,
    )


def visible_rings(instances: UInt16Array, number: int) -> tuple[FloatArray, ...]:
    """Return the outlines of an id's visible pieces of at least 30 pixels, largest first.

    Outlines run along the pixels' outer edges, smoothed by at most 0.7 pixels, and never cross
    themselves: necks of one pixel are widened, holes are filled.
    """
    mask = (instances == number).view(np.uint8)
    left, top, wide, tall = cv2.boundingRect(mask)
    found, _ = cv2.findContours(
        mask[top : top + tall, left : left + wide],
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_SIMPLE,
        offset=(left, top),
    )
    rings = []
    for ring in found:
        if cv2.contourArea(ring) >= _MIN_PIECE_PX:
            shape = shapely.polygons(ring[:, 0] + 0.5).buffer(0.5, join_style="mitre")
            rings += _rings_inside(shape.simplify(0.7), mask.shape)
    return tuple(ring for _, ring in sorted(rings, key=lambda pair: -pair[0]))


def _rings_inside(
    shape: shapely.Polygon | shapely.MultiPolygon, size_hw: tuple[int, ...]
) -> list[tuple[float, FloatArray]]:
    """Return area and outline of what lies inside the picture; sharp mitres may leave it."""
    left, top, right, bottom = shape.bounds
    if min(left, top) >= 0 and right <= size_hw[1] and bottom <= size_hw[0]:
        return [(shape.area, shapely.get_coordinates(shape.exterior)[1:])]
    shape = shape.intersection(shapely.box(0, 0, size_hw[1], size_hw[0]))
    pieces = shape.geoms if isinstance(shape, shapely.MultiPolygon) else [shape]
    return [(p.area, shapely.get_coordinates(p.exterior)[:-1]) for p in pieces if p.area > 0]


def _sign_instance(
    world: World,
    thing: Thing,
    where: tuple[Extent, float, bool, FloatArray],
    visibility: float,
    extra: dict[str, Any],
) -> Instance:
    """A sign by a point on its face; one seen from behind is a ``sign/back``."""
    box, native, cut, middle = where
    facing = conditions.facing(thing.bodies[0])
    small = min(box[2] - box[0], box[3] - box[1]) * native < UNREADABLE_PX
    dim = math.exp(-thing.spot.depth_m / world.light.fog_m) < 0.3
    dim |= world.light.night and thing.spot.depth_m > NIGHT_READING_M
    attributes, label = dict(thing.attributes), thing.label
    if cut:
        state = "cut off"
    elif facing < 0.2:
        state = "turned away"
    elif visibility < 0.9:
        state = "partly hidden"
    else:
        state = "unreadable" if small or dim else "clear"
    if facing < 0.0:
        label, attributes = "sign/back", {"shape": attributes["shape"]}
    attributes["visible_state"] = state
    extra = extra | {"box_xyxy": list(box), "face": thing.bodies[0].face}
    return Instance(
        label,
        Point(middle),
        attributes,
        visibility=round(visibility, 4),
        source="rendered",
        extra=extra,
    )


def inside_picture(points: FloatArray, size_wh: Size) -> bool:
    """Return whether all (N, 2) points lie in the picture, its border included."""
    return bool((points >= -1e-6).all() and (points <= np.array(size_wh) + 1e-6).all())
