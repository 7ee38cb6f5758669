"""One shape of a passenger car or van, bent by numbers: bodywork, cabin, lamps, windows."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Part, box
from drivegrid.scenes.meshes.solids import Point, Quad, hub, hull, pair, patch, plan, wheel

_REAR_CUT = (0.17, 0.11)
_NOSE_CUT = (0.3, 0.2)
_CABIN_CUT = (0.1, 0.06)
_SCREEN_CUT = (0.2, 0.12)
_DARK_BELOW_M = 0.1


@dataclass(frozen=True, slots=True)
class Car:
    """Proportions of a car, in metres; heights are above the road.

    Args:
        size: Width, height, length.
        heights: Of the shoulder at the nose, at the windscreen and at the tail.
        bonnet: From the front end to the foot of the windscreen.
        boot: From the rear end to the foot of the rear window.
        rakes: How far windscreen and rear window lean.
        axles: Of the front and rear axle from their ends.
        radius: Of the wheels.
        clearance: Under the bodywork.
        lean: How far the cabin's sides lean inwards.
        windows: Ends of the side windows along the cabin, 0 at its rear, in pairs.
        lamp: Rear lamp: width, lower and upper end of the tail's height, in [0, 1].
        plate: Middle of the rear number plate in the tail's height; negative puts it on the bumper.
        glass: Lower and upper end of the rear window in the rear's height.
        doors: Whether the rear opens in the middle.
        paint: Material of the bodywork.
        bumper: Material of the bumpers' lower half.
    """

    size: tuple[float, float, float]
    heights: tuple[float, float, float] = (0.74, 0.95, 1.0)
    bonnet: float = 1.15
    boot: float = 0.6
    rakes: tuple[float, float] = (0.75, 0.7)
    axles: tuple[float, float] = (0.9, 0.95)
    radius: float = 0.32
    clearance: float = 0.19
    lean: float = 0.15
    windows: tuple[float, ...] = (0.2, 0.54, 0.58, 0.93)
    lamp: tuple[float, float, float] = (0.2, 0.5, 0.85)
    plate: float = 0.5
    glass: tuple[float, float] = (0.0, 0.93)
    doors: bool = False
    paint: str = "paint"
    bumper: str = "paint"


@dataclass(frozen=True, slots=True)
class _Frame:
    """Surfaces that decals lie on."""

    tail: Quad
    bumper: Quad
    tail_corner: Quad
    nose: Quad
    intake: Quad
    nose_corner: Quad
    side: Quad
    rear_window: Quad
    windscreen: Quad
    cabin: Quad


def car_parts(car: Car) -> list[Part]:
    """Return a car's parts: wheels, bodywork, cabin, mirrors, then everything laid upon them."""
    half, length = car.size[0] / 2, car.size[2]
    axles = (length / 2 - car.axles[0], car.axles[1] - length / 2)
    parts = pair(*(wheel(half, z, car.radius, 0.2) for z in axles))
    frame = _frame(car)
    parts += [_bodywork(car), _cabin(car), *_mirrors(car)]
    parts += [*_tail(car, frame), *_nose(car, frame), *_sides(car, frame)]
    return parts + pair(*(p for z in axles for p in hub(half, z, car.radius, arch=0.05)))


def _levels(car: Car) -> list[tuple[float, float, float, float]]:
    """Return height, rear end, front end and half width of the bodywork's lower levels."""
    half, end = car.size[0] / 2, car.size[2] / 2
    middle = car.clearance + 0.42 * (min(car.heights) - car.clearance)
    return [
        (car.clearance, 0.14 - end, end - 0.16, half - 0.07),
        (car.clearance + _DARK_BELOW_M, 0.03 - end, end - 0.04, half - 0.01),
        (middle, -end, end, half),
    ]


def _shoulder(car: Car) -> tuple[list[Point], list[Point]]:
    """Return the tail's and the nose's upper edges, four points each."""
    half, end = car.size[0] / 2, car.size[2] / 2
    tail_in = 0.05 + 0.05 * (car.heights[2] > 0.95)
    tail = plan(car.heights[2], (tail_in - end, 0.0), half - 0.03, rear=_REAR_CUT)
    nose = plan(car.heights[0], (0.0, end - 0.1), half - 0.09, front=_NOSE_CUT)
    return [p for p in tail if p[2] < -0.01], [p for p in nose if p[2] > 0.01]


def _bodywork(car: Car) -> Part:
    half, end = car.size[0] / 2, car.size[2] / 2
    tail, nose = _shoulder(car)
    points = [*tail, *nose]
    for y, back, front, width in _levels(car):
        points += plan(y, (back, front), width, rear=_REAR_CUT, front=_NOSE_CUT)
    cowl = end - car.bonnet
    points += [(side * (half - 0.035), car.heights[1], cowl) for side in (-1, 1)]

    def material(center: FloatArray, normal: FloatArray) -> str:
        low = center[1] < car.clearance + _DARK_BELOW_M + 0.01
        if low or normal[1] < -0.9:
            return "dark"
        return car.bumper if center[1] < _levels(car)[2][0] and abs(normal[2]) > 0.5 else car.paint

    return hull(points, material)


