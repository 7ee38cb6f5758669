"""Queues: frames to be reviewed in an order, each given to one reviewer at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import frames, queue_items, queues
from drivegrid.dashboard.store.leases import give_lease, not_leased_by_another

from drivegrid.errors import ConfigError

BATCH = 10_000
"""Frames that are written to a queue at a time."""


class Ranked(NamedTuple):
    """A frame of an order; ``why`` is what it was ordered by, if there is a number."""

    frame_id: int
    why: float | None = None


@dataclass(frozen=True)
class Plan:
    """What a queue is for.

    Args:
        name: New in its data set.
        order: Name of the order, for people.
        budget: Frames at most, at least 1.
        query: What the frames were found by, as JSON.

    Raises:
        ConfigError: If the name is empty or the budget too small.
    """

    name: str
    order: str
    budget: int
    query: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.strip() or "\x00" in self.name:
            raise ConfigError(f"queue name must be a text, got {self.name!r:.100}.")
        if self.budget < 1:
            raise ConfigError(f"budget must be at least 1 frame, got {self.budget}.")


@dataclass(frozen=True)
class Queue:
    """A queue as it was made."""

    id: int
    dataset_id: int
    user_id: int
    plan: Plan
    created_at: int


@dataclass(frozen=True, slots=True)
class QueueFrame:
    """A frame of a queue; ``place`` counts from 0."""

    place: int
    frame_id: int
    why: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How many frames of a queue are done, being worked on, and left."""

    done: int
    leased: int
    left: int


def make_queue(
    database: Database, dataset_id: int, user_id: int, plan: Plan, ranked: Iterable[Ranked]
) -> int:
    """Write a queue of the first frames of an order, as many as its budget allows.

    Args:
        database: The store.
        dataset_id: Of the frames.
        user_id: Who makes it.
        plan: Name, order, budget and query.
        ranked: Frames, the first to be reviewed first; one that comes again is passed over.

    Returns:
        The queue's id.

    Raises:
        ConfigError: If the name is taken, or a frame is of another data set.
    """
    first = _distinct(ranked, plan.budget)
    with database.write() as connection:
        named = sa.select(queues.c.id).where(
            queues.c.dataset_id == dataset_id, queues.c.name == plan.name
        )
        if connection.scalar(named) is not None:
            raise ConfigError(f"queue name must be a new one, got {plan.name!r:.100} again.")
        row = {
            "dataset_id": dataset_id,
            "user_id": user_id,
            "name": plan.name,
            "query": dict(plan.query),
            "order": plan.order,
            "budget": plan.budget,
            "created_at": now_ms(),
        }
        queue_id = connection.execute(sa.insert(queues).values(row)).inserted_primary_key.id
        items = [
            {"queue_id": queue_id, "place": place, "frame_id": frame_id, "why": why}
            for place, (frame_id, why) in enumerate(first.items())
        ]
        for start in range(0, len(items), BATCH):
            connection.execute(sa.insert(queue_items), items[start : start + BATCH])
        _check_dataset(connection, queue_id, dataset_id)
    return int(queue_id)


def list_queues(database: Database, dataset_id: int) -> tuple[Queue, ...]:
    """Return the queues of a data set, the newest first."""
    chosen = sa.select(queues).where(queues.c.dataset_id == dataset_id).order_by(queues.c.id.desc())
    with database.read() as connection:
        return tuple(_queue(row) for row in connection.execute(chosen).mappings())


def find_queue(database: Database, queue_id: int) -> Queue:
    """Return a queue.

    Raises:
        StoreError: If there is no such queue.
    """
    chosen = sa.select(queues).where(queues.c.id == queue_id)
    with database.read() as connection:
        row = connection.execute(chosen).mappings().one_or_none()
    if row is None:
        raise _no_queue(queue_id)
    return _queue(row)


def frame_at(database: Database, queue_id: int, place: int) -> QueueFrame | None:
    """Return the frame at a place of a queue, whatever became of it; None where there is none."""
    return _one_item(database, queue_id, queue_items.c.place == place)


def place_of(database: Database, queue_id: int, frame_id: int) -> QueueFrame | None:
    """Return where a frame stands in a queue; None if it does not."""
    return _one_item(database, queue_id, queue_items.c.frame_id == frame_id)


