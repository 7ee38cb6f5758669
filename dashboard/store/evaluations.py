"""Evaluations: what one source says, scored against another by a rule of ``drivegrid.metrics``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import audit, evaluations, frames, matches, scores, sources
from drivegrid.dashboard.store.match_rows import StoredRow, stored_rows
from drivegrid.dashboard.store.stored_scenes import StoredScene, stored_scenes

from drivegrid.errors import ConfigError
from drivegrid.metrics.lanes import DENSE_STEP_PX
from drivegrid.metrics.matching import Counts
from drivegrid.metrics.outcome import Bootstrap, Outcome, evaluate_rule
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.table import find_rule

BATCH = 10_000
"""Rows that are written at a time."""

Pairs: TypeAlias = dict[int, tuple[StoredScene, StoredScene]]
"""Frame id to what both sources say of the frame, the prediction first."""


@dataclass(frozen=True)
class StoredEvaluation:
    """An evaluation as it was stored.

    Args:
        id: Its key.
        dataset_id: Of the frames.
        pred_id: Source that was scored.
        true_id: Source that it was scored against.
        rule: Name of the rule.
        settings: How the rule was run and the intervals were drawn.
        figures: Totals by name, see ``drivegrid.metrics``.
        intervals: Low and high end of the interval of each rate.
        created_at: When, in milliseconds since 1970.
    """

    id: int
    dataset_id: int
    pred_id: int
    true_id: int
    rule: str
    settings: Mapping[str, Any]
    figures: Mapping[str, Any]
    intervals: Mapping[str, Sequence[float | None]]
    created_at: int


def evaluate(
    database: Database, dataset_id: int, pred_id: int, true_id: int, rule: str, user_id: int
) -> int:
    """Score a source against another on all frames that are not rejected, and store what came out.

    The reviewers' source stands for what people confirmed: where it takes part, frames that were
    not reviewed are left out, and those that were accepted have the labels that were accepted.
    It is stored whole or not at all.

    Returns:
        The evaluation's id.

    Raises:
        ConfigError: If the rule is unknown, or a source is not one of the data set.
        MissingExtraError: If the rule needs a package that is not installed.
    """
    find_rule(rule)
    with database.read() as connection:
        pairs = _pairs(connection, dataset_id, (pred_id, true_id))
    named = {pred.scene.frame.image: (pred.scene, true.scene) for pred, true in pairs.values()}
    settings = Settings(densify_px=DENSE_STEP_PX)
    outcome = evaluate_rule(rule, FramePairs(named, (), ()), settings, Bootstrap())
    rows = list(stored_rows(rule, outcome.evaluation.rows, pairs))
    row = {
        "dataset_id": dataset_id,
        "pred_id": pred_id,
        "true_id": true_id,
        "rule": rule,
        "settings": {"densify_px": settings.densify_px, "bootstrap": dict(outcome.drawn)},
        "figures": {"figures": outcome.shown(), "intervals": outcome.ends()},
        "created_at": now_ms(),
    }
    with database.write() as connection:
        made = connection.execute(sa.insert(evaluations).values(row)).inserted_primary_key.id
        _insert(connection, matches, made, rows)
        _insert(connection, scores, made, list(_scores(outcome, rows, pairs)))
        done = {"action": "evaluate", "subject": f"evaluation {made}", "details": {"rule": rule}}
        done |= {"at": row["created_at"], "user_id": user_id}
        connection.execute(sa.insert(audit).values(done))
    return int(made)


def figures(database: Database, evaluation_id: int) -> StoredEvaluation:
    """Return an evaluation with its figures and their intervals.

    Raises:
        StoreError: If there is no such evaluation.
    """
    with database.read() as connection:
        return get_evaluation(connection, evaluation_id)


def get_evaluation(connection: sa.Connection, evaluation_id: int) -> StoredEvaluation:
    """Return an evaluation by a connection that is open; see `figures`."""
    chosen = sa.select(evaluations).where(evaluations.c.id == evaluation_id)
    row = connection.execute(chosen).mappings().one_or_none()
    if row is None:
        raise StoreError(f"evaluation must exist, got {evaluation_id}. It may have been removed.")
    return _evaluation(row)


def frame_scores(
    database: Database, evaluation_id: int, frame_ids: Sequence[int]
) -> dict[int, float]:
    """Return how some frames did in an evaluation, those that it did not score left out."""
    chosen = sa.select(scores.c.frame_id, scores.c.score).where(
        scores.c.evaluation_id == evaluation_id, scores.c.frame_id.in_(frame_ids)
    )
    with database.read() as connection:
        return {row.frame_id: row.score for row in connection.execute(chosen)}


def list_evaluations(database: Database, dataset_id: int) -> tuple[StoredEvaluation, ...]:
    """Return the evaluations of a data set, the newest first."""
    chosen = sa.select(evaluations).where(evaluations.c.dataset_id == dataset_id)
    with database.read() as connection:
        rows = connection.execute(chosen.order_by(evaluations.c.id.desc())).mappings()
        return tuple(map(_evaluation, rows))


def _evaluation(row: sa.RowMapping) -> StoredEvaluation:
    return StoredEvaluation(**{**row, **row["figures"]})


def _pairs(connection: sa.Connection, dataset_id: int, source_ids: tuple[int, int]) -> Pairs:
    kinds = [_kind(connection, dataset_id, source_id) for source_id in source_ids]
    reviewed = frames.c.status.in_(("accepted", "corrected"))
    taken = reviewed if "review" in kinds else frames.c.status != "rejected"
    chosen = sa.select(frames.c.id).where(frames.c.dataset_id == dataset_id, taken)
    pred, true = (
        _confirmed(connection, dataset_id, source_id, chosen)
        if kind == "review"
        else stored_scenes(connection, source_id, chosen)
        for source_id, kind in zip(source_ids, kinds, strict=True)
    )
    return {frame_id: (pred[frame_id], scene) for frame_id, scene in true.items()}


def _kind(connection: sa.Connection, dataset_id: int, source_id: int) -> str:
    chosen = sa.select(sources.c.kind).where(
        sources.c.id == source_id, sources.c.dataset_id == dataset_id
    )
    found = connection.scalar(chosen)
    if found is None:
        raise ConfigError(f"source must be one of data set {dataset_id}, got {source_id}.")
    return str(found)


def _confirmed(
    connection: sa.Connection, dataset_id: int, source_id: int, chosen: sa.Select[Any]
) -> dict[int, StoredScene]:
    """Return what reviewers drew, and the first labels of the frames where they changed nothing."""
    found = stored_scenes(connection, source_id, chosen)
    first = sa.select(sa.func.min(sources.c.id)).where(
        sources.c.dataset_id == dataset_id, sources.c.kind == "label"
    )
    labels = connection.scalar(first)
    if labels is None:
        return found
    accepted = chosen.where(frames.c.status == "accepted")
    return found | stored_scenes(connection, labels, accepted)


def _scores(outcome: Outcome, rows: Sequence[StoredRow], pairs: Pairs) -> Iterator[dict[str, Any]]:
    """Yield how each frame did: the F-measure of its rows, or the main rate of the rule.

    A frame in which there was nothing to find and nothing was found has a score of 1.
    """
    counts = dict.fromkeys(pairs, Counts())
    for row in rows:
        counts[row["frame_id"]] += count_of(row)
    tally = outcome.evaluation.tally
    rates = tally.rates_by_frame().get(outcome.evaluation.worst, np.full(len(pairs), np.nan))
    for (frame_id, count), rate in zip(counts.items(), rates, strict=True):
        score = count.f1 if rows else float(rate)
        yield {
            "frame_id": frame_id,
            "score": 1.0 if np.isnan(score) else score,
            "hits": count.tp,
            "false_alarms": count.fp,
            "misses": count.fn,
        }


def count_of(row: Mapping[str, Any]) -> Counts:
    """Return what a row adds to hits, false alarms and misses; a wrong label is both of these."""
    if row["hit"]:
        return Counts(tp=1)
    return Counts(fp=int(row["pred_number"] is not None), fn=int(row["true_number"] is not None))


def _insert(
    connection: sa.Connection, table: sa.Table, evaluation_id: int, rows: Sequence[StoredRow]
) -> None:
    for start in range(0, len(rows), BATCH):
        batch = [{**row, "evaluation_id": evaluation_id} for row in rows[start : start + BATCH]]
        connection.execute(sa.insert(table), batch)
