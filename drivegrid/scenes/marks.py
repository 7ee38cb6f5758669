"""Paint that is not a lane line, and what lies flat on the road."""

from __future__ import annotations

import itertools

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.layout import Borders
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.road import Course, Junction, Lane, Mark
from drivegrid.scenes.templates import Template

WHITE: Color = (228, 228, 222)

# Arrows as polygons in metres: across (right positive), along (ahead positive), 5 m long.
_SHAFT = np.array([[-0.08, 0.0], [0.08, 0.0], [0.08, 3.2], [-0.08, 3.2]])
_HEAD = np.array([[-0.4, 3.2], [0.4, 3.2], [0.0, 5.0]])
_SIDE = [
    np.array([[-0.08, 2.0], [0.5, 3.0], [0.5, 3.5], [-0.08, 2.7]]),
    np.array([[0.5, 2.5], [1.15, 3.4], [0.5, 4.2]]),
]
_U_TURN = [
    np.array([[0.32, 0.0], [0.48, 0.0], [0.48, 3.8], [0.32, 4.0]]),
    np.array([[0.48, 3.8], [0.32, 4.4], [-0.32, 4.4], [-0.48, 3.8], [-0.32, 4.0], [0.32, 4.0]]),
    np.array([[-0.48, 3.9], [-0.32, 3.9], [-0.32, 2.6], [-0.48, 2.6]]),
    np.array([[-0.8, 2.7], [0.0, 2.7], [-0.4, 1.3]]),
]
ARROWS: dict[str, list[FloatArray]] = {
    "straight": [_SHAFT, _HEAD],
    "right": [_SHAFT[:, :] * (1, 0.8), *_SIDE],
    "left": [_SHAFT * (1, 0.8), *[p * (-1, 1) for p in _SIDE]],
    "right or straight": [_SHAFT, _HEAD, *_SIDE],
    "left or straight": [_SHAFT, _HEAD, *[p * (-1, 1) for p in _SIDE]],
    "left or right": [_SHAFT * (1, 0.8), *_SIDE, *[p * (-1, 1) for p in _SIDE]],
    "other": _U_TURN,
}
"""Value of the attribute ``points`` -> polygons."""


def _ring(q: float, z: float, radius: float) -> list[FloatArray]:
    """A wheel of eight bars, drawn out along the road as symbols are."""
    angle = np.linspace(0, 2 * np.pi, 9)
    inner, outer = 0.72 * radius, radius
    points = np.column_stack([np.cos(angle), 2.2 * np.sin(angle)])
    return [
        np.array(
            [points[i] * inner, points[i] * outer, points[i + 1] * outer, points[i + 1] * inner]
        )
        + np.array((q, z))
        for i in range(8)
    ]


BICYCLE: list[FloatArray] = [
    *_ring(-0.32, 0.62, 0.26),
    *_ring(0.32, 0.62, 0.26),
    np.array([[-0.36, 0.6], [-0.28, 0.6], [-0.08, 1.4], [-0.16, 1.4]]),
    np.array([[-0.14, 1.3], [0.2, 1.3], [0.2, 1.42], [-0.14, 1.42]]),
    np.array([[-0.02, 0.58], [0.04, 0.58], [0.24, 1.4], [0.16, 1.4]]),
    np.array([[0.28, 0.62], [0.36, 0.62], [0.2, 1.75], [0.13, 1.75]]),
    np.array([[0.02, 1.7], [0.26, 1.7], [0.26, 1.82], [0.02, 1.82]]),
    np.array([[-0.22, 1.5], [-0.02, 1.5], [-0.02, 1.62], [-0.22, 1.62]]),
]
"""A bicycle from the side, 1.2 m wide and 1.8 m long."""

BAY_M = (2.5, 5.0)
"""Width along the lane and depth of a parking bay at right angles."""

BAYS_FROM_M, BAYS_TO_M = 2.0, 62.0
"""Stretch of Z with bays."""

