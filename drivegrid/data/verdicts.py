"""What people can tell about one instance, in three values.

Each function judges in True, False, or None where people could see it either way: a van when cars
are asked for, a cone half in our lane, a sign too small to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

from drivegrid.data.scene import Instance
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space
from drivegrid.labels.space import spelling

Verdict: TypeAlias = bool | None

MIN_VISIBILITY = 0.3
MIN_SIDE_SHARE = 1 / 64
"""Boxes with a visible side below this share of the frame's, and lines over fewer rows, may be
overlooked."""
STATE_MARGIN = 0.05
"""Visible shares this close to a limit of ``visible_state`` (.4, .8) are not told apart."""

_LOOKALIKES: Mapping[str, tuple[str, ...]] = {
    "lane/line": ("lane/curb", "lane/stop_line", "lane/yield_line", "lane/hatching"),
    "lane/stop_line": ("lane/yield_line", "lane/crosswalk"),
    "lane/arrow": ("lane/symbol",),
    "obstacle": ("object",),
    "obstacle/barrier": ("obstacle/guard_rail", "obstacle/fence", "obstacle/concrete_block"),
    "obstacle/concrete_block": ("obstacle/barrier", "obstacle/water_barrier", "obstacle/median"),
    "obstacle/cone": ("obstacle/bollard", "sign/complementary/delineator"),
    "obstacle/bollard": ("obstacle/cone", "obstacle/pole", "sign/complementary/delineator"),
    "obstacle/debris": ("obstacle/rock", "obstacle/pushable"),
    "obstacle/rock": ("obstacle/debris",),
    "obstacle/construction_sign": ("sign/temporary", "sign/warning/road_work"),
    "object": ("obstacle/parked_vehicle",),
    "object/vehicle": ("obstacle/parked_vehicle",),
    "object/vehicle/car": (
        "obstacle/parked_vehicle", "object/vehicle/van", "object/vehicle/emergency/police",
    ),
    "object/vehicle/van": (
        "obstacle/parked_vehicle", "object/vehicle/emergency/ambulance", "object/vehicle/caravan",
    ),
    "object/vehicle/truck": (
        "obstacle/parked_vehicle", "object/vehicle/construction", "object/vehicle/emergency/fire",
        "object/vehicle/trailer", "object/vehicle/van",
    ),
    "object/vehicle/bus": ("obstacle/parked_vehicle", "object/vehicle/train"),
    "object/vehicle/bicycle": ("object/person/cyclist", "object/person/rider"),
    "object/vehicle/motorcycle": ("object/person/motorcyclist", "object/person/rider"),
    "object/vehicle/emergency/police": ("object/vehicle/car",),
    "object/person": ("object/vehicle/bicycle", "object/vehicle/motorcycle"),
    "object/person/pedestrian": (
        "object/person/child", "object/person/construction_worker", "object/person/wheelchair",
        "object/person/police_officer", "object/person/stroller", "object/person/personal_mobility",
    ),
    "object/person/construction_worker": ("object/person/police_officer",),
    "object/person/cyclist": ("object/vehicle/bicycle", "object/person/rider"),
    "object/person/motorcyclist": ("object/vehicle/motorcycle", "object/person/rider"),
    "light": ("light/pedestrian", "light/bicycle", "light/warning"),
}  # fmt: skip
"""Label asked for to labels, with all below, that some people would count in and some would not."""

_DOUBTFUL_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "obstacle": (
        "obstacle/manhole", "obstacle/speed_bump", "obstacle/pothole", "obstacle/pole",
        "obstacle/fence", "obstacle/wall", "obstacle/median", "obstacle/guard_rail",
        "obstacle/street_furniture", "obstacle/hydrant", "obstacle/bike_rack",
    ),
    "object/vehicle": ("object/vehicle/bicycle", "object/vehicle/slow", "object/vehicle/trailer"),
    "object/person": ("object/person/rider", "object/person/cyclist", "object/person/motorcyclist"),
    "sign": ("sign/back", "sign/advertisement", "sign/complementary", "sign/temporary"),
    "light": ("light/pedestrian", "light/bicycle", "light/warning"),
}  # fmt: skip
"""Likewise, for labels below the one asked for."""

_VAGUE = frozenset({"other", "unknown", "worn"})
_ALIKE = (
    {"orange", "red"}, {"gray", "white"}, {"gray", "black"}, {"partly hidden", "mostly hidden"},
    {"dashed", "botts dots"}, {"square", "rectangle"}, {"square", "diamond"}, {"orange", "yellow"},
    {"rectangle", "diamond"}, {"partly hidden", "cut off"},
)  # fmt: skip
_UNREADABLE = frozenset({"turned away", "unreadable"})
_LIMITS = (0.4, 0.8)


def both(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the conjunction: False beats None beats True."""
    found = set(verdicts)
    return False if False in found else None if None in found else True


