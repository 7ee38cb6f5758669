"""Which frames a source says something about, if only that nothing is there."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import coverage, frames, sources
from drivegrid.dashboard.store.records import batches

BATCH = 500
CORRECTED = "corrected"
"""Status of the frames that the reviewers' source is about."""


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
    if _kind(connection, source_id) == "review":
        return frames.c.status == CORRECTED
    return sa.exists().where(coverage.c.source_id == source_id, coverage.c.frame_id == frames.c.id)


def is_labelled() -> sa.ColumnElement[bool]:
    """Return the condition on ``frames`` that labels cover the frame."""
    joined = coverage.join(sources, sources.c.id == coverage.c.source_id)
    found = sa.select(coverage.c.frame_id).select_from(joined)
    return sa.exists(found.where(coverage.c.frame_id == frames.c.id, sources.c.kind == "label"))


def covering(database: Database, frame_id: int) -> set[int]:
    """Return the ids of the labels and runs that cover a frame."""
    chosen = sa.select(coverage.c.source_id).where(coverage.c.frame_id == frame_id)
    with database.read() as connection:
        return set(connection.scalars(chosen))


def count_covered(database: Database, source_id: int) -> int:
    """Return how many frames a source covers."""
    with database.read() as connection:
        if _kind(connection, source_id) == "review":
            here = (frames.c.dataset_id == sources.c.dataset_id) & (sources.c.id == source_id)
            chosen = sa.select(sa.func.count()).select_from(sources.join(frames, here))
            chosen = chosen.where(frames.c.status == CORRECTED)
        else:  # by an index alone
            chosen = sa.select(sa.func.count()).where(coverage.c.source_id == source_id)
        return int(connection.scalar(chosen) or 0)


def _kind(connection: sa.Connection, source_id: int) -> str | None:
    return connection.scalar(sa.select(sources.c.kind).where(sources.c.id == source_id))