# Letters as strokes on a 3 x 5 raster, the column from the left and the row from the far end.
_LETTERS = {
    "S": ("111", "100", "111", "001", "111"),
    "L": ("100", "100", "100", "100", "111"),
    "O": ("111", "101", "101", "101", "111"),
    "W": ("101", "101", "111", "111", "101"),
    "B": ("110", "101", "110", "101", "110"),
    "U": ("101", "101", "101", "101", "111"),
    "T": ("111", "010", "010", "010", "010"),
    "P": ("111", "101", "111", "100", "100"),
    "3": ("111", "001", "111", "001", "111"),
    "0": ("111", "101", "101", "101", "111"),
    "5": ("111", "100", "111", "001", "111"),
}


def sample_marks(
    d: Draws, template: Template, borders: Borders, junction: Junction | None
) -> list[Mark]:
    """Draw arrows, lettering, crosswalks, stop lines, hatching and symbols."""
    found: list[Mark] = []
    drive = [lane for lane in borders.lanes if lane.kind == "drive"]
    if junction is not None:
        found += _junction_marks(d, template, borders, junction)
    elif template.has("crosswalk"):
        found.append(_crosswalk(d, borders, d.between(9, 30)))
    ours = [lane for lane in drive if lane.direction > 0]
    found += [m for strip in borders.strips for m in _strip_marks(d, strip)]
    if template.has("bays"):
        found += [_bays(d, borders.left, -1), _bays(d, borders.right, 1)]
    busy = junction is not None or template.has("exit") or d.chance(0.12)
    if busy and not template.has("unmarked"):
        z = max(junction.near_m - d.between(12, 18), 3.5) if junction else d.between(6, 30)
        found += [_arrow(d, lane, z) for lane in ours if d.chance(0.75)]
    if d.chance(0.06) and not template.has("unmarked"):
        found.append(
            _text(d.pick(("SLOW", "BUS", "STOP", "30", "50")), d.pick(ours), d.between(7, 25))
        )
    if borders.ramp is not None:
        found.append(_gore(borders, template))
    elif template.has("median") and d.chance(0.3):
        found.append(_hatching(borders, d.between(8, 30)))
    return found


def _junction_marks(
    d: Draws, template: Template, borders: Borders, junction: Junction
) -> list[Mark]:
    found = []
    walk = d.chance(0.75)
    if walk:
        found.append(_crosswalk(d, borders, junction.near_m - 3.4))
        if d.chance(0.5):
            found.append(_crosswalk(d, borders, junction.far_m + 0.4))
    z = junction.near_m - (5.0 if walk else 1.6)
    ours = [lane for lane in borders.lanes if lane.direction > 0]
    left, right = ours[0].left.here(z) + 0.1, ours[-1].right.here(z) - 0.1
    if template.has("yield"):
        teeth = np.arange(left, right - 0.4, 0.75)
        shape = np.array([[0.0, 0.0], [0.5, 0.0], [0.25, -0.7]])
        polygons = tuple(shape + np.array([q, z]) for q in teeth)
        found.append(Mark("lane/yield_line", polygons, WHITE))
    else:
        found.append(
            Mark("lane/stop_line", (quad(left, right, z, z + d.between(0.3, 0.6)),), WHITE)
        )
    return found


def quad(left: float, right: float, near: float, far: float) -> FloatArray:
    """Return the (4, 2) corners of a rectangle on the ground: offset, Z."""
    return np.array([[left, near], [right, near], [right, far], [left, far]])


def _crosswalk(d: Draws, borders: Borders, z: float) -> Mark:
    left, right = borders.left.here(z) + 0.2, borders.right.here(z) - 0.2
    deep = d.between(2.4, 3.4)
    if d.chance(0.25):  # two lines across
        bars: tuple[FloatArray, ...] = (
            quad(left, right, z, z + 0.25),
            quad(left, right, z + deep, z + deep + 0.25),
        )
    else:
        period = d.between(0.9, 1.2)
        bars = tuple(quad(q, q + period * 0.5, z, z + deep) for q in np.arange(left, right, period))
    return Mark("lane/crosswalk", bars, WHITE, {"direction": "across"}, d.between(0.5, 1.0))


