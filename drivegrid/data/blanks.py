"""Draw what fills the blanks of a template from a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple, TypeVar

import numpy as np

from drivegrid.data.descriptions import (
    ADJECTIVES,
    ORDINALS,
    askable,
    noun_phrase,
    relations_for,
)
from drivegrid.data.expressions import asked_paths, attributes_for, draw_attributes
from drivegrid.data.judge import Judge
from drivegrid.data.phrasing import Blanks, Template
from drivegrid.data.queries import Has, IsA, Lies, Order, Query
from drivegrid.data.scene import Instance
from drivegrid.data.verdicts import lies_under
from drivegrid.labels import default_label_space

COUNTS = {2: "two", 3: "three", 4: "four"}
_COUNTS_BY_WEIGHT = (2,) * 11 + (3,) * 6 + (4,) * 3
METRES = (10, 15, 20, 25, 30, 40, 50, 60, 80)
RARELY_HIDDEN = 0.2
"""How often things are told apart by how much of them is hidden, which people seldom do."""
UNSEEN = 0.4
"""How often the second of two kinds is drawn from all there are."""
_ANCHOR_ROOTS = ("object", "obstacle", "sign", "light")
_ANCHOR_ORDERS = {"nearest": "nearest", "leftmost": "left", "rightmost": "right"}

_NUMBERS = frozenset({"place_in_row", "count", "metres"})

_Pairs = tuple[tuple[str, str], ...]
_Anchor = tuple[int, str, Query]
"""Index of a thing, the words that name it alone, and their query."""
_T = TypeVar("_T")


def pick(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    """Draw one of the options, of which there are some; quicker than to draw whole numbers."""
    return options[int(rng.random() * len(options))]


class _Asked(NamedTuple):
    """The kind that is asked for: below which roots, its label, and whose look and place it has."""

    about: tuple[str, ...]
    label: str
    instance: Instance | None

    def may_look(self, pair: tuple[str, str]) -> bool:
        """Tell whether the instance, if there is one, has an attribute of this value."""
        return self.instance is None or self.instance.attributes.get(pair[0]) == pair[1]


class BlankDrawer:
    """Fills templates with what a scene holds, or might hold.

    Args:
        judge: Of the scene.
        rng: Source of the draw.
    """

    def __init__(self, judge: Judge, rng: np.random.Generator) -> None:
        self.judge, self.rng = judge, rng
        self._anchors: list[_Anchor] | None = None
        self._roots: dict[tuple[str, ...], list[list[Instance]]] = {}

    def draw(self, template: Template, *, anything: bool) -> Blanks | None:
        """Return what fills a template; None where the scene has nothing for a blank.

        Args:
            template: Whose blanks.
            anything: Also kinds, looks and places that nothing in the scene has.
        """
        asked = self._draw_kind(template.about, anything)
        if asked is None:
            return None
        blanks, needed = Blanks(), template.blanks
        _add_kind(blanks, "kind", asked.label)
        if "thing" in needed:
            _add_kind(blanks, "thing", asked.label, self._draw_looks(asked))
        if not needed.isdisjoint(_NUMBERS):
            self._draw_numbers(blanks, asked.label, template.order)
        done = all(fill(self, blanks, asked) for name, fill in _FILLS.items() if name in needed)
        return blanks if done else None

    def _draw_kind(self, about: tuple[str, ...], anything: bool) -> _Asked | None:
        """Draw a label to ask for, of an instance of the scene if there is one."""
        if anything and self.rng.random() < 0.4:
            return _Asked(about, pick(self.rng, _countable_under(pick(self.rng, about))), None)
        roots = self._find_roots(about)
        if not roots:
            return None
        instance = pick(self.rng, pick(self.rng, roots))
        label = pick(self.rng, _asked(instance.label, about))
        held = not anything or self.rng.random() >= 0.5
        return _Asked(about, label, instance if held else None)

    def _find_roots(self, about: tuple[str, ...]) -> list[list[Instance]]:
        """Return the instances that can be asked for, those of each root together."""
        if about not in self._roots:
            roots: dict[str, list[Instance]] = {}
            for instance in self.judge.scene.instances:
                if _asked(instance.label, about):
                    roots.setdefault(instance.label.partition("/")[0], []).append(instance)
            self._roots[about] = list(roots.values())
        return self._roots[about]

    def _draw_numbers(self, blanks: Blanks, label: str, order: str) -> None:
        """Draw a place in a row ("first nearest" is not said), a count and a distance."""
        rows = ORDINALS if label == "lane/line" else ORDINALS[:4]
        ordinal = pick(self.rng, rows[1:] if order in ("nearest", "farthest") else rows)
        count = pick(self.rng, _COUNTS_BY_WEIGHT)
        metres = pick(self.rng, METRES)
        blanks.add("place_in_row", ORDINALS.index(ordinal), "")
        blanks.add("count", count, COUNTS[count])
        blanks.add("metres", metres, str(metres))
        blanks.words["ordinal"] = ordinal
        blanks.words["all count"] = "both" if count == 2 else f"all {COUNTS[count]}"

    def _draw_looks(self, asked: _Asked) -> _Pairs:
        """Draw one or two attributes, or none; those of the instance, if there is one."""
        if self.rng.random() > 0.35:
            return ()
        rare = self.rng.random() < RARELY_HIDDEN
        pairs = [p for p in attributes_for(asked.label) if rare or p[0] != "visible_state"]
        pairs = [pair for pair in pairs if asked.may_look(pair)]
        return draw_attributes(pairs, self.rng) if pairs else ()

    def _draw_places(self, blanks: Blanks, asked: _Asked) -> bool:
        """Draw two places; the first holds for the instance, if there is one."""
        relations, instance = relations_for(asked.label), asked.instance
        fit = [n for n, holds in relations.items() if instance is None or holds(instance)]
        if not fit or len(relations) < 2:
            return False
        one = pick(self.rng, fit)
        two = pick(self.rng, [name for name in relations if name != one])
        for name, place in (("place", one), ("place2", two)):
            blanks.add(name, Lies(place), place)
        return True

    def _draw_look_pair(self, blanks: Blanks, asked: _Asked) -> bool:
        """Draw two values of an attribute; the first is the instance's, if there is one."""
        pairs = [p for p in attributes_for(asked.label) if p[0] not in ("limit", "visible_state")]
        fit = [pair for pair in pairs if asked.may_look(pair)]
        if not fit:
            return False
        one = pick(self.rng, fit)
        others = [pair for pair in pairs if pair[0] == one[0] and pair != one]
        if not others:
            return False
        for name, (what, value) in (("look", one), ("look2", pick(self.rng, others))):
            blanks.add(name, Has(what, value), ADJECTIVES[what][value])
        return True

    def _draw_other(self, blanks: Blanks, asked: _Asked) -> bool:
        """Draw a second kind, neither above nor below the first; now and then one not to be seen.

        Otherwise "cars and trucks" would tell that there are both.
        """
        about, label, _ = asked
        if self.rng.random() < UNSEEN:
            paths = set(_countable_under(pick(self.rng, about)))
        else:
            instances = self.judge.scene.instances
            paths = {path for one in instances for path in _asked(one.label, about)}
        apart = [p for p in paths if not lies_under(p, (label,)) and not lies_under(label, (p,))]
        if apart:
            _add_kind(blanks, "other", pick(self.rng, sorted(apart)))
        return bool(apart)

    def _draw_broad(self, blanks: Blanks, asked: _Asked) -> bool:
        """Draw a kind above the first."""
        above = [path for path in asked_paths(asked.label) if path != asked.label]
        if above:
            _add_kind(blanks, "broad", pick(self.rng, above))
        return bool(above)

    def _draw_anchors(self, blanks: Blanks, _asked: _Asked) -> bool:
        """Draw two things that are clear by themselves."""
        anchors = self._find_anchors()
        if not anchors:
            return False
        index, said, query = pick(self.rng, anchors)
        blanks.add("anchor", query, said)
        others = [anchor for anchor in anchors if anchor[0] != index]
        _, said, query = pick(self.rng, others or anchors)
        blanks.add("anchor2", query, said)
        return bool(others)

    def _draw_colored(self, blanks: Blanks, _asked: _Asked) -> bool:
        """Draw one thing that is clear by itself and whose color is known."""
        instances, known = self.judge.scene.instances, ADJECTIVES["color"]
        colored = [
            anchor
            for anchor in self._find_anchors()
            if instances[anchor[0]].attributes.get("color") in known
        ]
        if colored:
            _, said, query = pick(self.rng, colored)
            blanks.add("colored", query, said)
        return bool(colored)

    def _find_anchors(self) -> list[_Anchor]:
        """Return index, words and query of what is clear by itself; searched once."""
        if self._anchors is not None:
            return self._anchors
        found: dict[str, _Anchor] = {}
        for instance in self.judge.scene.instances:
            for label in _asked(instance.label, _ANCHOR_ROOTS):
                has = instance.attributes.items()
                looks = tuple(pair for pair in attributes_for(label) if pair in has)
                for said, query in _anchor_queries(label, looks):
                    if said in found:
                        continue
                    targets = self.judge.targets(query)
                    if targets is not None and len(targets) == 1:
                        found[said] = (targets[0], said, query)
        self._anchors = list(found.values())
        return self._anchors


