"""People and animals: on sidewalks, crossing, riding, standing about."""

from __future__ import annotations

import math
from dataclasses import replace

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.placing import Occupancy, Spot, Thing, footprint, stand, thing_of
from drivegrid.scenes.road import Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import Template

_WALKERS: dict[str, float] = {
    "object/person/pedestrian": 10.0,
    "object/person/child": 1.8,
    "object/person/wheelchair": 1.0,
    "object/person/stroller": 0.9,
    "object/person/personal_mobility": 0.9,
    "object/person/police_officer": 0.8,
}
_ANIMALS: dict[str, float] = {"object/animal": 3.0, "object/animal/bird": 3.0}
_ANIMALS_AT = {"rural": 0.26, "residential": 0.2, "city": 0.1, "parking": 0.15, "highway": 0.03}
_MEANS = {
    "city": 3.2,
    "residential": 2.4,
    "rural": 0.35,
    "highway": 0.12,
    "tunnel": 0.08,
    "parking": 2.6,
    "gas station": 1.8,
}


def sample_people(
    d: Draws, template: Template, road: Road, stock: Stock, taken: Occupancy
) -> list[Thing]:
    """Draw walkers, riders at the road's edge and, seldom, animals."""
    found = []
    for _ in range(int(_MEANS[template.place] * d.between(0, 2) + d.share())):
        found.append(_walker(d, template, road, stock))
    if d.chance({"city": 0.35, "residential": 0.3, "rural": 0.12}.get(template.place, 0.0)):
        found.append(_rider(d, road, stock))
    if d.chance(_ANIMALS_AT.get(template.place, 0.02)):
        found.append(_animal(d, road, stock))
    kept = []
    for thing in found:
        mesh = thing.bodies[0].mesh
        if taken.take(thing.spot, footprint(mesh, thing.spot.turn_rad), 0.1):
            kept.append(thing)
    return kept


def sample_clothes(d: Draws) -> tuple[Color, Color]:
    """Draw the colours of upper and lower clothes."""
    level = d.between(10, 70) if d.chance(0.75) else d.between(70, 220)
    upper = (level + d.bell(12), level + d.bell(12), level + d.bell(14))
    low = d.between(10, 60)
    return (
        (max(upper[0], 8), max(upper[1], 8), max(upper[2], 8)),
        (low, low + d.bell(8), low + d.between(0, 25)),
    )


def _walker(d: Draws, template: Template, road: Road, stock: Stock) -> Thing:
    z = d.between(5, 42) if d.chance(0.8) else d.between(40, 70)
    side = 1 if template.has("median") or d.chance(0.62) else -1
    edge = (road.paved[1] if side > 0 else road.paved[0]).here(z)
    if template.has("kerbs"):
        rim = (road.verges[1] if side > 0 else road.verges[0]).here(z)
        spot = Spot(edge + (rim - edge) * d.between(0.25, 0.9), z)
    else:
        spot = Spot(edge + side * d.between(0.5, 3.0), z)
    turn = d.pick((0.0, math.pi)) + d.bell(0.4)
    if road.junction is not None and d.chance(0.4):
        z = road.junction.near_m - d.between(1.2, 2.6)
        spot, turn = _on_road(d, road, z), d.pick((-1, 1)) * math.pi / 2 + d.bell(0.2)
    elif d.chance(0.14):
        spot, turn = _on_road(d, road, z), d.pick((-1, 1)) * math.pi / 2 + d.bell(0.5)
    spot = replace(spot, turn_rad=turn)
    mesh = stock.pick(d, d.weighted(_WALKERS))
    body = stand(road, mesh, spot, tints=sample_clothes(d), scale=_height(d))
    still = "standing" in mesh or "officer" in mesh
    activity = "sitting" if "wheelchair" in mesh else "standing" if still else "moving"
    return thing_of(body, spot, {"activity": activity})


def _height(d: Draws) -> tuple[float, float, float]:
    tall = d.between(0.93, 1.06)
    return (tall, tall, tall)


def _on_road(d: Draws, road: Road, z: float) -> Spot:
    return Spot(d.between(road.edges[0].here(z), road.edges[1].here(z)), z)


def _rider(d: Draws, road: Road, stock: Stock) -> Thing:
    z = d.between(7, 45)
    bikes = next((s for s in road.strips if s.kind == "bike" and s.direction > 0), None)
    q = bikes.middle(z) if bikes else road.edges[1].here(z) - d.between(0.4, 1.3)
    spot = Spot(q + d.bell(0.1), z, d.bell(0.05))
    mesh = stock.pick(
        d, "object/vehicle/bicycle" if d.chance(0.75) else "object/vehicle/motorcycle"
    )
    body = stand(road, mesh, spot, tints=sample_clothes(d))
    ridden = "with rider" if "rider" in mesh else "without rider"
    activity = "moving" if ridden == "with rider" else "parked"
    return thing_of(body, spot, {"activity": activity, "ridden": ridden})


def _animal(d: Draws, road: Road, stock: Stock) -> Thing:
    kind = d.weighted(_ANIMALS)
    z = d.between(5, 16) if kind.endswith("bird") else d.between(9, 45)
    across = d.chance(0.35)
    edge = road.edges[1] if d.chance(0.6) else road.edges[0]
    spot = _on_road(d, road, z) if across else Spot(edge.here(z) + d.bell(1.2), z)
    spot = replace(spot, turn_rad=d.between(-math.pi, math.pi))
    mesh = stock.pick(d, kind)
    tone = d.between(40, 170)
    fur = ((tone, tone * 0.8, tone * 0.6), (tone * 0.7, tone * 0.55, tone * 0.4))
    body = stand(road, mesh, spot, tints=fur)
    return thing_of(body, spot, {"activity": "standing"})
