"""Traffic lights: at junctions, crossings and work zones."""

from __future__ import annotations

import math
from dataclasses import replace

from drivegrid.scenes.body import Body
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.placing import Spot, Thing, stand
from drivegrid.scenes.road import Road
from drivegrid.scenes.stock import Stock
from drivegrid.scenes.templates import Template

_STATES = {"red": 3.4, "green": 3.4, "yellow": 2.2, "red-yellow": 1.8, "off": 1.2}
_PAIR = ("red", "green")
_WAYS = ("left", "right", "straight")
_OVERHEAD_M = 5.4


def sample_lights(
    d: Draws, template: Template, road: Road, stock: Stock
) -> tuple[list[Thing], list[Body]]:
    """Draw the lights of a junction, crossing or work zone ahead, with their posts."""
    things: list[Thing] = []
    posts: list[Body] = []
    if template.has("signals") and road.junction is not None:
        near = road.junction.near_m + d.between(-1.5, 1.0)
        things, posts = _junction_lights(d, road, stock, near)
        if d.chance(0.6):  # the next junction
            more, masts = _next_junction(d, road, stock, d.between(45, 85))
            things, posts = things + more, posts + masts
    elif template.has("crosswalk") and d.chance(0.6):
        things, posts = _junction_lights(d, road, stock, d.between(8, 30))
    elif template.has("works") and d.chance(0.9):
        z = d.between(9, 26)
        side = d.pick((0, 1, 1))
        q = road.paved[side].here(z) + (0.5 if side else -0.5)
        things = [_beacon(d, road, Spot(q, z, 0.0, 1.3))]
        posts = [stand(road, "sign post", Spot(q, z + 0.1), scale=(1.0, 1.1, 1.0))]
    return things, posts


def _junction_lights(
    d: Draws, road: Road, stock: Stock, z: float
) -> tuple[list[Thing], list[Body]]:
    state = d.weighted(_STATES)
    sides = (road.paved[1].here(z) + 0.6, road.paved[0].here(z) - 0.6)
    high = d.between(2.6, 3.4)
    things, posts = [], []
    for q in sides[: d.pick((1, 2, 2))]:
        right = q == sides[0]
        turn = math.pi if not right and d.chance(0.4) else d.bell(0.15)
        things.append(_vehicle(road, state, Spot(q, z, turn, high)))
        if d.chance(0.55):  # for the street that crosses
            other = {"green": "red", "red": "green"}.get(state, state)
            aside = -math.pi / 2 if right else math.pi / 2
            shift = 0.3 if right else -0.3
            things.append(_vehicle(road, other, Spot(q + shift, z + 0.2, aside, high)))
        if d.chance(0.6):
            things.append(_arrow(d, road, Spot(q, z, 0.0, high - 1.05)))
        posts.append(stand(road, "sign post", Spot(q, z + 0.2), scale=(1.3, high + 0.6, 1.3)))
    if d.chance(0.75):
        more, masts = _overhead(d, road, stock, z, state)
        things, posts = things + more, posts + masts
    if d.chance(0.65):
        more, masts = _crossing_lights(d, road, Spot(sides[0] + 0.5, z - 1.5), high)
        things, posts = things + more, posts + masts
    return things, posts


def _next_junction(d: Draws, road: Road, stock: Stock, z: float) -> tuple[list[Thing], list[Body]]:
    """Lights farther ahead: over the lanes, and on posts that traffic often hides."""
    state = d.weighted(_STATES)
    things, posts = _overhead(d, road, stock, z, state)
    for q in (road.paved[1].here(z) + 0.6, road.paved[0].here(z) - 0.6):
        things.append(_vehicle(road, state, Spot(q, z - 1.0, d.bell(0.1), 2.6)))
        posts.append(stand(road, "sign post", Spot(q, z - 0.8), scale=(1.3, 3.1, 1.3)))
    return things, posts


def _overhead(
    d: Draws, road: Road, stock: Stock, z: float, state: str
) -> tuple[list[Thing], list[Body]]:
    """Lights on a mast's arm, one for each lane of ours that it reaches."""
    right = road.paved[1].here(z) + 0.7
    ours = [lane for lane in road.lanes if lane.direction > 0]
    across = f"light vehicle horizontal {state}"
    flat = d.chance(0.3) and state in ("red", "yellow", "green") and stock.shows(across)
    things = []
    for lane in ours:
        q = lane.middle(z) + d.bell(0.2)
        spot = Spot(q, z, d.bell(0.05), _OVERHEAD_M)
        if right - q > 7.2:
            continue
        if flat:
            things.append(_light(road, across, spot, state, "circle"))
        elif d.chance(0.3):
            things.append(_arrow(d, road, spot))
        else:
            things.append(_vehicle(road, state, spot))
    return things, [stand(road, "mast arm", Spot(right, z + 0.25))] if things else []


def _crossing_lights(
    d: Draws, road: Road, spot: Spot, high_m: float
) -> tuple[list[Thing], list[Body]]:
    """Lights for people on foot and on bicycles on a post of their own."""
    things = []
    if d.chance(0.75):
        lit = d.pick(_PAIR)
        place = replace(spot, turn_rad=d.bell(0.3), up_m=min(2.5, high_m))
        things.append(_light(road, f"light pedestrian {lit}", place, lit, "figure"))
    if d.chance(0.75):
        lit = d.pick(_PAIR)
        place = replace(spot, turn_rad=d.bell(0.1), up_m=1.75)
        things.append(_light(road, f"light bicycle {lit}", place, lit, "figure"))
    foot = Spot(spot.offset_m, spot.depth_m + 0.17)
    return things, [stand(road, "sign post", foot, scale=(1.2, 2.8, 1.2))] if things else []


def _vehicle(road: Road, state: str, spot: Spot) -> Thing:
    return _light(road, f"light vehicle {state}", spot, state, "circle")


def _arrow(d: Draws, road: Road, spot: Spot) -> Thing:
    way, lit = d.pick(_WAYS), d.pick(_PAIR)
    return _light(road, f"light arrow {way} {lit}", spot, lit, f"{way} arrow")


def _beacon(d: Draws, road: Road, spot: Spot) -> Thing:
    state = d.pick(("on", "on", "off"))
    shown = "flashing" if state == "on" else "off"
    return _light(road, f"beacon {state}", spot, shown, "circle")


def _light(road: Road, mesh: str, spot: Spot, state: str, shows: str) -> Thing:
    body = replace(stand(road, mesh, spot), grade=0.0)
    kind = next((k for k in ("pedestrian", "bicycle") if k in mesh), "vehicle")
    label = "light/warning" if mesh.startswith("beacon") else f"light/{kind}"
    return Thing(label, (body,), spot, {"state": state, "shows": shows}, "box")
