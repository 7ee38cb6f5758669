"""Left and right exchanged in words, labels and logical forms.

A mirrored frame is another frame: its left lane line is the right one, its "turn left" sign says
"turn right". Every name in the taxonomy is mirrored by the same rule, its words left and right
exchanged; only styles read across a line have pairs of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drivegrid.labels import LabelSpace

READ_ACROSS = {"solid-dashed": "dashed-solid", "dashed-solid": "solid-dashed"}
"""Styles of pairs, named from left to right."""

_SIDE = r"(?<![a-z])(left|right)(?=most|ward|hand|[^a-z]|$)"
_BOTH = r"left[ _-]or[ _-]right|right[ _-]or[ _-]left"
_SIDES = re.compile(f"{_BOTH}|{_SIDE}", re.IGNORECASE)
_NAMES_SIDE = re.compile(
    f"{_SIDE}|clockwise|o'clock|(?<![a-z])(?:near|off)[ -]?side|(?<![a-z])(?:east|west)"
    r"|(?:driver|passenger)(?:'s)? side",
    re.IGNORECASE,
)
_OTHER = {"left": "right", "right": "left"}


def swap_sides(text: str) -> str:
    """Return a text with the words left and right exchanged; "left or right" means the same.

    >>> swap_sides("the Leftmost car right of the bright, upright post")
    'the Rightmost car left of the bright, upright post'
    >>> swap_sides("sign/warning/road_narrows_left"), swap_sides("left or right")
    ('sign/warning/road_narrows_right', 'left or right')
    """
    return _SIDES.sub(lambda found: _swapped(found[0]), text)


def _swapped(word: str) -> str:
    other = _OTHER.get(word.lower(), word)
    return other.capitalize() if word.istitle() else other.upper() if word.isupper() else other


def names_side(text: str) -> bool:
    """Tell whether words may mean something else in a mirrored picture.

    >>> names_side("turn left"), names_side("the car at two o'clock"), names_side("the red car")
    (True, True, False)
    """
    return _NAMES_SIDE.search(text) is not None


def mirror_value(value: str) -> str:
    """Return a label's path or an attribute's value as it is in the mirrored frame.

    >>> mirror_value("far-left"), mirror_value("solid-dashed"), mirror_value("red")
    ('far-right', 'dashed-solid', 'red')
    """
    return READ_ACROSS.get(value) or swap_sides(value)


def mirror_form(form: Any) -> Any:
    """Return the JSON of a query as it is in the mirrored frame.

    >>> mirror_form({"order": {"by": "left", "place": 1}})
    {'order': {'by': 'right', 'place': 1}}
    """
    if isinstance(form, Mapping):
        return {key: mirror_form(inner) for key, inner in form.items()}
    if isinstance(form, list):
        return [mirror_form(inner) for inner in form]
    return mirror_value(form) if isinstance(form, str) else form


def has_mirror(label: str, attributes: Mapping[str, str], space: LabelSpace) -> bool:
    """Tell whether the taxonomy holds the mirror of a label and its values.

    What is not in the taxonomy itself counts as having one.
    """
    if label not in space.labels:
        return True
    mirrored = mirror_value(label)
    if mirrored not in space.labels:
        return False
    known, there = space.attributes_of(label), space.attributes_of(mirrored)
    return all(
        mirror_value(value) in there.get(name, ())
        for name, value in attributes.items()
        if value in known.get(name, ())
    )