def _cabin_levels(car: Car) -> list[tuple[float, float, float, float]]:
    """Return height, rear end, front end and half width of the cabin's foot and eaves."""
    half, end = car.size[0] / 2, car.size[2] / 2
    foot = min(car.heights[1:]) - 0.02
    back, front = car.boot - end, end - car.bonnet + 0.02
    eaves = car.size[1] - 0.07
    return [
        (foot, back, front, half - 0.08),
        (eaves, back + car.rakes[1], front - car.rakes[0], half - 0.08 - car.lean),
    ]


def _cabin(car: Car) -> Part:
    points: list[Point] = []
    for y, back, front, half in _cabin_levels(car):
        points += plan(y, (back, front), half, rear=_CABIN_CUT, front=_SCREEN_CUT)
    _, back, front, half = _cabin_levels(car)[1]
    crown = min(0.2, (front - back) / 4)
    points += plan(car.size[1], (back + crown / 2, front - crown), half - 0.14)
    return hull(points, car.paint)


def _mirrors(car: Car) -> list[Part]:
    half, z = car.size[0] / 2, car.size[2] / 2 - car.bonnet - 0.35
    low = car.heights[1] + 0.02
    return pair(box((half - 0.1, low, z - 0.05), (half + 0.1, low + 0.14, z + 0.05), car.paint))


def _across(low: tuple[float, float, float], high: tuple[float, float, float], sign: int) -> Quad:
    """Return a symmetric quad from half width, y, z of its lower and upper edge.

    Args:
        low: Of the lower edge.
        high: Of the upper edge.
        sign: -1 if it is looked at from behind, 1 from in front.
    """
    (a, y, z), (b, top, back) = low, high
    return ((sign * a, y, z), (-sign * a, y, z), (-sign * b, top, back), (sign * b, top, back))


def _ends(car: Car, upper: int, sign: int) -> tuple[Quad, Quad]:
    """Return an end of the bodywork from level ``upper`` - 1 up, and its right or left corner."""
    edges, corners = [], []
    half, end = car.size[0] / 2, car.size[2] / 2
    cut = _REAR_CUT if sign < 0 else _NOSE_CUT
    levels = _levels(car)
    inset = 0.1 if sign > 0 else 0.05 + 0.05 * (car.heights[2] > 0.95)
    width = half - (0.09 if sign > 0 else 0.03)
    levels.append((car.heights[0 if sign > 0 else 2], inset - end, end - inset, width))
    for y, back, front, half_width in levels[upper - 1 : upper + 1]:
        z = front if sign > 0 else back
        edges.append((half_width - cut[0], y, z))
        corners.append(((half_width - cut[0], y, z), (half_width, y, z - sign * cut[1])))
    (inner, outer), (inner_top, outer_top) = corners
    corner = (inner, outer, outer_top, inner_top)
    if sign > 0:
        corner = (outer, inner, inner_top, outer_top)
    return _across(edges[0], edges[1], sign), corner


def _frame(car: Car) -> _Frame:
    tail, tail_corner = _ends(car, 3, -1)
    nose, nose_corner = _ends(car, 3, 1)
    low, high = _cabin_levels(car)
    half = car.size[0] / 2
    middle = _levels(car)[2]
    top = min(car.heights[1:])
    return _Frame(
        tail, _ends(car, 2, -1)[0], tail_corner, nose, _ends(car, 2, 1)[0], nose_corner,
        side=((half, middle[0], middle[1]), (half, middle[0], middle[2]),
              (half - 0.03, top, middle[2]), (half - 0.03, top, middle[1])),
        rear_window=_across((low[3] - _CABIN_CUT[0], low[0], low[1]),
                            (high[3] - _CABIN_CUT[0], high[0], high[1]), -1),
        windscreen=_across((low[3] - _SCREEN_CUT[0], low[0], low[2]),
                           (high[3] - _SCREEN_CUT[0], high[0], high[2]), 1),
        cabin=((low[3], low[0], low[1] + _CABIN_CUT[1]), (low[3], low[0], low[2] - _SCREEN_CUT[1]),
               (high[3], high[0], high[2] - _SCREEN_CUT[1]),
               (high[3], high[0], high[1] + _CABIN_CUT[1])),
    )  # fmt: skip


