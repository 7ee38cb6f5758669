"""Descriptions of what is meant in a scene: one object gives both the words and the targets.

A description asks for a label, by attributes, a relation to our lane and a rank. Every part judges
an instance in three values: True, False, or None where people could see it either way (a van when
cars are asked for, a cone half in our lane, a sign too small to read). A description is *clear* in
a scene only if no such doubt reaches its targets; otherwise it has no answer there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import Size, x_at_bottom
from drivegrid.labels import LabelSpace, default_label_space
from drivegrid.labels.space import spelling

Verdict: TypeAlias = bool | None
Form: TypeAlias = Literal["the", "all", "every", "any"]
Targets: TypeAlias = tuple[int, ...]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
MIN_VISIBILITY = 0.3
MIN_SIDE_SHARE = 1 / 64
"""Boxes with a visible side below this share of the frame's, and lines over fewer rows, may be
overlooked."""
MIN_GAP_SHARE, MIN_GAP_M = 0.1, 1.5
"""How much nearer (share of the distance, metres) one thing must be than the next to rank."""
MIN_GAP_COLUMNS = 0.02
"""How far apart (share of the width) two things must lie to be told left from right."""
STATE_MARGIN = 0.05
"""Visible shares this close to a limit of ``visible_state`` (.4, .8) are not told apart."""

NOT_ASKED = frozenset(
    "lane lane/curb lane/yield_line lane/hatching lane/symbol lane/text obstacle/pole "
    "obstacle/fence obstacle/wall obstacle/median obstacle/guard_rail obstacle/street_furniture "
    "object sign/regulatory sign/warning sign/information sign/complementary "
    "sign/complementary/delineator sign/temporary sign/back".split()
)
"""Labels whose words mean too much, or too little, to be asked for."""

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

ADJECTIVES: Mapping[str, Mapping[str, str]] = {
    "visible_state": {
        "partly hidden": "partly hidden", "cut off": "cut-off", "turned away": "turned-away",
    },
    "style": {"solid": "solid", "dashed": "dashed", "double solid": "double solid"},
    "shape": {
        "circle": "round", "triangle": "triangular", "octagon": "octagonal",
        "diamond": "diamond-shaped", "rectangle": "rectangular", "square": "square",
    },
    "color": {
        color: color for color in
        ("white", "yellow", "blue", "red", "green", "orange", "black", "brown", "gray")
    } | {"red-white": "red and white"},
    "state": {"red": "red", "yellow": "yellow", "green": "green"},
}  # fmt: skip
"""Attribute to the values that are asked for, in words; in the order in which they are said."""

_VAGUE = frozenset({"other", "unknown", "worn"})
_ALIKE = (
    {"orange", "red"}, {"gray", "white"}, {"gray", "black"}, {"partly hidden", "mostly hidden"},
    {"dashed", "botts dots"}, {"square", "rectangle"}, {"square", "diamond"}, {"orange", "yellow"},
    {"rectangle", "diamond"}, {"partly hidden", "cut off"},
)  # fmt: skip
_UNREADABLE = frozenset({"turned away", "unreadable"})
_LIMITS = (0.4, 0.8)


def _both(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the conjunction: False beats None beats True."""
    found = set(verdicts)
    return False if False in found else None if None in found else True


