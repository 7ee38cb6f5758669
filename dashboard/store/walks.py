"""What is walked through to answer a query: the least of what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import sqlalchemy as sa
from drivegrid.dashboard.schema import fact_counts, frames
from drivegrid.dashboard.store.facts import LABEL
from drivegrid.dashboard.store.names import can_be_searched, frame_names, hold
from drivegrid.dashboard.store.query import Query

RARE = 5_000
"""So few frames are looked at one by one and sorted; more are walked through in their order."""
MANY = 20_000
"""So many frames are counted at most to find the shortest of several walks."""
FEW_LABELS = 8
"""So many labels at most are walked through side by side for a word that is in them."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is searched for.

    Args:
        text: The word.
        labels: The labels of the data set that it is in.
    """

    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a query's frames that one walk through an index gives in order.

    At most one of these is said; if none is, it is all frames of the data set.

    Args:
        fact: Name and value of the fact whose frames are walked through.
        status: The one status of its frames.
        words: All of them are in the names of its frames.
        clip: The clip of its frames.
    """

    fact: tuple[str, str] | None = None
    status: str | None = None
    words: tuple[str, ...] = ()
    clip: str | None = None

    def is_in_order(self, order: str) -> bool:
        """Return whether the walk comes in an order; else all its frames must be sorted.

        A clip is short: in the data set's own order its frames always may be.
        """
        by_status = order == "status" and self.status is not None
        return order == "number" or by_status or self == Branch()


Way: TypeAlias = list[Branch]
"""Branches that together are all frames of a query; a frame may be in several."""


def choose(connection: sa.Connection, query: Query, dataset_id: int, words: Sequence[Word]) -> Way:
    """Return the branches that are walked through.

    A database that has no statistics, or that believes that facts are spread evenly (clips are
    not), walks through a whole data set for fifty frames of a rare kind. So the way with the
    fewest frames is chosen here, if it comes in the query's order or has few enough to be sorted.

    Args:
        connection: Of a reading transaction.
        query: What is asked.
        dataset_id: Of which data set.
        words: The words of the query.
    """
    ways = _ways(connection, query, words)
    in_order = (way for way in ways if all(branch.is_in_order(query.order) for branch in way))
    chosen = next(in_order, [Branch()])
    if ways == [chosen]:
        return chosen
    least = inf if query.order == "number" else RARE + 1
    for way in ways:
        size = _count(connection, way, dataset_id, min(least, MANY))
        if size < least:
            least, chosen = size, way
    return chosen


def _ways(connection: sa.Connection, query: Query, words: Sequence[Word]) -> list[Way]:
    """Return every way that a query has; those whose frames are counted already come first."""
    ways = [[Branch(fact=(name, v)) for v in values] for name, values in query.all_facts.items()]
    if query.status:
        ways.append([Branch(status=status) for status in dict.fromkeys(query.status)])
    searched = [word for word in words if can_be_searched(connection, word.text)]
    plain = tuple(word.text for word in searched if not word.labels)
    if plain:
        ways.append([Branch(words=plain)])
    for word in searched:
        if 0 < len(word.labels) <= FEW_LABELS:
            labels = [Branch(fact=(LABEL, label)) for label in word.labels]
            ways.append([Branch(words=(word.text,)), *labels])
    if query.clip is not None:
        ways.append([Branch(clip=query.clip)])
    return ways


def _count(connection: sa.Connection, way: Way, dataset_id: int, most: float) -> float:
    """Return how many frames a way has: of facts exactly, of others infinitely many from ``most``.

    A frame that is in several branches counts as often.
    """
    of_facts = [branch.fact for branch in way if branch.fact is not None]
    c = fact_counts.c
    listed = sa.tuple_(c.name, c.value).in_(of_facts)
    counted = sa.select(sa.func.sum(c.frames)).where(c.dataset_id == dataset_id, listed)
    size: float = (connection.scalar(counted) or 0) if of_facts else 0
    for branch in way:
        if branch.fact is None and size < most:
            some = _ids(branch, dataset_id).limit(int(most - size)).subquery()
            size += connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0
            size = inf if size >= most else size
    return size


def _ids(branch: Branch, dataset_id: int) -> sa.Select[tuple[int]]:
    """Return the frames of a branch that is not of a fact, from an index alone."""
    if branch.words:
        return sa.select(frame_names.c.rowid).where(*hold(branch.words, dataset_id))
    column = frames.c.clip if branch.clip is not None else frames.c.status
    value = branch.clip if branch.clip is not None else branch.status
    return sa.select(frames.c.id).where(frames.c.dataset_id == dataset_id, column == value)
