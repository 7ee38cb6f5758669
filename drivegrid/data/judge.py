"""Evaluate queries on a scene, with doubt: nothing is answered that people could see otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from drivegrid.data.descriptions import RELATIONS
from drivegrid.data.ordering import Targets, far_apart, key_of, take
from drivegrid.data.queries import (
    Before,
    Between,
    Blocks,
    Either,
    Except,
    Has,
    IsA,
    Lies,
    Not,
    Query,
    Shares,
    Test,
    Within,
)
from drivegrid.data.scene import Instance, Scene
from drivegrid.data.verdicts import (
    Verdict,
    blocks,
    ego_of,
    has,
    in_lane,
    is_meant,
    is_noticed,
    is_unreadable,
)

Verdicts: TypeAlias = list[Verdict]
"""One for each instance of a scene, in its order."""


class Judge:
    """Evaluates queries on one scene.

    Args:
        scene: Labels; ``extra["ego"]`` of its instances says where things are.

    >>> from drivegrid.data.scene import Frame
    >>> Judge(Scene(Frame("", (640, 360)))).targets(Query((IsA("obstacle/cone"),)))
    ()
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._found: dict[Query, Targets | None] = {}
        self._judged: dict[Test, Verdicts] = {}
        self._keys: dict[str, list[float | None]] = {}
        size_wh = scene.frame.size_wh
        self._noticed = [is_noticed(instance, size_wh) for instance in scene.instances]

    def targets(self, query: Query) -> Targets | None:
        """Return the indices of the instances meant, ascending; None where it is not clear."""
        try:
            return self._found[query]
        except KeyError:
            found = self._found[query] = self._evaluate(query)
            return found

    def _evaluate(self, query: Query) -> Targets | None:
        verdicts: Verdicts = self._noticed
        for test in query.where:
            verdicts = [_and(a, b) for a, b in zip(self._judge(test), verdicts, strict=True)]
        if query.order is not None:
            by, place, count = query.order.by, query.order.place, query.order.count
            found = take(by, verdicts, self._ranks(by), place, count)
        elif None in verdicts:
            found = None
        else:
            found = tuple(i for i, verdict in enumerate(verdicts) if verdict)
        return None if found is None else _promised(query, found)

    def _ranks(self, by: str) -> list[float | None]:
        """Return what `key_of` says of each instance."""
        if by not in self._keys:
            size_wh = self.scene.frame.size_wh
            self._keys[by] = [key_of(by, instance, size_wh) for instance in self.scene.instances]
        return self._keys[by]

    def _judge(self, test: Test) -> Verdicts:
        """Return whether each instance passes a test; judged once."""
        try:
            return self._judged[test]
        except KeyError:
            found = self._judged[test] = self._verdicts(test)
            return found

    def _verdicts(self, test: Test) -> Verdicts:
        everything = range(len(self.scene.instances))
        match test:
            case Not(of):
                return [None if verdict is None else not verdict for verdict in self._judge(of)]
            case Either(of):
                return [_any(each) for each in zip(*map(self._judge, of), strict=True)]
            case Except(other):
                found = self.targets(other)
                return [index not in found if found else None for index in everything]
            case Between(first, second):
                ways = [
                    map(_and, self._judge(Before("right", a)), self._judge(Before("left", b)))
                    for a, b in ((first, second), (second, first))
                ]
                return [_any(each) for each in zip(*ways, strict=True)]
            case Before(by, other):
                return self._before(by, other)
            case Shares(what, other):
                return self._shares(what, other)
            case _:
                return [_own(test, instance) for instance in self.scene.instances]

    def _the(self, query: Query) -> int | None:
        """Return the index of the one thing that a query means, if it is one."""
        found = self.targets(query)
        return found[0] if found and len(found) == 1 else None

    def _before(self, by: str, other: Query) -> Verdicts:
        there, instances = self._the(other), self.scene.instances
        if there is None:
            return [None] * len(instances)
        ranks = self._ranks(by)
        return [
            index != there and _comes_before(by, (here, instances[there]), (rank, ranks[there]))
            for index, (here, rank) in enumerate(zip(instances, ranks, strict=True))
        ]

    def _shares(self, what: str, other: Query) -> Verdicts:
        there, instances = self._the(other), self.scene.instances
        if there is None:
            return [None] * len(instances)
        share = _has_color_of if what == "color" else _is_in_lane_of
        return [i != there and share(here, instances[there]) for i, here in enumerate(instances)]


def _comes_before(
    by: str, pair: tuple[Instance, Instance], ranks: tuple[float | None, float | None]
) -> Verdict:
    (here, there), (mine, theirs) = pair, ranks
    if by in ("left", "right") and (here.geometry.kind == "line") != (
        there.geometry.kind == "line"
    ):
        return None  # a line runs across the picture: things beside it are left and right of it
    if mine is None or theirs is None or not far_apart(by, mine, theirs):
        return None
    if mine > theirs:
        return False
    return None if by in ("left", "right") and _overlap(here, there) else True


def _has_color_of(here: Instance, there: Instance) -> Verdict:
    color = there.attributes.get("color", "")
    return has(here, "color", color) if has(there, "color", color) else None


def _is_in_lane_of(here: Instance, there: Instance) -> Verdict:
    lane = ego_of(there).get("lane")
    return None if lane is None or not in_lane(there, lane) else in_lane(here, lane)


def _promised(query: Query, found: Targets) -> Targets | None:
    """Return the targets if there are as many as the words promise."""
    match query.number:
        case "one":
            return found if len(found) <= 1 else None
        case "exactly":
            return found if len(found) in (0, query.count) else None
        case "at least":
            return found if len(found) >= query.count else ()
        case "all":
            return found


def _and(first: Verdict, second: Verdict) -> Verdict:
    """Return the conjunction: False beats None beats True."""
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def _any(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the disjunction: True beats None beats False."""
    found = set(verdicts)
    return True if True in found else None if None in found else False


def _own(test: IsA | Has | Lies | Within | Blocks, instance: Instance) -> Verdict:
    """Tell whether an instance passes a test of itself alone."""
    match test:
        case IsA(label):
            hidden = label.startswith("sign/") and is_unreadable(instance)
            return None if hidden else is_meant(label, instance.label)
        case Has(name, value):
            return has(instance, name, value)
        case Lies(place):
            return RELATIONS[place](instance)
        case Blocks():
            return blocks(instance)
        case Within(metres):
            distance = ego_of(instance).get("distance_m")
            if distance is None or not far_apart("nearest", distance, metres):
                return None
            return bool(distance < metres)


def _overlap(first: Instance, second: Instance) -> bool:
    """Tell whether two boxes share columns: then neither is plainly left of the other."""
    if first.geometry.kind != "box" or second.geometry.kind != "box":
        return False
    a, b = first.geometry.vertices()[:, 0], second.geometry.vertices()[:, 0]
    return bool(a[0] < b[1] and b[0] < a[1])
