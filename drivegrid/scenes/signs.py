"""Traffic signs and lights beside and above the road."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, FloatArray, Point, Size
from drivegrid.scenes.camera import REFERENCE_WH, Camera
from drivegrid.scenes.canvas import Canvas, Color
from drivegrid.scenes.labels import MIN_SIDE_PX, MIN_VISIBILITY, scale_points
from drivegrid.scenes.road import Road
from drivegrid.scenes.weather import Light

_RED: Color = (190, 25, 32)
_BLUE: Color = (22, 70, 160)
_GREEN: Color = (10, 95, 60)
_YELLOW: Color = (240, 185, 20)
_WHITE: Color = (232, 232, 228)
_BLACK: Color = (22, 22, 24)

# kind: (label, shape, colour name, face layers from the back: (scale, colour))
KINDS: dict[str, tuple[str, str, str, tuple[tuple[float, Color], ...]]] = {
    "speed limit": ("sign/regulatory", "circle", "red-white", ((1.0, _RED), (0.76, _WHITE))),
    "speed plate": ("sign/regulatory", "rectangle", "white", ((1.0, _BLACK), (0.94, _WHITE))),
    "stop": ("sign/regulatory", "octagon", "red", ((1.0, _WHITE), (0.92, _RED))),
    "no entry": ("sign/regulatory", "circle", "red", ((1.0, _RED),)),
    "keep right": ("sign/regulatory", "circle", "blue", ((1.0, _WHITE), (0.94, _BLUE))),
    "yield": ("sign/regulatory", "inverted triangle", "red-white", ((1.0, _RED), (0.62, _WHITE))),
    "danger": ("sign/warning", "triangle", "red-white", ((1.0, _RED), (0.68, _WHITE))),
    "diamond": ("sign/warning", "diamond", "yellow", ((1.0, _BLACK), (0.93, _YELLOW))),
    "guide": ("sign/information", "rectangle", "green", ((1.0, _WHITE), (0.95, _GREEN))),
    "town": ("sign/information", "rectangle", "blue", ((1.0, _WHITE), (0.95, _BLUE))),
}
"""Signs by what drivers call them; ``shape`` and ``color`` become attributes."""

_ROUND = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_RINGS: dict[str, FloatArray] = {
    "circle": np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1),
    "octagon": np.stack(
        [np.cos(_ROUND[:8] * 2.5 + np.pi / 8), np.sin(_ROUND[:8] * 2.5 + np.pi / 8)], axis=1
    ),
    "triangle": np.array([[-1, -0.75], [1, -0.75], [0, 1.0]]),
    "inverted triangle": np.array([[-1, 0.75], [1, 0.75], [0, -1.0]]),
    "diamond": np.array([[-1.0, 0], [0, -1], [1, 0], [0, 1]]),
    "rectangle": np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]),
}
_STATES: dict[str, Color] = {
    "red": (255, 50, 40),
    "yellow": (255, 190, 40),
    "green": (60, 255, 150),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign face: kind (key of KINDS), world centre and half size in metres, post or gantry."""

    kind: str
    center_m: tuple[float, float, float]
    half_m: tuple[float, float]
    ink: int
    foot_m: float


@dataclass(frozen=True, slots=True)
class Signal:
    """A traffic light: state (red, yellow, green) and world centre in metres."""

    state: str
    center_m: tuple[float, float, float]
    half_m: tuple[float, float]
    foot_m: float


