"""Arrows and plans of junctions, in the box [-1, 1]²; black on a sign or white on blue."""

from __future__ import annotations

from math import atan2, degrees

from drivegrid.scenes.faces.marks import Marks, Point, Ring, arc, area, mirrored, place, strokes

SHAFT = 0.3


def _head(tip: Point, turn_deg: float, size: float = 0.42) -> Marks:
    """An arrow head; 0 points up."""
    return place(area(((0, 0), (-1, -1.05), (1, -1.05))), tip, size, turn_deg)


def bent_arrow(*course: Point, head: float = 0.42, width: float = SHAFT) -> Marks:
    """Return an arrow along a course of straight pieces with its tip at the last point."""
    (before_x, before_y), (x, y) = course[-2:]
    dx, dy = x - before_x, y - before_y
    length = (dx * dx + dy * dy) ** 0.5
    turn = degrees(atan2(-dx, dy))
    end = (x - dx / length * head * 0.9, y - dy / length * head * 0.9)
    return strokes(width, (*course[:-1], end), flat=True) + _head((x, y), turn, head)


STRAIGHT = bent_arrow((0, -0.9), (0, 0.95), head=0.5)
SLIGHT_RIGHT = bent_arrow((-0.1, -0.9), (-0.1, -0.2), (0.7, 0.75), head=0.5)
TURN_RIGHT = bent_arrow(
    (-0.55, -0.85),
    (-0.55, -0.1),
    *arc((-0.1, -0.1), (0.45, 0.45), 170, 90, 6),
    (0.95, 0.35),
    head=0.5,
    width=0.34,
)
"""The arrow of "turn right ahead"."""
STRAIGHT_OR_RIGHT = bent_arrow((-0.25, -0.9), (-0.25, 0.95)) + bent_arrow(
    (-0.25, -0.45), (-0.1, -0.12), (0.15, 0), (0.9, 0)
)
LEFT_OR_RIGHT = bent_arrow((0, -0.8), (0, 0), (0.3, 0.2), (0.98, 0.2)) + bent_arrow(
    (0, -0.8), (0, 0), (-0.3, 0.2), (-0.98, 0.2)
)
U_TURN = bent_arrow(
    (0.45, -0.85), (0.45, 0.3), *arc((0, 0.3), (0.45, 0.45), 15, 180, 9), (-0.45, -0.65), head=0.46
)
RIGHT = bent_arrow((-0.95, 0), (0.95, 0), head=0.5)
DOWN = place(STRAIGHT, turn_deg=180)
KEEP_RIGHT = place(STRAIGHT, turn_deg=-135)
EITHER_SIDE = place(KEEP_RIGHT, (0.42, 0), 0.72) + place(mirrored(KEEP_RIGHT), (-0.42, 0), 0.72)
SLIGHT_LEFT, TURN_LEFT = mirrored(SLIGHT_RIGHT), mirrored(TURN_RIGHT)
STRAIGHT_OR_LEFT, KEEP_LEFT, LEFT = (
    mirrored(STRAIGHT_OR_RIGHT),
    mirrored(KEEP_RIGHT),
    mirrored(RIGHT),
)


def ring_of_arrows(count: int, radius: float = 0.68) -> Marks:
    """Return the arrows of a roundabout."""
    one_turn = 360 / count
    end = one_turn * 0.55
    course = arc((0, 0), (radius, radius), 0, end, 8)
    tip = arc((0, 0), (radius, radius), end + 30, 0, 2)[0]
    one = strokes(0.26, course, flat=True) + _head(tip, end + 16, 0.36)
    return tuple(mark for i in range(count) for mark in place(one, turn_deg=90 + i * one_turn))


CURVE_RIGHT = bent_arrow(
    (-0.4, -0.9),
    (-0.4, -0.15),
    *arc((0.1, -0.15), (0.5, 0.5), 170, 120, 4),
    (0.75, 0.7),
    width=0.26,
    head=0.4,
)
CURVE_LEFT = mirrored(CURVE_RIGHT)
BEND_RIGHT = bent_arrow((-0.45, -0.9), (-0.45, 0.25), (0.9, 0.25), width=0.26, head=0.4)
DOUBLE_CURVE = bent_arrow(
    (0.3, -0.95), (0.3, -0.45), (-0.3, 0.05), (-0.3, 0.4), (0.25, 0.95), width=0.26, head=0.36
)
WINDING = bent_arrow(
    (0, -0.95),
    *arc((0, -0.6), (0.28, 0.28), -70, 70, 5),
    *arc((0, -0.05), (0.28, 0.28), 250, 110, 5),
    (0.15, 0.5),
    (0.05, 0.98),
    width=0.22,
    head=0.36,
)

CROSSROADS = strokes(0.3, ((0, -0.9), (0, 0.9)), ((-0.9, 0), (0.9, 0)), flat=True)
DIAGONAL_CROSS = place(CROSSROADS, turn_deg=45)
PRIORITY = bent_arrow((0, -0.9), (0, 0.95), width=0.4, head=0.46) + strokes(
    0.16, ((-0.7, -0.15), (0.7, -0.15)), flat=True
)
SIDE_ROAD = strokes(0.32, ((0, -0.9), (0, 0.9)), flat=True) + strokes(
    0.22, ((0, 0), (0.8, 0)), flat=True
)
T_JUNCTION = strokes(0.3, ((0, -0.9), (0, 0.3)), ((-0.9, 0.3), (0.9, 0.3)), flat=True)
MERGING = bent_arrow((-0.15, -0.9), (-0.15, 0.95), width=0.28, head=0.4) + strokes(
    0.24, ((0.6, -0.7), (0.5, -0.4), (-0.15, 0.1)), flat=True
)
TWO_WAY = bent_arrow((0.4, -0.9), (0.4, 0.9), width=0.26, head=0.36) + bent_arrow(
    (-0.4, 0.9), (-0.4, -0.9), width=0.26, head=0.36
)
_WALL: Ring = ((0.55, -0.9), (0.55, -0.25), (0.2, 0.2), (0.2, 0.9))
NARROWS = strokes(0.24, _WALL, flat=True) + mirrored(strokes(0.24, _WALL, flat=True))
NARROWS_RIGHT = strokes(0.24, _WALL, ((-0.4, -0.9), (-0.4, 0.9)), flat=True)
NARROWS_LEFT = mirrored(NARROWS_RIGHT)
WIDENS = place(NARROWS, size=(1, -1))
NARROW_BRIDGE = strokes(
    0.2,
    ((0.65, -0.9), (0.3, -0.5), (0.3, 0.5), (0.65, 0.9)),
    ((-0.65, -0.9), (-0.3, -0.5), (-0.3, 0.5), (-0.65, 0.9)),
    flat=True,
)
CHEVRON_RIGHT = area(((-0.7, 1), (-0.1, 1), (0.7, 0), (-0.1, -1), (-0.7, -1), (0.1, 0)))
