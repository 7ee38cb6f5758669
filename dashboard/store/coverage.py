"""Which frames a source says something about, if only that nothing is there."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import coverage, frames, sources
from drivegrid.dashboard.store.records import batches

BATCH = 500


def cover(connection: sa.Connection, source_id: int, frame_ids: Iterable[int]) -> None:
    """Note that a source covers frames, whether it is known already or not."""
    for some in batches(frame_ids, BATCH):
        same = (coverage.c.source_id == source_id) & coverage.c.frame_id.in_(some)
        connection.execute(sa.delete(coverage).where(same))
        rows = [{"source_id": source_id, "frame_id": frame_id} for frame_id in some]
        connection.execute(sa.insert(coverage), rows)


def covers(connection: sa.Connection, source_id: int) -> sa.ColumnElement[bool]:
    """Return the condition on ``frames`` that a source covers the frame.

    Reviewers cover what they corrected.
    """
    kind = connection.scalar(sa.select(sources.c.kind).where(sources.c.id == source_id))
    if kind == "review":
        return frames.c.status == "corrected"
    return sa.exists().where(coverage.c.source_id == source_id, coverage.c.frame_id == frames.c.id)


def is_labelled() -> sa.ColumnElement[bool]:
    """Return the condition on ``frames`` that labels cover the frame."""
    joined = coverage.join(sources, sources.c.id == coverage.c.source_id)
    found = sa.select(coverage.c.frame_id).select_from(joined)
    return sa.exists(found.where(coverage.c.frame_id == frames.c.id, sources.c.kind == "label"))


def count_covered(database: Database, source_id: int) -> int:
    """Return how many frames a source covers."""
    with database.read() as connection:
        here = (frames.c.dataset_id == sources.c.dataset_id) & (sources.c.id == source_id)
        chosen = sa.select(sa.func.count(frames.c.id)).select_from(sources.join(frames, here))
        return int(connection.scalar(chosen.where(covers(connection, source_id))) or 0)
