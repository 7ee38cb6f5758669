"""Reading the matches of an evaluation: its confusion matrix, and its rows by page."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import matches

from drivegrid.errors import ConfigError

Cell: TypeAlias = tuple[str | None, str | None]
"""Predicted and true label; None on the side of a miss or of a false alarm."""


@dataclass(frozen=True)
class MatchFilter:
    """Which matches are wanted, and the worst by what first.

    Args:
        cell: Of the confusion matrix; None takes all.
        hit: Whether they count; None takes both.
        overlap: Least and greatest overlap.
        confidence: Least and greatest confidence; None also takes those without.
        order: ``overlap``, smallest first, or ``confidence``, greatest first: a sure mistake is the
            worst one. What has no confidence is not among the latter.

    Raises:
        ConfigError: If the order is another one.
    """

    cell: Cell | None = None
    hit: bool | None = None
    overlap: tuple[float, float] = (0.0, 1.0)
    confidence: tuple[float, float] | None = None
    order: Literal["overlap", "confidence"] = "overlap"

    def __post_init__(self) -> None:
        if self.order not in ("overlap", "confidence"):
            raise ConfigError(f"order must be overlap or confidence, got {self.order!r:.50}.")


@dataclass(frozen=True, slots=True)
class StoredMatch:
    """One row, see ``schema.matches``."""

    id: int
    frame_id: int
    pred_number: int | None
    true_number: int | None
    pred_label: str | None
    true_label: str | None
    overlap: float
    hit: bool
    confidence: float | None
    area: float | None


@dataclass(frozen=True)
class MatchPage:
    """Some rows; ``after`` asks for the page that follows, None if this is the last."""

    rows: tuple[StoredMatch, ...]
    after: str | None


def confusion(database: Database, evaluation_id: int) -> dict[Cell, int]:
    """Return how many matches each cell holds; empty for rules that match nothing."""
    labels = (matches.c.pred_label, matches.c.true_label)
    chosen = sa.select(*labels, sa.func.count()).where(matches.c.evaluation_id == evaluation_id)
    with database.read() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(chosen.group_by(*labels))}


def match_page(
    database: Database,
    evaluation_id: int,
    wanted: MatchFilter,
    after: str | None = None,
    limit: int = 50,
) -> MatchPage:
    """Return the matches of an evaluation, the worst first.

    Args:
        database: The store.
        evaluation_id: The evaluation.
        wanted: Which ones, and their order.
        after: From the page before.
        limit: Rows at most.

    Raises:
        ConfigError: If ``after`` is not from a page.
    """
    columns = [matches.c[field.name] for field in fields(StoredMatch)]
    chosen = sa.select(*columns).where(
        matches.c.evaluation_id == evaluation_id, *_conditions(wanted)
    )
    column = matches.c[wanted.order]
    place = sa.tuple_(column, matches.c.id)
    rising = wanted.order == "overlap"
    if after is not None:
        value, row_id = _read(after)
        last = sa.tuple_(sa.literal(value, sa.Float), sa.literal(row_id, matches.c.id.type))
        chosen = chosen.where(place > last if rising else place < last)
    keys = (column, matches.c.id)
    chosen = chosen.order_by(*(key if rising else key.desc() for key in keys)).limit(limit + 1)
    with database.read() as connection:
        rows = [StoredMatch(*row) for row in connection.execute(chosen)]
    shown = tuple(rows[:limit])
    more = len(rows) > limit and bool(shown)
    last_value = getattr(shown[-1], wanted.order) if more else None
    return MatchPage(shown, f"{last_value!r}:{shown[-1].id}" if more else None)


def _conditions(wanted: MatchFilter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [matches.c.overlap.between(*wanted.overlap)]
    if wanted.cell is not None:
        sides = (matches.c.pred_label, matches.c.true_label)
        for column, label in zip(sides, wanted.cell, strict=True):
            found.append(column.is_(None) if label is None else column == label)
    if wanted.hit is not None:
        found.append(matches.c.hit == wanted.hit)
    if wanted.confidence is not None:
        found.append(matches.c.confidence.between(*wanted.confidence))
    if wanted.order == "confidence":
        found.append(matches.c.confidence.is_not(None))
    return found


def _read(after: str) -> tuple[float, int]:
    try:
        value, row_id = after.split(":")
        found = float(value), int(row_id)
    except ValueError:
        found = math.nan, 0
    if not math.isfinite(found[0]) or not 0 <= found[1] < 2**63:
        raise ConfigError(f"page must be asked for by the page before, got {after!r:.100}.")
    return found
