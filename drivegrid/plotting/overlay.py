"""Scenes and anchor traces drawn on their frames. No files are read or written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import (
    Anchors,
    Box,
    FloatArray,
    Geometry,
    Point,
    Polygon,
    Polyline,
    from_parts,
)
from drivegrid.labels import default_label_space
from drivegrid.plotting.canvas import Canvas, ImageArray
from drivegrid.plotting.palette import OFFSET, PROPOSED, RESULT, WHITE, Color, scene_colors
from drivegrid.plotting.trace import AnchorTrace
from drivegrid.tokens.grid import GridSpec


def draw_scene(image: ImageArray, scene: Scene, *, texts: bool = True) -> ImageArray:
    """Return a copy of the image with the instances of a scene on it.

    Args:
        image: (height, width, 3) uint8 RGB. Where its size differs from the scene's frame, for
            example in a thumbnail, the shapes are scaled with it.
        scene: What to draw; shapes may leave the image.
        texts: Whether to write names and confidences.

    Raises:
        GeometryError: If the image is of another shape or type.

    Regions lie below lines, lines below boxes, boxes below points, and texts above all.
    """
    canvas = Canvas(image)
    scale = np.array(canvas.size_wh) / np.array(scene.frame.size_wh)
    colored = zip(scene.instances, scene_colors(scene.instances), strict=True)
    drawn = [(_scaled(item, scale), color) for item, color in colored if item.geometry.parts()]
    drawn = [pair for pair in drawn if len(pair[0].geometry.vertices())]
    drawn.sort(key=lambda pair: _LEVELS[pair[0].geometry.kind])
    for instance, color in drawn:
        draw_shape(canvas, instance.geometry, color)
    for instance, color in reversed(drawn if texts else []):
        place = _text_place(instance.geometry)
        if np.all((place >= -1) & (place <= np.array(canvas.size_wh) + 1)):
            canvas.text(instance_text(instance), place, color)
    return canvas.image


def draw_trace(image: ImageArray, trace: AnchorTrace, grid: GridSpec | None = None) -> ImageArray:
    """Return a copy of the image with one trace on it; see `draw_traces`."""
    return draw_traces(image, [trace], grid)


def draw_traces(
    image: ImageArray, traces: Sequence[AnchorTrace], grid: GridSpec | None = None
) -> ImageArray:
    """Return a copy of the image with the way of each anchor on it.

    Args:
        image: (height, width, 3) uint8 RGB, in whose pixels the traces are given.
        traces: Proposed anchors (red discs), offsets (blue arrows), results (small green discs,
            with their two-sigma ellipse where the spread is known); deleted anchors are crossed
            out.
        grid: The lattice to draw below; None draws none.

    Raises:
        GeometryError: If the image is of another shape or type.
    """
    canvas = Canvas(image)
    if grid is not None:
        canvas.lattice(grid.cols, grid.rows)
    for trace in traces:
        _draw_anchors(canvas, trace)
    return canvas.image


def instance_text(instance: Instance) -> str:
    """Return the words drawn at an instance: role or label, telling attributes, confidence.

    >>> instance_text(Instance("light/vehicle", Point([3.0, 4.0]), {"state": "red"}))
    'vehicle traffic light red'
    """
    known = default_label_space().labels.get(instance.label)
    words = known.words if known else instance.label.split("/")[-1]
    parts = [instance.attributes.get("role", words)]
    parts += [instance.attributes[name] for name in _TOLD if name in instance.attributes]
    parts += [f"{instance.confidence:.2f}"] if instance.confidence is not None else []
    return " ".join(parts)


_TOLD = ("state", "limit")
_LEVELS = {"poly": 0, "line": 1, "box": 2, "seg": 3, "point": 3}


def _draw_anchors(canvas: Canvas, trace: AnchorTrace) -> None:
    """Draw one trace, the spread lowest and the crosses highest."""
    kept = np.flatnonzero(~trace.deleted)
    if trace.covariance is not None:
        for i in kept:
            canvas.ellipse(trace.moved[i], trace.covariance[i], WHITE)
    for place in trace.proposed:
        canvas.dot(place, PROPOSED)
    for i in kept:
        canvas.arrow(trace.proposed[i], trace.moved[i], OFFSET)
        canvas.dot(trace.moved[i], RESULT, radius=1.0)
    for place in trace.proposed[trace.deleted]:
        canvas.cross(place, PROPOSED)


def _scaled(instance: Instance, scale: FloatArray) -> Instance:
    """Return the instance with its shape scaled by (2,) factors."""
    shape = instance.geometry
    parts = tuple(part * scale for part in shape.parts())
    return replace(instance, geometry=from_parts(shape.kind, parts))


def draw_shape(canvas: Canvas, shape: Geometry, color: Color) -> None:
    """Draw one shape in its kind's way."""
    match shape:
        case Polygon(rings=rings):
            canvas.fill(rings, color)
            for ring in rings:
                canvas.line(ring, color, closed=True)
        case Polyline(xy=xy) if len(xy) > 1:
            canvas.line(xy, color)
        case Box(xyxy=xyxy):
            canvas.line(xyxy[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2), color, closed=True)
        case Point() | Polyline() | Anchors():
            for place in shape.vertices():
                canvas.dot(place, color)


def _text_place(shape: Geometry) -> FloatArray:
    """Return the (2,) place in pixels a text belongs to."""
    vertices = shape.vertices()
    match shape:
        case Polyline():
            # A third of the way up: the near ends leave the image, the far ends meet.
            near_to_far = vertices[np.argsort(-vertices[:, 1], kind="stable")]
            place = near_to_far[len(vertices) // 3]
        case Polygon():
            place = vertices.mean(axis=0)
        case _:
            place = vertices.min(axis=0)
    return np.asarray(place, dtype=np.float64)
