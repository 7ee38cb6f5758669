"""Parts of a data set: which frames go to train, val and test, and stay there as it grows."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Literal, TypeAlias

from drivegrid.data.scene import Frame
from drivegrid.errors import ConfigError

SplitBy: TypeAlias = Literal["clip", "frame"]

_PART = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,50})=(?P<share>[0-9]*\.?[0-9]+)")


def parse_parts(text: str) -> dict[str, float]:
    """Return shares by name; they make up the whole. Whole numbers are proportions.

    Raises:
        ConfigError: If the text is of another form, a name comes twice, or the shares do not add
            up to 1.

    >>> parse_parts("train=.8,val=.2")
    {'train': 0.8, 'val': 0.2}
    >>> parse_parts("train=8,val=2")
    {'train': 0.8, 'val': 0.2}
    """
    matches = [_PART.fullmatch(piece.strip()) for piece in text.split(",")]
    parts = {match["name"]: float(match["share"]) for match in matches if match}
    if len(parts) < len(matches):
        raise ConfigError(
            f"parts must be names with shares, each once, got {text!r:.100}. "
            "Example: train=.8,val=.1,test=.1"
        )
    whole = sum(parts.values())
    if math.isfinite(whole) and whole > 1 and all(s.is_integer() for s in parts.values()):
        parts = {name: share / whole for name, share in parts.items()}
    if not math.isclose(sum(parts.values()), 1, abs_tol=1e-6) or min(parts.values()) <= 0:
        raise ConfigError(
            f"shares must be above 0 and add up to 1, or be whole numbers, got {text!r:.100}."
        )
    return parts


def group_of(frame: Frame, by: SplitBy) -> str:
    """Return what must stay in one part: the clip, or the picture where there is none.

    >>> group_of(Frame("clips/a/20.jpg", (64, 48), clip="clips/a"), "clip")
    'clips/a'
    """
    clip = frame.clip if by == "clip" else None
    return frame.image if clip in (None, "", ".") else str(clip)


def part_of(group: str, parts: Mapping[str, float], seed: int) -> str:
    """Return the part of a group: always the same, whatever else the data set holds.

    Args:
        group: See ``group_of``.
        parts: Shares by name, which add up to 1.
        seed: Another seed gives another split.
    """
    place, bound = uniform(group, seed), 0.0
    for name, share in parts.items():
        bound += share
        if place < bound:
            return name
    return name


def uniform(text: str, seed: int) -> float:
    """Return a number in [0, 1) that text and seed alone decide.

    >>> uniform("clips/a", 0) == uniform("clips/a", 0) != uniform("clips/a", 1)
    True
    """
    digest = blake2b(f"{seed}/{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def held_out(groups: Collection[str], share: float, seed: int) -> set[str]:
    """Return which groups judge, about a share of them: one at least, and one is left to learn.

    As with `part_of`, name and seed alone decide about a group, unless all would be on one side:
    then that with the least, or the greatest, number goes to the other.

    Args:
        groups: See ``group_of``; each once.
        share: In (0, 1).
        seed: Another seed gives others.

    Raises:
        ConfigError: If there are fewer than two groups, or the share is out of range.

    >>> sorted(held_out({"a", "b", "c", "d"}, 0.25, 0))
    ['d']
    """
    if not 0 < share < 1:
        raise ConfigError(f"held-out share must lie between 0 and 1, got {share}.")
    if len(groups) < 2:
        raise ConfigError(
            f"frames must be of two clips at least, one to judge by, got {len(groups)}."
        )
    by_place = sorted(groups, key=lambda group: uniform(group, seed))
    num = sum(uniform(group, seed) < share for group in by_place)
    return set(by_place[: min(max(num, 1), len(by_place) - 1)])
