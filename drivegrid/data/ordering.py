"""Orders in which things of a scene are counted, and when a place in one is beyond doubt.

Every order has a key, ascending: metres ahead of us for ``nearest`` and ``farthest``; shares of
the picture's width for ``left`` and ``right`` (the middle of a thing; a lane line where it,
prolonged, meets the bottom edge, so that lines are counted where our car is); shares of the height
for ``highest``; the logarithm of the visible area for ``largest``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from drivegrid.data.scene import Instance
from drivegrid.data.verdicts import Verdict, ego_of
from drivegrid.geometry import Size, x_at_bottom

Targets: TypeAlias = tuple[int, ...]

RANKS = ("nearest", "farthest", "left", "right", "highest", "largest")
MIN_GAP_SHARE, MIN_GAP_M = 0.1, 1.5
"""How much nearer (share of the distance, metres) one thing must be than the next to rank."""
MIN_GAP_COLUMNS = 0.02
"""How far apart (share of the width) two things must lie to be told left from right."""
MIN_GAP_ROWS = 0.04
"""Likewise for higher and lower, as a share of the height."""
MIN_LARGER = 1.5
"""How many times the area of the next a thing must cover to look larger."""


def key_of(rank: str, instance: Instance, size_wh: Size) -> float | None:
    """Return what instances are ranked by, ascending; None where nothing says it."""
    sign = -1.0 if rank in ("farthest", "right", "largest") else 1.0
    if rank in ("nearest", "farthest"):
        distance = ego_of(instance).get("distance_m")
        return None if distance is None else sign * float(distance)
    if rank == "largest":
        area = _visible_area(instance)
        return sign * math.log(area) if area > 0 else None
    points = instance.geometry.vertices()
    if not len(points):
        return None
    if rank == "highest":
        return float(points[:, 1].mean()) / size_wh[1]
    is_line = instance.geometry.kind == "line"
    x = x_at_bottom(points, size_wh) if is_line else float(points[:, 0].mean())
    return sign * x / size_wh[0]


def _visible_area(instance: Instance) -> float:
    box = instance.extra.get("visible_box")
    if box is None:
        box = instance.geometry.vertices().reshape(-1).tolist()
        if instance.geometry.kind != "box":
            return 0.0
    return float((box[2] - box[0]) * (box[3] - box[1]))


def far_apart(rank: str, first: float, second: float) -> bool:
    """Tell whether two keys of `key_of` differ for everybody."""
    gap = abs(second - first)
    if rank in ("nearest", "farthest"):
        return gap >= max(MIN_GAP_M, MIN_GAP_SHARE * min(abs(first), abs(second)))
    if rank == "largest":
        return gap >= math.log(MIN_LARGER)
    return gap >= (MIN_GAP_ROWS if rank == "highest" else MIN_GAP_COLUMNS)


def take(
    rank: str,
    verdicts: Sequence[Verdict],
    keys: Sequence[float | None],
    place: int,
    count: int = 1,
) -> Targets | None:
    """Return the indices at some places of an order, ascending; doubts beyond them do not matter.

    Args:
        rank: One of ``RANKS``.
        verdicts: Whether each instance is among those that are ordered.
        keys: What `key_of` says of each.
        place: 0-based first place.
        count: Places in a row.

    Returns:
        Nothing where the order ends before the first place; None where it is not clear, or where
        there are some but fewer than asked for.
    """
    found = {i: key for i, key in enumerate(keys) if verdicts[i] is not False}
    known = {i: key for i, key in found.items() if key is not None}
    if len(known) < len(found):
        return None
    order = sorted(known, key=known.__getitem__)
    if len(order) < place + count:
        return () if len(order) <= place and all(verdicts[i] for i in order) else None
    ends = (order[max(place - 1, 0) : place + 1], order[place + count - 1 : place + count + 1])
    apart = all(far_apart(rank, known[a], known[b]) for end in ends for a, b in pairwise(end))
    sure = apart and all(verdicts[i] for i in order[: place + count])
    return tuple(sorted(order[place : place + count])) if sure else None
