"""Lay out a road: course, lanes, borders and bands of ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import DEPTHS_M, STEP_M, Alignment
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.road import Band, Course, Junction, Lane, Road, straight
from drivegrid.scenes.templates import Template

_MAX_SLOPE = 0.55
_LEAST_SHOULDER_M = 1.1


@dataclass(frozen=True, slots=True)
class Borders:
    """Where the carriageway, its shoulders and a ramp run.

    Args:
        lanes: From left to right.
        ego: Index of the ego lane.
        left: Left border of the carriageway.
        right: Right border of the carriageway, a ramp left out.
        paved: Left and right border of the pavement (strips included).
        strips: Bike lanes, parking strips and shoulders beside the carriageway.
        ramp: Left and right border of a ramp and the Z of its nose, or None.
    """

    lanes: tuple[Lane, ...]
    ego: int
    left: Course
    right: Course
    paved: tuple[Course, Course]
    strips: tuple[Lane, ...]
    ramp: tuple[Course, Course, float] | None


def sample_alignment(d: Draws, template: Template) -> Alignment:
    """Draw the course: curvature and grade change linearly between four places ahead."""
    knots = np.array([0.0, d.between(25, 60), d.between(80, 160), 330.0])
    bend = template.bend * (1.0 if d.chance(0.7) else d.between(0.0, 0.3))
    curvature = np.interp(DEPTHS_M, knots, [bend * d.bell(0.8) for _ in knots])
    heading = d.bell(0.012)
    slope = np.clip(heading + np.cumsum(curvature) * STEP_M, -_MAX_SLOPE, _MAX_SLOPE)
    drift = d.bell(0.3 if d.chance(0.9) else 0.7)
    center = np.clip(drift, -1.2, 1.2) + np.cumsum(slope) * STEP_M - slope[0] * STEP_M
    hill = template.hill * (1.0 if d.chance(0.7) else 0.15)
    grade = np.interp(DEPTHS_M, knots, [0.0] + [hill * d.bell(0.8) for _ in range(3)])
    height = np.cumsum(grade) * STEP_M - grade[0] * STEP_M
    return Alignment(center, height)


def sample_borders(d: Draws, template: Template) -> Borders:
    """Draw the lanes and what becomes of them ahead."""
    ours, oncoming = d.whole(*template.ours), d.whole(*template.oncoming)
    ego = oncoming + min(d.whole(0, ours - 1), 3)
    wide = (3.4, 3.9) if template.place == "highway" else (2.8, 3.6)
    width = d.between(*wide)
    widths = [width * d.between(0.97, 1.03) for _ in range(ours + oncoming)]
    offsets = np.concatenate([[0.0], np.cumsum(widths)])
    offsets = offsets - (offsets[ego] + offsets[ego + 1]) / 2
    courses = [straight(float(q)) for q in offsets]
    ramp = None
    if template.has("drop") and ours > 1:
        courses = _drop_lane(d, courses)
    if template.has("merge") or template.has("exit") or template.has("split"):
        ramp = _ramp(d, template, courses[-1], width)
    lanes = [
        Lane(courses[i], courses[i + 1], -1 if i < oncoming else 1) for i in range(len(widths))
    ]
    left, right = courses[0], courses[-1]
    strips = _strip(d, template, left, -1), _strip(d, template, right, 1)
    return Borders(
        lanes=tuple(lanes),
        ego=ego,
        left=left,
        right=right,
        paved=(strips[0].left, strips[1].right),
        strips=tuple(s for s in strips if s.kind != "drive" and not (ramp and s is strips[1])),
        ramp=ramp,
    )


def _drop_lane(d: Draws, courses: list[Course]) -> list[Course]:
    """End the rightmost lane ahead: its right border runs into its left one."""
    start = d.between(18, 55)
    end = start + d.between(40, 90)
    left, last = courses[-2].q_m[0], courses[-1].q_m[0]
    return [*courses[:-1], Course((start, end), (last, left + 0.1))]


def _ramp(d: Draws, template: Template, edge: Course, width: float) -> tuple[Course, Course, float]:
    """A lane beside the right border that joins (merge) or leaves (exit, split)."""
    q, away = edge.q_m[0], d.between(6, 14)
    wide = width * (2 if template.has("split") else 1)
    nose = d.between(25, 60)
    far = nose + d.between(60, 110)
    if template.has("merge"):
        taper = far + d.between(20, 60)
        left = Course((0.0, nose), (q + away * nose / 60, q))
        right = Course(
            (0.0, nose, far, taper), (q + wide + away * nose / 60, q + wide, q + wide, q)
        )
        return left, right, nose
    begin = d.between(4, 20)
    left = Course((nose, far + 40), (q, q + 1.6 * away))
    right = Course(
        (begin - 18, begin, nose, far + 40), (q, q + wide, q + wide, q + wide + 1.6 * away)
    )
    return left, right, nose


def _strip(d: Draws, template: Template, edge: Course, side: int) -> Lane:
    """What lies between the outer line and the end of the pavement on one side.

    A strip too narrow to be more than a margin is of kind ``drive``.
    """
    kind, wide = "drive", d.between(0.15, 1.3)
    oncoming = side < 0 and template.oncoming[1] > 0
    if template.has("shoulder"):
        wide = d.between(0.6, 3.4)
        kind = "shoulder" if wide > _LEAST_SHOULDER_M else kind
    elif template.has("bike lane") and (side > 0 or (oncoming and d.chance(0.6))):
        kind, wide = "bike", d.between(1.4, 2.1)
    elif template.has("parking") and d.chance(0.65):
        kind, wide = "park", d.between(1.9, 2.3)
    elif template.has("kerbs"):
        wide = d.between(0.15, 0.5)
    far = edge.shifted(side * wide)
    return Lane(far, edge, -1 if oncoming else 1, kind) if side < 0 else Lane(edge, far, 1, kind)


def sample_junction(d: Draws, template: Template) -> Junction | None:
    """Draw where a street crosses."""
    if not template.has("junction"):
        return None
    near = d.between(7, 13) if d.chance(0.5) else d.between(12, 42)
    return Junction(near, near + d.between(8, 18))


def crossing_bands(junction: Junction | None, pavement: tuple[Color, int]) -> list[Band]:
    """Return the carriageway of the street that crosses."""
    if junction is None:
        return []
    span = (junction.near_m, junction.far_m)
    return [Band(straight(-170), straight(170), pavement[0], "road", pavement[1], span)]


def sample_tone(d: Draws, road: Road, surface: str) -> FloatArray:
    """Draw brightness across the road, 5 cm a step from -40 m: tracks, oil stripes, seams."""
    q: FloatArray = np.arange(1600, dtype=np.float64) * 0.05 - 40
    tone = np.ones_like(q)
    track, oil = d.bell(0.07), -d.between(0.0, 0.22)
    if surface == "snow":  # wheels have cleared two tracks
        track, oil = -d.between(0.1, 0.55), 0.0
    for lane in road.lanes:
        middle, gain = lane.middle(8.0), d.between(0.4, 1.3)
        inside = np.abs(q - middle) < lane.width(8.0) / 2
        tone[inside] *= 1 + d.bell(0.03 if d.chance(0.75) else 0.1)
        for wheel in (-0.85, 0.85):
            _add_bump(tone, q - middle - wheel, gain * track, 0.3)
        _add_bump(tone, q - middle, gain * oil, d.between(0.3, 0.7))
    for line in road.lines:  # joints beside the paint
        if d.chance(0.4):
            seam = line.course.here(8.0) + d.pick((-1, 1)) * d.between(0.1, 0.4)
            tone[np.abs(q - seam) < d.between(0.02, 0.05)] *= d.between(0.45, 0.85)
    for _ in range(d.whole(0, 3)):  # tar strips and old seams
        seam = d.between(-9, 9)
        tone[np.abs(q - seam) < d.between(0.02, 0.1)] *= d.between(0.6, 1.15)
    return np.asarray(np.clip(tone, 0.3, 1.6))


def _add_bump(tone: FloatArray, aside: FloatArray, height: float, width: float) -> None:
    """Add a bell curve to rising places where it is more than 1e-20 of its height."""
    first, last = np.searchsorted(aside, (-7 * width, 7 * width))
    tone[first:last] += height * np.exp(-((aside[first:last] / width) ** 2))


GROUNDS: dict[str, Color] = {
    "grass": (70, 84, 50),
    "dry grass": (132, 122, 90),
    "soil": (104, 92, 76),
    "leaves": (112, 96, 62),
    "slabs": (112, 112, 110),
    "pavement": (98, 98, 97),
    "snow": (232, 236, 242),
}
"""What lies beside a road."""

BIKE_LANES: tuple[Color, ...] = ((132, 62, 52), (62, 104, 74), (66, 88, 128), (150, 74, 60))
"""Surfacing of coloured bike lanes, on a pavement of middle brightness."""


def sample_pavement(d: Draws, template: Template, surface: str) -> tuple[Color, int]:
    """Draw the carriageway's albedo and grain: concrete, asphalt, cobbles, gravel or snow."""
    if surface == "snow":
        level = d.between(185, 228)
        return (level, level + 3, level + 8), 90
    if template.has("gravel"):
        level = d.between(105, 165)
        return (level, level * 0.93, level * 0.82), 255
    if d.chance(0.35 if template.place == "highway" else 0.12):
        level = d.between(120, 182)
        return (level + d.bell(2), level + 1 + d.bell(2), level - 8 + d.bell(4)), 100
    if template.place in ("city", "residential") and d.chance(0.06):
        level = d.between(95, 140)
        return (level + 5, level, level - 6), 230
    level = d.between(62, 138)
    return (level + d.bell(2), level + d.bell(1.5), level + 2 + d.bell(4)), d.whole(70, 170)


