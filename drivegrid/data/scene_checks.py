"""What is wrong inside a scene: shapes, words, duplicates, markings labelled twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import shapely

from drivegrid.data.formats.losing import unread_in
from drivegrid.data.lane_edges import find_edge_pairs
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.sizing import ASSUMED
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, FloatArray, Polygon, Polyline, Size
from drivegrid.labels import LabelSpace

BEYOND_PX = 2.0
"""Labels that end on the border lie up to this far outside, by how their tool counts pixels."""


def check_scene(scene: Scene, space: LabelSpace) -> Iterator[tuple[str, str]]:
    """Yield (item, message) of every fault inside a scene."""
    yield from (("frame", message) for message in _check_frame(scene.frame, space))
    yield from ((item, "lane must have points, got none") for item in _empty_lanes(scene))
    yield from _unread(scene)
    seen: dict[tuple[str, object], int] = {}
    for index, instance in enumerate(scene.instances):
        item = f"instance {index} ({instance.label})"
        for message in _check_words(instance, space):
            yield item, message
        for message in _check_shape(instance, scene.frame.size_wh):
            yield item, message
        first = seen.setdefault((instance.label, instance.geometry), index)
        if first != index:
            yield item, f"instance must occur once, got the same as instance {first}"
    for first, second in find_edge_pairs(scene):
        if scene.instances[first].geometry != scene.instances[second].geometry:
            item = f"instance {second} ({scene.instances[second].label})"
            yield item, f"line must be a marking of its own, got the other edge of instance {first}"


def beyond_image(scene: Scene) -> Counter[str]:
    """Return kind of shape to instances partly outside the image, by more than ``BEYOND_PX``."""
    counts: Counter[str] = Counter()
    for instance in scene.instances:
        points = instance.geometry.vertices()
        if len(points) and _meets(instance, scene.frame.size_wh):
            far = max(-points.min(), (points - scene.frame.size_wh).max())
            counts[instance.geometry.kind] += bool(far > BEYOND_PX)
    return +counts


def below_assumed(scene: Scene) -> float | None:
    """Return how far down labels reach below a size that was only assumed; None if they do not.

    Lanes leave a picture at its sides, but nothing is marked below it.
    """
    if scene.extra.get(ASSUMED) is not True:
        return None
    ends = [
        float(points[:, 1].max()) for i in scene.instances if len(points := i.geometry.vertices())
    ]
    lowest = max(ends, default=0.0)
    return lowest if lowest > scene.frame.size_wh[1] + BEYOND_PX else None


def _check_frame(frame: Frame, space: LabelSpace) -> Iterator[str]:
    for name, value in frame.attributes.items():
        values = space.frame_attributes.get(name)
        if values is None:
            yield f"frame attribute must be in the taxonomy, got {name!r}"
        elif value not in values:
            yield f"{name} must be one of {', '.join(values)}, got {value!r}"


def _unread(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what a reader saw and could make no instance of."""
    try:
        _, found = unread_in(scene)
    except FormatError as error:
        yield "frame", error.message
        return
    yield from ((item, f"label must become an instance, got {what}") for item, what in found)


def _empty_lanes(scene: Scene) -> Iterator[str]:
    """Yield the lanes without any point, which readers keep beside the instances."""
    for name, inner in (("tusimple", "empty"), ("curvelanes", "empty"), ("openlane", "lane_lines")):
        own = scene.extra.get(name)
        if isinstance(own, dict) and isinstance(own.get("frame"), dict):
            own = own["frame"]
        empty = own.get(inner) if isinstance(own, dict) else None
        for entry in empty if isinstance(empty, list) else ():
            yield f"lane {entry[0] if isinstance(entry, list) and entry else entry!s:.20}"


def _check_words(instance: Instance, space: LabelSpace) -> Iterator[str]:
    if instance.label not in space.labels:
        yield f"label must be in the taxonomy, got {instance.label!r}"
        return
    allowed = space.attributes_of(instance.label)
    for name, value in instance.attributes.items():
        if name not in allowed:
            yield f"attribute must be one of {', '.join(allowed) or 'none'}, got {name!r}"
        elif value not in allowed[name]:
            yield f"{name} must be one of {', '.join(allowed[name])}, got {value!r}"


def _check_shape(instance: Instance, size_wh: Size) -> Iterator[str]:
    """Yield what is wrong with a shape: nothing there, no extent, off the image, crossing."""
    shape = instance.geometry
    points = shape.vertices()
    if not len(points):
        yield f"{shape.kind} must have points, got none"
        return
    if isinstance(shape, Polyline) and len(points) == 1:
        yield "line must have at least 2 points, got 1"
    elif isinstance(shape, Polyline) and not np.ptp(points, axis=0).any():
        yield f"line must have a length, got {len(points)} times the same point"
    if isinstance(shape, Box) and not shape.wh.all():
        yield f"box must have an area, got {shape.xyxy.tolist()}"
    if isinstance(shape, Polygon):
        for place, ring in enumerate(shape.rings):
            yield from (f"{message} in ring {place}" for message in _check_ring(ring))
    if not _meets(instance, size_wh):
        yield f"{shape.kind} must meet the image {size_wh[0]}x{size_wh[1]}, got one outside"


def _check_ring(ring: FloatArray) -> Iterator[str]:
    if len(ring) < 3:
        yield f"ring must have at least 3 points, got {len(ring)}"
    elif not shapely.is_simple(shapely.linearrings(ring)):
        yield "ring must not cross or touch itself, got a crossing"
    elif shapely.area(shapely.polygons(ring)) == 0:
        yield "ring must have an area, got none"


def _meets(instance: Instance, size_wh: Size) -> bool:
    """Tell whether any part of a shape lies in the closed image."""
    image, shape = shapely.box(0, 0, *size_wh), instance.geometry
    points = shape.vertices()
    if ((points >= 0) & (points <= size_wh)).all(axis=1).any():
        return True
    if isinstance(shape, Box):
        return bool(image.intersects(shapely.box(*shape.xyxy)))
    if isinstance(shape, Polyline) and len(points) > 1:
        return bool(image.intersects(shapely.LineString(points)))
    if isinstance(shape, Polygon):
        whole = [shapely.Polygon(ring) for ring in shape.rings if len(ring) >= 3]
        return any(image.intersects(shapely.make_valid(ring)) for ring in whole)
    return False