def lies_under(path: str, roots: Iterable[str]) -> bool:
    """Tell whether a label is one of these or below one."""
    return any(path == root or path.startswith(f"{root}/") for root in roots)


@cache
def is_meant(asked: str, label: str) -> Verdict:
    """Tell whether a label, when it can be read, is of the kind asked for."""
    if lies_under(label, (asked,)):
        return None if lies_under(label, _DOUBTFUL_MEMBERS.get(asked, ())) else True
    if lies_under(label, _LOOKALIKES.get(asked, ())) or label in _namesakes(asked):
        return None
    return False


@cache
def _namesakes(asked: str) -> frozenset[str]:
    """Return the labels whose words hold all words of the one asked for: "water barrier"."""
    space = default_label_space()
    words = set(space.words(asked).split())
    return frozenset(p for p in space.paths if words < set(space.words(p).split()))


def is_noticed(instance: Instance, size_wh: Size) -> Verdict:
    """Tell whether everybody would notice an instance."""
    if instance.visibility is not None and instance.visibility < MIN_VISIBILITY:
        return None
    if instance.extra.get("painted") is False:
        return None
    box = instance.extra.get("visible_box") or instance.extra.get("box_xyxy")
    if box is not None:
        low, high = box[:2], box[2:]
    elif instance.geometry.kind == "point":
        return True
    elif not len(points := instance.geometry.vertices()):
        return None
    else:
        low, high = points.min(axis=0), points.max(axis=0)
    sides = [(b - a) / side for a, b, side in zip(low, high, size_wh, strict=True)]
    least = max(sides) if instance.geometry.kind == "line" else min(sides)
    return True if least >= MIN_SIDE_SHARE else None


def is_unreadable(instance: Instance) -> bool:
    """Tell signs and lights whose face cannot be read."""
    return instance.attributes.get("visible_state") in _UNREADABLE


def has(instance: Instance, name: str, value: str) -> Verdict:
    """Tell whether an attribute has a value."""
    have = instance.attributes.get(name)
    if have is None or have in _VAGUE:
        return None
    if name != "visible_state" and is_unreadable(instance):
        return None
    if name == "visible_state" and instance.visibility is not None:
        if min(abs(instance.visibility - limit) for limit in _LIMITS) < STATE_MARGIN:
            return None
    if have == value:
        return True
    asked, found = (set(spelling(text).split()) for text in (value, have))
    return None if asked < found or {value, have} in _ALIKE else False


def ego_of(instance: Instance) -> Mapping[str, Any]:
    """Return where a thing is for the driver; empty where nobody says it."""
    found: Mapping[str, Any] = instance.extra.get("ego") or {}
    return found


def in_lane(instance: Instance, lane: int | None) -> Verdict:
    """Tell whether a thing is in a lane counted from ours; None: off the road."""
    ego = ego_of(instance)
    if "lane" not in ego:
        return None
    in_it = bool(ego["lane"] == lane)
    return None if ego.get("in_our_lane", lane == 0) != (ego["lane"] == 0) else in_it


def on_side(instance: Instance, side: str) -> Verdict:
    """Tell whether a thing is to the left or right of our lane."""
    ego = ego_of(instance)
    if "side" not in ego:
        return None
    return None if ego["side"] == side and ego.get("in_our_lane") else ego["side"] == side


def has_role(instance: Instance, roles: tuple[str, ...]) -> Verdict:
    """Tell whether a lane line has one of these places beside our lane."""
    role = instance.attributes.get("role")
    return None if role is None else role in roles


def blocks(instance: Instance) -> Verdict:
    """Tell whether a thing is in our way; traffic may only be driving ahead of us."""
    if not lies_under(instance.label, ("obstacle", "object")):
        return False
    in_it = in_lane(instance, 0)
    if in_it and is_meant("obstacle", instance.label) is not True:
        return None
    return in_it
