"""Draw what fills the blanks of a template from a scene."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from drivegrid.data.descriptions import (
    ADJECTIVES,
    ORDINALS,
    askable,
    noun_phrase,
    relations_for,
)
from drivegrid.data.expressions import asked_paths, attributes_for, choose, draw_attributes
from drivegrid.data.judge import Judge
from drivegrid.data.phrasing import Blanks, Template
from drivegrid.data.queries import Has, IsA, Lies, Order, Query, Test
from drivegrid.data.scene import Instance
from drivegrid.data.verdicts import lies_under
from drivegrid.labels import default_label_space

COUNTS = {2: "two", 3: "three", 4: "four"}
METRES = (10, 15, 20, 25, 30, 40, 50, 60, 80)
RARELY_HIDDEN = 0.2
"""How often things are told apart by how much of them is hidden, which people seldom do."""
UNSEEN = 0.4
"""How often the second of two kinds is drawn from all there are."""
_ANCHOR_ROOTS = ("object", "obstacle", "sign", "light")
_ANCHOR_ORDERS = {"nearest": "nearest", "leftmost": "left", "rightmost": "right"}

_Pairs = tuple[tuple[str, str], ...]


class BlankDrawer:
    """Fills templates with what a scene holds, or might hold.

    Args:
        judge: Of the scene.
        rng: Source of the draw.
    """

    def __init__(self, judge: Judge, rng: np.random.Generator) -> None:
        self.judge, self.rng = judge, rng
        self._anchors: list[tuple[int, str, Query]] | None = None

    def draw(self, template: Template, *, anything: bool) -> Blanks | None:
        """Return what fills a template; None where the scene has nothing for a blank.

        Args:
            template: Whose blanks.
            anything: Also kinds, looks and places that nothing in the scene has.
        """
        values: dict[str, Any] = {}
        words: dict[str, str] = {}
        asked = self._draw_kind(template.about, anything)
        if asked is None:
            return None
        label, instance = asked
        pairs = self._draw_looks(label, instance)
        _say_kind(values, words, "kind", label, ())
        _say_kind(values, words, "thing", label, pairs)
        self._draw_numbers(values, words, label, _order_of(template))
        rest: dict[str, Callable[[], bool]] = {
            "place": lambda: self._draw_places(values, words, label, instance),
            "look": lambda: self._draw_look_pair(values, words, label, instance),
            "other": lambda: self._draw_other(values, words, template.about, label),
            "broad": lambda: self._draw_broad(values, words, label),
            "anchor": lambda: self._draw_anchors(values, words),
            "colored": lambda: self._draw_colored(values, words),
        }
        blanks = template.blanks()
        filled = all(fill() for name, fill in rest.items() if name in blanks)
        return Blanks(values, words) if filled else None

    def _draw_kind(
        self, about: tuple[str, ...], anything: bool
    ) -> tuple[str, Instance | None] | None:
        """Draw a label to ask for, of an instance of the scene if there is one."""
        if anything and self.rng.random() < 0.4:
            return choose(self.rng, _countable_under(choose(self.rng, about))), None
        roots: dict[str, list[Instance]] = {}
        for instance in self.judge.scene.instances:
            if lies_under(instance.label, about) and _asked(instance.label, about):
                roots.setdefault(instance.label.partition("/")[0], []).append(instance)
        if not roots:
            return None
        instance = choose(self.rng, roots[choose(self.rng, list(roots))])
        label = choose(self.rng, _asked(instance.label, about))
        return label, None if anything and self.rng.random() < 0.5 else instance

    def _draw_numbers(
        self, values: dict[str, Any], words: dict[str, str], label: str, order: str
    ) -> None:
        """Draw a place in a row ("first nearest" is not said), a count and a distance."""
        longest = len(ORDINALS) if label == "lane/line" else 4
        row = int(self.rng.integers(1 if order in ("nearest", "farthest") else 0, longest))
        count = int(self.rng.choice(list(COUNTS), p=(0.55, 0.3, 0.15)))
        metres = choose(self.rng, METRES)
        values |= {"place_in_row": row, "count": count, "metres": metres}
        words |= {"ordinal": ORDINALS[row], "count": COUNTS[count], "metres": str(metres)}
        words["all count"] = "both" if count == 2 else f"all {COUNTS[count]}"

    def _draw_looks(self, label: str, instance: Instance | None) -> _Pairs:
        rare = self.rng.random() < RARELY_HIDDEN
        pairs = [p for p in attributes_for(label) if rare or p[0] != "visible_state"]
        if instance is not None:
            pairs = [p for p in pairs if instance.attributes.get(p[0]) == p[1]]
        return draw_attributes(pairs, self.rng) if pairs and self.rng.random() < 0.35 else ()

    def _draw_places(
        self, values: dict[str, Any], words: dict[str, str], label: str, instance: Instance | None
    ) -> bool:
        """Draw two places; the first holds for the instance, if there is one."""
        relations = relations_for(label)
        fit = [n for n, holds in relations.items() if instance is None or holds(instance)]
        if not fit or len(relations) < 2:
            return False
        one = choose(self.rng, fit)
        two = choose(self.rng, [name for name in relations if name != one])
        for name, place in (("place", one), ("place2", two)):
            values[name], words[name] = _json(Lies(place)), place
        return True

    def _draw_look_pair(
        self, values: dict[str, Any], words: dict[str, str], label: str, instance: Instance | None
    ) -> bool:
        """Draw two values of an attribute; the first is the instance's, if there is one."""
        pairs = [p for p in attributes_for(label) if p[0] not in ("limit", "visible_state")]
        fit = [p for p in pairs if instance is None or instance.attributes.get(p[0]) == p[1]]
        if not fit:
            return False
        one = choose(self.rng, fit)
        others = [pair for pair in pairs if pair[0] == one[0] and pair != one]
        if not others:
            return False
        for name, (what, value) in (("look", one), ("look2", choose(self.rng, others))):
            values[name], words[name] = _json(Has(what, value)), ADJECTIVES[what][value]
        return True

    def _draw_other(
        self, values: dict[str, Any], words: dict[str, str], about: tuple[str, ...], label: str
    ) -> bool:
        """Draw a second kind, neither above nor below the first; now and then one not to be seen.

        Otherwise "cars and trucks" would tell that there are both.
        """
        if self.rng.random() < UNSEEN:
            paths = set(_countable_under(choose(self.rng, about)))
        else:
            instances = self.judge.scene.instances
            paths = {path for one in instances for path in _asked(one.label, about)}
        apart = [p for p in paths if not lies_under(p, (label,)) and not lies_under(label, (p,))]
        if apart:
            _say_kind(values, words, "other", choose(self.rng, sorted(apart)), ())
        return bool(apart)

    def _draw_broad(self, values: dict[str, Any], words: dict[str, str], label: str) -> bool:
        """Draw a kind above the first."""
        above = [path for path in asked_paths(label) if path != label]
        if above:
            _say_kind(values, words, "broad", choose(self.rng, above), ())
        return bool(above)

    def _draw_anchors(self, values: dict[str, Any], words: dict[str, str]) -> bool:
        """Draw two things that are clear by themselves."""
        anchors = self._find_anchors()
        if not anchors:
            return False
        index, said, query = choose(self.rng, anchors)
        values["anchor"], words["anchor"] = query.to_json(), said
        others = [anchor for anchor in anchors if anchor[0] != index]
        _, said, query = choose(self.rng, others or anchors)
        values["anchor2"], words["anchor2"] = query.to_json(), said
        return bool(others)

    def _draw_colored(self, values: dict[str, Any], words: dict[str, str]) -> bool:
        """Draw one thing that is clear by itself and whose color is known."""
        instances, known = self.judge.scene.instances, ADJECTIVES["color"]
        colored = [
            anchor
            for anchor in self._find_anchors()
            if instances[anchor[0]].attributes.get("color") in known
        ]
        if colored:
            _, words["colored"], query = choose(self.rng, colored)
            values["colored"] = query.to_json()
        return bool(colored)

    def _find_anchors(self) -> list[tuple[int, str, Query]]:
        """Return index, words and query of what is clear by itself; searched once."""
        if self._anchors is not None:
            return self._anchors
        found: dict[str, tuple[int, str, Query]] = {}
        for instance in self.judge.scene.instances:
            for label in _asked(instance.label, _ANCHOR_ROOTS):
                for said, query in _anchor_queries(label, instance):
                    if said in found:
                        continue
                    targets = self.judge.targets(query)
                    if targets is not None and len(targets) == 1:
                        found[said] = (targets[0], said, query)
        self._anchors = list(found.values())
        return self._anchors