def _arrow(d: Draws, lane: Lane, z: float) -> Mark:
    points = d.pick(list(ARROWS))
    middle = lane.middle(z)
    scale = d.between(0.8, 1.2)
    polygons = tuple(shape * scale + (middle, z) for shape in ARROWS[points])
    return Mark("lane/arrow", polygons, WHITE, {"points": points}, d.between(0.5, 1.0))


def _strip_marks(d: Draws, strip: Lane) -> list[Mark]:
    """Bicycles on a bike lane, and an arrow before some; bay ends on a parking strip."""
    if strip.kind == "park" and d.chance(0.6):
        step, start = d.between(5.2, 6.2), d.between(2, 8)
        bars = [
            quad(strip.left.here(z), strip.right.here(z), z, z + 0.12)
            for z in np.arange(start, 70, step).tolist()
        ]
        return [Mark("area/parking", tuple(bars), WHITE, {}, d.between(0.4, 0.9))]
    if strip.kind != "bike":
        return []
    found = []
    strength = d.between(0.5, 1.0)
    for z in np.arange(d.between(4, 14), 60, d.between(16, 28)).tolist():
        shapes = tuple(shape + np.array((strip.middle(z), z)) for shape in BICYCLE)
        found.append(Mark("lane/symbol", shapes, WHITE, {}, strength))
    return found


def _bays(d: Draws, edge: Course, side: int) -> Mark:
    """Borders of parking bays at right angles to a lane; see ``BAY_M``."""
    wide, deep = BAY_M
    bars = []
    for z in np.arange(BAYS_FROM_M, BAYS_TO_M, wide).tolist():
        near, far = sorted((edge.here(z), edge.here(z) + side * deep))
        bars.append(quad(near, far, z, z + 0.11))
    return Mark("area/parking", tuple(bars), WHITE, {}, d.between(0.45, 1.0))


def _text(word: str, lane: Lane, z: float) -> Mark:
    cell = min(0.28, (lane.width(z) - 0.8) / (4 * len(word)))
    start = lane.middle(z) - 2 * cell * len(word) + cell / 2
    bars = []
    for number, letter in enumerate(word):
        for row, bits in enumerate(_LETTERS[letter]):
            for column, bit in enumerate(bits):
                if bit == "1":
                    q = start + cell * (4 * number + column)
                    near = z + 0.55 * (4 - row)
                    bars.append(quad(q, q + cell, near, near + 0.56))
    return Mark("lane/text", tuple(bars), WHITE, {}, 0.8)


def _gore(borders: Borders, template: Template) -> Mark:
    """Slanting bars in the wedge between the carriageway and a ramp."""
    assert borders.ramp is not None
    left, _, nose = borders.ramp
    steps = (
        np.arange(nose - 36, nose - 6, 3.0)
        if template.has("merge")
        else np.arange(nose + 6, nose + 45, 3.0)
    )
    bars = []
    for z in steps[steps > 1.5]:
        a, b = borders.right.here(float(z)) + 0.25, left.here(float(z)) - 0.25
        if b - a > 0.3:
            lean = min(b - a, 2.5)
            bars.append(np.array([[a, z], [b, z + lean], [b, z + lean + 0.6], [a, z + 0.6]]))
    return Mark("lane/hatching", tuple(bars), WHITE, {}, 0.8)


def _hatching(borders: Borders, z: float) -> Mark:
    left = borders.left.here(z) - 0.9
    bars = tuple(
        np.array([[left, y], [left + 0.8, y + 0.8], [left + 0.8, y + 1.2], [left, y + 0.4]])
        for y in np.arange(z, z + 12, 1.5)
    )
    return Mark("lane/hatching", bars, WHITE, {}, 0.7)