def next_frame(
    database: Database, queue_id: int, user_id: int, seconds: float, after: int = -1
) -> QueueFrame | None:
    """Lease the first frame that is neither done nor another's; None if there is none.

    Nobody waits: a frame that another writes to at this moment is passed over.

    Args:
        database: The store.
        queue_id: The queue.
        user_id: Who reviews; a frame that is already this reviewer's counts as free.
        seconds: How long it is leased.
        after: Place after which to look, for a reviewer who skips a frame.
    """
    # both rows are locked, so that each is looked at again as it is now, not as it was
    chosen = _open(queue_id, user_id, after).with_for_update(skip_locked=True, key_share=True)
    with database.write() as connection:
        row = connection.execute(chosen).one_or_none()
        if row is None:
            return None
        give_lease(connection, row.frame_id, user_id, seconds)
        return QueueFrame(row.place, row.frame_id, row.why)


def peek(database: Database, queue_id: int, user_id: int, after: int) -> QueueFrame | None:
    """Return what `next_frame` would give after a place, without taking it."""
    with database.read() as connection:
        row = connection.execute(_open(queue_id, user_id, after)).one_or_none()
        return None if row is None else QueueFrame(row.place, row.frame_id, row.why)


def progress(database: Database, queue_id: int) -> Progress:
    """Return how far a queue is.

    Raises:
        StoreError: If there is no such queue.
    """
    open_item = queue_items.c.done_at.is_(None)
    free = not_leased_by_another(None)
    counts = [
        sa.func.count().filter(condition)
        for condition in (~open_item, open_item & ~free, open_item & free)
    ]
    joined = queue_items.join(frames, frames.c.id == queue_items.c.frame_id)
    chosen = sa.select(*counts).select_from(joined).where(queue_items.c.queue_id == queue_id)
    with database.read() as connection:
        if connection.scalar(sa.select(queues.c.id).where(queues.c.id == queue_id)) is None:
            raise _no_queue(queue_id)
        return Progress(*connection.execute(chosen).one())


def _no_queue(queue_id: int) -> StoreError:
    return StoreError(f"queue must exist, got {queue_id}. It may have been removed.")


def _queue(row: sa.RowMapping) -> Queue:
    plan = Plan(row["name"], row["order"], row["budget"], row["query"])
    return Queue(row["id"], row["dataset_id"], row["user_id"], plan, row["created_at"])


def _one_item(
    database: Database, queue_id: int, where: sa.ColumnElement[bool]
) -> QueueFrame | None:
    items = (queue_items.c.place, queue_items.c.frame_id, queue_items.c.why)
    chosen = sa.select(*items).where(queue_items.c.queue_id == queue_id, where)
    with database.read() as connection:
        row = connection.execute(chosen).one_or_none()
    return None if row is None else QueueFrame(*row)


def _distinct(ranked: Iterable[Ranked], budget: int) -> dict[int, float | None]:
    """Return the first frames and why, in order, each once."""
    taken: dict[int, float | None] = {}
    for frame_id, why in ranked:
        taken.setdefault(frame_id, why)
        if len(taken) == budget:
            break
    return taken


def _open(queue_id: int, user_id: int, after: int) -> sa.Select[Any]:
    """Return the query for the first frame after a place that the user may take."""
    joined = queue_items.join(frames, frames.c.id == queue_items.c.frame_id)
    chosen = sa.select(queue_items.c.place, queue_items.c.frame_id, queue_items.c.why)
    chosen = chosen.select_from(joined).where(
        queue_items.c.queue_id == queue_id,
        queue_items.c.place > after,
        queue_items.c.done_at.is_(None),
        not_leased_by_another(user_id),
    )
    return chosen.order_by(queue_items.c.place).limit(1)


def _check_dataset(connection: sa.Connection, queue_id: int, dataset_id: int) -> None:
    joined = queue_items.join(frames, frames.c.id == queue_items.c.frame_id)
    foreign = sa.select(frames.c.id).select_from(joined).limit(1)
    found = connection.scalar(
        foreign.where(queue_items.c.queue_id == queue_id, frames.c.dataset_id != dataset_id)
    )
    if found is not None:
        raise ConfigError(f"frames must be of data set {dataset_id}, got frame {found}.")
