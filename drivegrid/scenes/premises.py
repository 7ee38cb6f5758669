"""Parking lots and gas stations: vehicles in bays and at pumps, islands, canopy, shop."""

from __future__ import annotations

import math
from dataclasses import replace

from drivegrid.scenes.body import Body
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.marks import BAY_M, BAYS_FROM_M, BAYS_TO_M
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.placing import Occupancy, Spot, Thing, footprint, stand, thing_of
from drivegrid.scenes.road import Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.traffic import sample_paint

_PARKED = {"object/vehicle/car": 12.0, "object/vehicle/van": 1.6, "object/vehicle/motorcycle": 0.3}
_BRANDS: tuple[Color, ...] = (
    (190, 30, 32),
    (225, 180, 40),
    (30, 80, 160),
    (40, 120, 70),
    (225, 225, 222),
    (60, 60, 64),
)
_ISLAND_M = 0.95
"""Distance of an island's middle from the lane."""


def sample_bays(d: Draws, road: Road, stock: Stock, taken: Occupancy) -> list[Thing]:
    """Draw vehicles in the bays on both sides of an aisle, and in the rows behind."""
    wide, deep = BAY_M
    busy, found = d.between(0.35, 0.9), []
    for side in (-1, 1):
        edge = road.edges[1] if side > 0 else road.edges[0]
        rows = [(deep / 2, busy), (1.5 * deep + 0.3, busy * 0.8)]
        rows.append((2.5 * deep + 6.5, busy * d.between(0.2, 1.0)))
        for away, share in rows:
            count = int((BAYS_TO_M - BAYS_FROM_M) / wide) - 1
            for number in range(count):
                z = BAYS_FROM_M + (number + 0.5) * wide + 0.05
                if not d.chance(share):
                    continue
                nose = d.pick((-1, 1)) if d.chance(0.5) else side
                turn = nose * math.pi / 2 + d.bell(0.03)
                found += _parked(d, road, stock, taken, Spot(edge.here(z) + side * away, z, turn))
    return found


def _parked(d: Draws, road: Road, stock: Stock, taken: Occupancy, spot: Spot) -> list[Thing]:
    mesh = stock.pick(d, d.weighted(_PARKED))
    if "rider" in mesh:
        mesh = "motorcycle"
    spot = replace(spot, offset_m=spot.offset_m + d.bell(0.15), depth_m=spot.depth_m + d.bell(0.1))
    if not taken.take(spot, footprint(mesh, spot.turn_rad), 0.02):
        return []
    body = stand(road, mesh, spot, tints=sample_paint(d))
    return [thing_of(body, spot, {"activity": "parked"})]


def sample_station(
    d: Draws, road: Road, stock: Stock, taken: Occupancy
) -> tuple[list[Thing], list[Body]]:
    """Draw a gas station around the ego lane: islands, pumps, canopy, shop and pylon."""
    near = d.between(4.0, 24.0)
    middle = near + 6.0
    brand, other = d.pick(_BRANDS), d.pick(_BRANDS)
    tints = (brand, other)
    left = road.edges[0].here(middle) - _ISLAND_M
    right = road.edges[1].here(middle) + _ISLAND_M
    things: list[Thing] = []
    bodies: list[Body] = []
    outer = d.between(5.6, 6.4)
    islands = [left, right, *((right + outer,) if d.chance(0.6) else ())]
    for q in islands:
        taken.take(Spot(q, middle), (1.1, 9.2), 0.05)
        for z in (middle - 1.2, middle + 1.2):
            spot = Spot(q, z, d.pick((0.0, math.pi)))
            things.append(thing_of(stand(road, "fuel pump", spot, tints=tints), spot))
        for z, turn in ((middle - 3.5, 0.0), (middle + 3.5, math.pi)):
            bodies.append(stand(road, "canopy pillar", Spot(q, z, turn), tints=tints))
    center = (islands[0] + islands[-1]) / 2
    bodies.append(
        stand(road, "canopy roof", Spot(center, middle, d.pick((0.0, math.pi))), tints=tints)
    )
    for q in (left - 2.6, right + 2.4):
        for z in (middle - 2.4, middle + 3.2):
            if d.chance(0.45):
                things += _parked(d, road, stock, taken, Spot(q, z, d.pick((0.0, math.pi))))
    found, stands = _shop_and_pylon(d, road, stock, taken, (middle, right + outer + 2.0, tints))
    return things + found, bodies + stands


def _shop_and_pylon(
    d: Draws,
    road: Road,
    stock: Stock,
    taken: Occupancy,
    where: tuple[float, float, tuple[Color, Color]],
) -> tuple[list[Thing], list[Body]]:
    """The shop beyond the last island, vehicles before it, the pylon at the roadside."""
    middle, beyond, tints = where
    mesh = stock.scenery(d, ("shop", "warehouse", "garage", "house"))
    wide, deep = footprint(mesh, -math.pi / 2)
    z = middle + d.between(2, 10) + deep / 4
    spot = Spot(beyond + 6.0 + wide / 2, z, -math.pi / 2)
    taken.take(spot, (wide, deep), 0.0)
    shop = replace(stand(road, mesh, spot, tints=((190, 188, 182), tints[0])), grade=0.0)
    things: list[Thing] = []
    for number in range(3):
        if d.chance(0.5):
            place = Spot(beyond + 2.4, z - 3.5 + 2.8 * number, math.pi / 2)
            things += _parked(d, road, stock, taken, place)
    side = d.pick((-1, 1))
    q = (road.edges[1] if side > 0 else road.edges[0]).here(middle) + side * d.between(2.5, 4.5)
    spot = Spot(q, middle + d.between(9, 16) * d.pick((1, 1, -1)), d.bell(0.15))
    if not taken.take(spot, footprint("price pylon", 0.0)):
        return things, [shop]
    pylon = stand(road, "price pylon", spot, tints=tints)
    key = d.pick([k for k, face in FACES.items() if face.label == "sign/information/gas_station"])
    face = FACES[key]
    plate = Spot(q, spot.depth_m - 0.3, spot.turn_rad, 5.5)
    sign = stand(road, f"plate {face.shape}", plate, scale=(0.75 * face.aspect, 0.75, 1.0))
    sign = replace(sign, face=key, grade=0.0)
    attributes = {"shape": face.shape, "color": face.color, **face.attributes}
    return [*things, Thing(face.label, (sign,), plate, attributes, "point")], [shop, pylon]