def sample_stains(d: Draws, template: Template, borders: Borders, surface: str) -> list[Mark]:
    """Draw puddles, repaired patches, cracks, oil and snow left on the road."""
    kinds = {
        "wet": (("region/puddle", 2.2),),
        "damaged": (("region/crack", 3.0), ("region/patch", 2.2)),
        "snow": (("region/snow", 3.0), ("region/ice", 1.0)),
        "dry": (("region/patch", 0.35), ("region/oil", 0.15), ("region/crack", 0.15)),
    }[surface]
    found = []
    for label, mean in kinds:
        count = int(mean * d.between(0.3, 1.7) + d.share())
        for _ in range(count):
            z = d.between(4, 28)
            q = d.between(borders.paved[0].here(z) + 0.3, borders.paved[1].here(z) - 0.3)
            found.append(_STAINS[label](d, q, z))
    return found


def _blob(d: Draws, q: float, z: float, size: tuple[float, float]) -> FloatArray:
    angle = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    wave = (
        1 + 0.22 * np.sin(2 * angle + d.between(0, 6)) + 0.13 * np.sin(5 * angle + d.between(0, 6))
    )
    return np.column_stack([q + size[0] * wave * np.cos(angle), z + size[1] * wave * np.sin(angle)])


def _puddle(d: Draws, q: float, z: float) -> Mark:
    ring = _blob(d, q, z, (d.between(0.4, 1.3), d.between(0.8, 3.2)))
    return Mark("region/puddle", (ring,), (70, 74, 80), paint=False, wet=d.between(0.6, 0.95))


def _patch(d: Draws, q: float, z: float) -> Mark:
    wide, deep, tone = d.between(0.3, 1.4), d.between(0.6, 5), d.between(38, 75)
    ring = quad(q - wide, q + wide, z, z + deep)
    return Mark("region/patch", (ring,), (tone, tone, tone + 2), paint=False)


def _crack(d: Draws, q: float, z: float) -> Mark:
    """A jagged dark ribbon 3 to 6 cm wide, along or across the road."""
    count, half = d.whole(6, 12), d.between(0.015, 0.03)
    along = d.chance(0.6)
    steps = [(0.0, 0.0)]
    for _ in range(count):
        s, t = d.bell(0.25), d.between(0.2, 0.6)
        last = steps[-1]
        steps.append((last[0] + (s if along else t), last[1] + (t if along else s)))
    line = np.array(steps) + np.array([q, z])
    side = np.array([half, 0.0] if along else [0.0, 2 * half])
    quads = tuple(
        np.array([a - side, a + side, b + side, b - side]) for a, b in itertools.pairwise(line)
    )
    return Mark("region/crack", quads, (34, 33, 32), paint=False)


def _oil(d: Draws, q: float, z: float) -> Mark:
    ring = _blob(d, q, z, (d.between(0.2, 0.6), d.between(0.4, 1.2)))
    return Mark("region/oil", (ring,), (40, 40, 42), paint=False, wet=0.25)


def _snow(d: Draws, q: float, z: float) -> Mark:
    ring = _blob(d, q, z, (d.between(0.4, 1.6), d.between(1.0, 5.0)))
    return Mark("region/snow", (ring,), (238, 241, 246), paint=False)


def _ice(d: Draws, q: float, z: float) -> Mark:
    ring = _blob(d, q, z, (d.between(0.4, 1.2), d.between(0.8, 3.0)))
    return Mark("region/ice", (ring,), (188, 198, 208), paint=False, wet=0.5)


_STAINS = {
    "region/puddle": _puddle,
    "region/patch": _patch,
    "region/crack": _crack,
    "region/oil": _oil,
    "region/snow": _snow,
    "region/ice": _ice,
}
