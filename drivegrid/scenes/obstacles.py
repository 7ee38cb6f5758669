"""People, cones, barriers and debris."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.bodywork import Tint
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.canvas import Canvas, Color
from drivegrid.scenes.road import Road
from drivegrid.scenes.weather import Light

LABELS = {
    "pedestrian": "object/person/pedestrian",
    "cone": "obstacle/cone",
    "barrier": "obstacle/barrier",
    "debris": "obstacle/debris",
}
"""Kind -> taxonomy path."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something small on or beside the road: kind, place, height in metres, look.

    ``look`` is a seed for colours and pose.
    """

    kind: str
    depth_m: float
    offset_m: float
    height_m: float
    look: int

    @property
    def label(self) -> str:
        """The taxonomy path."""
        return LABELS[self.kind]


def sample_obstacles(rng: np.random.Generator, road: Road) -> tuple[Obstacle, ...]:
    """Draw people (mostly in cities), rows of cones or barriers, and lost things."""
    found: list[Obstacle] = []

    def add(kind: str, z: float, q: float, height: float) -> None:
        found.append(Obstacle(kind, float(z), float(q), float(height), int(rng.integers(1 << 30))))

    left, right = road.edges_m
    for _ in range(int(rng.poisson({"highway": 0.02, "rural": 0.1, "city": 2.2}[road.place]))):
        sides = (right + rng.uniform(0.2, 3), left - rng.uniform(0.2, 3), rng.uniform(left, right))
        add(
            "pedestrian",
            rng.uniform(6, 50),
            sides[int(rng.choice(3, p=(0.5, 0.3, 0.2)))],
            rng.uniform(1.5, 1.9),
        )
    if rng.random() < 0.12:
        kind = str(rng.choice(("cone", "barrier"), p=(0.7, 0.3)))
        z, q, drift = rng.uniform(6, 30), rng.uniform(left, right), rng.normal(0, 0.06)
        for _ in range(int(rng.integers(2, 9))):
            add(kind, z, q, rng.uniform(0.65, 0.8) if kind == "cone" else 1.0)
            step = rng.uniform(2.5, 9)
            z, q = z + step, q + drift * step
    if rng.random() < 0.08:
        add("debris", rng.uniform(7, 40), rng.uniform(left, right), rng.uniform(0.2, 0.7))
    return tuple(o for o in found if o.depth_m < 90)


def draw_obstacle(
    canvas: Canvas, camera: Camera, road: Road, obstacle: Obstacle, light: Light
) -> list[FloatArray]:
    """Draw an obstacle and return its silhouette polygons, empty if out of the picture."""
    tint = Tint(light, float(np.exp(-obstacle.depth_m / light.fog_m)))
    parts = _PARTS[obstacle.kind](np.random.default_rng(obstacle.look))
    base = road.points(obstacle.offset_m, np.array([obstacle.depth_m]))[0]
    rings = [
        camera.project(np.column_stack([shape * obstacle.height_m, np.zeros(len(shape))]) + base)
        for shape, _ in parts
    ]
    if not canvas.sees(np.concatenate(rings)):
        return []
    wide = float(np.ptp(rings[0][:, 0])) / 2 + 1
    foot = camera.project(base[None])[0]
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    shadow = foot + np.stack([1.3 * wide * np.cos(angle), 0.25 * wide * np.sin(angle)], axis=1)
    canvas.shade(shadow, 0.6, 1 + wide / 8)
    canvas.polys(rings, [tint(color, 1.0) for _, color in parts])
    return rings


Parts = list[tuple[FloatArray, Color]]
"""(N, 2) x, y in units of the height, with colours, from back to front."""


def _quad(x1: float, x2: float, y1: float, y2: float) -> FloatArray:
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def _color(rng: np.random.Generator, low: float, high: float) -> Color:
    red, green, blue = (rng.uniform(low, high) + rng.normal(0, 25, 3)).clip(8, 240).tolist()
    return (red, green, blue)


def _person(rng: np.random.Generator) -> Parts:
    stride = float(rng.uniform(0.02, 0.13))
    legs, coat = _color(rng, 20, 90), _color(rng, 25, 200)
    skin = float(rng.uniform(80, 200))
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    head = np.stack([0.05 * np.cos(turn), 0.93 + 0.07 * np.sin(turn)], axis=1)
    back = np.array([[-0.02, 0.5], [0.06, 0.5], [stride + 0.05, 0.0], [stride - 0.02, 0.0]])
    torso = np.array(
        [[-0.10, 0.45], [0.10, 0.45], [0.13, 0.8], [0.06, 0.86], [-0.06, 0.86], [-0.13, 0.8]]
    )
    arm = np.array([[0.1, 0.8], [0.14, 0.8], [0.13 + stride / 2, 0.46], [0.08 + stride / 2, 0.46]])
    return [
        (back, legs),
        (back * (-1, 1), legs),
        (torso, coat),
        (arm, coat),
        (arm * (-1, 1), coat),
        (head, (skin, skin * 0.78, skin * 0.66)),
    ]


def _cone(rng: np.random.Generator) -> Parts:
    orange: Color = (float(rng.uniform(200, 250)), float(rng.uniform(60, 100)), 20)
    body = np.array([[-0.2, 0.05], [0.2, 0.05], [0.04, 1.0], [-0.04, 1.0]])
    stripe = np.array([[-0.145, 0.4], [0.145, 0.4], [0.105, 0.62], [-0.105, 0.62]])
    return [
        (_quad(-0.28, 0.28, 0.0, 0.07), (60, 40, 30)),
        (body, orange),
        (stripe, (230, 230, 230)),
    ]


def _barrier(rng: np.random.Generator) -> Parts:
    red: Color = (210, float(rng.uniform(30, 110)), 30)
    parts: Parts = [
        (_quad(-0.75, -0.68, 0.0, 1.0), (90, 90, 90)),
        (_quad(0.68, 0.75, 0.0, 1.0), (90, 90, 90)),
    ]
    for low in (0.35, 0.7):
        parts.append((_quad(-0.8, 0.8, low, low + 0.22), (230, 230, 226)))
        for x in np.arange(-0.75, 0.7, 0.4):
            lean = np.array(
                [[x, low], [x + 0.18, low], [x + 0.28, low + 0.22], [x + 0.1, low + 0.22]]
            )
            parts.append((lean, red))
    return parts


def _debris(rng: np.random.Generator) -> Parts:
    wide = float(rng.uniform(0.5, 1.4))
    ring = np.array([[-0.5, 0], [0.5, 0], [0.48, 0.7], [0.2, 1.0], [-0.3, 0.9], [-0.5, 0.5]])
    ring = ring * (wide, 1) + rng.normal(0, 0.06, ring.shape) * (1, 0.5)
    tone = _color(rng, 30, 170)
    return [(ring, tone), (ring * (0.7, 0.5), (tone[0] * 0.7, tone[1] * 0.7, tone[2] * 0.7))]


_PARTS = {"pedestrian": _person, "cone": _cone, "barrier": _barrier, "debris": _debris}