def sample_signs(rng: np.random.Generator, road: Road, camera: Camera) -> tuple[Sign, ...]:
    """Draw roadside signs and now and then a gantry over a highway."""
    found = []
    for _ in range(int(rng.poisson({"highway": 0.9, "rural": 1.0, "city": 2.0}[road.place]))):
        kind = str(rng.choice(list(KINDS)))
        side = 1 if rng.random() < 0.75 else -1
        edge = road.edges_m[1] if side > 0 else road.edges_m[0]
        z, q = float(rng.uniform(9, 75)), edge + side * rng.uniform(0.6, 3.5)
        half = rng.uniform(0.3, 0.55) * (1.5 if road.place == "highway" else 1.0)
        wide = _aspect(rng, kind)
        low = rng.uniform(1.8, 2.8)
        x, y, _ = road.points(q, np.array([z]))[0].tolist()
        found.append(
            Sign(kind, (x, y + low + half, z), (half * wide, half), int(rng.integers(1 << 30)), y)
        )
    if road.place == "highway" and rng.random() < 0.16:
        found += _gantry(rng, road)
    return tuple(sorted(found, key=lambda sign: -sign.center_m[2]))


def _aspect(rng: np.random.Generator, kind: str) -> float:
    if kind in ("guide", "town"):
        return float(rng.uniform(1.2, 2.6))
    return 0.8 if kind == "speed plate" else 1.0


def _gantry(rng: np.random.Generator, road: Road) -> list[Sign]:
    z, y = float(rng.uniform(30, 110)), float(rng.uniform(6, 7.5))
    kind = str(rng.choice(("guide", "town"), p=(0.7, 0.3)))
    found = []
    for lane in road.lanes:
        if rng.random() < 0.55:
            x, base, _ = road.points(lane.center_m, np.array([z]))[0].tolist()
            half = (float(rng.uniform(1.2, 1.7)), float(rng.uniform(0.8, 1.4)))
            found.append(
                Sign(kind, (x, base + y, z), half, int(rng.integers(1 << 30)), float("nan"))
            )
    return found


def sample_signals(rng: np.random.Generator, road: Road) -> tuple[Signal, ...]:
    """Draw the traffic lights of one junction ahead in the city; all show the same state."""
    if road.place != "city" or rng.random() > 0.4:
        return ()
    z, state = float(rng.uniform(14, 70)), str(rng.choice(list(_STATES), p=(0.45, 0.1, 0.45)))
    high = float(rng.uniform(3.0, 5.8))
    spots = [road.edges_m[1] + 0.8, 0.0 if high > 4.5 else road.edges_m[0] - 0.8]
    found = []
    for q in spots[: int(rng.integers(1, 3))]:
        x, y, _ = road.points(q, np.array([z]))[0].tolist()
        foot = float("nan") if q == 0.0 else y
        found.append(Signal(state, (x, y + high, z), (0.17, 0.5), foot))
    return tuple(found)


def draw_sign(canvas: Canvas, camera: Camera, sign: Sign, light: Light) -> list[FloatArray]:
    """Draw a sign and return its outline in reference pixels."""
    _, shape, _, layers = KINDS[sign.kind]
    gain = 0.9 if light.night else min(1.0, 0.25 + 0.75 * light.ambient)
    _draw_post(canvas, camera, sign, light)
    rings = [_face(camera, sign, _RINGS[shape] * scale) for scale, _ in layers]
    canvas.polys(rings, [_dim(color, gain) for _, color in layers])
    ink = np.random.default_rng(sign.ink)
    tone = _WHITE if layers[-1][1] in (_GREEN, _BLUE, _RED) else _BLACK
    marks = _marks(ink, sign.kind)
    canvas.polys([_face(camera, sign, mark) for mark in marks], [_dim(tone, gain)] * len(marks))
    return rings[:1]


def _dim(color: Color, gain: float) -> Color:
    return (color[0] * gain, color[1] * gain, color[2] * gain)


