"""A plain stroke font for sign faces, in the manner of road lettering."""

from __future__ import annotations

from drivegrid.errors import ConfigError
from drivegrid.scenes.faces.marks import Marks, Point, Ring, arc, place, strokes

_WEIGHT = 0.15
_SPACE = 0.24


def _bowl(low: float, high: float, *, right: float = 0.54) -> Ring:
    """The round right half of B, D, P, R between two heights."""
    half = (high - low) / 2
    turn = min(half, 0.28)
    top = arc((right - turn, high - turn), (turn, turn), 90, 0, 6)
    bottom = arc((right - turn, low + turn), (turn, turn), 0, -90, 6)
    return ((0, high), *top, *bottom, (0, low))


_OVAL: Ring = (
    *arc((0.28, 0.72), (0.28, 0.28), 0, 180, 10),
    *arc((0.28, 0.28), (0.28, 0.28), 180, 360, 10),
    (0.56, 0.72),
)
_C: Ring = (
    *arc((0.28, 0.72), (0.28, 0.28), 10, 180, 10),
    *arc((0.28, 0.28), (0.28, 0.28), 180, 350, 10),
)
_S: Ring = (
    *arc((0.27, 0.75), (0.25, 0.25), 25, 260, 10),
    *arc((0.27, 0.26), (0.27, 0.26), 85, -160, 10),
)

_GLYPHS: dict[str, tuple[Ring, ...]] = {
    " ": (((0, 0),), ((0.2, 0),)),
    "0": (_OVAL,),
    "1": (((0, 0.78), (0.24, 1), (0.24, 0)),),
    "2": ((*arc((0.27, 0.72), (0.27, 0.28), 165, -35, 9), (0, 0), (0.56, 0)),),
    "3": (
        (
            *arc((0.25, 0.76), (0.24, 0.24), 150, -90, 8),
            *arc((0.25, 0.27), (0.29, 0.27), 80, -155, 9),
        ),
    ),
    "4": (((0.44, 0), (0.44, 1), (0, 0.27), (0.6, 0.27)),),
    "5": (((0.5, 1), (0.07, 1), (0.03, 0.53), *arc((0.26, 0.32), (0.29, 0.32), 125, -150, 10)),),
    "6": (arc((0.28, 0.29), (0.28, 0.29), 0, 360, 16), ((0.45, 1), (0.04, 0.42))),
    "7": (((0, 1), (0.54, 1), (0.2, 0)),),
    "8": (
        arc((0.28, 0.77), (0.23, 0.23), 0, 360, 14),
        arc((0.28, 0.27), (0.28, 0.27), 0, 360, 14),
    ),
    "9": (arc((0.28, 0.71), (0.28, 0.29), 0, 360, 16), ((0.11, 0), (0.52, 0.58))),
    "A": (((0, 0), (0.32, 1), (0.64, 0)), ((0.12, 0.3), (0.52, 0.3))),
    "B": (((0, 0), *_bowl(0.53, 1, right=0.5), *_bowl(0, 0.53)),),
    "C": (_C,),
    "D": (((0, 0), *_bowl(0, 1)),),
    "E": (((0.48, 1), (0, 1), (0, 0), (0.48, 0)), ((0, 0.52), (0.42, 0.52))),
    "F": (((0.48, 1), (0, 1), (0, 0)), ((0, 0.52), (0.42, 0.52))),
    "G": ((*_C, (0.56, 0.45), (0.32, 0.45)),),
    "H": (((0, 0), (0, 1)), ((0.54, 0), (0.54, 1)), ((0, 0.52), (0.54, 0.52))),
    "I": (((0, 0), (0, 1)),),
    "J": ((*arc((0.2, 0.24), (0.2, 0.24), 190, 360, 8), (0.4, 1)),),
    "K": (((0, 0), (0, 1)), ((0.52, 1), (0, 0.4)), ((0.18, 0.6), (0.56, 0))),
    "L": (((0, 1), (0, 0), (0.46, 0)),),
    "M": (((0, 0), (0, 1), (0.34, 0.3), (0.68, 1), (0.68, 0)),),
    "N": (((0, 0), (0, 1), (0.54, 0), (0.54, 1)),),
    "O": (_OVAL,),
    "P": (((0, 0), *_bowl(0.45, 1)),),
    "Q": (_OVAL, ((0.36, 0.24), (0.6, -0.04))),
    "R": (((0, 0), *_bowl(0.48, 1, right=0.52)), ((0.26, 0.48), (0.56, 0))),
    "S": (_S,),
    "T": (((0, 1), (0.56, 1)), ((0.28, 1), (0.28, 0))),
    "U": (((0, 1), *arc((0.27, 0.27), (0.27, 0.27), 180, 360, 10), (0.54, 1)),),
    "V": (((0, 1), (0.3, 0), (0.6, 1)),),
    "W": (((0, 1), (0.2, 0), (0.42, 0.8), (0.64, 0), (0.84, 1)),),
    "X": (((0, 0), (0.58, 1)), ((0, 1), (0.58, 0))),
    "Y": (((0, 1), (0.3, 0.48), (0.6, 1)), ((0.3, 0.48), (0.3, 0))),
    "Z": (((0, 1), (0.54, 1), (0, 0), (0.56, 0)),),
    ".": (((0, 0), (0, 0.03)),),
    "-": (((0, 0.5), (0.3, 0.5)),),
    "/": (((0, 0), (0.4, 1)),),
    "%": (
        ((0.1, 0), (0.6, 1)),
        arc((0.12, 0.84), (0.12, 0.15), 0, 360, 9),
        arc((0.58, 0.16), (0.12, 0.15), 0, 360, 9),
    ),
}
"""Character -> courses of the pen; height 1, baseline 0, left edge 0."""