_FILLS: Mapping[str, Callable[[BlankDrawer, Blanks, _Asked], bool]] = {
    "place": BlankDrawer._draw_places,
    "look": BlankDrawer._draw_look_pair,
    "other": BlankDrawer._draw_other,
    "broad": BlankDrawer._draw_broad,
    "anchor": BlankDrawer._draw_anchors,
    "colored": BlankDrawer._draw_colored,
}
"""What fills blanks beside kind and numbers; tells whether the scene has something for them."""


@lru_cache(maxsize=4096)
def _anchor_queries(label: str, looks: _Pairs) -> list[tuple[str, Query]]:
    """Return ways to name a thing: its kind alone, with a look, or first in an order."""
    space = default_label_space()
    is_a, noun = IsA(label), space.words(label)
    ways = [(f"the {noun}", Query((is_a,), None, "one"))]
    ways += [
        (f"the {said} {noun}", Query((is_a,), Order(by), "one"))
        for said, by in _ANCHOR_ORDERS.items()
    ]
    for name, value in looks:
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


@lru_cache(maxsize=4096)
def _words_of(label: str, looks: _Pairs) -> tuple[str, str, str]:
    """Return the words of a kind: one, many, and one with its article."""
    known = default_label_space().label(label)
    one, many = (noun_phrase(known, looks, plural=plural) for plural in (False, True))
    article = "an" if one[0] in "aeiou" and not one.startswith(("u-", "one")) else "a"
    return one, many, f"{article} {one}"


def _add_kind(blanks: Blanks, name: str, label: str, looks: _Pairs = ()) -> None:
    """Fill the blanks of a kind: its tests, and its words in the forms that wordings use."""
    one, many, with_article = _words_of(label, looks)
    is_a = IsA(label)
    tests = (is_a, *(Has(*look) for look in looks)) if name == "thing" else is_a
    blanks.add(name, tests, one)
    blanks.words.update({f"{name}s": many, f"a {name}": with_article, f"an {name}": with_article})
