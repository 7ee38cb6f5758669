"""Logical form of referring expressions: what is asked for, as data.

A `Query` asks for the instances that pass all its tests; an `Order` keeps some places of them, and
a `Number` says how many there must be. Tests are small: a kind, an attribute, a place relative to
our lane, a distance, a comparison with another thing that a query of its own names, and their
negation and alternatives. `drivegrid.data.judge` evaluates it on a scene.

Its JSON names each test by ``test``::

    {"where": [{"test": "is_a", "label": "obstacle/cone"}],
     "order": {"by": "nearest", "place": 0, "count": 1}, "number": "one", "count": 0}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from drivegrid.data.descriptions import RELATIONS
from drivegrid.data.fields import as_kind, field
from drivegrid.data.ordering import RANKS
from drivegrid.errors import FormatError

Number: TypeAlias = Literal["one", "all", "exactly", "at least"]
MAX_DEPTH = 6
"""Queries and tests inside one another that are read."""


@dataclass(frozen=True, slots=True)
class IsA:
    """The instance's label is this path or below it."""

    label: str
    test: Literal["is_a"] = "is_a"


@dataclass(frozen=True, slots=True)
class Has:
    """An attribute has this value."""

    name: str
    value: str
    test: Literal["has"] = "has"


@dataclass(frozen=True, slots=True)
class Lies:
    """The instance lies at a place relative to our lane, one of `RELATIONS`."""

    place: str
    test: Literal["lies"] = "lies"


@dataclass(frozen=True, slots=True)
class Blocks:
    """The instance is an obstacle, or may be one, in our lane."""

    test: Literal["blocks"] = "blocks"


@dataclass(frozen=True, slots=True)
class Within:
    """The instance is less than so many metres ahead."""

    metres: int
    test: Literal["within"] = "within"


@dataclass(frozen=True, slots=True)
class Before:
    """The instance comes before the one thing another query means, in an order of `RANKS`.

    "nearest": it is nearer than that; "left": it is to the left of it. A thing never comes before
    itself.
    """

    by: str
    other: Query
    test: Literal["before"] = "before"


@dataclass(frozen=True, slots=True)
class Between:
    """The instance is right of one thing and left of the other, whichever way around."""

    first: Query
    second: Query
    test: Literal["between"] = "between"


@dataclass(frozen=True, slots=True)
class Shares:
    """The instance has the other thing's color or lane; a thing shares nothing with itself."""

    what: Literal["color", "lane"]
    other: Query
    test: Literal["shares"] = "shares"


@dataclass(frozen=True, slots=True)
class Except:
    """The instance is not among what another query means, which must be something."""

    other: Query
    test: Literal["except"] = "except"


@dataclass(frozen=True, slots=True)
class Not:
    """The instance fails a test that names no other thing."""

    of: IsA | Has | Lies | Within
    test: Literal["not"] = "not"


@dataclass(frozen=True, slots=True)
class Either:
    """The instance passes at least one of the tests, which name no other thing."""

    of: tuple[IsA | Has | Lies | Within, ...]
    test: Literal["either"] = "either"


Test: TypeAlias = (
    IsA | Has | Lies | Blocks | Within | Before | Between | Shares | Except | Not | Either
)
TESTS: Mapping[str, type[Test]] = {
    "is_a": IsA, "has": Has, "lies": Lies, "blocks": Blocks, "within": Within, "before": Before,
    "between": Between, "shares": Shares, "except": Except, "not": Not, "either": Either,
}  # fmt: skip
"""Tests by the name their JSON gives."""


