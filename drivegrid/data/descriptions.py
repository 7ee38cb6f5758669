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
from typing import Literal, TypeAlias

from drivegrid.data.ordering import Targets, key_of, take
from drivegrid.data.scene import Instance, Scene
from drivegrid.data.verdicts import (
    Verdict,
    blocks,
    both,
    has,
    has_role,
    in_lane,
    is_meant,
    is_noticed,
    is_unreadable,
    lies_under,
    on_side,
)
from drivegrid.geometry import Size
from drivegrid.labels import Label, LabelSpace, default_label_space

Form: TypeAlias = Literal["the", "all", "every", "any"]

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NOT_ASKED = frozenset(
    "lane lane/curb lane/yield_line lane/hatching lane/symbol lane/text obstacle/pole "
    "obstacle/fence obstacle/wall obstacle/median obstacle/guard_rail obstacle/street_furniture "
    "object sign/regulatory sign/warning sign/information sign/complementary "
    "sign/complementary/delineator sign/temporary sign/back".split()
)
"""Labels whose words mean too much, or too little, to be asked for."""

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

Relation: TypeAlias = Callable[[Instance], Verdict]
THING_RELATIONS: Mapping[str, Relation] = {
    "in our lane": lambda thing: in_lane(thing, 0),
    "in the lane to our left": lambda thing: in_lane(thing, -1),
    "in the lane to our right": lambda thing: in_lane(thing, 1),
    "beside the road": lambda thing: in_lane(thing, None),
    "to the left of our lane": lambda thing: on_side(thing, "left"),
    "to the right of our lane": lambda thing: on_side(thing, "right"),
}
SIGN_RELATIONS = {name: THING_RELATIONS[name] for name in list(THING_RELATIONS)[-2:]}
LINE_RELATIONS: Mapping[str, Relation] = {
    "bounding our lane": lambda line: has_role(line, ("ego-left", "ego-right")),
    "bounding our lane on the left": lambda line: has_role(line, ("ego-left",)),
    "bounding our lane on the right": lambda line: has_role(line, ("ego-right",)),
}
RELATIONS = {**THING_RELATIONS, **LINE_RELATIONS}
BLOCKING = "is anything blocking our lane?"


def relations_for(label: str) -> Mapping[str, Relation]:
    """Return the relations that can be asked of a label, by their words."""
    if label == "lane/line":
        return LINE_RELATIONS
    if lies_under(label, ("obstacle", "object")):
        return THING_RELATIONS
    return SIGN_RELATIONS if lies_under(label, ("sign", "light")) else {}


@cache
def askable() -> tuple[str, ...]:
    """Return the paths a description may ask for, in the taxonomy's order."""
    roots = ("lane", "obstacle", "object", "sign", "light")
    return tuple(
        path
        for path in default_label_space().paths
        if lies_under(path, roots) and path not in NOT_ASKED
    )


def noun_phrase(label: Label, attributes: Iterable[tuple[str, str]], *, plural: bool) -> str:
    """Return the words of a label with attributes: "red cones", "speed limit sign for 50"."""
    values = dict(attributes)
    said = [ADJECTIVES[name][values[name]] for name in ADJECTIVES if name in values]
    words = [*said, label.plural if plural else label.words]
    return " ".join([*words, f"for {values['limit']}"] if "limit" in values else words)


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
        words = [noun_phrase(label, self.attributes, plural=self.form == "all")]
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
            return both((blocks(instance), is_noticed(instance, size_wh)))
        parts = [is_meant(self.label, instance.label)]
        if self.label.startswith("sign/") and is_unreadable(instance):
            parts = [None]
        if parts[0] is not False:
            parts += [has(instance, name, value) for name, value in self.attributes]
            parts += [RELATIONS[self.relation](instance)] if self.relation else []
            parts += [is_noticed(instance, size_wh)]
        return both(parts)

    def targets(self, scene: Scene) -> Targets | None:
        """Return the indices of the instances meant, ascending; None where it is not clear."""
        size_wh = scene.frame.size_wh
        verdicts = [self.verdict(instance, size_wh) for instance in scene.instances]
        if self.rank:
            keys = [key_of(self.rank, instance, size_wh) for instance in scene.instances]
            return take(self.rank, verdicts, keys, self.place)
        if None in verdicts:
            return None
        found = tuple(i for i, verdict in enumerate(verdicts) if verdict)
        return None if self.form == "the" and len(found) > 1 else found