def _anchor_queries(label: str, instance: Instance) -> list[tuple[str, Query]]:
    """Return ways to name an instance: its kind alone, with a look, or first in an order."""
    space = default_label_space()
    is_a, noun = IsA(label), space.words(label)
    ways = [(f"the {noun}", Query((is_a,), None, "one"))]
    ways += [
        (f"the {said} {noun}", Query((is_a,), Order(by), "one"))
        for said, by in _ANCHOR_ORDERS.items()
    ]
    for name, value in attributes_for(label):
        if instance.attributes.get(name) == value:
            said = noun_phrase(space.label(label), [(name, value)], plural=False)
            ways.append((f"the {said}", Query((is_a, Has(name, value)), None, "one")))
    return ways


@cache
def _asked(label: str, about: tuple[str, ...]) -> list[str]:
    """Return the kinds that a label can be asked by, with a plural that differs."""
    return [path for path in asked_paths(label) if lies_under(path, about) and path in _countable()]


@cache
def _countable() -> tuple[str, ...]:
    space = default_label_space()
    return tuple(path for path in askable() if space.label(path).plural != space.words(path))


@cache
def _countable_under(root: str) -> list[str]:
    return [path for path in _countable() if lies_under(path, (root,))]


def _order_of(template: Template) -> str:
    order = template.form.get("order")
    return str(order["by"]) if order else ""


def _json(test: Test) -> dict[str, Any]:
    """Return the JSON of a test, as it stands in a query's."""
    found: dict[str, Any] = Query((test,)).to_json()["where"][0]
    return found


def _say_kind(
    values: dict[str, Any], words: dict[str, str], name: str, label: str, pairs: _Pairs
) -> None:
    """Fill the blanks of a kind: its tests, and its words in the singular, plural and with "a"."""
    known = default_label_space().label(label)
    one, many = (noun_phrase(known, pairs, plural=plural) for plural in (False, True))
    tests = [_json(IsA(label)), *(_json(Has(what, value)) for what, value in pairs)]
    values[name] = tests if name == "thing" else tests[0]
    article = "an" if one[0] in "aeiou" and not one.startswith(("u-", "one")) else "a"
    words |= {name: one, f"{name}s": many, f"{article} {name}": f"{article} {one}"}
    words[f"a {name}"] = words[f"an {name}"] = f"{article} {one}"