@dataclass(frozen=True, slots=True)
class Order:
    """Some places of the instances in an order of `RANKS`.

    Args:
        by: The order.
        place: 0-based first place.
        count: Places in a row; all of them must be taken.
    """

    by: str
    place: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Query:
    """What an expression asks for.

    Args:
        where: Tests that an instance must all pass.
        order: Which of these, in an order; None for all.
        number: How many the words promise. "one" and "exactly" promise a number: any other but
            none leaves the query without a clear answer. With fewer than "at least" ``count``
            nothing is meant.
        count: The number for "exactly" and "at least".
    """

    where: tuple[Test, ...]
    order: Order | None = None
    number: Number = "all"
    count: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the form as JSON values.

        >>> query = Query((IsA("obstacle/cone"),), Order("nearest"), "one")
        >>> query_from_json(query.to_json()) == query
        True
        """
        return cast(dict[str, Any], _listed(self))


def labels_asked(query: Query) -> tuple[str, ...]:
    """Return every label that a query names, also to leave it out or to compare with it.

    >>> labels_asked(Query((IsA("light"), Before("left", Query((IsA("object/vehicle/bus"),))))))
    ('light', 'object/vehicle/bus')
    """
    return tuple(dict.fromkeys(label for test in query.where for label in _labels_in(test)))


def _labels_in(test: Test) -> Iterator[str]:
    match test:
        case IsA(label):
            yield label
        case Blocks():
            yield from ("obstacle", "object")
        case Not(of):
            yield from _labels_in(of)
        case Either(of):
            for one in of:
                yield from _labels_in(one)
        case Before(_, other) | Shares(_, other) | Except(other):
            yield from labels_asked(other)
        case Between(first, second):
            yield from (*labels_asked(first), *labels_asked(second))


def _listed(value: Any) -> Any:
    """Return a part of a query as JSON has it: objects for its records, lists for tuples."""
    if is_dataclass(value):
        return {part.name: _listed(getattr(value, part.name)) for part in fields(value)}
    return [_listed(inner) for inner in value] if isinstance(value, tuple) else value


def query_from_json(value: object, depth: int = MAX_DEPTH) -> Query:
    """Return the query of a JSON value.

    Args:
        value: What `Query.to_json` gave.
        depth: Queries and tests inside one another that are allowed.

    Raises:
        FormatError: If it is no such value.
    """
    record = _record(value, depth)
    where = tuple(_test(test, depth - 1) for test in field(record, "where", list, "form"))
    order = record.get("order")
    number = field(record, "number", str, "form")
    if number not in get_args(Number):
        raise FormatError(f"number must be one of {get_args(Number)}, got {number!r:.100}.")
    count = field(record, "count", int, "form")
    return Query(where, None if order is None else _order(order), cast(Number, number), count)


def _record(value: object, depth: int) -> Mapping[str, Any]:
    if depth <= 0:
        raise FormatError(f"form must be at most {MAX_DEPTH} deep.")
    return as_kind(value, dict, "form")


def _order(value: object) -> Order:
    record = as_kind(value, dict, "order")
    place, count = field(record, "place", int, "order"), field(record, "count", int, "order")
    if place < 0 or count < 1:
        raise FormatError(f"order must have place >= 0 and count >= 1, got {place} and {count}.")
    return Order(_one_of(RANKS, field(record, "by", str, "order")), place, count)


def _one_of(names: tuple[str, ...], name: str) -> str:
    if name not in names:
        raise FormatError(f"form must name one of {names}, got {name!r:.100}.")
    return name


def _test(value: object, depth: int) -> Test:
    record = _record(value, depth)
    match record.get("test"):
        case "before":
            by = _one_of(RANKS, field(record, "by", str, "before"))
            return Before(by, query_from_json(record.get("other"), depth - 1))
        case "between":
            first, second = (record.get(end) for end in ("first", "second"))
            return Between(query_from_json(first, depth - 1), query_from_json(second, depth - 1))
        case "shares":
            what = _one_of(("color", "lane"), field(record, "what", str, "shares"))
            other = query_from_json(record.get("other"), depth - 1)
            return Shares(cast(Literal["color", "lane"], what), other)
        case "except":
            return Except(query_from_json(record.get("other"), depth - 1))
        case "not":
            return Not(_own_test(_record(record.get("of"), depth - 1)))
        case "either":
            tests = field(record, "of", list, "either")
            return Either(tuple(_own_test(_record(test, depth - 1)) for test in tests))
        case "blocks":
            return Blocks()
    return _own_test(record)


def _own_test(record: Mapping[str, Any]) -> IsA | Has | Lies | Within:
    """Return a test of an instance alone."""
    match record.get("test"):
        case "is_a":
            return IsA(field(record, "label", str, "is_a"))
        case "has":
            return Has(field(record, "name", str, "has"), field(record, "value", str, "has"))
        case "lies":
            return Lies(_one_of(tuple(RELATIONS), field(record, "place", str, "lies")))
        case "within":
            return Within(field(record, "metres", int, "within"))
    raise FormatError(f"form must hold tests that are known, got {record.get('test')!r:.100}.")
