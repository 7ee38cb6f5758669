"""Colours that stay apart for colour-blind eyes.

Named ones are from Okabe and Ito, "Color Universal Design" (2008); all are 8-bit RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray, Polyline

Color: TypeAlias = tuple[int, int, int]
"""Red, green, blue in [0, 255]."""

BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)
ORANGE: Color = (230, 159, 0)
SKY: Color = (86, 180, 233)
GREEN: Color = (0, 158, 115)
YELLOW: Color = (240, 228, 66)
VERMILLION: Color = (213, 94, 0)
PURPLE: Color = (204, 121, 167)

PROPOSED: Color = (220, 50, 32)
OFFSET: Color = (64, 156, 255)
RESULT: Color = (60, 210, 120)
"""Proposal anchors, their offsets and where these lead; size and shape differ as well."""

ROLE_COLORS: dict[str, Color] = {
    "ego-left": SKY,
    "ego-right": ORANGE,
    "left": PURPLE,
    "right": YELLOW,
    "far-left": GREEN,
    "far-right": VERMILLION,
}
"""Lane lines by the value of their attribute ``role``."""

LANE_CYCLE: tuple[Color, ...] = (SKY, ORANGE, PURPLE, YELLOW, GREEN, VERMILLION)
"""Lane lines without a role, counted from the left."""

LABEL_COLORS: dict[str, Color] = {
    "area": GREEN,
    "obstacle": VERMILLION,
    "object": SKY,
    "sign": YELLOW,
    "light": ORANGE,
}
"""Everything else, by the first part of its taxonomy path; purple where none fits."""


def scene_colors(instances: Sequence[Instance]) -> list[Color]:
    """Return one colour for each instance.

    Lines take the colour of their ``role``; without one, of their place among the lines without
    one, counted from the left at the bottom of the picture. Other shapes go by their label.

    >>> scene_colors([Instance("lane/line", Polyline([[9, 90], [50, 10]]))]) == [SKY]
    True
    """
    colors = [
        ROLE_COLORS.get(instance.attributes.get("role", ""))
        or LABEL_COLORS.get(instance.label.split("/")[0], PURPLE)
        for instance in instances
    ]
    for place, index in enumerate(_lines_left_to_right(instances)):
        colors[index] = LANE_CYCLE[place % len(LANE_CYCLE)]
    return colors


def _lines_left_to_right(instances: Sequence[Instance]) -> list[int]:
    """Return indices of the lines without a known role, by where they meet a common bottom row."""
    lines = [
        (index, instance.geometry.xy)
        for index, instance in enumerate(instances)
        if isinstance(instance.geometry, Polyline)
        and len(instance.geometry.xy)
        and instance.attributes.get("role") not in ROLE_COLORS
    ]
    bottom = max((float(xy[:, 1].max()) for _, xy in lines), default=0.0)
    lines.sort(key=lambda line: _x_at(line[1], bottom))
    return [index for index, _ in lines]


def _x_at(xy: FloatArray, y: float) -> float:
    """Return x where the straight line through the nearer half of a polyline meets row y."""
    near = xy[np.argsort(-xy[:, 1], kind="stable")][: max(2, len(xy) // 2)]
    (x0, y0), (x1, y1) = near[0], near[-1]
    return float(x0 if y0 == y1 else x0 + (x1 - x0) * (y - y0) / (y1 - y0))
