"""A prediction drawn over its truth: what was found, what is false, what is missing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from drivegrid.data.scene import Scene
from drivegrid.geometry import FloatArray, Geometry, Polygon, from_parts
from drivegrid.plotting.canvas import Canvas, ImageArray
from drivegrid.plotting.overlay import draw_shape
from drivegrid.plotting.palette import SKY, VERMILLION, WHITE, YELLOW, Color

FOUND, FALSE, MISSED, TRUE = SKY, VERMILLION, YELLOW, WHITE
"""A hit, a false alarm, a truth nobody found, and the truth of a hit."""
LEGEND = "found (blue) over its truth (white), false alarm (red), missed (yellow)"
UNMATCHED_LEGEND = "rules that match nothing: prediction (blue) over truth (white)"


@dataclass(frozen=True, slots=True)
class Compared:
    """What takes part in a comparison, by place in the scenes.

    Args:
        found: Predictions that count.
        false: Predictions that do not.
        hit: True instances that were found.
        missed: True instances that were not.
    """

    found: Collection[int] = ()
    false: Collection[int] = ()
    hit: Collection[int] = ()
    missed: Collection[int] = ()


def draw_comparison(image: ImageArray, pred: Scene, gt: Scene, compared: Compared) -> ImageArray:
    """Return a copy of the image with prediction and truth on it, in the colours of `LEGEND`.

    Args:
        image: (height, width, 3) uint8 RGB; shapes are scaled to it.
        pred: The prediction.
        gt: The truth.
        compared: Which instances are drawn, and as what.

    Raises:
        GeometryError: If the image is of another shape or type.
    """
    canvas = Canvas(image)
    order: list[tuple[Scene, Collection[int], Color]] = [
        (gt, compared.hit, TRUE),
        (gt, compared.missed, MISSED),
        (pred, compared.false, FALSE),
        (pred, compared.found, FOUND),
    ]
    for scene, places, color in order:
        scale = np.array(canvas.size_wh) / np.array(scene.frame.size_wh)
        for place in sorted(places):
            shape = scene.instances[place].geometry
            if len(shape.vertices()):
                _draw(canvas, shape, scale, color)
    return canvas.image


def _draw(canvas: Canvas, shape: Geometry, scale: FloatArray, color: Color) -> None:
    parts = tuple(part * scale for part in shape.parts())
    if isinstance(shape, Polygon):  # filled ones would hide each other
        for ring in parts:
            canvas.line(ring, color, closed=True)
    else:
        draw_shape(canvas, from_parts(shape.kind, parts), color)
