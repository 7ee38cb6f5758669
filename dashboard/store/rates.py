"""Rates worked out from the stored rows of evaluations: curves, slices and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import facts, frames, matches, scores
from drivegrid.dashboard.store.evaluations import get_evaluation

from drivegrid.errors import ConfigError
from drivegrid.geometry import FloatArray
from drivegrid.metrics.matching import Counts, plain
from drivegrid.metrics.outcome import MIN_CLIPS
from drivegrid.metrics.tally import Sums, Tally, intervals, over

AREAS = {"small": 32.0**2, "medium": 96.0**2}
"""Upper bound of the area in square pixels, as COCO has it; what is beyond is ``large``."""
COUNTS = ("hits", "false_alarms", "misses")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What the predictions of at least this confidence amount to; None over nothing."""

    confidence: float
    precision: float | None
    recall: float | None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two, 0 where both are."""
        if self.precision is None or self.recall is None:
            return None
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Slice:
    """Counts of the frames, or boxes, that have a value."""

    value: str
    frames: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Difference:
    """A rate of two evaluations; ``low`` and ``high`` hold 95 % of the resampled differences."""

    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """Two evaluations on the frames they share.

    Args:
        frames: How many these are.
        drawn: What was drawn with replacement, ``frame`` or ``clip``.
        rates: Precision, recall, F1 and mean score of a frame, by name.
    """

    frames: int
    drawn: str
    rates: Mapping[str, Difference]


def curve(
    database: Database, evaluation_id: int, label: str | None = None
) -> tuple[CurvePoint, ...]:
    """Return precision and recall by confidence, the surest predictions first.

    The matches are those of all predictions together: a threshold takes predictions away and
    matches nothing anew. A prediction without confidence counts as certain.

    Args:
        database: The store.
        evaluation_id: The evaluation.
        label: Whose; a hit of another label does not count then. None takes all.
    """
    here = matches.c.evaluation_id == evaluation_id
    mine = matches.c.pred_number.is_not(None)
    true = matches.c.true_number.is_not(None)
    right = matches.c.hit
    if label is not None:
        mine, true = mine & (matches.c.pred_label == label), true & (matches.c.true_label == label)
        right = right & (matches.c.pred_label == matches.c.true_label)
    sure = sa.func.coalesce(matches.c.confidence, 1.0)
    alarms = sa.select(sure, sa.func.count(), sa.func.count().filter(right)).where(here, mine)
    # a truth may be found more than once; what counts is the surest prediction that finds it
    best = sa.func.max(sa.case((right, sure))).label("best")
    truths = sa.select(best).where(here, true).group_by(matches.c.frame_id, matches.c.true_number)
    found = truths.subquery()
    by_best = sa.select(found.c.best, sa.func.count()).group_by(found.c.best)
    with database.read() as connection:
        predicted = list(connection.execute(alarms.group_by(sure).order_by(sure.desc())))
        met: dict[float | None, int] = {row[0]: row[1] for row in connection.execute(by_best)}
    num_true = sum(met.values())
    counts = np.array([(row[1], row[2], met.get(row[0], 0)) for row in predicted], np.float64)
    sums = counts.reshape(-1, 3).cumsum(axis=0)
    precision = over(sums[:, 1], sums[:, 0])
    recall = over(sums[:, 2], np.array(num_true))
    return tuple(
        CurvePoint(row[0], plain(p), plain(r))
        for row, p, r in zip(predicted, precision, recall, strict=True)
    )


def at_least(points: Sequence[CurvePoint], confidence: float) -> CurvePoint | None:
    """Return what the predictions of at least a confidence amount to; None if there are none."""
    sure = [point for point in points if point.confidence >= confidence]
    return sure[-1] if sure else None


def thinned(points: Sequence[CurvePoint], most: int = 400) -> list[CurvePoint]:
    """Return at most so many points of a curve, spread evenly, with its first and last one."""
    if len(points) <= most:
        return list(points)
    kept = np.linspace(0, len(points) - 1, most).round().astype(int)
    return [points[index] for index in kept]


def slices(database: Database, evaluation_id: int, fact: str) -> tuple[Slice, ...]:
    """Return the counts by each value of a fact of frames, such as the weather."""
    with database.read() as connection:
        dataset = get_evaluation(connection, evaluation_id).dataset_id
        joined = scores.join(facts, facts.c.frame_id == scores.c.frame_id)
        sums = [sa.func.sum(scores.c[name]) for name in COUNTS]
        chosen = sa.select(facts.c.value, sa.func.count(), *sums).select_from(joined)
        chosen = chosen.where(
            scores.c.evaluation_id == evaluation_id,
            facts.c.dataset_id == dataset,
            facts.c.name == fact,
        )
        rows = connection.execute(chosen.group_by(facts.c.value).order_by(facts.c.value))
        return tuple(Slice(row[0], row[1], Counts(*row[2:])) for row in rows)


def slices_by_size(database: Database, evaluation_id: int) -> tuple[Slice, ...]:
    """Return the counts of small, medium and large boxes; what is no box is left out.

    A box is as large as its truth, a false alarm as large as itself.
    """
    area, hit = matches.c.area, matches.c.hit
    *bounded, last = [*AREAS, "large"]
    size = sa.case(*((area < AREAS[name], name) for name in bounded), else_=last)
    counts = [
        sa.func.count().filter(condition)
        for condition in (
            hit,
            ~hit & matches.c.pred_number.is_not(None),
            ~hit & matches.c.true_number.is_not(None),
        )
    ]
    num_frames = sa.func.count(matches.c.frame_id.distinct())
    chosen = sa.select(size, num_frames, *counts).group_by(size)
    chosen = chosen.where(matches.c.evaluation_id == evaluation_id, area.is_not(None))
    with database.read() as connection:
        found = {row[0]: row for row in connection.execute(chosen)}
    rows = [found[name] for name in (*bounded, last) if name in found]
    return tuple(Slice(row[0], row[1], Counts(*row[2:])) for row in rows)


def compare(database: Database, first: int, second: int) -> Comparison:
    """Return how much better the second evaluation is than the first, and how sure that is.

    Frames are drawn by clip where there are enough clips, as ``drivegrid.metrics`` does.

    Raises:
        ConfigError: If the evaluations are of different rules.
        StoreError: If there is no such evaluation.
    """
    with database.read() as connection:
        rules = [get_evaluation(connection, number).rule for number in (first, second)]
        if rules[0] != rules[1]:
            raise ConfigError(f"evaluations must be of one rule, got {rules[0]} and {rules[1]}.")
        rows = connection.execute(_shared(first, second)).mappings().all()
    names = tuple(str(row["frame_id"]) for row in rows)
    columns: dict[str, FloatArray] = {"frames": np.ones(len(rows))}
    for side in ("first", "second"):
        for name in (*COUNTS, "score"):
            key = f"{side}.{name}"
            columns[key] = np.array([row[key] for row in rows], dtype=np.float64)
    clips = [row["clip"] for row in rows]
    by_clip = None not in clips and len(set(clips)) >= MIN_CLIPS
    ends = intervals(Tally(names, columns, _differences), clips if by_clip else None)
    sums = {name: np.asarray(column.sum()) for name, column in columns.items()}
    sides = [_rates(sums, side) for side in ("first", "second")]
    rates = {
        name: Difference(
            *(plain(float(side[name])) for side in sides),
            plain(float(sides[1][name] - sides[0][name])),
            plain(ends[name].low),
            plain(ends[name].high),
        )
        for name in sides[0]
    }
    return Comparison(len(rows), "clip" if by_clip else "frame", rates)


def _shared(first: int, second: int) -> sa.Select[Any]:
    """Return the query for the counts of both evaluations on the frames they share."""
    sides = {"first": scores.alias("first"), "second": scores.alias("second")}
    one, other = sides.values()
    joined = one.join(other, one.c.frame_id == other.c.frame_id)
    joined = joined.join(frames, frames.c.id == one.c.frame_id)
    columns = [
        table.c[name].label(f"{side}.{name}")
        for side, table in sides.items()
        for name in (*COUNTS, "score")
    ]
    chosen = sa.select(one.c.frame_id, frames.c.clip, *columns).select_from(joined)
    chosen = chosen.where(one.c.evaluation_id == first, other.c.evaluation_id == second)
    return chosen.order_by(one.c.frame_id)


def _rates(sums: Sums, side: str) -> dict[str, FloatArray]:
    hits, alarms, missed, score = (sums[f"{side}.{name}"] for name in (*COUNTS, "score"))
    return {
        "precision": over(hits, hits + alarms),
        "recall": over(hits, hits + missed),
        "f1": over(2 * hits, 2 * hits + alarms + missed),
        "score": over(score, sums["frames"]),
    }


def _differences(sums: Sums) -> dict[str, FloatArray]:
    one, other = _rates(sums, "first"), _rates(sums, "second")
    return {name: other[name] - one[name] for name in one}
