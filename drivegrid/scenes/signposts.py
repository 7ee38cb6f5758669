"""Traffic signs and lights: on posts, masts and gantries, some turned away."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from drivegrid.scenes.body import Body
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.placing import Spot, Thing, stand
from drivegrid.scenes.road import Road
from drivegrid.scenes.templates import Template

_POST_M = 2.2
"""Height of the model ``sign post``."""
_MEANS = {
    "highway": 1.3,
    "rural": 1.6,
    "city": 3.0,
    "residential": 1.8,
    "tunnel": 0.5,
    "parking": 1.5,
    "gas station": 1.0,
}

STATES = {
    "vehicle": ("red", "yellow", "green", "red-yellow", "off"),
    "pedestrian": ("red", "green"),
    "bicycle": ("red", "green"),
    "arrow": ("red", "green"),
}
"""Lamp states by kind of light."""


class Faces:
    """Sign faces by label; held-out ones for test scenes only."""

    def __init__(self, test: bool) -> None:
        self._test = test

    def pick(self, d: Draws, prefixes: tuple[str, ...]) -> str:
        """Return the key of a face whose label starts with one of the prefixes, labels alike."""
        keys = d.pick(d.pick(_labels(prefixes, self._test)))
        if self._test:
            new = [key for key in keys if FACES[key].held_out]
            if new and d.chance(0.4):
                return d.pick(new)
        return d.pick(keys)


@lru_cache(maxsize=64)
def _labels(prefixes: tuple[str, ...], test: bool) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Keys by label, wrapped once more so that labels are drawn alike."""
    found: dict[str, list[str]] = {}
    for key, face in FACES.items():
        if face.label.startswith(prefixes) and (test or not face.held_out):
            found.setdefault(face.label, []).append(key)
    return (tuple(tuple(keys) for keys in found.values()),)


def sample_signs(
    d: Draws, template: Template, road: Road, faces: Faces
) -> tuple[list[Thing], list[Body]]:
    """Draw signs with their posts; returns labelled faces and unlabelled posts."""
    things: list[Thing] = []
    posts: list[Body] = []
    for _ in range(int(_MEANS[template.place] * d.between(0.2, 1.8) + d.share())):
        faces_here, post = _roadside_sign(d, template, road, faces)
        things += faces_here
        posts.append(post)
    if template.has("gantry") and d.chance(0.45):
        above, frame = _gantry(d, road, faces)
        things += above
        posts.append(frame)
    if template.has("chevrons"):
        things += _chevrons(d, road)
    return things, posts


def _roadside_sign(
    d: Draws, template: Template, road: Road, faces: Faces
) -> tuple[list[Thing], Body]:
    z = d.between(7, 24) if d.chance(0.5) else d.between(20, 60)
    side = 1 if d.chance(0.72) else -1
    edge = (road.edges[1] if side > 0 else road.edges[0]).here(z)
    q = edge + side * d.between(0.6, 2.6 if template.place != "highway" else 4.0)
    kinds = ("sign/regulatory", "sign/warning", "sign/information")
    if template.has("works") and d.chance(0.4):
        kinds = ("sign/temporary", "sign/warning/road_work", "sign/complementary")
    elif d.chance(0.16):
        kinds = ("sign/complementary", "sign/advertisement", "sign/temporary")
    key = faces.pick(d, (d.pick(kinds),))
    half = d.between(0.28, 0.42) * (1.5 if template.place == "highway" else 1.0)
    if FACES[key].label == "sign/advertisement":
        half *= 2.2
    low = d.between(1.7, 2.4)
    away = _turned(d)
    spot = Spot(q, z, away, low + half)
    found = [_sign(road, key, spot, half)]
    if d.chance(0.15) and not away:
        second = faces.pick(d, ("sign/complementary",))
        found.append(_sign(road, second, replace(spot, up_m=low - 0.6 * half), half * 0.7))
    tall = (low + 2 * half) / _POST_M
    post = stand(road, "sign post", Spot(q, z + 0.06), scale=(1.0, tall, 1.0))
    return found, post


def _turned(d: Draws) -> float:
    """Angle of a sign against the road: nearly all face us, some show edge or back."""
    if d.chance(0.1):
        return d.pick((math.pi, math.pi, 1.45, -1.45)) + d.bell(0.1)
    return d.bell(0.16)


def _sign(road: Road, key: str, spot: Spot, half_m: float) -> Thing:
    face = FACES[key]
    wide = half_m * face.aspect
    body = stand(road, f"plate {face.shape}", spot, scale=(wide, half_m, 1.0))
    body = replace(body, face=key, grade=0.0)
    attributes = {"shape": face.shape, "color": face.color, **face.attributes}
    return Thing(face.label, (body,), spot, attributes, "point")