def _tail(car: Car, on: _Frame) -> list[Part]:
    """Return rear window, lamps, number plate, boot lines and exhaust."""
    wide, low, high = car.lamp
    foot = 0.04 + (car.heights[2] - on.rear_window[0][1]) / (car.size[1] - on.rear_window[0][1])
    low_glass, top = max(foot, car.glass[0]), car.glass[1]
    reverse = ((0.5 * wide, wide), (1 - wide, 1 - 0.5 * wide))
    parts = [
        patch(on.rear_window, (0.0, 1.0), (low_glass, top), "black"),
        patch(on.rear_window, (0.04, 0.96), (low_glass + 0.05, top - 0.05), "glass"),
        patch(on.rear_window, (0.41, 0.59), (0.88, 0.93), "rear lamp"),
        patch(on.tail, (0.02, 0.98), (0.02, 0.06), "black"),
        patch(on.tail, (0.0, wide), (low, high), "rear lamp"),
        patch(on.tail, (1 - wide, 1.0), (low, high), "rear lamp"),
        *pair(patch(on.tail_corner, (0.0, 0.9), (low, high), "rear lamp")),
        *(patch(on.tail, u, (low, low + 0.3 * (high - low)), "chrome") for u in reverse),
        patch(on.bumper, (0.08, 0.92), (0.0, 0.3), "dark"),
        patch(on.bumper, (0.04, 0.14), (0.4, 0.62), "rear lamp"),
        patch(on.bumper, (0.86, 0.96), (0.4, 0.62), "rear lamp"),
    ]
    quad, middle = (on.tail, car.plate) if car.plate > 0 else (on.bumper, 0.55)
    tall = 0.115 / (quad[2][1] - quad[0][1])
    wide_plate = 0.24 / abs(quad[1][0] - quad[0][0])
    for grown, material in ((1.45, "dark"), (1.0, "plate")):
        u, v = wide_plate * grown, tall * grown / 2
        parts.append(patch(quad, (0.5 - u, 0.5 + u), (middle - v, middle + v), material))
    if car.doors:
        parts.append(patch(on.rear_window, (0.494, 0.506), (foot, 0.97), "black"))
        parts.append(patch(on.tail, (0.494, 0.506), (middle + tall, 1.0), "black"))
        parts += [patch(on.rear_window, u, (foot, foot + 0.06), "black")
                  for u in ((0.03, 0.08), (0.92, 0.97))]  # fmt: skip
    elif car.plate > 0:
        handle = (middle + tall * 0.9, middle + tall * 1.25)
        parts.append(patch(on.tail, (0.3, 0.7), handle, "chrome"))
    return parts


def _nose(car: Car, on: _Frame) -> list[Part]:
    """Return windscreen, headlamps, grille, intake and number plate."""
    tall = 0.11 / (on.intake[2][1] - on.intake[0][1])
    wide = 0.25 / abs(on.intake[1][0] - on.intake[0][0])
    foot = 0.04 + (car.heights[1] - on.windscreen[0][1]) / (car.size[1] - on.windscreen[0][1])
    return [
        patch(on.windscreen, (0.0, 1.0), (foot, 0.96), "black"),
        patch(on.windscreen, (0.03, 0.97), (foot + 0.05, 0.9), "glass"),
        patch(on.nose, (0.22, 0.78), (0.3, 0.82), "black"),
        patch(on.nose, (0.24, 0.76), (0.54, 0.6), "chrome"),
        patch(on.nose, (0.0, 0.2), (0.45, 0.88), "front lamp"),
        patch(on.nose, (0.8, 1.0), (0.45, 0.88), "front lamp"),
        *pair(patch(on.nose_corner, (0.25, 1.0), (0.5, 0.88), "front lamp")),
        patch(on.intake, (0.1, 0.9), (0.0, 0.5), "black"),
        patch(on.intake, (0.0, 0.09), (0.3, 0.7), "dark"),
        patch(on.intake, (0.91, 1.0), (0.3, 0.7), "dark"),
        patch(on.intake, (0.5 - wide, 0.5 + wide), (0.25, 0.25 + tall), "plate"),
    ]


def _sides(car: Car, on: _Frame) -> list[Part]:
    """Return side windows, door lines, handles and sills of both sides."""
    foot = (max(car.heights[1:]) - on.cabin[0][1]) / (car.size[1] - on.cabin[0][1]) + 0.05
    length = on.side[1][2] - on.side[0][2]
    base = on.cabin[0][2] - on.side[0][2]
    run = on.cabin[1][2] - on.cabin[0][2]
    parts = []
    for start, stop in zip(car.windows[::2], car.windows[1::2], strict=True):
        parts.append(patch(on.cabin, (start, stop), (foot, 0.9), "glass"))
    for mark in sorted({car.windows[0], *car.windows[1:-1:2], car.windows[-1]}):
        u = (base + mark * run) / length
        parts.append(patch(on.side, (u - 0.003, u + 0.003), (-0.15, 0.97), "black"))
    for mark in car.windows[2::2]:
        u = (base + (mark - 0.05) * run) / length
        parts.append(patch(on.side, (u - 0.02, u + 0.02), (0.72, 0.8), "dark"))
    return pair(*parts)