def sample_bands(
    d: Draws, template: Template, borders: Borders, pavement: tuple[Color, int], surface: str
) -> tuple[list[Band], tuple[Course, Course]]:
    """Draw the strips of ground, in painting order, and the outer borders of all paving."""
    left, right = borders.paved
    color, rough = pavement
    ground = _beside(d, template, surface)
    bands = [Band(straight(-170), straight(170), ground, "terrain", 255)]
    outer = (left, right)
    if template.has("divided") or template.has("median"):
        bands += _opposite(d, template, left, pavement, surface)
    if template.has("lot"):
        reach = template.lot_m * d.between(0.9, 1.2)
        outer = (left.shifted(-reach), right.shifted(reach))
        bands.append(Band(*outer, color, "road", rough))
    elif template.has("tunnel"):
        outer = (left.shifted(-0.8), right.shifted(0.8))
        bands += [
            Band(outer[0], left, (120, 118, 112), "sidewalk", 90, up_m=0.2),
            Band(right, outer[1], (120, 118, 112), "sidewalk", 90, up_m=0.2),
        ]
    elif template.has("kerbs"):
        walk = GROUNDS["snow"] if surface == "snow" else _varied(d, GROUNDS["slabs"])
        wide = (d.between(1.6, 4.5), d.between(1.6, 4.5))
        outer = (left.shifted(-wide[0]), right.shifted(wide[1]))
        if not template.has("median"):
            bands.append(Band(outer[0], left, walk, "sidewalk", 110, up_m=0.12))
        bands.append(Band(right, outer[1], walk, "sidewalk", 110, up_m=0.12))
    elif d.chance(0.5):  # a strip of bare soil or gravel before the grass
        strip = _varied(d, GROUNDS["soil"])
        bands.append(Band(right, right.shifted(d.between(0.4, 2)), strip, "terrain", 255))
    bands.append(Band(left, right, color, "road", rough))
    bands += _strip_bands(d, borders, pavement, surface)
    if borders.ramp:
        edge = borders.ramp[1].shifted(d.between(0.5, 2.5))
        bands.append(Band(borders.ramp[0].shifted(-0.4), edge, color, "road", rough))
    return bands, outer


