"""Buses, coaches and trams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Mesh, Part, box
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.solids import (
    Quad,
    both_ways,
    hub,
    hull,
    limb,
    pair,
    patch,
    plan,
    wheel,
)
from drivegrid.scenes.meshes.truck_body import WHEEL_M, front_of, rear_of

_CUT = (0.16, 0.12)


@dataclass(frozen=True, slots=True)
class _Bus:
    """Proportions in metres.

    Args:
        size: Width, height, length.
        floor: Height of the bodywork's lower edge.
        belt: Height of the windows' lower edge.
        head: Height of the windows' upper edge.
        rakes: How far front and rear lean above the belt.
        paint: Material of the bodywork.
    """

    size: tuple[float, float, float]
    floor: float = 0.3
    belt: float = 1.25
    head: float = 2.45
    rakes: tuple[float, float] = (0.15, 0.08)
    paint: str = "paint"


@dataclass(frozen=True, slots=True)
class _Walls:
    front: Quad
    screen: Quad
    rear: Quad
    rear_window: Quad
    side: Quad


def _body(bus: _Bus) -> Part:
    half, end = bus.size[0] / 2, bus.size[2] / 2
    top = bus.size[1] - 0.18
    points = plan(bus.floor, (-end, end), half, rear=_CUT, front=_CUT)
    points += plan(bus.belt, (-end, end), half, rear=_CUT, front=_CUT)
    ends = (bus.rakes[1] - end, end - bus.rakes[0])
    points += plan(top, ends, half, rear=_CUT, front=_CUT)
    points += plan(bus.size[1], (ends[0] + 0.15, ends[1] - 0.2), half - 0.2)

    def material(center: FloatArray, normal: FloatArray) -> str:
        return "dark" if normal[1] < -0.9 else bus.paint

    return hull(points, material)


def _walls(bus: _Bus) -> _Walls:
    half, end = bus.size[0] / 2, bus.size[2] / 2
    flat, top = half - _CUT[0], bus.size[1] - 0.18
    x, y, z = flat, bus.belt, -end
    back = bus.rakes[1] - end
    return _Walls(
        front_of(flat, bus.floor, bus.belt, end),
        front_of(flat, bus.belt, top, end, bus.rakes[0]),
        rear_of(flat, bus.floor, bus.belt, -end),
        ((-x, y, z), (x, y, z), (x, top, back), (-x, top, back)),
        (
            (half, bus.floor, 0.15 - end),
            (half, bus.floor, end - 0.2),
            (half, top, end - 0.2 - bus.rakes[0]),
            (half, top, 0.15 - end + bus.rakes[1]),
        ),
    )


def _ends(bus: _Bus, on: _Walls) -> list[Part]:
    """Return windscreen, destination board, rear window, lamps and plates."""
    return [
        patch(on.screen, (0.0, 1.0), (0.0, 0.98), "black"),
        patch(on.front, (0.0, 1.0), (0.86, 1.0), "black"),
        patch(on.screen, (0.02, 0.98), (0.02, 0.76), "glass"),
        patch(on.screen, (0.15, 0.85), (0.82, 0.93), "amber lamp"),
        *(patch(on.front, u, (0.21, 0.46), "black") for u in ((0.0, 0.2), (0.8, 1.0))),
        *(patch(on.front, u, (0.25, 0.42), "front lamp") for u in ((0.02, 0.18), (0.82, 0.98))),
        patch(on.front, (0.0, 1.0), (0.0, 0.14), "dark"),
        patch(on.front, (0.38, 0.62), (0.05, 0.16), "plate"),
        patch(on.rear_window, (0.05, 0.95), (0.22, 0.82), "black"),
        patch(on.rear_window, (0.08, 0.92), (0.26, 0.78), "glass"),
        *(patch(on.rear, u, (0.4, 0.85), "rear lamp") for u in ((0.0, 0.09), (0.91, 1.0))),
        *(patch(on.rear, u, (0.3, 0.4), "yellow") for u in ((0.0, 0.09), (0.91, 1.0))),
        patch(on.rear, (0.0, 1.0), (0.0, 0.13), "dark"),
        patch(on.rear, (0.16, 0.84), (0.48, 0.9), "dark"),
        *(patch(on.rear, (0.18, 0.82), (v, v + 0.03), "black") for v in (0.58, 0.68, 0.78)),
        patch(on.rear, (0.39, 0.61), (0.2, 0.33), "plate"),
    ]


def _sides(bus: _Bus, on: _Walls, posts: Sequence[float]) -> list[Part]:
    """Return a band of windows between posts, and doors on the right."""
    low = (bus.belt - bus.floor) / (bus.size[1] - 0.18 - bus.floor)
    high = (bus.head - bus.floor) / (bus.size[1] - 0.18 - bus.floor)
    band = [patch(on.side, (0.0, 1.0), (low, high), "black")]
    band += [
        patch(on.side, (a + 0.004, b - 0.004), (low + 0.02, high - 0.03), "glass")
        for a, b in pairwise(posts)
    ]
    return pair(*band)


def _axled(bus: _Bus, parts: list[Part], axles: Sequence[float]) -> list[Part]:
    """Put a bus on its wheels."""
    half = bus.size[0] / 2
    wheels = pair(*(wheel(half, z, WHEEL_M, 0.4) for z in axles))
    return [*wheels, *parts, *pair(*(p for z in axles for p in hub(half, z, WHEEL_M, arch=0.08)))]


def _ears(bus: _Bus) -> list[Part]:
    """Return mirrors that hang ahead of the windscreen."""
    x, z = bus.size[0] / 2 - 0.02, bus.size[2] / 2
    return pair(box((x, 1.9, z - 0.05), (x + 0.25, 2.5, z + 0.1), "black"))


def _city_bus() -> list[Part]:
    bus = _Bus((2.55, 3.05, 12.0))
    on = _walls(bus)
    posts = np.linspace(0.03, 0.98, 9).tolist()
    doors = [patch(on.side, u, (0.03, 0.8), "glass") for u in ((0.46, 0.56), (0.9, 0.985))]
    doors += [patch(on.side, (u, u + 0.004), (0.03, 0.8), "black") for u in (0.508, 0.94)]
    board = [patch(on.rear_window, (0.6, 0.85), (0.85, 0.95), "amber lamp")]
    parts = [*_ears(bus), _body(bus), *_ends(bus, on), *board, *_sides(bus, on, posts), *doors]
    return _axled(bus, parts, (3.2, -2.9))


def _coach() -> list[Part]:
    bus = _Bus((2.55, 3.65, 12.8), floor=0.32, belt=1.75, head=3.15, rakes=(0.45, 0.2))
    on = _walls(bus)
    posts = np.linspace(0.02, 0.96, 7).tolist()
    hatch = [patch(on.side, (u, u + 0.003), (0.05, 0.4), "black") for u in (0.36, 0.48, 0.6)]
    stripe = [patch(on.side, (0.0, 1.0), (0.36, 0.42), "trim")]
    parts = [*_ears(bus), _body(bus), *_ends(bus, on), *_sides(bus, on, posts)]
    return _axled(bus, [*parts, *pair(*stripe, *hatch)], (3.6, -2.7, -4.0))


def _school_bus() -> list[Part]:
    bus = _Bus((2.4, 3.1, 9.4), floor=0.5, belt=1.75, head=2.6, rakes=(0.25, 0.0), paint="yellow")
    on = _walls(bus)
    end, half = bus.size[2] / 2, bus.size[0] / 2
    bonnet = hull(
        [*plan(0.5, (end - 0.1, end + 1.1), half, front=(0.25, 0.15)),
         *plan(1.2, (end - 0.1, end + 1.1), half - 0.02, front=(0.25, 0.15)),
         *plan(1.6, (end - 0.1, end + 0.5), half - 0.25)], "yellow")  # fmt: skip
    nose = front_of(half - 0.27, 0.5, 1.2, end + 1.1)
    lines = [patch(on.side, (0.0, 1.0), (v, v + 0.02), "black") for v in (0.12, 0.3, 0.48)]
    alarm = [patch(q, u, (0.84, 0.94), "red") for q in (on.screen, on.rear_window)
             for u in ((0.02, 0.12), (0.88, 0.98))]  # fmt: skip
    door = [patch(on.rear_window, (0.36, 0.64), (0.1, 0.8), "glass"),
            *(patch(on.rear, (u, u + 0.02), (0.2, 1.0), "black") for u in (0.32, 0.66)),
            *(patch(on.rear, u, (0.62, 0.86), "rear lamp") for u in ((0.1, 0.2), (0.8, 0.9))),
            ]  # fmt: skip
    grille = [patch(nose, (0.2, 0.8), (0.25, 0.95), "black"),
              patch(nose, (0.0, 1.0), (0.0, 0.2), "dark"),
              *(patch(nose, u, (0.5, 0.8), "front lamp") for u in ((0.0, 0.16), (0.84, 1.0))),
              ]  # fmt: skip
    rear = [patch(on.rear_window, u, (0.2, 0.7), "glass") for u in ((0.05, 0.3), (0.7, 0.95))]
    rear += [patch(on.rear, (0.0, 1.0), (0.0, 0.2), "black")]
    rear += [patch(on.rear, (0.4, 0.6), (0.05, 0.17), "plate")]
    screen = [patch(on.screen, (0.0, 1.0), (0.0, 0.75), "glass")]
    posts = np.linspace(0.02, 0.94, 11).tolist()
    body = [*_ears(bus), _body(bus), *rear, *alarm, *door, *screen]
    body += [*_sides(bus, on, posts), *pair(*lines)]
    return _axled(bus, both_ways([[bonnet, *grille], body]), (end + 0.1, -2.6))


def _tram() -> list[Part]:
    bus = _Bus((2.5, 3.4, 27.0), floor=0.2, belt=1.3, head=2.6, rakes=(0.7, 0.7))
    on = _walls(bus)
    posts = np.linspace(0.02, 0.98, 17).tolist()
    gaps = [patch(on.side, (u, u + 0.03), (0.0, 1.0), "black") for u in (0.32, 0.65)]
    doors = [patch(on.side, (u, u + 0.05), (0.02, 0.8), "glass") for u in (0.14, 0.48, 0.8)]
    skirt = [patch(on.side, (0.0, 1.0), (0.0, 0.12), "trim")]
    rear = [
        patch(on.rear_window, (0.0, 1.0), (0.02, 0.8), "black"),
        patch(on.rear_window, (0.02, 0.98), (0.08, 0.72), "glass"),
        patch(on.rear_window, (0.2, 0.8), (0.83, 0.93), "amber lamp"),
        *(patch(on.rear, u, (0.5, 0.68), "rear lamp") for u in ((0.02, 0.14), (0.86, 0.98))),
        patch(on.rear, (0.0, 1.0), (0.0, 0.2), "dark"),
    ]
    front = _ends(bus, on)[:8]
    bogies = [box((-1.1, 0.0, z - 1.2), (1.1, 0.25, z + 1.2), "dark") for z in (-10.0, 0.0, 10.0)]
    arms = [limb((0, 3.38, 1.0), (0, 4.0, -0.2), (0.04, 0.04), "dark"),
            limb((0, 4.0, -0.2), (0, 4.9, 0.9), (0.03, 0.03), "dark"),
            box((-0.7, 4.87, 0.85), (0.7, 4.92, 0.95), "dark")]  # fmt: skip
    body = [*arms, *bogies, _body(bus), *front, *rear, *_sides(bus, on, posts)]
    return [*body, *pair(*doors, *skirt, *gaps)]


_BUILDERS = {
    "city bus": (_city_bus, "bus"),
    "coach": (_coach, "bus"),
    "school bus": (_school_bus, "bus"),
    "tram": (_tram, "train"),
}

_HELD_OUT = {"coach"}

BUSES: dict[str, Model] = {
    name: Model(Mesh(name, tuple(build())), "vehicle", f"object/vehicle/{label}", name in _HELD_OUT)
    for name, (build, label) in _BUILDERS.items()
}
"""Model name -> model. Tint 0 is the bodywork, tint 1 a stripe."""
