"""Who is on the road: vehicles by lane, people and obstacles."""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.camera import Camera
from drivegrid.scenes.canvas import Color
from drivegrid.scenes.road import Lane, Road
from drivegrid.scenes.vehicles import SHAPES, Vehicle

DENSITY_BOUNDS = (3, 8)
"""Frames with up to 3 labelled vehicles are ``free``, up to 8 ``medium``, else ``dense``."""

_PAINTS: tuple[Color, ...] = (
    (225, 226, 228),
    (205, 206, 208),
    (160, 163, 166),
    (95, 98, 102),
    (30, 31, 33),
    (18, 18, 20),
    (120, 20, 25),
    (160, 30, 30),
    (30, 50, 95),
    (50, 80, 130),
    (60, 75, 60),
    (140, 125, 100),
    (215, 165, 40),
    (235, 235, 232),
    (70, 72, 76),
)


def sample_vehicles(rng: np.random.Generator, road: Road, camera: Camera) -> tuple[Vehicle, ...]:
    """Draw vehicles lane by lane with gaps, from near to far."""
    flow = float(rng.choice((0.35, 1.0, 2.2), p=(0.35, 0.4, 0.25)))
    reach = 1.3 * road.visible_range(camera)
    vehicles: list[Vehicle] = []
    for index, lane in enumerate(road.lanes):
        z = (8.0 if index == road.ego else 3.2) + float(rng.exponential(26 / flow))
        while z < reach:
            vehicle = _vehicle(rng, lane, z)
            vehicles.append(vehicle)
            z += vehicle.size_m[0] + 3 + float(rng.exponential(30 / flow))
    if road.divided and rng.random() < 0.8:
        vehicles += _opposite(rng, road, reach, flow)
    if road.place == "city" and rng.random() < 0.45:
        vehicles += _parked(rng, road, reach)
    return tuple(vehicles)


def _vehicle(rng: np.random.Generator, lane: Lane, depth_m: float) -> Vehicle:
    shape = str(rng.choice(list(SHAPES), p=(0.36, 0.24, 0.08, 0.08, 0.08, 0.05, 0.05, 0.03, 0.03)))
    base = SHAPES[shape][2]
    length, width, height = (float(side * rng.uniform(0.94, 1.06)) for side in base)
    paint = np.array(_PAINTS[int(rng.integers(len(_PAINTS)))]) + rng.normal(0, 8, 3)
    red, green, blue = np.clip(paint, 8, 245).tolist()
    return Vehicle(
        shape=shape,
        depth_m=depth_m,
        offset_m=lane.center_m + float(np.clip(rng.normal(0, 0.25), -0.6, 0.6)),
        direction=lane.direction,
        size_m=(length, width, height),
        color=(red, green, blue),
        lights=float(rng.random() < 0.25) * float(rng.uniform(0.4, 1)),
    )


def _opposite(rng: np.random.Generator, road: Road, reach: float, flow: float) -> list[Vehicle]:
    """Oncoming vehicles beyond the median."""
    found = []
    for number in range(2):
        lane = Lane(road.edges_m[0] - 3.5 - 3.6 * number, 3.6, -1)
        z = 10 + float(rng.exponential(30 / flow))
        while z < reach:
            found.append(_vehicle(rng, lane, z))
            z += 8 + float(rng.exponential(50 / flow))
    return found


def _parked(rng: np.random.Generator, road: Road, reach: float) -> list[Vehicle]:
    """Cars parked along the right kerb."""
    lane = Lane(road.edges_m[1] + 0.9, 2.0, 1)
    found, z = [], float(rng.uniform(4, 20))
    while z < reach:
        found.append(_vehicle(rng, lane, z))
        z += found[-1].size_m[0] + float(rng.choice((0.8, 8.0), p=(0.75, 0.25)))
    return found
