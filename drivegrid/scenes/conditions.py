"""The rules behind attributes; see ``taxonomy/tasks.yaml`` for their wording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.placing import Thing
from drivegrid.scenes.traffic import DENSITY_BOUNDS
from drivegrid.scenes.world import World, ground_plan

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


def surface_of(
    world: World, flats: Sequence[Instance], things: Sequence[Instance]
) -> str:
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
    away = float(np.hypot(x, z))
    return float(np.sin(body.yaw_rad) * x + np.cos(body.yaw_rad) * z) / max(away, 1e-6)


def plan_on_road(alignment: Alignment, body: Body) -> tuple[float, float, float, float]:
    """Return a body's least and greatest lateral offset and Z on the road, metres."""
    corners = ground_plan(body)
    points = np.column_stack([corners[:, 0], np.zeros(4), corners[:, 1]])
    offset = alignment.offset_of(points)
    return (
        float(offset.min()),
        float(offset.max()),
        float(corners[:, 1].min()),
        float(corners[:, 1].max()),
    )


def stands_in_the_way(thing: Thing) -> bool:
    """Return whether a thing takes room from traffic for good: it stands, and not flat."""
    if thing.label.startswith(("sign", "light", "region")) or thing.label in _FLAT:
        return False
    return thing.attributes.get("activity", "standing") != "moving"


def blockage_of(
    world: World, borders: tuple[FloatArray, FloatArray], depth_m: FloatArray
) -> str:
    """Return ``open``, ``partial`` or ``blocked`` for a strip of road.

    At every depth what stands on the strip leaves gaps; the strip is blocked where the widest gap
    is narrower than ``CAR_GAP_M``.

    Args:
        world: What stands on the road.
        borders: (N,) lateral offsets of both borders at the depths.
        depth_m: (N,) rising depths, at most a few metres apart.
    """
    left, right = borders
    intervals: list[tuple[float, float, float, float]] = []
    for thing in world.things:
        if stands_in_the_way(thing):
            intervals += [plan_on_road(world.road.alignment, body) for body in thing.bodies]
    touched, narrowest = False, np.inf
    for z, a, b in zip(depth_m, left, right, strict=True):
        cursor, widest = a, 0.0
        here = sorted(
            (low, high)
            for low, high, near, far in intervals
            if near - 0.5 <= z <= far + 0.5 and high > a + 0.15 and low < b - 0.15
        )
        for low, high in here:
            widest, cursor = max(widest, low - cursor), max(cursor, high)
        if here:
            touched = True
            narrowest = min(narrowest, max(widest, b - cursor))
    if not touched:
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
    lateral = q - road.lanes[road.ego].middle(z)
    lane = next(
        (
            index - road.ego
            for index, lane in enumerate(road.lanes)
            if lane.left.here(z) <= q <= lane.right.here(z)
        ),
        None,
    )
    half = road.lanes[road.ego].width(z) / 2
    side = "left" if lateral < -half else "right" if lateral > half else "ahead"
    return {
        "distance_m": round(z, 2),
        "lateral_m": round(lateral, 2),
        "lane": lane,
        "side": side,
        "in_our_lane": lane == 0,
    }
