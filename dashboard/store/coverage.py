"""Which frames a source says something about, if only that nothing is there."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import coverage, frames, sources
from drivegrid.dashboard.store.records import batches

BATCH = 500
REVIEWED = ("accepted", "corrected")
"""Status of frames whose labels somebody looked at and let stand."""
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


def is_told(connection: sa.Connection, source_id: int | None) -> sa.ColumnElement[bool]:
    """Return the condition on ``frames`` that a source says what is in the frame.

    None: that something holds now, as reviewers or labels say, and the frame is not rejected.
    """
    if source_id is not None:
        return covers(connection, source_id)
    seen = frames.c.status.in_(REVIEWED)
    return seen | ((frames.c.status == "new") & is_labelled())


def count_told(
    database: Database, dataset_id: int, source_id: int | None, *, reviewed: bool
) -> tuple[int, int]:
    """Return of how many frames `is_told` holds, and of how many others it does not.

    Rejected frames are in neither where what holds now is asked for.
    """
    asked = [frames.c.dataset_id == dataset_id]
    if reviewed:
        asked.append(frames.c.status.in_(REVIEWED))
    if source_id is None:
        asked.append(frames.c.status != "rejected")
    with database.read() as connection:
        count = sa.select(sa.func.count()).select_from(frames).where(*asked)
        total = connection.scalar(count) or 0
        told = connection.scalar(count.where(is_told(connection, source_id))) or 0
    return told, total - told


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


def uncovered(database: Database, dataset_id: int, name: str, most: int) -> list[str]:
    """Return which of the first frames of a data set no source of a name covers, in their order.

    Args:
        database: The store.
        dataset_id: The data set.
        name: Of a source that may not be there yet.
        most: So many frames are looked at.

    Returns:
        Names of pictures.
    """
    first = sa.select(frames.c.id, frames.c.image).where(frames.c.dataset_id == dataset_id)
    first = first.order_by(frames.c.id).limit(most)
    of_name = (sources.c.dataset_id == dataset_id) & (sources.c.name == name)
    with database.read() as connection:
        source_id = connection.scalar(sa.select(sources.c.id).where(of_name))
        known = sa.select(coverage.c.frame_id).where(coverage.c.source_id == source_id)
        seen = set[int]() if source_id is None else set(connection.scalars(known))
        return [row.image for row in connection.execute(first) if row.id not in seen]


def _kind(connection: sa.Connection, source_id: int) -> str | None:
    return connection.scalar(sa.select(sources.c.kind).where(sources.c.id == source_id))
