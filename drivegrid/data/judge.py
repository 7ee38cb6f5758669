"""Evaluate queries on a scene, with doubt: nothing is answered that people could see otherwise."""

from __future__ import annotations

from collections.abc import Iterable

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
    both,
    ego_of,
    has,
    in_lane,
    is_meant,
    is_noticed,
    is_unreadable,
)


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
        size_wh = scene.frame.size_wh
        self._noticed = [is_noticed(instance, size_wh) for instance in scene.instances]

    def targets(self, query: Query) -> Targets | None:
        """Return the indices of the instances meant, ascending; None where it is not clear."""
        if query not in self._found:
            self._found[query] = self._evaluate(query)
        return self._found[query]

    def _evaluate(self, query: Query) -> Targets | None:
        verdicts = [self._verdict(query.where, i) for i in range(len(self.scene.instances))]
        if query.order is not None:
            size_wh, by = self.scene.frame.size_wh, query.order.by
            keys = [key_of(by, instance, size_wh) for instance in self.scene.instances]
            found = take(by, verdicts, keys, query.order.place, query.order.count)
        elif None in verdicts:
            found = None
        else:
            found = tuple(i for i, verdict in enumerate(verdicts) if verdict)
        return None if found is None else _promised(query, found)

    def _verdict(self, tests: Iterable[Test], index: int) -> Verdict:
        """Tell whether an instance passes tests; the first that fails decides."""
        verdicts: list[Verdict] = []
        for test in tests:
            verdicts.append(self._test(test, index))
            if verdicts[-1] is False:
                return False
        return both([*verdicts, self._noticed[index]])

    def _test(self, test: Test, index: int) -> Verdict:
        match test:
            case IsA() | Has() | Lies() | Within() | Blocks():
                return _own(test, self.scene.instances[index])
            case Not(of):
                verdict = _own(of, self.scene.instances[index])
                return None if verdict is None else not verdict
            case Either(of):
                return _any(_own(one, self.scene.instances[index]) for one in of)
            case Except(other):
                found = self.targets(other)
                return index not in found if found else None
            case Between(first, second):
                ways = ((first, second), (second, first))
                return _any(both((self._before("right", a, index),
                                  self._before("left", b, index))) for a, b in ways)  # fmt: skip
            case Before(by, other):
                return self._before(by, other, index)
            case Shares(what, other):
                return self._shares(what, other, index)

    def _the(self, query: Query) -> Instance | None:
        """Return the one thing that a query means, if it is one."""
        found = self.targets(query)
        return self.scene.instances[found[0]] if found and len(found) == 1 else None

    def _before(self, by: str, other: Query, index: int) -> Verdict:
        there, here = self._the(other), self.scene.instances[index]
        if there is None or there is here:
            return None if there is None else False
        if by in ("left", "right") and (here.geometry.kind == "line") != (
            there.geometry.kind == "line"
        ):
            return None  # a line runs across the picture: things beside it are left and right of it
        mine, theirs = (key_of(by, one, self.scene.frame.size_wh) for one in (here, there))
        if mine is None or theirs is None or not far_apart(by, mine, theirs):
            return None
        if mine > theirs:
            return False
        return None if by in ("left", "right") and _overlap(here, there) else True

    def _shares(self, what: str, other: Query, index: int) -> Verdict:
        there, here = self._the(other), self.scene.instances[index]
        if there is None or there is here:
            return None if there is None else False
        if what == "color":
            color = there.attributes.get("color", "")
            return has(here, "color", color) if has(there, "color", color) else None
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
