"""Values out of JSON that nobody has checked: each is what it should be, or a FormatError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from drivegrid.data.checks import is_number
from drivegrid.data.scene import MAX_COORDINATE_PX, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, FloatArray

T = TypeVar("T")

_NAMES = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "a flag"}


def as_kind(value: object, kind: type[T], item: str) -> T:
    """Return a JSON value that must be of a kind: dict, list, str, int or bool.

    >>> as_kind([1], list, "lanes")
    [1]
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FormatError(f"{item} must be {_NAMES[kind]}, got {value!r:.100}.", item=item)
    return value


def field(record: Mapping[str, Any], key: str, kind: type[T], item: str = "") -> T:
    """Return a value of an object that must be there and of a kind.

    Args:
        record: JSON object.
        key: Which value.
        kind: dict, list, str, int or bool.
        item: What the object is, for the message.
    """
    where = f"{item}, {key}" if item else key
    if key not in record:
        raise FormatError(f"{where} must be there, got keys {sorted(record)!s:.200}.", item=where)
    return as_kind(record[key], kind, where)


def own_extra(holder: Scene | Instance, name: str) -> dict[str, Any]:
    """Return what a format's reader left in ``extra``; empty where it left nothing.

    Raises:
        FormatError: If something else stands there.
    """
    return as_kind(holder.extra.get(name, {}), dict, f"extra {name}")


def number(value: object, item: str) -> float:
    """Return a finite JSON number within ``MAX_COORDINATE_PX``."""
    if not is_number(value):
        raise FormatError(f"{item} must be a number, got {value!r:.100}.", item=item)
    return float(value)  # type: ignore[arg-type]


def number_text(text: str, item: str) -> float:
    """Return the number a text says, as formats of plain text and XML hold it.

    >>> number_text(" 2079.41", "x")
    2079.41
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if "_" in text or not abs(value) <= MAX_COORDINATE_PX:  # float() takes "1_0"; NaN fails too
        raise FormatError(f"{item} must be a number, got {text!r:.50}.", item=item)
    return value


def as_confidence(score: Any) -> float | None:
    """Return a score that can be read as a confidence, None for any other value.

    >>> as_confidence(1), as_confidence(12.5), as_confidence("0.9")
    (1.0, None, None)
    """
    return float(score) if is_number(score) and 0 <= score <= 1 else None


def points(values: object, item: str) -> FloatArray:
    """Return (N, 2) points of a JSON list of x, y pairs; N may be 0."""
    pairs = as_kind(values, list, item)
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair))):
            raise FormatError(f"{item} must hold x, y pairs, got {pair!r:.100}.", item=item)
    return np.asarray(pairs, dtype=np.float64).reshape(-1, 2)


def put_back(values: list[Any], places: object, item: str) -> None:
    """Insert what a reader kept apart, [place in the list, value] pairs in their order.

    >>> lanes = ["b"]
    >>> put_back(lanes, [[0, "a"], [2, "c"]], "lanes")
    >>> lanes
    ['a', 'b', 'c']
    """
    for pair in as_kind(places, list, item):
        if len(as_kind(pair, list, item)) != 2 or not 0 <= as_kind(pair[0], int, item):
            raise FormatError(
                f"{item} must hold [place, value] pairs, got {pair!r:.100}.", item=item
            )
        values.insert(min(pair[0], len(values)), pair[1])


def box(x0: float, y0: float, x1: float, y1: float, item: str) -> Box:
    """Return the box of two corners in pixels, the first at the upper left."""
    if x1 < x0 or y1 < y0:
        raise FormatError(
            f"{item} must have its first corner at the upper left, "
            f"got {[float(side) for side in (x0, y0, x1, y1)]}.",
            item=item,
        )
    return Box(np.array([x0, y0, x1, y1]))
