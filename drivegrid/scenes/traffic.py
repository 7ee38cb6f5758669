"""Vehicles: driving, waiting, parked, crossing."""

from __future__ import annotations

import math

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.placing import Occupancy, Spot, Thing, footprint, stand, thing_of
from drivegrid.scenes.road import Lane, Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import Template

DENSITY_BOUNDS = (3, 8)
"""Pictures with up to 3 labelled vehicles are ``free``, up to 8 ``medium``, else ``dense``."""

MIX: dict[str, float] = {
    "object/vehicle/car": 16.0,
    "object/vehicle/van": 2.2,
    "object/vehicle/truck": 2.6,
    "object/vehicle/bus": 0.9,
    "object/vehicle/motorcycle": 0.8,
    "object/vehicle/trailer": 0.2,
    "object/vehicle/caravan": 0.25,
    "object/vehicle/construction": 0.2,
    "object/vehicle/boat": 0.15,
    "object/vehicle/emergency/ambulance": 0.25,
    "object/vehicle/emergency/police": 0.25,
    "object/vehicle/emergency/fire": 0.25,
}
_CITY_MIX = MIX | {
    "object/vehicle/bicycle": 1.0,
    "object/vehicle/train": 0.35,
    "object/vehicle/slow": 0.6,
}
_PLAIN: tuple[Color, ...] = (
    (225, 226, 228),
    (205, 206, 208),
    (178, 181, 184),
    (150, 153, 157),
    (95, 98, 102),
    (58, 60, 64),
    (30, 31, 33),
    (18, 18, 20),
    (28, 36, 62),
)
_PAINTS: tuple[Color, ...] = (
    *_PLAIN,
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
_REACH_M = 120.0


def sample_traffic(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> list[Thing]:
    """Draw vehicles lane by lane with gaps, then parked and crossing ones."""
    flow = d.weighted({0.2: 3.0, 0.9: 4.0, 2.3: 3.0})
    found: list[Thing] = []
    jam = flow > 2 and d.chance(0.4)
    for index, lane in enumerate(road.lanes):
        start = 7.5 if index == road.ego else 2.8
        z = start + d.gap(16 / flow)
        while z < min(_REACH_M, lane.span_m[1]):
            thing = _vehicle(d, template, road, stock, (lane, z, jam))
            length = footprint(thing.bodies[0].mesh, 0.0)[1]
            z += length + (1.5 + d.gap(3) if jam else 4 + d.gap(26 / flow))
            spot = thing.spot
            in_junction = (
                road.junction and road.junction.near_m - 3 < spot.depth_m < road.junction.far_m + 3
            )
            if not in_junction and taken.take(spot, footprint(thing.bodies[0].mesh, spot.turn_rad)):
                found.append(thing)
    if template.has("divided") or template.has("median"):
        found += _opposite(d, template, road, stock, (flow, taken))
    if template.has("parking"):
        found += _parked(d, template, road, stock, taken)
    if road.junction is not None:
        found += _crossing(d, road, stock, taken)
    return found


def _model(d: Draws, template: Template, stock: Stock) -> str:
    mix = _CITY_MIX if template.place in ("city", "residential") else MIX
    return stock.pick(d, d.weighted(mix))


def sample_paint(d: Draws) -> tuple[Color, Color]:
    """Draw body and trim colours."""
    base, jitter = d.pick(_PLAIN if d.chance(0.72) else _PAINTS), d.bell(8)
    red, green, blue = (min(max(c + jitter, 6.0), 246.0) for c in base)
    other = d.pick(_PAINTS)
    return (red, green, blue), other


def _vehicle(
    d: Draws, template: Template, road: Road, stock: Stock, where: tuple[Lane, float, bool]
) -> Thing:
    lane, near, jam = where
    mesh = _model(d, template, stock)
    length = footprint(mesh, 0.0)[1]
    depth = near + length / 2
    offset = lane.middle(depth) + d.bell(0.25)
    turn = (0.0 if lane.direction > 0 else math.pi) + d.bell(0.02)
    spot = Spot(offset, depth, turn)
    braking = jam or d.chance(0.15)
    tints = sample_paint(d)
    lamps = d.between(0.6, 1.0) if braking or d.chance(0.2) else 0.0
    body = stand(road, mesh, spot, tints=tints, lamps=lamps)
    return thing_of(body, spot, {"activity": "stopped" if jam else "moving"})


def _opposite(
    d: Draws, template: Template, road: Road, stock: Stock, how: tuple[float, Occupancy]
) -> list[Thing]:
    """Oncoming vehicles beyond the median."""
    flow, taken = how
    other = next(b for b in road.bands if b.segment == "road")
    found = []
    for number in range(2):
        z = 8 + d.gap(24 / flow)
        while z < _REACH_M:
            mesh = _model(d, template, stock)
            spot = Spot(other.right.here(z) - 2.2 - 3.5 * number, z, math.pi + d.bell(0.02))
            size = footprint(mesh, spot.turn_rad)
            if spot.offset_m - size[0] / 2 > other.left.here(z) and taken.take(spot, size):
                body = stand(road, mesh, spot, tints=sample_paint(d))
                found.append(thing_of(body, spot, {"activity": "moving"}))
            z += size[1] + 5 + d.gap(40 / flow)
    return found


def _parked(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> list[Thing]:
    """Vehicles at the kerb, wheels on the carriageway's edge."""
    found = []
    sides = [1] if template.has("median") else [1, -1]
    for side in sides:
        if not d.chance(0.75):
            continue
        strip = next((s for s in road.strips if s.kind == "park" and _lies(road, s) == side), None)
        edge = road.paved[1] if side > 0 else road.paved[0]
        turn = 0.0 if side > 0 or template.has("both sides") else math.pi
        z = d.between(3, 16)
        while z < 75:
            mesh = stock.pick(d, d.weighted({"object/vehicle/car": 9.0, "object/vehicle/van": 1.5}))
            size = footprint(mesh, turn)
            spot = Spot(
                edge.here(z) - side * (size[0] / 2 - (-0.1 if strip else d.between(0.3, 0.75))),
                z,
                turn + d.bell(0.02),
            )
            blocked = road.junction and road.junction.near_m - 9 < z < road.junction.far_m + 6
            if not blocked and taken.take(spot, size):
                body = stand(road, mesh, spot, tints=sample_paint(d))
                found.append(thing_of(body, spot, {"activity": "parked"}))
            z += size[1] + (d.between(0.7, 1.6) if d.chance(0.7) else d.gap(9))
    return found


def _lies(road: Road, strip: Lane) -> int:
    """Return 1 for a strip to the right of the lanes, -1 for one to the left."""
    return 1 if strip.left == road.edges[1] else -1


def _crossing(d: Draws, road: Road, stock: Stock, taken: Occupancy) -> list[Thing]:
    """Vehicles on the street that crosses."""
    assert road.junction is not None
    middle = (road.junction.near_m + road.junction.far_m) / 2
    found = []
    for side in (-1, 1):
        q = d.between(-18, -6) if side < 0 else d.between(2, 10)
        while abs(q) < 32 and d.chance(0.6):
            mesh = stock.pick(
                d,
                d.weighted(
                    {
                        "object/vehicle/car": 9.0,
                        "object/vehicle/truck": 1.0,
                        "object/vehicle/bus": 0.6,
                    }
                ),
            )
            spot = Spot(q, middle + side * 2.0, side * math.pi / 2)
            if taken.take(spot, footprint(mesh, spot.turn_rad)):
                body = stand(road, mesh, spot, tints=sample_paint(d))
                found.append(thing_of(body, spot, {"activity": "moving"}))
            q += d.between(8, 16)
    return found
