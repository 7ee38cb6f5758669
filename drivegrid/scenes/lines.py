"""Lane lines: which border gets which paint."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.scenes.alignment import FAR_M
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.layout import Borders
from drivegrid.scenes.road import Course, Junction, LaneLine
from drivegrid.scenes.templates import Template

# Period and painted length in metres: American, European, Chinese, then urban rules.
_HIGHWAY_DASHES = ((12.2, 3.05), (12.0, 3.0), (15.0, 6.0), (18.0, 6.0), (12.0, 4.0))
_URBAN_DASHES = ((6.0, 3.0), (6.0, 2.0), (9.0, 3.0), (6.0, 2.0), (12.0, 6.0))
_BIKE_COLORS = {"white": 5.0, "green": 1.5, "blue": 1.0, "red": 1.0, "yellow": 0.7}
_RARE_STYLES = ("double dashed", "solid-dashed", "dashed-solid", "zigzag", "worn")


@dataclass(frozen=True, slots=True)
class _Habit:
    """What all lines of one road share."""

    inner: str
    center: str
    outer: str
    yellow: bool
    bike: tuple[str, str]
    dash: tuple[float, float, float]
    width_m: float
    strength: float


def sample_lines(
    d: Draws, template: Template, borders: Borders, junction: Junction | None
) -> list[LaneLine]:
    """Draw the lines of all lane borders, from left to right, ramps' lines last."""
    habit = _habit(d, template)
    spans = _spans(template, junction)
    lanes = borders.lanes
    oncoming = sum(lane.direction < 0 for lane in lanes)
    courses = [lane.left for lane in lanes] + [lanes[-1].right]
    lines = []
    for index, course in enumerate(courses):
        style, color = _paint(d, template, habit, (index, oncoming, len(lanes)))
        if index == len(lanes) and borders.ramp is not None:
            style = "dashed"
        if _beside_bikes(borders, index):
            style, color = habit.bike
        if template.has("works") and abs(index - oncoming) < len(lanes) and d.chance(0.35):
            color = d.pick(("yellow", "other"))
        ghost = d.pick((-1, 1)) * d.between(0.15, 0.6) if d.chance(0.06) else 0.0
        lines.append(
            LaneLine(
                course=course,
                style=style,
                color=color,
                width_m=habit.width_m * (0.8 if "double" in style or "-" in style else 1.0),
                dash_m=habit.dash,
                strength=_strength(d, habit, style),
                spans_m=spans,
                ghost_m=ghost,
            )
        )
    if borders.ramp is not None:
        lines += _ramp_lines(borders, habit, template)
    return lines


def _habit(d: Draws, template: Template) -> _Habit:
    highway = template.place == "highway"
    period, painted = d.pick(_HIGHWAY_DASHES if highway else _HIGHWAY_DASHES[:1] + _URBAN_DASHES)
    inner = "botts dots" if highway and d.chance(0.3) else "dashed"
    if d.chance(0.1):
        inner = "solid"
    center = d.weighted({"double solid": 3.0, "dashed": 2.0, "solid": 2.0, "rare": 1.6})
    return _Habit(
        inner=inner,
        center=d.pick(_RARE_STYLES[:3]) if center == "rare" else center,
        outer="missing" if template.has("kerbs") and d.chance(0.55) else "solid",
        yellow=d.chance(0.6),
        bike=(d.pick(("solid", "solid", "dashed")), d.weighted(_BIKE_COLORS)),
        dash=(painted * d.between(0.85, 1.1), period * d.between(0.93, 1.07), d.between(0, period)),
        width_m=d.between(0.1, 0.2),
        strength=d.between(0.45, 1.0),
    )


def _beside_bikes(borders: Borders, index: int) -> bool:
    """Return whether a border of the lanes parts them from a bike lane."""
    edges = {0: borders.left, len(borders.lanes): borders.right}
    bikes = [strip for strip in borders.strips if strip.kind == "bike"]
    return index in edges and any(edges[index] in (s.left, s.right) for s in bikes)


def _paint(
    d: Draws, template: Template, habit: _Habit, place: tuple[int, int, int]
) -> tuple[str, str]:
    """Style and colour of one border: ``place`` is its index, oncoming lanes, all lanes."""
    index, oncoming, count = place
    if template.has("unmarked") or (template.place == "residential" and d.chance(0.5)):
        return "missing", "white"
    style, color = habit.inner, "white"
    if index == 0:
        style = habit.outer
        if oncoming == 0 and template.has("divided"):
            style = "double solid" if d.chance(0.15) else "solid"
            color = "yellow" if habit.yellow else "white"
    elif index == count:
        style = habit.outer
        if template.has("kerbs") and d.chance(0.32):  # stopping forbidden or paid for
            style, color = "solid", d.pick(("blue", "red", "green"))
    elif index == oncoming:
        style, color = habit.center, "yellow" if habit.yellow else "white"
    elif d.chance(0.14):
        style = d.pick(("solid", "double dashed", "solid-dashed", "dashed-solid"))
    if template.has("crosswalk") and d.chance(0.35):
        style = "zigzag"
    if style not in ("missing", "botts dots") and d.chance(0.05):
        style = "worn" if d.chance(0.6) else "missing"
    return style, color


def _strength(d: Draws, habit: _Habit, style: str) -> float:
    if style == "worn":
        return d.between(0.16, 0.34)
    return min(max(habit.strength * d.between(0.75, 1.25), 0.38), 1.0)


def _spans(template: Template, junction: Junction | None) -> tuple[tuple[float, float], ...]:
    if junction is None:
        return ((0.0, FAR_M),)
    return ((0.0, junction.near_m - 4.0), (junction.far_m + 4.0, FAR_M))


def _ramp_lines(borders: Borders, habit: _Habit, template: Template) -> list[LaneLine]:
    """The gore's second side and the ramp's outer line."""
    assert borders.ramp is not None
    left, right, nose = borders.ramp
    gore = (0.0, nose) if template.has("merge") else (nose, FAR_M)
    outer = (0.0, right.z_m[-1]) if template.has("merge") else (right.z_m[0] + 4, FAR_M)

    def solid(course: Course, span: tuple[float, float]) -> LaneLine:
        return LaneLine(
            course,
            "solid",
            "white",
            habit.width_m,
            habit.dash,
            max(habit.strength, 0.45),
            (span,),
        )

    return [solid(left, gore), solid(right, outer)]