def _gantry(d: Draws, road: Road, faces: Faces) -> tuple[list[Thing], Body]:
    z, up = d.between(22, 80), d.between(5.6, 6.8)
    left, right = road.edges[0].here(z) - 1.2, road.edges[1].here(z) + 1.2
    middle, half = (left + right) / 2, (right - left) / 2
    frame = stand(road, "gantry", Spot(middle, z + 0.42), scale=(half, up / 6.0, 1.0))
    things = []
    for lane in road.lanes:
        if not d.chance(0.6):
            continue
        key = faces.pick(d, ("sign/information/direction", "sign/regulatory/lane_control"))
        high = d.between(0.8, 1.3) if "direction" in FACES[key].label else 0.6
        high = min(high, 1.6 / FACES[key].aspect)
        things.append(_sign(road, key, Spot(lane.middle(z), z, 0.0, up + 0.3), high))
    return things, frame


def _chevrons(d: Draws, road: Road) -> list[Thing]:
    """Chevron boards on the outside of the bend."""
    bend = road.alignment.slope[160] - road.alignment.slope[20]
    if abs(bend) < 0.08:
        return []
    side = -1 if bend > 0 else 1
    label = f"sign/complementary/chevron_{'right' if bend > 0 else 'left'}"
    keys = [key for key, face in FACES.items() if face.label == label]
    key, found = d.pick(keys), []
    for number in range(d.whole(2, 5)):
        z = 18 + 9 * number
        q = (road.edges[1] if side > 0 else road.edges[0]).here(z) + side * 1.4
        found.append(_sign(road, key, Spot(q, z, d.bell(0.1), 1.1), 0.4))
    return found


def sample_lights(d: Draws, template: Template, road: Road) -> tuple[list[Thing], list[Body]]:
    """Draw the lights of a junction, crossing or work zone ahead, with their posts."""
    if template.has("signals") and road.junction is not None:
        return _junction_lights(d, road, road.junction.near_m + d.between(-1.5, 1.0))
    if template.has("crosswalk") and d.chance(0.4):
        return _junction_lights(d, road, d.between(10, 30))
    if template.has("works") and d.chance(0.4):
        spot = Spot(road.edges[1].here(14) + 0.5, d.between(10, 26), 0.0, 1.3)
        state = d.pick(("on", "off"))
        return [
            _light(road, f"beacon {state}", spot, "flashing" if state == "on" else "off", "circle")
        ], []
    return [], []


def _junction_lights(d: Draws, road: Road, z: float) -> tuple[list[Thing], list[Body]]:
    state = d.weighted({"red": 4.0, "green": 4.0, "yellow": 1.6, "red-yellow": 1.0, "off": 1.2})
    right, left = road.edges[1].here(z) + 0.7, road.edges[0].here(z) - 0.7
    high = d.between(2.6, 3.4)
    post_tall = (high + 0.6) / _POST_M
    things, posts = [], []
    for q in (right, left)[: d.whole(1, 2)]:
        turn = math.pi if q == left and d.chance(0.2) else d.bell(0.15)
        things.append(
            _light(road, f"light vehicle {state}", Spot(q, z, turn, high), state, "circle")
        )
        posts.append(stand(road, "sign post", Spot(q, z + 0.2), scale=(1.3, post_tall, 1.3)))
    if d.chance(0.5):
        things.append(
            _light(road, f"light vehicle {state}", Spot(d.bell(0.8), z, 0.0, 5.4), state, "circle")
        )
        posts.append(stand(road, "mast arm", Spot(right, z + 0.25)))
    if d.chance(0.25) and state in ("red", "yellow", "green"):
        spot = Spot(d.bell(0.8), z + 14, 0.0, 5.6)
        things.append(_light(road, f"light vehicle horizontal {state}", spot, state, "circle"))
    if d.chance(0.4):
        way, lit = d.pick(("left", "right", "straight")), d.pick(STATES["arrow"])
        spot = Spot(right + 0.0, z, 0.0, high - 1.1)
        things.append(_light(road, f"light arrow {way} {lit}", spot, lit, f"{way} arrow"))
    if d.chance(0.55):
        lit = d.pick(STATES["pedestrian"])
        spot = Spot(right + 0.5, z - 1.5, d.bell(0.3), 2.3)
        things.append(_light(road, f"light pedestrian {lit}", spot, lit, "figure"))
        posts.append(
            stand(
                road,
                "sign post",
                Spot(spot.offset_m, spot.depth_m + 0.15),
                scale=(1.2, 1.2, 1.2),
            )
        )
    if d.chance(0.4):
        lit = d.pick(STATES["bicycle"])
        things.append(
            _light(
                road, f"light bicycle {lit}", Spot(right - 0.15, z - 0.2, 0.0, 1.6), lit, "figure"
            )
        )
    return things, posts


def _light(road: Road, mesh: str, spot: Spot, state: str, shows: str) -> Thing:
    body = replace(stand(road, mesh, spot), grade=0.0)
    kind = next((k for k in ("pedestrian", "bicycle") if k in mesh), "vehicle")
    label = "light/warning" if mesh.startswith("beacon") else f"light/{kind}"
    return Thing(label, (body,), spot, {"state": state, "shows": shows}, "box")
