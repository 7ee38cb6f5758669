"""Traffic signs on posts, walls and gantries, some turned away, and billboards."""

from __future__ import annotations

import math
from dataclasses import replace

from drivegrid.scenes.body import Body
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.faces import FACES
from drivegrid.scenes.placing import Occupancy, Spot, Thing, plan_of, stand
from drivegrid.scenes.road import Road
from drivegrid.scenes.sign_choice import Faces
from drivegrid.scenes.templates import Template
from drivegrid.scenes.traffic import sample_paint

_MEANS = {
    "highway": 1.3,
    "rural": 1.6,
    "city": 3.0,
    "residential": 1.8,
    "tunnel": 0.8,
    "parking": 1.6,
    "gas station": 1.0,
}
_STEEPEST = (0.35, 0.75)
"""Signs farther aside than such a share of their distance are out of most pictures."""

_BILLBOARDS = ("billboard holiday", "billboard car", "billboard drink", "billboard bakery")


def sample_signs(
    d: Draws, template: Template, road: Road, faces: Faces, taken: Occupancy
) -> tuple[list[Thing], list[Body]]:
    """Draw signs with their posts; returns labelled faces and unlabelled posts."""
    things: list[Thing] = []
    posts: list[Body] = []
    count = int(_MEANS[template.place] * d.between(0.2, 1.8) + d.share())
    for number in range(max(count, faces.least)):
        found, post = _roadside_sign(d, template, road, faces, taken, number)
        things += found
        posts += post
    if template.has("gantry") and d.chance(0.45):
        above, frame = _gantry(d, road, faces)
        things += above
        posts.append(frame)
    if template.has("tunnel") and d.chance(0.5):
        things += _hung(d, road, faces, (d.between(18, 70), 4.7), guides=False)
    if template.has("chevrons"):
        things += _chevrons(d, road)
    if not template.has("buildings") and not template.has("tunnel") and d.chance(0.12):
        board, frame = _billboard(d, road, faces)
        things.append(board)
        posts.append(frame)
    return things, posts


def _roadside_sign(
    d: Draws, template: Template, road: Road, faces: Faces, taken: Occupancy, number: int
) -> tuple[list[Thing], list[Body]]:
    """One post with one or two faces; nothing if no free place was found."""
    spot = _free_spot(d, template, road, taken)
    if spot is None:
        return [], []
    shown = number < faces.least
    if template.has("works") and d.chance(0.3):
        key = faces.pick(d, (d.pick(("sign/temporary", "sign/warning/road_work")),))
    else:
        key = faces.in_turn(d) if shown else faces.roadside(d)
    half = d.between(0.3, 0.42) * (1.5 if template.place == "highway" else 1.0)
    if FACES[key].label == "sign/advertisement":
        half *= 2.0
    half = min(half, 1.1 / FACES[key].aspect) if FACES[key].aspect > 1.5 else half
    low, away = d.between(1.8, 2.4), 0.0 if shown else _turned(d)
    spot = replace(spot, turn_rad=d.bell(0.14) + away, up_m=low + half)
    found, top = [_sign(road, key, spot, half)], low + 2 * half
    if not away and d.chance(0.6 if shown else 0.2):
        second = faces.in_turn(d) if shown else faces.pick(d, ("sign/complementary",))
        small = min(half * d.between(0.75, 1.0), 0.9 / FACES[second].aspect)
        found.append(_sign(road, second, replace(spot, up_m=top + 0.06 + small), small))
        top += 0.06 + 2 * small
    post = stand(
        road, "sign post", Spot(spot.offset_m, spot.depth_m + 0.07), scale=(1.0, top - 0.05, 1.0)
    )
    return found, [post]


def _free_spot(d: Draws, template: Template, road: Road, taken: Occupancy) -> Spot | None:
    """Draw a place beside the road that nothing stands on."""
    for _ in range(4):
        z = d.between(8, 26) if d.chance(0.6) else d.between(22, 60)
        side = 1 if d.chance(0.72) else -1
        edge = (road.paved[1] if side > 0 else road.paved[0]).here(z)
        rim = (road.verges[1] if side > 0 else road.verges[0]).here(z)
        reach = abs(rim - edge) if template.has("kerbs") or template.has("tunnel") else 4.0
        if template.has("bays"):
            away = 5.15
        else:
            away = min(d.between(0.5, 3.8 if template.place == "highway" else 2.2), reach - 0.35)
        q = edge + side * max(away, 0.4)
        spot = Spot(q, max(z, abs(q) / d.between(*_STEEPEST)))
        if taken.take(spot, (0.1, 0.1), 0.02):
            return spot
    return None


def _turned(d: Draws) -> float:
    """Angle of a sign against the road: nearly all face us, some show edge or back."""
    if d.chance(0.22):
        return d.pick((math.pi, math.pi, 1.45, -1.45)) + d.bell(0.1)
    return 0.0


def _sign(road: Road, key: str, spot: Spot, half_m: float) -> Thing:
    face = FACES[key]
    wide = half_m * face.aspect
    body = stand(road, f"plate {face.shape}", spot, scale=(wide, half_m, 1.0))
    body = replace(body, face=key, grade=0.0)
    attributes = {"shape": face.shape, "color": face.color, **face.attributes}
    return Thing(face.label, (body,), spot, attributes, "point")


def _gantry(d: Draws, road: Road, faces: Faces) -> tuple[list[Thing], Body]:
    z, up = d.between(14, 80), d.between(5.6, 6.8)
    left, right = road.paved[0].here(z) - 0.8, road.paved[1].here(z) + 0.8
    middle, half = (left + right) / 2, (right - left) / 2
    frame = stand(road, "gantry", Spot(middle, z + 0.42), scale=(half, up / 6.0, 1.0))
    return _hung(d, road, faces, (z, up + 0.3), guides=True), frame


def _hung(
    d: Draws, road: Road, faces: Faces, where: tuple[float, float], *, guides: bool
) -> list[Thing]:
    """Faces over the lanes at a distance and height."""
    z, up = where
    things = []
    for lane in road.lanes:
        if lane.direction < 0 or not d.chance(0.65):
            continue
        key = faces.overhead(d, guides=guides)
        high = d.between(0.8, 1.3) if "direction" in FACES[key].label else 0.5
        high = min(high, 1.6 / FACES[key].aspect)
        things.append(_sign(road, key, Spot(lane.middle(z), z, 0.0, up), high))
    return things


def _billboard(d: Draws, road: Road, faces: Faces) -> tuple[Thing, Body]:
    """A board of 6 x 3 m on two posts away from the road, turned a little towards it."""
    z, side = d.between(30, 90), d.pick((1, 1, -1))
    edge = (road.verges[1] if side > 0 else road.verges[0]).here(z)
    shift = 18.0 if side < 0 and road.divided else 0.0
    q, turn = edge + side * (d.between(7, 16) + shift), side * d.between(0.0, 0.35)
    frame = stand(road, "billboard", Spot(q, z, turn), tints=sample_paint(d))
    key = d.pick([key for key in _BILLBOARDS if faces.allows(key)])
    yaw = road.alignment.yaw(z) + turn
    x, y, _ = frame.position_m
    away = -plan_of("billboard")[1] + 0.03  # in front of the whole frame, its walkway included
    place = (x - away * math.sin(yaw), y + 5.0, z - away * math.cos(yaw))
    sign = _sign(road, key, Spot(q, z, turn, 5.0), 1.5)
    board = replace(sign.bodies[0], position_m=place, scale=(3.0, 1.5, 1.0))
    return replace(sign, bodies=(board,)), frame


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
