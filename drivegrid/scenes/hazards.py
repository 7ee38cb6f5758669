"""Static obstacles, lawful and blocking, and work zones."""

from __future__ import annotations

import math

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.people import sample_clothes
from drivegrid.scenes.placing import Occupancy, Spot, Thing, footprint, stand, thing_of
from drivegrid.scenes.road import Lane, Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import Template
from drivegrid.scenes.traffic import sample_paint

ON_LANES = {
    "obstacle/cone": 1.4,
    "obstacle/barrier": 1.2,
    "obstacle/water_barrier": 1.2,
    "obstacle/concrete_block": 0.9,
    "obstacle/construction_sign": 1.1,
    "obstacle/warning_triangle": 1.5,
    "obstacle/debris": 1.9,
    "obstacle/rock": 1.4,
    "obstacle/pothole": 1.7,
    "obstacle/speed_bump": 1.3,
    "obstacle/manhole": 1.6,
    "obstacle/parked_vehicle": 2.0,
    "obstacle/pushable": 0.9,
}
"""What may stand or lie on a lane, by how often."""

BESIDE: dict[str, float] = {
    "obstacle/bollard": 1.2,
    "obstacle/pole": 1.2,
    "obstacle/hydrant": 1.0,
    "obstacle/bike_rack": 1.0,
    "obstacle/street_furniture": 1.4,
    "obstacle/pushable": 0.7,
    "obstacle/construction_sign": 0.6,
    "obstacle/rock": 0.5,
    "obstacle/fence": 0.9,
    "obstacle/wall": 0.6,
    "obstacle/median": 1.4,
    "obstacle/guard_rail": 0.5,
    "obstacle/water_barrier": 0.4,
    "obstacle/cone": 0.4,
}
"""What stands at the roadside of a street, by how often."""

_OPEN = ("pole", "bollard", "construction_sign", "rock", "guard_rail", "water_barrier", "cone")
_BESIDE_AT: dict[str, tuple[str, ...]] = {
    "highway": (*_OPEN, "wall", "fence"),
    "rural": (*_OPEN, "fence", "wall", "pushable"),
    "tunnel": ("bollard", "cone"),
    "parking": ("bollard", "cone", "pushable", "street_furniture", "hydrant", "bike_rack"),
    "gas station": ("bollard", "cone", "pushable", "hydrant"),
}
"""What of it stands elsewhere, by place."""

_COATS: tuple[Color, ...] = (
    (38, 66, 44),
    (28, 52, 106),
    (44, 74, 128),
    (30, 30, 32),
    (104, 106, 108),
    (196, 158, 40),
    (104, 66, 40),
    (150, 34, 30),
    (66, 70, 72),
    (170, 172, 168),
)
"""Colours of bins, letter boxes and cabinets."""

_FLAT = ("obstacle/pothole", "obstacle/manhole", "obstacle/speed_bump")
"""One can drive over these."""


