"""Orders of frames for review: which frame first, and why.

Each takes ``chosen``, a query for ids of frames, and returns at most ``limit`` of them, the first
to be reviewed first. What an order knows nothing about is not among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import frames, scores, shapes
from drivegrid.dashboard.store.coverage import covers
from drivegrid.dashboard.store.queues import Ranked
from drivegrid.dashboard.store.stored_scenes import stored_scenes

from drivegrid.data.scene import Scene
from drivegrid.metrics.lanes import DENSE_STEP_PX
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.table import RULES

Chosen: TypeAlias = sa.Select[Any]
STAY = "<OFF_0_0>"
BATCH = 500
"""Frames whose scenes are held at a time."""


def by_number(database: Database, chosen: Chosen, limit: int) -> list[Ranked]:
    """Return frames in the order of their data set."""
    query = sa.select(frames.c.id, sa.null()).where(frames.c.id.in_(chosen))
    return _ranked(database, query.order_by(frames.c.number, frames.c.id).limit(limit))


def worst_score(database: Database, chosen: Chosen, limit: int, evaluation_id: int) -> list[Ranked]:
    """Return the frames that did worst in an evaluation; why: the score."""
    query = sa.select(scores.c.frame_id, scores.c.score).where(
        scores.c.evaluation_id == evaluation_id, scores.c.frame_id.in_(chosen)
    )
    return _ranked(database, query.order_by(scores.c.score, scores.c.frame_id).limit(limit))


def random_audit(database: Database, chosen: Chosen, limit: int, seed: int) -> list[Ranked]:
    """Return reviewed frames, drawn at random; the same seed draws the same from the same."""
    reviewed = sa.select(frames.c.id).where(frames.c.id.in_(chosen), frames.c.status != "new")
    with database.read() as connection:
        ids = list(connection.scalars(reviewed.order_by(frames.c.id)))
    drawn = np.random.default_rng(seed).permutation(len(ids))[:limit]
    return [Ranked(ids[place]) for place in drawn]


def rare_class(database: Database, chosen: Chosen, limit: int, source_id: int) -> list[Ranked]:
    """Return the frames with the rarest label; why: in how many of the frames it is."""
    here = (shapes.c.source_id == source_id) & shapes.c.frame_id.in_(chosen)
    pairs = sa.select(shapes.c.frame_id, shapes.c.label).where(here).distinct().cte()
    often = sa.select(pairs.c.label, sa.func.count().label("num")).group_by(pairs.c.label).cte()
    rarest = sa.func.min(often.c.num)
    joined = pairs.join(often, often.c.label == pairs.c.label)
    query = sa.select(pairs.c.frame_id, rarest).select_from(joined).group_by(pairs.c.frame_id)
    return _ranked(database, query.order_by(rarest, pairs.c.frame_id).limit(limit))


def lane_flicker(database: Database, chosen: Chosen, limit: int, source_id: int) -> list[Ranked]:
    """Return frames whose number of lines differs from the neighbours'; why: by how many lines.

    The differences to the frame before and to the one after in the clip are added, so that a
    single frame that lost a lane comes before those beside it.
    """
    lines = (shapes.c.source_id == source_id) & (shapes.c.kind == "line")
    joined = frames.outerjoin(shapes, (shapes.c.frame_id == frames.c.id) & lines)
    query = sa.select(frames.c.id, frames.c.clip, sa.func.count(shapes.c.id)).select_from(joined)
    query = query.where(frames.c.id.in_(chosen), frames.c.clip.is_not(None))
    query = query.group_by(frames.c.id, frames.c.clip, frames.c.number)
    with database.read() as connection:
        query = query.where(covers(connection, source_id))
        rows = list(connection.execute(query.order_by(frames.c.clip, frames.c.number, frames.c.id)))
    return flicker([(row[0], row[1], row[2]) for row in rows])[:limit]


def flicker(counts: Sequence[tuple[int, str, int]]) -> list[Ranked]:
    """Return frames by how much their count differs from the neighbours'.

    Args:
        counts: Frame id, clip and count, neighbours one after another.

    >>> flicker([(1, "a", 4), (2, "a", 3), (3, "a", 4), (4, "b", 9)])[0]
    Ranked(frame_id=2, why=2.0)
    """
    total = dict.fromkeys((frame_id for frame_id, _, _ in counts), 0.0)
    for (one, clip, count), (other, other_clip, other_count) in pairwise(counts):
        if clip == other_clip:
            total[one] += abs(count - other_count)
            total[other] += abs(count - other_count)
    return _largest(total.items())


def offset_instability(
    database: Database, chosen: Chosen, limit: int, source_id: int
) -> list[Ranked]:
    """Return the frames whose anchors a model still moved most; why: `instability`, the mean."""
    query = sa.select(shapes.c.frame_id, shapes.c.trace).where(
        shapes.c.source_id == source_id,
        shapes.c.frame_id.in_(chosen),
        shapes.c.trace.is_not(None),
    )
    found: dict[int, list[float]] = {}
    with database.read() as connection:
        for frame_id, trace in connection.execute(query):
            share = instability(trace)
            if share is not None:
                found.setdefault(frame_id, []).append(share)
    return _largest((frame_id, sum(one) / len(one)) for frame_id, one in found.items())[:limit]


def instability(trace: Mapping[str, Any]) -> float | None:
    """Return the share of a shape's offsets that are not "stay"; None if it has none.

    Args:
        trace: ``{"offsets": [["<OFF_0_0>", "<OFF_1_0>", "<DELETE>"], ..]}``: for each round the
            offset token of each anchor, in the order of the anchors. Other keys may stand beside.

    >>> instability({"offsets": [["<OFF_0_0>", "<OFF_1_0>"], ["<OFF_0_0>", "<DELETE>"]]})
    0.5
    """
    offsets = [token for one in trace.get("offsets", ()) for token in one]
    return sum(token != STAY for token in offsets) / len(offsets) if offsets else None


def disagreement(
    database: Database, chosen: Chosen, limit: int, source_ids: tuple[int, int]
) -> list[Ranked]:
    """Return the frames on which two sources differ most; why: 1 - F1 of a matching.

    Lines, boxes and points are matched as the rules ``culane``, ``boxes`` and ``points`` match
    them. Frames in which neither says anything, or that one does not cover, are not among them.
    """
    found: dict[int, float] = {}
    with database.read() as connection:
        both = [covers(connection, source_id) for source_id in source_ids]
        ids = list(connection.scalars(sa.select(frames.c.id).where(frames.c.id.in_(chosen), *both)))
        for start in range(0, len(ids), BATCH):
            some = sa.select(frames.c.id).where(frames.c.id.in_(ids[start : start + BATCH]))
            sides = [stored_scenes(connection, source_id, some) for source_id in source_ids]
            found |= differences(
                {key: (one.scene, sides[1][key].scene) for key, one in sides[0].items()}
            )
    return _largest(found.items())[:limit]


def differences(pairs: Mapping[int, tuple[Scene, Scene]]) -> dict[int, float]:
    """Return 1 - F1 of the matching of two scenes by frame id, where either has anything."""
    named = FramePairs({str(frame_id): pair for frame_id, pair in pairs.items()}, (), ())
    hits: dict[str, int] = {}
    sides: dict[str, int] = {}
    for rule in ("culane", "boxes", "points"):
        for row in RULES[rule](named, Settings(DENSE_STEP_PX)).rows:
            hits[row.frame] = hits.get(row.frame, 0) + row.hit
            both = (row.pred is not None) + (row.gt is not None)
            sides[row.frame] = sides.get(row.frame, 0) + both
    return {int(name): 1 - 2 * hits[name] / num for name, num in sides.items()}


def _ranked(database: Database, query: sa.Select[Any]) -> list[Ranked]:
    with database.read() as connection:
        return [
            Ranked(frame_id, None if why is None else float(why))
            for frame_id, why in connection.execute(query)
        ]


def _largest(found: Iterable[tuple[int, float]]) -> list[Ranked]:
    """Return frames by a number, the largest first; of equal ones the first frame first."""
    return [Ranked(*one) for one in sorted(found, key=lambda one: (-one[1], one[0]))]
