"""The rules behind attributes; see ``taxonomy/tasks.yaml`` for their wording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray
from drivegrid.scenes.body import Body
from drivegrid.scenes.placing import Thing
from drivegrid.scenes.traffic import DENSITY_BOUNDS
from drivegrid.scenes.world import World

CAR_GAP_M = 2.2
"""A gap as wide as this lets a car through."""

_FLAT = ("obstacle/pothole", "obstacle/manhole", "obstacle/speed_bump")


def density_of(vehicles: int) -> str:
    """Return the traffic density for a number of labelled vehicles.

    >>> [density_of(n) for n in (0, 3, 4, 8, 9)]
    ['free', 'free', 'medium', 'medium', 'dense']
    """
    free, medium = DENSITY_BOUNDS
    return "free" if vehicles <= free else "medium" if vehicles <= medium else "dense"


def visible_state(visibility: float, cut: bool) -> str:
    """Return the visible state of an obstacle or road user.

    >>> visible_state(0.39, cut=False), visible_state(0.4, cut=False), visible_state(1.0, cut=True)
    ('mostly hidden', 'partly hidden', 'cut off')
    """
    if cut:
        return "cut off"
    if visibility < 0.4:
        return "mostly hidden"
    return "partly hidden" if visibility < 0.8 else "fully visible"


def surface_of(world: World, flats: Sequence[Instance], things: Sequence[Instance]) -> str:
    """Return the condition of the carriageway: snow, then damaged, wet, dry."""
    if world.surface == "snow":
        return "snow"
    broken = any(i.label == "region/crack" for i in flats)
    if broken or any(i.label == "obstacle/pothole" for i in things):
        return "damaged"
    puddle = any(i.label == "region/puddle" for i in flats)
    return "wet" if world.finish.wet > 0.1 or puddle else "dry"


def facing(body: Body) -> float:
    """Return the cosine between a face's direction and the way to the camera.

    Faces look along -z of their model.
    """
    x, _, z = body.position_m
    ahead = math.sin(body.yaw_rad) * x + math.cos(body.yaw_rad) * z
    return ahead / max(math.hypot(x, z), 1e-6)


@dataclass(frozen=True, slots=True)
class Taken:
    """Ground that things take from traffic.

    Args:
        spans: (N, 4) least and greatest lateral offset, least and greatest Z, metres.
        lasting: (N,) whether the thing stands, so that it blocks the road.
    """

    spans: FloatArray
    lasting: np.ndarray


def taken_ground(world: World) -> Taken:
    """Return the ground under road users and obstacles; flat things take none."""
    solid = {}
    for index, thing in enumerate(world.things):
        if not (thing.label.startswith(("sign", "light", "region")) or thing.label in _FLAT):
            solid[world.first_id + index] = stands_in_the_way(thing)
    rows = [k for k, body in enumerate(world.bodies) if body.part_of in solid]
    points = np.zeros((4 * len(rows), 3))
    points[:, ::2] = world.plans[rows].reshape(-1, 2)
    offset = world.road.alignment.offset_of(points).reshape(-1, 4)
    depth = points[:, 2].reshape(-1, 4)
    spans = np.stack(
        [offset.min(axis=1), offset.max(axis=1), depth.min(axis=1), depth.max(axis=1)], axis=1
    )
    lasting = np.array([solid[world.bodies[k].part_of] for k in rows], dtype=bool)
    return Taken(spans, lasting)


def stands_in_the_way(thing: Thing) -> bool:
    """Return whether a thing takes room from traffic for good: it does not move."""
    return thing.attributes.get("activity", "standing") != "moving"


def blockage_of(taken: Taken, borders: tuple[FloatArray, FloatArray], depth_m: FloatArray) -> str:
    """Return ``open``, ``partial`` or ``blocked`` for a strip of road.

    At every depth what stands on the strip leaves gaps; the strip is blocked where the widest gap
    is narrower than ``CAR_GAP_M``.

    Args:
        taken: Ground under things.
        borders: (N,) lateral offsets of both borders at the depths.
        depth_m: (N,) rising depths, at most a metre apart.
    """
    first, last = int(depth_m[0]), len(depth_m) - 1
    standing = []
    for low, high, near, far in taken.spans[taken.lasting].tolist():
        middle = min(max(int((near + far) / 2) - first, 0), last)
        left, right = float(borders[0][middle]), float(borders[1][middle])
        if high > left + 0.15 and low < right - 0.15:
            standing.append((low, high, near, far, left, right))
    narrowest = math.inf
    for _, _, near, far, left, right in standing:
        if near >= depth_m[-1]:
            continue
        cursor, widest = left, 0.0
        for low, high in sorted(b[:2] for b in standing if b[2] < far + 1 and b[3] > near - 1):
            widest, cursor = max(widest, low - cursor), max(cursor, high)
        narrowest = min(narrowest, max(widest, right - cursor))
    if narrowest == math.inf:
        return "open"
    return "blocked" if narrowest < CAR_GAP_M else "partial"


def ego_relations(world: World, thing: Thing) -> dict[str, Any]:
    """Return where a thing is for the driver.

    Returns:
        ``distance_m`` ahead; ``lateral_m`` from the ego lane's middle, right positive; ``lane``
        counted from the ego lane (-1 the next one to the left, None off the lanes); ``side``
        left, ahead or right; ``in_our_lane``.
    """
    road, z = world.road, thing.spot.depth_m
    q = thing.spot.offset_m
    left, right = road.lanes[road.ego].left.here(z), road.lanes[road.ego].right.here(z)
    lateral, half = q - (left + right) / 2, (right - left) / 2
    lane = next(
        (
            index - road.ego
            for index, lane in enumerate(road.lanes)
            if lane.left.here(z) <= q <= lane.right.here(z)
        ),
        None,
    )
    side = "left" if lateral < -half else "right" if lateral > half else "ahead"
    return {
        "distance_m": round(z, 2),
        "lateral_m": round(lateral, 2),
        "lane": lane,
        "side": side,
        "in_our_lane": lane == 0,
    }