LETTERS = "".join(_GLYPHS)
"""All characters there are."""


def _squared(course: Ring, reach: float) -> Ring:
    """Lengthen the ends of an open course, so that flat ends are as high as bowls."""
    if course[0] == course[-1]:
        return course
    return (
        _beyond(course[1], course[0], reach),
        *course[1:-1],
        _beyond(course[-2], course[-1], reach),
    )


def _beyond(before: Point, end: Point, reach: float) -> Point:
    dx, dy = end[0] - before[0], end[1] - before[1]
    share = reach / (dx * dx + dy * dy) ** 0.5
    return (end[0] + dx * share, end[1] + dy * share)


def _advance(letter: str) -> float:
    return max(x for course in _GLYPHS[letter] for x, _ in course) + _SPACE


def text(
    words: str,
    center: Point = (0, 0),
    height: float = 1.0,
    *,
    weight: float = _WEIGHT,
    widest: float | None = None,
) -> Marks:
    """Return lettering centred on a point.

    Args:
        words: Characters of ``LETTERS``.
        center: Middle of the lettering.
        height: Of capitals and digits.
        weight: Width of the pen as a share of the height.
        widest: Greatest width of the whole; longer lettering is narrowed.

    Raises:
        ConfigError: If a character is not in the font.

    >>> len(text("STOP"))
    5
    """
    unknown = sorted(set(words) - set(LETTERS))
    if unknown:
        raise ConfigError(
            f"lettering must be of the font's characters, got {unknown}. There are: {LETTERS!r}."
        )
    found: list[Ring] = []
    x = 0.0
    for letter in words:
        if letter != " ":
            found += [tuple((x + px, py - 0.5) for px, py in run) for run in _GLYPHS[letter]]
        x += _advance(letter)
    width = x - _SPACE
    scale = height * (1 - weight)
    narrow = 1.0
    if widest is not None:
        narrow = min(1.0, (widest - weight * height) / (scale * width))
    pen = weight / (1 - weight) / narrow**0.5
    middle = [_squared(tuple((px - width / 2, py) for px, py in run), pen / 2) for run in found]
    return place(strokes(pen, *middle, flat=True), center, (scale * narrow, scale))


def rows(*words: str, height: float, widest: float) -> Marks:
    """Return rows of lettering that fill a panel from top to bottom."""
    step = 1.55 / len(words) if len(words) > 1 else 0
    middle = (len(words) - 1) / 2
    return tuple(
        mark
        for row, word in enumerate(words)
        for mark in text(word, (0, (middle - row) * step), height, widest=widest)
    )
