"""Facets: how many frames of a query have each fact, at a cost that does not grow for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import fact_counts, facts
from drivegrid.dashboard.store.browse import Count
from drivegrid.dashboard.store.conditions import Selection
from drivegrid.dashboard.store.query import Query

MAX_LOOKED_AT = 5_000
"""So many frames of a query are looked at for their facts."""


@dataclass(frozen=True, slots=True)
class Facet:
    """A value of a fact, and how many frames have it.

    Args:
        value: For example ``"rain"``.
        count: Frames; ``more`` says that there may be more than were counted.
    """

    value: str
    count: Count


def facets(
    database: Database, query: Query, dataset_id: int, top: int = 20
) -> dict[str, list[Facet]]:
    """Return the values of each fact with the frames that have them, the most frequent first.

    Of a fact that the query asks for, those frames are counted that the rest of the query has, so
    that people see what another choice would give. Counts are exact where nothing else is asked,
    and where the query has at most ``MAX_LOOKED_AT`` frames; else they are of the first so many
    in the data set's order, and say that there may be more. Values that are frequent in the data
    set are there even if none of these frames has them.

    Args:
        database: The store.
        query: Which frames.
        dataset_id: Of which data set.
        top: Values at most of each fact.
    """
    with database.read() as connection:
        totals = _totals(connection, dataset_id, top)
        found = _counted(connection, query, dataset_id, totals)
        for name in query.all_facts:
            of_name = {name: totals[name]} if name in totals else {}
            rest = _counted(connection, query.without(name), dataset_id, of_name, name)
            found[name] = rest.get(name, [])
    return {name: values[:top] for name, values in sorted(found.items()) if values}


def _totals(connection: sa.Connection, dataset_id: int, top: int) -> dict[str, list[Facet]]:
    """Return the most frequent values of each fact in the whole data set."""
    c = fact_counts.c
    place = sa.func.row_number().over(partition_by=c.name, order_by=[c.frames.desc(), c.value])
    ranked = sa.select(c.name, c.value, c.frames, place.label("place"))
    # of a fact that reviewers took from its last frame, the row stays
    inner = ranked.where(c.dataset_id == dataset_id, c.frames > 0).subquery()
    rows = connection.execute(sa.select(inner).where(inner.c.place <= top))
    return _grouped((row.name, row.value, row.frames) for row in rows)


def _counted(
    connection: sa.Connection,
    query: Query,
    dataset_id: int,
    totals: dict[str, list[Facet]],
    name: str | None = None,
) -> dict[str, list[Facet]]:
    """Return the facets of a query's frames, and those of the data set that none of them has.

    Args:
        connection: Of a reading transaction.
        query: Which frames.
        dataset_id: Of which data set.
        totals: The most frequent values in the whole data set.
        name: Of the one fact that is counted; None counts all.
    """
    if not query.narrows:
        return dict(totals)
    selection = Selection(connection, query.in_no_order, dataset_id)
    first = selection.first(MAX_LOOKED_AT + 1).cte("first")
    num_frames = sa.select(sa.func.count()).select_from(first).scalar_subquery()
    asked = facts.c.frame_id == first.c.id
    if name is not None:
        asked &= (facts.c.dataset_id == dataset_id) & (facts.c.name == name)
    counted = connection.execute(
        sa.select(facts.c.name, facts.c.value, sa.func.count(), num_frames)
        .select_from(first.outerjoin(facts, asked))  # frames without facts tell of more as well
        .group_by(facts.c.name, facts.c.value)
    ).all()
    more = any(row[3] > MAX_LOOKED_AT for row in counted)
    absent = {(name, facet.value): 0 for name, values in totals.items() for facet in values}
    present = {(row.name, row.value): row[2] for row in counted if row.name is not None}
    both = (absent | present).items()
    return _grouped(((name, value, num) for (name, value), num in both), more)


def _grouped(
    rows: Iterable[tuple[str, str, int] | Any], more: bool = False
) -> dict[str, list[Facet]]:
    """Return facets by the name of the fact, the most frequent first."""
    found: dict[str, list[Facet]] = {}
    for name, value, num in sorted(rows, key=lambda row: (-row[2], row[1])):
        found.setdefault(name, []).append(Facet(value, Count(num, more)))
    return found