def _marks(rng: np.random.Generator, kind: str) -> list[FloatArray]:
    """Bars that stand for digits, words and symbols, in units of the half size."""
    square = _RINGS["rectangle"]
    if kind == "no entry":
        return [square * (0.7, 0.16)]
    if kind in ("guide", "town"):
        rows = np.linspace(0.55, -0.55, int(rng.integers(2, 4)))
        return [
            square * (rng.uniform(0.05, 0.12), 0.13) + (x, y)
            for y in rows
            for x in np.arange(-0.75, rng.uniform(-0.2, 0.8), 0.27)
        ]
    if kind == "stop":
        return [square * (0.1, 0.22) + (x, 0) for x in (-0.5, -0.17, 0.17, 0.5)]
    if kind == "yield":
        return []
    size = {"danger": 0.3, "diamond": 0.45}.get(kind, 0.4)
    return [
        square * (rng.uniform(0.08, 0.16), rng.uniform(0.5, 1.0) * size) + (x, -0.1)
        for x in (-0.22, 0.22)[: 1 + int(rng.random() < 0.7)]
    ]


def _face(camera: Camera, sign: Sign | Signal, ring: FloatArray) -> FloatArray:
    flat = np.column_stack([ring * sign.half_m, np.zeros(len(ring))])
    return camera.project(flat + sign.center_m)


def _draw_post(canvas: Canvas, camera: Camera, sign: Sign | Signal, light: Light) -> None:
    x, y, z = sign.center_m
    tone = 110 * light.ambient
    if np.isfinite(sign.foot_m):
        ends = camera.project(np.array([[x, sign.foot_m, z], [x, y, z]]))
        canvas.line(ends, (tone, tone, tone), 0.1 * camera.focal / z)
        return
    beam = np.array([[x - 9, y, z], [x + 9, y, z], [x + 9, y + 0.35, z], [x - 9, y + 0.35, z]])
    canvas.poly(camera.project(beam), (tone * 0.6, tone * 0.6, tone * 0.6))


def draw_signal(canvas: Canvas, camera: Camera, signal: Signal, light: Light) -> list[FloatArray]:
    """Draw a traffic light and return its housing in reference pixels."""
    _draw_post(canvas, camera, signal, light)
    housing = _face(camera, signal, _RINGS["rectangle"])
    canvas.poly(housing, (24, 25, 24))
    for row, (state, color) in enumerate(_STATES.items()):
        lamp = _face(camera, signal, _RINGS["circle"] * (0.66, 0.24) + (0, 0.62 - 0.62 * row))
        lit = state == signal.state
        canvas.poly(lamp, color if lit else (color[0] * 0.18, color[1] * 0.15, color[2] * 0.15))
    if light.night:
        glow = housing.mean(axis=0) + (_RINGS["circle"] * np.ptp(housing, axis=0).max())
        canvas.poly(glow, _STATES[signal.state], 0.12)
    return [housing]


def sign_instance(
    sign: Sign, outline: FloatArray, visibility: float, size_wh: Size
) -> Instance | None:
    """Return the face's centre as a point, or None if too little of the face is seen."""
    label, shape, color, _ = KINDS[sign.kind]
    box = _box(outline)
    if visibility < MIN_VISIBILITY or (box[1] - box[0]).min() < MIN_SIDE_PX:
        return None
    xyxy = scale_points(box, size_wh).ravel().tolist()
    center = scale_points((box[:1] + box[1:]) / 2, size_wh)[0]
    return Instance(
        label,
        Point(center),
        {"color": color, "shape": shape},
        visibility=visibility,
        source="rendered",
        extra={"box_xyxy": xyxy},
    )


def signal_instance(
    signal: Signal, outline: FloatArray, visibility: float, size_wh: Size
) -> Instance | None:
    """Return the housing's box with its state, or None if too little of it is seen."""
    box = _box(outline)
    if visibility < MIN_VISIBILITY or (box[1] - box[0]).min() < MIN_SIDE_PX / 2:
        return None
    shape = Box(scale_points(box, size_wh).ravel())
    attributes = {"state": signal.state}
    return Instance("light/vehicle", shape, attributes, visibility=visibility, source="rendered")


def _box(outline: FloatArray) -> FloatArray:
    """(2, 2) corners of an outline clipped to the picture, reference pixels."""
    return np.asarray(
        np.clip(np.stack([outline.min(axis=0), outline.max(axis=0)]), 0, REFERENCE_WH)
    )
