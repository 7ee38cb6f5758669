"""Evaluations: what one source says, scored against another by a rule of ``drivegrid.metrics``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import evaluations, frames, matches, scores, sources
from drivegrid.dashboard.store.coverage import covers
from drivegrid.dashboard.store.match_rows import StoredRow, stored_rows
from drivegrid.dashboard.store.people import append_audit
from drivegrid.dashboard.store.records import batches
from drivegrid.dashboard.store.stored_scenes import StoredScene, stored_scenes

from drivegrid.errors import ConfigError
from drivegrid.metrics.lanes import DENSE_STEP_PX
from drivegrid.metrics.matching import Counts
from drivegrid.metrics.outcome import Bootstrap, Outcome, evaluate_rule
from drivegrid.metrics.pairing import FramePairs
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.rules.table import find_rule

BATCH = 2_000
"""Rows that are written at a time: some hundredths of a second, for which reviewers wait."""
PAUSE_S = 0.05
"""Between two writes: SQLite keeps no queue, and nobody else would get a turn."""
READ_BATCH = 500
"""Frames that are read at a time."""
WRITING = 0.8
"""Share of the work at which writing begins; reading is half of what goes before it."""
Beat: TypeAlias = Callable[[float, str], object]
"""Is told how far the work is, in [0, 1], and what goes on."""

Pairs = dict[int, tuple[StoredScene, StoredScene]]
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

    @property
    def told_frames(self) -> str:
        """On how many frames it is, and how many it left out; empty where that is not known."""
        frames_of = self.settings.get("frames")
        if frames_of is None:
            return ""
        scored, rest = frames_of["scored"], frames_of["not_covered"]
        return f"{scored:,} frames" + (f", {rest:,} not covered" if rest else "")


@dataclass(frozen=True)
class Asked:
    """What is to be evaluated.

    Args:
        dataset_id: Of the frames.
        pred_id: Source that is scored.
        true_id: Source that it is scored against.
        rule: Name of the rule.
    """

    dataset_id: int
    pred_id: int
    true_id: int
    rule: str


@dataclass(frozen=True)
class Scored:
    """An evaluation that is not stored yet: rows of its tables."""

    evaluation: StoredRow
    matches: Sequence[StoredRow]
    scores: Sequence[StoredRow]


def evaluate(
    database: Database, dataset_id: int, pred_id: int, true_id: int, rule: str, user_id: int
) -> int:
    """Score a source against another and store what came out, see `score` and `store`."""
    scored = score(database, Asked(dataset_id, pred_id, true_id, rule))
    return store(database, scored, user_id)


def score(database: Database, asked: Asked, beat: Beat = lambda *_: None) -> Scored:
    """Score a source against another on all frames that both cover and that are not rejected.

    The reviewers' source stands for what people confirmed: where it takes part, frames that were
    not reviewed are left out, and those that were accepted have the labels that were accepted.

    Raises:
        ConfigError: If the rule is unknown, or a source is not one of the data set.
        MissingExtraError: If the rule needs a package that is not installed.
    """
    rule = asked.rule
    find_rule(rule)
    with database.read() as connection:
        pairs, num_wanted = _pairs(connection, asked, beat)
    beat(WRITING / 2, f"scoring {len(pairs):,} frames")
    named = {pred.scene.frame.image: (pred.scene, true.scene) for pred, true in pairs.values()}
    settings = Settings(densify_px=DENSE_STEP_PX)
    outcome = evaluate_rule(rule, FramePairs(named, (), ()), settings, Bootstrap())
    rows = list(stored_rows(rule, outcome.evaluation.rows, pairs))
    counts = {"scored": len(pairs), "not_covered": num_wanted - len(pairs)}
    said = {"densify_px": settings.densify_px, "bootstrap": dict(outcome.drawn), "frames": counts}
    row = {
        **asdict(asked),
        "settings": said,
        "figures": {"figures": outcome.shown(), "intervals": outcome.ends()},
        "created_at": now_ms(),
    }
    return Scored(row, rows, list(_scores(outcome, rows, pairs)))


def store(
    database: Database,
    scored: Scored,
    user_id: int,
    job_id: int | None = None,
    beat: Beat = lambda *_: None,
) -> int:
    """Store an evaluation; it is shown when it is whole, and nothing stays of one that fails.

    Args:
        database: The store.
        scored: The evaluation.
        user_id: Who asked for it.
        job_id: Of the job that makes it; what an earlier try of that left is removed first.
        beat: Told how far writing is; what it raises ends the writing.

    Returns:
        The evaluation's id.
    """
    if job_id is not None:
        _remove(database, evaluations.c.incoming & (evaluations.c.job_id == job_id))
    row = {**scored.evaluation, "incoming": True, "job_id": job_id}
    with database.write() as connection:
        made = int(connection.execute(sa.insert(evaluations).values(row)).inserted_primary_key.id)
    try:
        _write(database, made, scored, beat)
        with database.write() as connection:
            whole = sa.update(evaluations).where(evaluations.c.id == made)
            connection.execute(whole.values(incoming=False))
            details = {"rule": row["rule"]}
            append_audit(connection, user_id, "evaluate", f"evaluation {made}", details)
    except BaseException:
        _remove(database, evaluations.c.id == made)
        raise
    return made


def made_by(database: Database, job_id: int) -> int | None:
    """Return the id of the whole evaluation that a job made; None if it made none."""
    chosen = sa.select(evaluations.c.id).where(evaluations.c.job_id == job_id)
    with database.read() as connection:
        return connection.scalar(chosen.where(~evaluations.c.incoming))


def _write(database: Database, made: int, scored: Scored, beat: Beat) -> None:
    total, done = len(scored.matches) + len(scored.scores), 0
    for table, rows in ((matches, scored.matches), (scores, scored.scores)):
        for batch in batches(rows, BATCH):
            beat(WRITING + (1 - WRITING) * done / total, f"rows {done:,} of {total:,}")
            with database.write() as connection:
                numbered = [{**row, "evaluation_id": made} for row in batch]
                connection.execute(sa.insert(table), numbered)
            done += len(batch)
            time.sleep(PAUSE_S)


def _remove(database: Database, which: sa.ColumnElement[bool]) -> None:
    """Remove evaluations, their rows some at a time."""
    with database.read() as connection:
        found = list(connection.scalars(sa.select(evaluations.c.id).where(which)))
    for made in found:
        _remove_rows(database, matches.c.id, matches.c.evaluation_id == made)
        _remove_rows(database, scores.c.frame_id, scores.c.evaluation_id == made)
        with database.write() as connection:
            connection.execute(sa.delete(evaluations).where(evaluations.c.id == made))


def _remove_rows(database: Database, key: sa.Column[Any], which: sa.ColumnElement[bool]) -> None:
    some = sa.select(key).where(which).limit(BATCH)
    removed = 1
    while removed:
        with database.write() as connection:
            gone = sa.delete(key.table).where(which, key.in_(some))
            removed = connection.execute(gone).rowcount
        time.sleep(PAUSE_S)


def figures(database: Database, evaluation_id: int) -> StoredEvaluation:
    """Return an evaluation with its figures and their intervals.

    Raises:
        StoreError: If there is no such evaluation.
    """
    with database.read() as connection:
        return get_evaluation(connection, evaluation_id)


def get_evaluation(connection: sa.Connection, evaluation_id: int) -> StoredEvaluation:
    """Return an evaluation by a connection that is open; see `figures`."""
    chosen = _whole().where(evaluations.c.id == evaluation_id)
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
    chosen = _whole().where(evaluations.c.dataset_id == dataset_id)
    with database.read() as connection:
        rows = connection.execute(chosen.order_by(evaluations.c.id.desc())).mappings()
        return tuple(map(_evaluation, rows))


def _whole() -> sa.Select[Any]:
    hidden = ("incoming", "job_id")
    columns = [column for column in evaluations.c if column.name not in hidden]
    return sa.select(*columns).where(~evaluations.c.incoming)


def _evaluation(row: sa.RowMapping) -> StoredEvaluation:
    return StoredEvaluation(**{**row, **row["figures"]})


def _pairs(connection: sa.Connection, asked: Asked, beat: Beat) -> tuple[Pairs, int]:
    """Return what both sources say, and on how many frames they should have said something."""
    dataset_id, source_ids = asked.dataset_id, (asked.pred_id, asked.true_id)
    kinds = [_kind(connection, dataset_id, source_id) for source_id in source_ids]
    reviewed = frames.c.status.in_(("accepted", "corrected"))
    taken = reviewed if "review" in kinds else frames.c.status != "rejected"
    wanted = (frames.c.dataset_id == dataset_id) & taken
    total = connection.scalar(sa.select(sa.func.count()).select_from(frames).where(wanted)) or 0
    sides = list(zip(source_ids, kinds, strict=True))
    both = [covers(connection, source_id) for source_id, kind in sides if kind != "review"]
    chosen = sa.select(frames.c.id).where(wanted, *both).order_by(frames.c.number, frames.c.id)
    ids, pairs = list(connection.scalars(chosen)), Pairs()
    for batch in batches(ids, READ_BATCH):
        beat(WRITING / 2 * len(pairs) / len(ids), f"frames {len(pairs):,} of {len(ids):,}")
        some = sa.select(frames.c.id).where(frames.c.id.in_(batch))
        pred, true = (
            _confirmed(connection, dataset_id, source_id, some)
            if kind == "review"
            else stored_scenes(connection, source_id, some)
            for source_id, kind in sides
        )
        pairs |= {frame_id: (pred[frame_id], scene) for frame_id, scene in true.items()}
    return pairs, total


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