def _lies_under(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _is_meant(asked: str, label: str) -> Verdict:
    """Tell whether a label, when it can be read, is of the kind asked for."""
    if _lies_under(label, (asked,)):
        return None if _lies_under(label, _DOUBTFUL_MEMBERS.get(asked, ())) else True
    if _lies_under(label, _LOOKALIKES.get(asked, ())) or label in _namesakes(asked):
        return None
    return False


@cache
def _namesakes(asked: str) -> frozenset[str]:
    """Return the labels whose words hold all words of the one asked for: "water barrier"."""
    space = default_label_space()
    words = set(space.words(asked).split())
    return frozenset(p for p in space.paths if words < set(space.words(p).split()))


def _is_noticed(instance: Instance, size_wh: Size) -> Verdict:
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


def _is_unreadable(instance: Instance) -> bool:
    """Tell signs and lights whose face cannot be read."""
    return instance.attributes.get("visible_state") in _UNREADABLE


def _has(instance: Instance, name: str, value: str) -> Verdict:
    """Tell whether an attribute has a value."""
    have = instance.attributes.get(name)
    if have is None or have in _VAGUE:
        return None
    if name != "visible_state" and _is_unreadable(instance):
        return None
    if name == "visible_state" and instance.visibility is not None:
        if min(abs(instance.visibility - limit) for limit in _LIMITS) < STATE_MARGIN:
            return None
    if have == value:
        return True
    asked, found = (set(spelling(text).split()) for text in (value, have))
    return None if asked < found or {value, have} in _ALIKE else False


def _ego(instance: Instance) -> Mapping[str, Any]:
    found: Mapping[str, Any] = instance.extra.get("ego") or {}
    return found


def _in_lane(instance: Instance, lane: int | None) -> Verdict:
    """Tell whether a thing is in a lane counted from ours; None: off the road."""
    ego = _ego(instance)
    if "lane" not in ego:
        return None
    in_it = ego["lane"] == lane
    return None if ego.get("in_our_lane", lane == 0) != (ego["lane"] == 0) else in_it


def _on_side(instance: Instance, side: str) -> Verdict:
    ego = _ego(instance)
    if "side" not in ego:
        return None
    return None if ego["side"] == side and ego.get("in_our_lane") else ego["side"] == side


def _has_role(instance: Instance, roles: tuple[str, ...]) -> Verdict:
    role = instance.attributes.get("role")
    return None if role is None else role in roles


def _blocks(instance: Instance) -> Verdict:
    """Tell whether a thing is in our way; traffic may only be driving ahead of us."""
    if not _lies_under(instance.label, ("obstacle", "object")):
        return False
    in_lane = _in_lane(instance, 0)
    if in_lane and _is_meant("obstacle", instance.label) is not True:
        return None
    return in_lane


Relation: TypeAlias = Callable[[Instance], Verdict]
THING_RELATIONS: Mapping[str, Relation] = {
    "in our lane": lambda thing: _in_lane(thing, 0),
    "in the lane to our left": lambda thing: _in_lane(thing, -1),
    "in the lane to our right": lambda thing: _in_lane(thing, 1),
    "beside the road": lambda thing: _in_lane(thing, None),
    "to the left of our lane": lambda thing: _on_side(thing, "left"),
    "to the right of our lane": lambda thing: _on_side(thing, "right"),
}
SIGN_RELATIONS = {name: THING_RELATIONS[name] for name in list(THING_RELATIONS)[-2:]}
LINE_RELATIONS: Mapping[str, Relation] = {
    "bounding our lane": lambda line: _has_role(line, ("ego-left", "ego-right")),
    "bounding our lane on the left": lambda line: _has_role(line, ("ego-left",)),
    "bounding our lane on the right": lambda line: _has_role(line, ("ego-right",)),
}
_RELATIONS = {**THING_RELATIONS, **LINE_RELATIONS}
BLOCKING = "is anything blocking our lane?"


def relations_for(label: str) -> Mapping[str, Relation]:
    """Return the relations that can be asked of a label, by their words."""
    if label == "lane/line":
        return LINE_RELATIONS
    if _lies_under(label, ("obstacle", "object")):
        return THING_RELATIONS
    return SIGN_RELATIONS if _lies_under(label, ("sign", "light")) else {}


@cache
def askable() -> tuple[str, ...]:
    """Return the paths a description may ask for, in the taxonomy's order."""
    roots = ("lane", "obstacle", "object", "sign", "light")
    return tuple(
        path
        for path in default_label_space().paths
        if _lies_under(path, roots) and path not in NOT_ASKED
    )


@dataclass(frozen=True, slots=True)
class Description:
    """What is asked for.

    Args:
        label: One of `askable`; empty for whatever blocks our lane.
        form: "the" means one thing, "all" and "every" all of them, "any" whether there are some.
        attributes: (name, value) pairs, in the order of `ADJECTIVES`, then ``limit``.
        relation: One of `relations_for`, or empty.
        rank: "nearest", "farthest", "left" or "right" (counted from there), or empty; with the
            form "the" only.
        place: 0-based place from the left or right.
    """

    label: str
    form: Form
    attributes: tuple[tuple[str, str], ...] = ()
    relation: str = ""
    rank: str = ""
    place: int = 0

    @property
    def root(self) -> str:
        """First name of the label's path; "obstacle" for whatever blocks our lane."""
        return self.label.partition("/")[0] or "obstacle"

    def text(self, space: LabelSpace | None = None) -> str:
        """Return the words; no two descriptions share them.

        >>> Description("lane/line", "the", rank="left", place=1).text()
        'the second lane line from the left'
        """
        if not self.label:
            return BLOCKING
        label = (space or default_label_space()).label(self.label)
        values = dict(self.attributes)
        said = [ADJECTIVES[name][values[name]] for name in ADJECTIVES if name in values]
        words = [*said, label.plural if self.form == "all" else label.words]
        words += [f"for {values['limit']}"] if "limit" in values else []
        words += [self.relation] if self.relation else []
        if self.rank in ("left", "right"):
            words = [ORDINALS[self.place], *words, "from the", self.rank]
        elif self.rank:
            words = [self.rank, *words]
        start, end = ("is there any", "?") if self.form == "any" else (self.form, "")
        return " ".join([start, *words]) + end

    def verdict(self, instance: Instance, size_wh: Size) -> Verdict:
        """Tell whether an instance is meant, its rank aside; None where people could differ."""
        if not self.label:
            return _both((_blocks(instance), _is_noticed(instance, size_wh)))
        parts = [_is_meant(self.label, instance.label)]
        if self.label.startswith("sign/") and _is_unreadable(instance):
            parts = [None]
        if parts[0] is not False:
            parts += [_has(instance, name, value) for name, value in self.attributes]
            parts += [_RELATIONS[self.relation](instance)] if self.relation else []
            parts += [_is_noticed(instance, size_wh)]
        return _both(parts)

    def targets(self, scene: Scene) -> Targets | None:
        """Return the indices of the instances meant, ascending; None where it is not clear."""
        size_wh = scene.frame.size_wh
        verdicts = [self.verdict(instance, size_wh) for instance in scene.instances]
        if self.rank:
            return self._ranked(scene, verdicts)
        if None in verdicts:
            return None
        found = tuple(i for i, verdict in enumerate(verdicts) if verdict)
        return None if self.form == "the" and len(found) > 1 else found

    def _ranked(self, scene: Scene, verdicts: list[Verdict]) -> Targets | None:
        """Return the one at the place asked for; doubtful things beyond it do not matter."""
        possible = [i for i, verdict in enumerate(verdicts) if verdict is not False]
        keys = {i: self._key(scene, scene.instances[i]) for i in possible}
        if None in keys.values():
            return None
        order = sorted(possible, key=lambda i: keys[i] or 0.0)
        if len(order) <= self.place:
            return () if all(verdicts[i] for i in order) else None
        counted = order[: self.place + 1]
        around = order[max(self.place - 1, 0) : self.place + 2]
        apart = all(
            _far_apart(self.rank, keys[a] or 0.0, keys[b] or 0.0) for a, b in pairwise(around)
        )
        return (counted[-1],) if apart and all(verdicts[i] for i in counted) else None

    def _key(self, scene: Scene, instance: Instance) -> float | None:
        """Return what instances are ranked by, ascending: metres, or shares of the width.

        Lines are prolonged to the bottom, where our lane is.
        """
        sign = -1.0 if self.rank in ("farthest", "right") else 1.0
        if self.rank in ("nearest", "farthest"):
            distance = _ego(instance).get("distance_m")
            return None if distance is None else sign * float(distance)
        points, size_wh = instance.geometry.vertices(), scene.frame.size_wh
        if not len(points):
            return None
        is_line = instance.geometry.kind == "line"
        x = x_at_bottom(points, size_wh) if is_line else float(points[:, 0].mean())
        return sign * x / size_wh[0]


def _far_apart(rank: str, first: float, second: float) -> bool:
    """Tell whether two keys of `Description._key` differ for everybody."""
    gap = abs(second - first)
    if rank in ("nearest", "farthest"):
        return gap >= max(MIN_GAP_M, MIN_GAP_SHARE * min(abs(first), abs(second)))
    return gap >= MIN_GAP_COLUMNS
