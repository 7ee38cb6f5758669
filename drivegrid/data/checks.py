"""What values out of label files must hold before anything trusts them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from drivegrid.data.scene import KEY_OBJECTS, MAX_COORDINATE_PX, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray

_PLAIN = re.compile("[^\x00-\x1f\ud800-\udfff]+")
"""Text without control characters, and without surrogates of names that are not UTF-8."""
_WORD = re.compile(r"\S*[^\s01]\S*")


def check_image_name(name: object) -> str:
    """Return an image name that cannot lead out of its data set's folder.

    Raises:
        FormatError: If it is no text that UTF-8 can hold, empty, absolute, climbs (``..``) or has
            control characters.

    >>> check_image_name("clips/0313-1/6040/20.jpg")
    'clips/0313-1/6040/20.jpg'
    """
    if not isinstance(name, str) or not _PLAIN.fullmatch(name):
        raise FormatError(
            f"image name must be a non-empty line of text, got {name!r:.200}.", item="image name"
        )
    if name[0] in "/\\" or ":" in name or ".." in name:  # no other name leads out
        for pure in (PurePosixPath(name), PureWindowsPath(name)):
            if pure.anchor or ".." in pure.parts:
                raise FormatError(
                    f"image name must be relative to the data set's folder, got {name!r:.200}.",
                    item="image name",
                )
    return name


def check_numbers(values: object, item: str) -> FloatArray:
    """Return a JSON list of pixel numbers as (N,) float64.

    Raises:
        FormatError: If it is no list, or a value is no number within ``MAX_COORDINATE_PX``.
    """
    if not isinstance(values, list):
        raise FormatError(f"{item} must be a list of numbers, got {values!r:.100}.", item=item)
    if not _are_numbers(values):
        index = next(i for i, value in enumerate(values) if not is_number(value))
        raise FormatError(
            f"{item} must hold pixel numbers, got {values[index]!r:.50} at {index}.", item=item
        )
    return np.asarray(values, dtype=np.float64)


def check_rows(values: Any) -> FloatArray:
    """Return ``h_samples`` as (R,) float64, R >= 1: TuSimple's rule divides by R and by their span.

    Raises:
        FormatError: If they are no pixel numbers, none, or not distinct.
    """
    rows = check_numbers(values, "h_samples")
    if not 0 < len(rows) == len(set(values)):
        raise FormatError(
            f"h_samples must hold at least one row and each once, got {values!r:.100}.",
            item="h_samples",
        )
    return rows


def check_extras(scene: Scene) -> Scene:
    """Return a scene whose ``extra`` holds, under the names that formats use, what they expect.

    Other names may hold anything: nothing reads them.

    Raises:
        FormatError: At the first value that its format could not have left there.
    """
    _check(scene.extra, "extra", {"assumed_size": _is_flag, KEY_OBJECTS: _is_flag})
    tusimple = _check(scene.extra.get("tusimple", {}), "extra tusimple", _TUSIMPLE_FRAME)
    if "h_samples" in tusimple:
        num_rows = len(check_rows(tusimple["h_samples"]))
        if any(len(row) != num_rows for _, row in tusimple.get("empty", [])):
            raise FormatError(f"empty lanes must have {num_rows} x.", item="extra tusimple")
    _check(scene.extra.get("culane", {}), "extra culane", _CULANE_FRAME)
    for index, instance in enumerate(scene.instances):
        _check_instance(instance, f"instance {index}")
    return scene


def _check_instance(instance: Instance, item: str) -> None:
    extra = instance.extra
    _check(extra.get("tusimple", {}), f"{item}, extra tusimple", _TUSIMPLE_LANE)
    _check(extra.get("culane", {}), f"{item}, extra culane", {"reversed": _is_flag})
    _check(extra, f"{item}, extra", {"box_xyxy": lambda box: _are_numbers(box) and len(box) == 4})


def _check(held: object, item: str, rules: Mapping[str, Callable[[Any], bool]]) -> dict[str, Any]:
    """Return a JSON object whose values under the names of rules keep them."""
    if not isinstance(held, dict):
        raise FormatError(f"{item} must be an object, got {held!r:.100}.", item=item)
    for name, rule in rules.items():
        if name in held and not rule(held[name]):
            raise FormatError(
                f"{name} must be what its reader leaves, got {held[name]!r:.100}.", item=item
            )
    return held


def is_number(value: object) -> bool:
    """Tell a number no larger than ``MAX_COORDINATE_PX``; neither true nor a text is one."""
    return type(value) in (int, float) and abs(value) <= MAX_COORDINATE_PX  # type: ignore[arg-type]


def _are_numbers(values: object) -> bool:
    """Tell a list of ``is_number``; in a tenth of the time that asking for each would take."""
    return (
        isinstance(values, list)
        and {int, float}.issuperset(map(type, values))
        and are_within(values, MAX_COORDINATE_PX)
    )


def are_within(values: Sequence[float], far: float) -> bool:
    """Tell whether all numbers lie in [-far, far], as NaN does not.

    >>> are_within([1, -2.5], 3), are_within([1, math.nan, 2], 3), are_within([], 3)
    (True, False, True)
    """
    smallest, largest = min(values, default=0), max(values, default=0)
    # min and max may pass over NaN, a sum cannot
    return -far <= smallest and largest <= far and not math.isnan(sum(values))


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_slot(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COORDINATE_PX


def _are_empty_lanes(lanes: object) -> bool:
    """Tell [slot, x by row] pairs whose x are all negative."""
    return isinstance(lanes, list) and all(
        isinstance(lane, list)
        and len(lane) == 2
        and _is_slot(lane[0])
        and _are_numbers(lane[1])
        and all(x < 0 for x in lane[1])
        for lane in lanes
    )


def _are_other_keys(rest: object) -> bool:
    own = {"lanes", "h_samples", "raw_file", "run_time"}
    return isinstance(rest, dict) and own.isdisjoint(rest)


_TUSIMPLE_FRAME: Mapping[str, Callable[[Any], bool]] = {
    "h_samples": _are_numbers,
    "assumed_rows": _is_flag,
    "empty": _are_empty_lanes,
    "run_time": is_number,
    "rest": _are_other_keys,
}
_TUSIMPLE_LANE: Mapping[str, Callable[[Any], bool]] = {"slot": _is_slot, "x": _are_numbers}
_CULANE_FRAME: Mapping[str, Callable[[Any], bool]] = {
    "mask": lambda mask: isinstance(mask, str) and _WORD.fullmatch(mask) is not None,
    "exist": lambda flags: (
        isinstance(flags, list) and all(type(flag) is int and flag in (0, 1) for flag in flags)
    ),
    "lanes": _is_slot,
}