def _strip_bands(
    d: Draws, borders: Borders, pavement: tuple[Color, int], surface: str
) -> list[Band]:
    """Strips laid in another material: shoulders, parking bays, coloured bike lanes."""
    color, rough = pavement
    bike = d.pick(BIKE_LANES) if d.chance(0.6) and surface != "snow" else None
    tone = d.between(0.6, 1.15) if d.chance(0.5) else None
    bands = []
    for strip in borders.strips:
        level = min(sum(color) / 300, 1.1)
        if strip.kind == "bike" and bike is not None:
            other = (bike[0] * level, bike[1] * level, bike[2] * level)
        elif strip.kind != "bike" and tone is not None:
            other = (color[0] * tone, color[1] * tone, color[2] * tone)
        else:
            continue
        bands.append(Band(strip.left, strip.right, other, "road", rough))
    return bands


def _opposite(
    d: Draws, template: Template, left: Course, pavement: tuple[Color, int], surface: str
) -> list[Band]:
    """The median and the other carriageway beyond it."""
    gap = d.between(1.2, 4) if template.has("median") else d.between(0.6, 9)
    beyond = left.shifted(-gap)
    away = beyond.shifted(-d.between(8, 16))
    kerbed = template.has("median") or d.chance(0.2)
    name = d.pick(("grass", "dry grass", "soil", "slabs", "pavement"))
    fill = GROUNDS["snow"] if surface == "snow" else _varied(d, GROUNDS[name])
    segment = "sidewalk" if kerbed and name in ("slabs", "pavement") else "terrain"
    median = Band(beyond, left, fill, segment, 200, up_m=0.14 if kerbed else 0.0)
    return [Band(away, beyond, pavement[0], "road", pavement[1]), median]


def _beside(d: Draws, template: Template, surface: str) -> Color:
    if surface == "snow":
        return GROUNDS["snow"]
    if template.place in ("city", "residential"):
        weights = {"slabs": 3.0, "grass": 2.0, "pavement": 2.0, "soil": 0.6, "leaves": 0.4}
    else:
        weights = {"grass": 4.0, "dry grass": 2.5, "soil": 1.2, "leaves": 0.8, "pavement": 0.8}
    return _varied(d, GROUNDS[d.weighted(weights)])


def _varied(d: Draws, color: Color) -> Color:
    gain = d.between(0.65, 1.15)
    cast = d.bell(4)
    return (color[0] * gain + cast + d.bell(2), color[1] * gain, color[2] * gain - cast + d.bell(2))
