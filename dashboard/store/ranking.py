"""What a queue is made of: the frames of a query, in one of the orders that there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import frames
from drivegrid.dashboard.store import orders
from drivegrid.dashboard.store.conditions import Selection
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Ranked

from drivegrid.errors import ConfigError

OrderName: TypeAlias = Literal[
    "number", "worst score", "disagreement", "offset instability", "lane flicker", "rare class",
    "random audit",
]  # fmt: skip

NUM_SOURCES: dict[OrderName, int] = {
    "number": 0,
    "worst score": 0,
    "disagreement": 2,
    "offset instability": 1,
    "lane flicker": 1,
    "rare class": 1,
    "random audit": 0,
}
"""Of how many sources an order must know."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which frame comes first.

    Args:
        name: What frames are ordered by.
        source_ids: Whose word it goes by, ``NUM_SOURCES`` of them.
        evaluation_id: Whose scores, for ``worst score`` and only then.
        seed: For ``random audit``.

    Raises:
        ConfigError: If these do not go together.
    """

    name: OrderName
    source_ids: tuple[int, ...] = ()
    evaluation_id: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        num = NUM_SOURCES.get(self.name)
        if num is None:
            raise ConfigError(f"order must be of {', '.join(NUM_SOURCES)}, got {self.name!r:.50}.")
        if len(set(self.source_ids)) != num or len(self.source_ids) != num:
            raise ConfigError(
                f"order must have {num} different sources, got {self.source_ids} ({self.name})."
            )
        if (self.name == "worst score") != (self.evaluation_id is not None):
            raise ConfigError(f"evaluation must come with worst score alone, got {self.name}.")


def rank(
    database: Database, dataset_id: int, query: Query, order: Order, limit: int
) -> list[Ranked]:
    """Return frames of a query, the first to be reviewed first.

    Args:
        database: The store.
        dataset_id: Whose frames.
        query: Which of them; its own order does not count.
        order: Which first. What it knows nothing about is left out.
        limit: Frames at most.
    """
    with database.read() as connection:
        chosen = _chosen(connection, query, dataset_id)
    found = _order(database, chosen, order, limit)
    return found[:limit]


def _chosen(connection: sa.Connection, query: Query, dataset_id: int) -> sa.Select[tuple[int]]:
    selection = Selection(connection, query.in_no_order, dataset_id)
    parts = [selection.select(branch, [frames.c.id]) for branch in selection.branches]
    if not parts:
        return sa.select(frames.c.id).where(sa.false())
    return sa.select(sa.union(*parts).subquery().c.id)


def _order(
    database: Database, chosen: sa.Select[tuple[int]], order: Order, limit: int
) -> list[Ranked]:
    match order.name, order.source_ids, order.evaluation_id:
        case "worst score", _, int(evaluation_id):
            return orders.worst_score(database, chosen, limit, evaluation_id)
        case "disagreement", (one, other), _:
            return orders.disagreement(database, chosen, limit, (one, other))
        case "offset instability", (source_id,), _:
            return orders.offset_instability(database, chosen, limit, source_id)
        case "lane flicker", (source_id,), _:
            return orders.lane_flicker(database, chosen, limit, source_id)
        case "rare class", (source_id,), _:
            return orders.rare_class(database, chosen, limit, source_id)
        case "random audit", _, _:
            return orders.random_audit(database, chosen, limit, order.seed)
        case _:
            return orders.by_number(database, chosen, limit)