def sample_hazards(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> list[Thing]:
    """Draw a few obstacles on and beside the road, and the work zone where there is one."""
    found: list[Thing] = []
    if template.has("works"):
        found += _work_zone(d, road, stock, taken)
    if d.chance(0.45):
        found += _on_lane(d, road, stock, taken)
    for _ in range(d.whole(0, 2) + (1 if template.has("kerbs") else 0)):
        found += _beside(d, road, stock, taken)
    return found


def place(
    d: Draws, road: Road, mesh: str, spot: Spot, taken: Occupancy, margin_m: float = 0.15
) -> list[Thing]:
    """Return the model as a thing at a spot, or nothing if the ground is taken."""
    size = footprint(mesh, spot.turn_rad)
    if not taken.take(spot, size, margin_m):
        return []
    body = stand(road, mesh, spot, tints=(d.pick(_COATS), d.pick(_COATS)))
    return [thing_of(body, spot)]


def _on_lane(d: Draws, road: Road, stock: Stock, taken: Occupancy) -> list[Thing]:
    """One obstacle, or a row that closes the lane, in one of our lanes."""
    label = d.weighted(ON_LANES)
    ours = [lane for lane in road.lanes if lane.direction > 0]
    lane = road.lanes[road.ego] if d.chance(0.5) else d.pick(ours)
    z = d.between(4.5, 13) if label in _FLAT else d.between(7, 32)
    if label == "obstacle/parked_vehicle":
        return _broken_down(d, road, stock, taken, (lane, z))
    if label in ("obstacle/cone", "obstacle/barrier", "obstacle/water_barrier") and d.chance(0.5):
        return _row_across(d, road, stock, taken, (lane, z, label))
    spot = Spot(lane.middle(z) + d.bell(lane.width(z) / 5), z, _turn(d, label))
    if label == "obstacle/speed_bump":
        spot = Spot(lane.middle(z), z)
    return place(d, road, stock.pick(d, label), spot, taken)


def _turn(d: Draws, label: str) -> float:
    if label in ("obstacle/debris", "obstacle/rock", "obstacle/pothole", "obstacle/pushable"):
        return d.between(-math.pi, math.pi)
    return d.bell(0.12)


def _row_across(
    d: Draws, road: Road, stock: Stock, taken: Occupancy, what: tuple[Lane, float, str]
) -> list[Thing]:
    lane, z, label = what
    mesh = stock.pick(d, label)
    turn = math.pi / 2 if footprint(mesh, 0.0)[0] < footprint(mesh, math.pi / 2)[0] else 0.0
    wide = footprint(mesh, turn)[0]
    found, q = [], lane.left.here(z) + wide / 2 + 0.1
    while q + wide / 2 < lane.right.here(z):
        found += place(d, road, mesh, Spot(q, z + d.bell(0.15), turn), taken, 0.02)
        q += wide + d.between(0.1, 0.7)
    return found


def _broken_down(
    d: Draws, road: Road, stock: Stock, taken: Occupancy, where: tuple[Lane, float]
) -> list[Thing]:
    """A vehicle left on a lane or shoulder, often with a warning triangle before it."""
    lane, z = where
    z += 6
    mesh = stock.pick(
        d,
        d.weighted(
            {"object/vehicle/car": 5.0, "object/vehicle/truck": 1.0, "object/vehicle/van": 1.0}
        ),
    )
    q = lane.middle(z) if d.chance(0.5) else road.paved[1].here(z) - d.between(0.9, 1.6)
    spot = Spot(q + d.bell(0.3), z, d.bell(0.1))
    size = footprint(mesh, spot.turn_rad)
    if not taken.take(spot, size):
        return []
    body = stand(road, mesh, spot, tints=sample_paint(d), lamps=0.5)
    found = [Thing("obstacle/parked_vehicle", (body,), spot)]
    if d.chance(0.6):
        triangle = stock.pick(d, "obstacle/warning_triangle")
        found += place(d, road, triangle, Spot(q, z - size[1] / 2 - d.between(1.5, 4)), taken)
    return found


def _beside(d: Draws, road: Road, stock: Stock, taken: Occupancy) -> list[Thing]:
    names = _BESIDE_AT.get(road.place)
    weights = BESIDE if names is None else {k: BESIDE[k] for k in (f"obstacle/{n}" for n in names)}
    label, z = d.weighted(weights), d.between(5, 34)
    side = 1 if d.chance(0.65) else -1
    edge = (road.paved[1] if side > 0 else road.paved[0]).here(z)
    mesh, turn = stock.pick(d, label), -side * math.pi / 2 + d.bell(0.1)
    if label in ("obstacle/construction_sign", "obstacle/bollard", "obstacle/cone"):
        turn = d.bell(0.2)
    away = d.between(0.4, 1.5) + footprint(mesh, turn)[0] / 2
    return place(d, road, mesh, Spot(edge + side * away, z, turn), taken)


def _work_zone(d: Draws, road: Road, stock: Stock, taken: Occupancy) -> list[Thing]:
    """Close the outermost lane of our direction with a taper of cones or barriers."""
    ours = [lane for lane in road.lanes if lane.direction > 0]
    lane, side = (ours[-1], 1) if d.chance(0.65) or len(ours) == 1 else (ours[0], -1)
    own = lane is road.lanes[road.ego]
    label = d.weighted(
        {
            "obstacle/cone": 4.0,
            "obstacle/barrier": 2.0,
            "obstacle/water_barrier": 1.5,
            "obstacle/bollard": 0.7,
        }
    )
    start, step = d.between(6 if not own else 10, 18), d.between(2.2, 5.5)
    found: list[Thing] = []
    mesh = stock.pick(d, label)
    for number in range(d.whole(6, 13)):
        z = start + number * step
        inner, outer = (lane.left.here(z), lane.right.here(z))[::side]
        share = min(number / 4, 1.0)
        q = outer + (inner - outer) * share + side * 0.2
        turn = d.bell(0.1)
        found += place(d, road, mesh, Spot(q, z, turn), taken, 0.02)
    inside = (lane.middle(start + 5 * step), start + 5 * step)
    for other, share in (
        ("obstacle/construction_sign", 0.85),
        ("obstacle/concrete_block", 0.35),
        ("obstacle/debris", 0.3),
    ):
        if d.chance(share):
            z = inside[1] + d.between(-3 * step, 4 * step)
            found += place(d, road, stock.pick(d, other), Spot(inside[0] + d.bell(0.4), z), taken)
    if d.chance(0.5):
        z = inside[1] + d.between(6, 22)
        found += _standing(d, road, stock, taken, ("object/vehicle/construction", inside[0], z))
    for _ in range(d.whole(0, 3)):
        z = inside[1] + d.between(-6, 14)
        found += _standing(
            d, road, stock, taken, ("object/person/construction_worker", inside[0] + d.bell(0.8), z)
        )
    return found


def _standing(
    d: Draws, road: Road, stock: Stock, taken: Occupancy, what: tuple[str, float, float]
) -> list[Thing]:
    label, q, z = what
    mesh = stock.pick(d, label)
    spot = Spot(q, z, d.between(-math.pi, math.pi) if "person" in label else d.bell(0.2))
    size = footprint(mesh, spot.turn_rad)
    if not taken.take(spot, size, 0.1):
        return []
    body = stand(road, mesh, spot, tints=sample_clothes(d))
    activity = "standing" if "person" in label else "parked"
    return [thing_of(body, spot, {"activity": activity})]
