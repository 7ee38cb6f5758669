"""What fills sidewalks: bins, boxes, racks with bicycles, bollards, groups of people."""

from __future__ import annotations

import math
from dataclasses import replace

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.hazards import place
from drivegrid.scenes.people import sample_clothes
from drivegrid.scenes.placing import Occupancy, Spot, Thing, footprint, stand, thing_of
from drivegrid.scenes.road import Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import Template

_PIECES = {
    "obstacle/street_furniture": 3.0,
    "obstacle/pushable": 2.2,
    "obstacle/bollard": 1.6,
    "obstacle/bike_rack": 0.7,
    "object/vehicle/bicycle": 1.5,
    "obstacle/hydrant": 0.6,
    "obstacle/pole": 1.0,
}
_FACES_US = ("obstacle/bollard", "obstacle/pole", "obstacle/hydrant")
_LEAST_WALK_M = 1.4


def sample_clutter(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> list[Thing]:
    """Draw clutter on the sidewalks of a street; nothing where there are none."""
    found: list[Thing] = []
    if not template.has("kerbs"):
        return found
    sides = (1,) if template.has("median") else (1, 1, -1)
    for _ in range(d.whole(1, 6)):
        label, side, z = d.weighted(_PIECES), d.pick(sides), d.between(7, 60)
        spot = _on_walk(d, road, side, z)
        if spot is None:
            continue
        if label == "object/vehicle/bicycle":
            found += _bicycle(d, road, taken, replace(spot, turn_rad=d.bell(0.2)))
            continue
        turn = 0.0 if label in _FACES_US else -side * math.pi / 2
        mesh = stock.pick(d, label)
        if footprint(mesh, turn)[0] < _width(road, side, z) - 0.2:
            found += place(d, road, mesh, replace(spot, turn_rad=turn + d.bell(0.05)), taken)
    if d.chance(0.6):
        found += _group(d, road, stock, taken, d.pick(sides))
    return found


def _width(road: Road, side: int, z: float) -> float:
    """Width of the sidewalk on a side."""
    which = (side + 1) // 2
    return abs(road.verges[which].here(z) - road.paved[which].here(z))


def _on_walk(d: Draws, road: Road, side: int, z: float) -> Spot | None:
    """Draw a place near the kerb or near the houses, None where no sidewalk is."""
    wide = _width(road, side, z)
    crossed = road.junction and road.junction.near_m - 4 < z < road.junction.far_m + 4
    if wide < _LEAST_WALK_M or crossed:
        return None
    away = d.between(0.5, 0.8) if d.chance(0.5) else wide - d.between(0.4, 0.7)
    return Spot(road.paved[(side + 1) // 2].here(z) + side * away, z)


def _bicycle(d: Draws, road: Road, taken: Occupancy, spot: Spot) -> list[Thing]:
    found: list[Thing] = []
    for number in range(d.whole(1, 3)):
        here = replace(spot, depth_m=spot.depth_m + 2.1 * number)
        if taken.take(here, footprint("bicycle", here.turn_rad), 0.05):
            body = stand(road, "bicycle", here, tints=sample_clothes(d))
            found.append(thing_of(body, here, {"activity": "parked", "ridden": "without rider"}))
    return found


def _group(d: Draws, road: Road, stock: Stock, taken: Occupancy, side: int) -> list[Thing]:
    """Two to five people close together."""
    z = d.between(9, 45)
    wide, found = _width(road, side, z), []
    if wide < _LEAST_WALK_M:
        return []
    heading = d.pick((0.0, math.pi))
    for _ in range(d.whole(2, 5)):
        here = z + d.bell(1.2)
        q = road.paved[(side + 1) // 2].here(here) + side * d.between(0.5, wide - 0.4)
        mesh = stock.pick(d, "object/person/pedestrian")
        spot = Spot(q, here, heading + d.bell(0.5 if "walking" in mesh else 1.5))
        if taken.take(spot, (0.5, 0.5), 0.05):
            body = stand(road, mesh, spot, tints=sample_clothes(d))
            activity = "standing" if "standing" in mesh else "moving"
            found.append(thing_of(body, spot, {"activity": activity}))
    return found
