"""Browsing: pages of a query's frames, a frame, what is in it, and its neighbours."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError
from drivegrid.dashboard.schema import STATUSES, frames, users
from drivegrid.dashboard.schema import shapes as shape_table
from drivegrid.dashboard.store.conditions import Selection
from drivegrid.dashboard.store.query import MAX_ID, Query, decode_text
from drivegrid.dashboard.store.records import FrameRow, ShapeRow, to_frame, to_shape
from drivegrid.dashboard.store.walks import Branch

from drivegrid.errors import ConfigError

MAX_COUNT = 10_000


def _name_of(column: sa.Column[Any], label: str) -> sa.ColumnElement[Any]:
    user = sa.select(users.c.name).where(users.c.id == column)
    return user.correlate(frames).scalar_subquery().label(label)


_NAMES = (_name_of(frames.c.reviewed_by, "reviewer"), _name_of(frames.c.lease_by, "holder"))


@dataclass(frozen=True, slots=True)
class Page:
    """Some frames of a query.

    Args:
        frames: In the query's order.
        after: Where the next page begins; None after the last.
        before: Where the page before ends; None before the first.
    """

    frames: tuple[FrameRow, ...]
    after: str | None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many frames there are.

    >>> str(Count(12, False)), str(Count(10_000, True))
    ('12', '10,000+')

    Args:
        num: Frames that were counted.
        more: Whether there may be more.
    """

    num: int
    more: bool

    def __str__(self) -> str:
        return f"{self.num:,}+" if self.more else f"{self.num:,}"


def page(
    database: Database, query: Query, dataset_id: int, after: str | None = None, limit: int = 50
) -> Page:
    """Return the frames that follow a place in a query's order.

    Frames that come or go between two pages shift nothing: none is left out or comes twice.

    Args:
        database: The store.
        query: Which frames, in which order.
        dataset_id: Of which data set.
        after: Where the page before ended; None begins at the first.
        limit: Frames at most.

    Raises:
        ConfigError: If ``after`` is no place in this order.
    """
    place = None if after is None else _read_place(after, query)
    with database.read() as connection:
        selection = Selection(connection, query, dataset_id)
        found: dict[int, tuple[tuple[Any, ...], sa.Row[Any]]] = {}
        for branch in selection.branches:
            for row in connection.execute(_walk(selection, branch, place, limit + 1)):
                found[row.id] = (tuple(row[: len(selection.keys(branch))]), row)
    # each branch is in order; what comes first of all of them is the page
    ordered = sorted(found.values(), key=lambda one: one[0], reverse=query.descending)
    shown = ordered[:limit]
    more = len(ordered) > limit and shown
    return Page(
        frames=tuple(to_frame(row) for _, row in shown),
        after=_place(shown[-1][0], query) if more else None,
        before=_place(shown[0][0], query) if shown and place is not None else None,
    )


def page_before(
    database: Database, query: Query, dataset_id: int, before: str, limit: int = 50
) -> Page:
    """Return the frames that end before a place; the first page where there are too few of them.

    Raises:
        ConfigError: If ``before`` is no place in this order.
    """
    turned = query.model_copy(update={"descending": not query.descending})
    found = page(database, turned, dataset_id, before, limit)
    if found.after is None:
        return page(database, query, dataset_id, limit=limit)
    return Page(found.frames[::-1], after=found.before, before=found.after)


def _walk(
    selection: Selection, branch: Branch, place: tuple[Any, ...] | None, limit: int
) -> sa.Select[Any]:
    """Return the first rows of a branch behind a place; the keys are their first columns."""
    query, keys = selection.query, selection.keys(branch)
    behind = []
    if place is not None:
        here, there = sa.tuple_(*keys), sa.tuple_(*place)
        behind.append(here < there if query.descending else here > there)
    named = [key.label(f"key_{index}") for index, key in enumerate(keys)]
    rows = selection.select(branch, named, *behind)
    rows = rows.order_by(*(key.desc() if query.descending else key for key in keys))
    # what is sorted are the keys alone: whole rows are only read of the frames that are shown
    first = rows.limit(limit).subquery()
    shown = first.join(frames, frames.c.id == first.c[len(keys) - 1])
    return sa.select(*first.c, *frames.c, *_NAMES).select_from(shown)


_KEY_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int,),
    "status": (str, int),
    "reviewed_at": (int, int),
    "score": (float, int),
}


def _place(key: tuple[Any, ...], query: Query) -> str:
    text = json.dumps([query.order, *key], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_place(text: str, query: Query) -> tuple[Any, ...]:
    """Return the key of a place; it may come from anywhere."""
    types = _KEY_TYPES[query.order]
    try:
        order, *key = json.loads(decode_text(text, "place"))
        right = order == query.order and tuple(map(type, key)) == types
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"place must be one that was given out, got {text!r:.50}.") from error
    right = right and all(abs(one) <= MAX_ID for one in key if isinstance(one, int))
    if not right or (query.order == "status" and key[0] not in STATUSES):
        raise ConfigError(f"place must be one in the order {query.order}, got {text!r:.50}.")
    return tuple(key)


def count(database: Database, query: Query, dataset_id: int, most: int = MAX_COUNT) -> Count:
    """Return how many frames a query has; counting stops at ``most``."""
    with database.read() as connection:
        found = Selection(connection, query.in_no_order, dataset_id).first(most + 1).subquery()
        num = connection.scalar(sa.select(sa.func.count()).select_from(found))
    return Count(min(num or 0, most), (num or 0) > most)


def list_clips(database: Database, dataset_id: int, most: int = 200) -> list[str]:
    """Return the first clips of a data set by name."""
    named = (frames.c.dataset_id == dataset_id) & frames.c.clip.is_not(None)
    query = sa.select(frames.c.clip).where(named).distinct().order_by(frames.c.clip).limit(most)
    with database.read() as connection:
        return list(connection.scalars(query))


def frame(database: Database, frame_id: int) -> FrameRow:
    """Return a frame.

    Raises:
        StoreError: If there is no such frame.
    """
    query = sa.select(frames, *_NAMES).where(frames.c.id == frame_id)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise StoreError(f"frame must exist, got id {frame_id}.")
    return to_frame(row)


def shapes(
    database: Database, frame_id: int, sources: Sequence[int] | None = None
) -> list[ShapeRow]:
    """Return what sources have in a frame, source by source, each in its own order.

    Args:
        database: The store.
        frame_id: The frame.
        sources: Ids of the sources; None takes all.
    """
    query = sa.select(shape_table).where(shape_table.c.frame_id == frame_id)
    if sources is not None:
        query = query.where(shape_table.c.source_id.in_(sources))
    query = query.order_by(shape_table.c.source_id, shape_table.c.number)
    with database.read() as connection:
        return list(map(to_shape, connection.execute(query)))


def neighbours(database: Database, frame_id: int) -> tuple[int | None, int | None]:
    """Return the ids of the frames before and after one in its clip; None where there is none."""
    with database.read() as connection:
        here = connection.execute(sa.select(frames).where(frames.c.id == frame_id)).one_or_none()
        if here is None or here.clip is None:
            return None, None
        place, key = sa.tuple_(here.number, here.id), sa.tuple_(frames.c.number, frames.c.id)
        clip = sa.select(frames.c.id).where(
            frames.c.dataset_id == here.dataset_id, frames.c.clip == here.clip
        )
        before = clip.where(key < place).order_by(frames.c.number.desc(), frames.c.id.desc())
        behind = clip.where(key > place).order_by(frames.c.number, frames.c.id)
        return connection.scalar(before.limit(1)), connection.scalar(behind.limit(1))
