"""SQL of a query: only columns named here, and what people type is always a bound value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from drivegrid.dashboard.schema import fact_counts, facts, frames, matches, scores
from drivegrid.dashboard.store.facts import LABEL
from drivegrid.dashboard.store.query import Cell, OfEvaluation, Query

Condition: TypeAlias = sa.ColumnElement[bool]

RARE = 5_000
"""So few frames are looked at one by one and sorted; more are walked through in their order."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a query's frames that one walk through an index gives in order.

    Args:
        fact: Name and value of the fact whose frames are walked through.
        status: The one status of its frames.
    """

    fact: tuple[str, str] | None = None
    status: str | None = None


class Selection:
    """The frames of a query in a data set.

    A database that has no statistics, or that believes that facts are spread evenly (clips are
    not), walks through a whole data set for fifty frames of a rare kind. So this decides what is
    walked through: the frames of the rarest fact that is asked for, those of a status, or all.

    Args:
        connection: Of a reading transaction.
        query: What is asked.
        dataset_id: Of which data set.
    """

    def __init__(self, connection: sa.Connection, query: Query, dataset_id: int) -> None:
        self.query, self.dataset_id = query, dataset_id
        self._facts = query.all_facts
        self._words = [self._word(connection, word) for word in query.words]
        self._few_in_cell = self._is_rare_cell(connection)
        self._driver = self._rarest_fact(connection)

    def branches(self) -> list[Branch]:
        """Return the parts that together are all frames; a frame may be in several."""
        if self._driver is not None:
            return [Branch(fact=(self._driver, value)) for value in self._facts[self._driver]]
        if self.query.status and self.query.order in ("number", "status"):
            return [Branch(status=status) for status in dict.fromkeys(self.query.status)]
        return [Branch()]

    def keys(self, branch: Branch) -> list[sa.ColumnElement[Any]]:
        """Return the columns that a branch is ordered by; no two frames have the same values."""
        evaluation, order = self.query.evaluation, self.query.order
        if order == "score" and evaluation is not None:
            return [scores.c.score, scores.c.frame_id]
        if order == "number":
            return [self._place(branch)]
        return [frames.c[order], frames.c.id]

    def _place(self, branch: Branch) -> sa.ColumnElement[Any]:
        """Return the column of a frame's place in the data set's own order."""
        if branch.fact is not None:
            return facts.c.frame_id
        # a sum has no index: of a clip all frames are taken, not all behind a place searched for it
        return frames.c.id if self.query.clip is None else frames.c.id + 0

    def select(self, branch: Branch, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
        """Return the columns of all frames of a branch, in no order."""
        query = self.query
        table: sa.FromClause = frames
        where = [frames.c.dataset_id == self.dataset_id, *self._words]
        if branch.fact is not None:
            table = facts.join(frames, facts.c.frame_id == frames.c.id)
            name, value = branch.fact
            where += [*_is_fact(self.dataset_id, name), facts.c.value == value]
        if branch.status is not None:
            where.append(frames.c.status == branch.status)
        elif query.status:
            where.append(frames.c.status.in_(query.status))
        if query.clip is not None:
            where.append(frames.c.clip == query.clip)
        if query.order == "reviewed_at":
            where.append(frames.c.reviewed_at.is_not(None))
        driver = branch.fact[0] if branch.fact else None
        where += [self._has_fact(n, v) for n, v in self._facts.items() if n != driver]
        if query.evaluation is not None:
            table = table.join(scores, scores.c.frame_id == frames.c.id)
            where += self._did(query.evaluation)
        return sa.select(*columns).select_from(table).where(*where)

    def first(self, limit: int) -> sa.Select[Any]:
        """Return the ids of the first frames in the data set's order."""
        parts = []
        for branch in self.branches():
            key = self._place(branch)
            part = self.select(branch, [key.label("id")]).order_by(key).limit(limit)
            parts.append(sa.select(part.subquery().c.id))
        if not parts:
            return sa.select(frames.c.id).where(sa.false())
        # a frame may be in several branches: UNION has it once
        found = sa.union(*parts).subquery()
        return sa.select(found.c.id).order_by(found.c.id).limit(limit)

    def _has_fact(self, name: str, values: Sequence[str]) -> Condition:
        asked = facts.alias()
        return sa.exists().where(
            asked.c.dataset_id == self.dataset_id,
            asked.c.name == name,
            asked.c.value.in_(values),
            asked.c.frame_id == frames.c.id,
        )

    def _word(self, connection: sa.Connection, word: str) -> Condition:
        """Return that a word is in the image's name or in a label; labels are few and known."""
        known = sa.select(fact_counts.c.value).where(
            fact_counts.c.dataset_id == self.dataset_id,
            fact_counts.c.name == LABEL,
            _holds(connection, fact_counts.c.value, word),
        )
        labels = connection.scalars(known).all()
        in_name = _holds(connection, frames.c.image, word)
        return sa.or_(in_name, self._has_fact(LABEL, labels)) if labels else in_name

    def _rarest_fact(self, connection: sa.Connection) -> str | None:
        """Return the name to walk through the frames of; None: walk through all."""
        counted = sa.select(sa.func.sum(fact_counts.c.frames))
        sums = {
            name: connection.scalar(
                counted.where(
                    fact_counts.c.dataset_id == self.dataset_id,
                    fact_counts.c.name == name,
                    fact_counts.c.value.in_(values),
                )
            )
            or 0
            for name, values in self._facts.items()
        }
        rarest = min(sums, key=lambda name: sums[name], default=None)
        if rarest is None or (self.query.order != "number" and sums[rarest] > RARE):
            return None
        return rarest

    def _is_rare_cell(self, connection: sa.Connection) -> bool:
        evaluation = self.query.evaluation
        if evaluation is None or evaluation.cell is None:
            return False
        some = sa.select(sa.literal(1)).select_from(matches)
        some = some.where(*_in_cell(evaluation.id, evaluation.cell)).limit(RARE + 1)
        found = connection.scalar(sa.select(sa.func.count()).select_from(some.subquery()))
        return (found or 0) <= RARE

    def _did(self, asked: OfEvaluation) -> list[Condition]:
        """Return what must hold of a frame's row of ``scores``, and of its matches."""
        where = [scores.c.evaluation_id == asked.id]
        # a sum has no index: in another order, a range of scores would have to be sorted
        score = scores.c.score if self.query.order == "score" else scores.c.score + 0
        if asked.score_from is not None:
            where.append(score >= asked.score_from)
        if asked.score_to is not None:
            where.append(score <= asked.score_to)
        if asked.misses:
            where.append(scores.c.misses > 0)
        if asked.false_alarms:
            where.append(scores.c.false_alarms > 0)
        if asked.cell is not None:
            inside = _in_cell(asked.id, asked.cell)
            if self._few_in_cell:
                where.append(frames.c.id.in_(sa.select(matches.c.frame_id).where(*inside)))
            else:
                where.append(sa.exists().where(*inside, matches.c.frame_id == frames.c.id))
        return where


def _holds(connection: sa.Connection, column: sa.Column[Any], word: str) -> Condition:
    """Return that a text holds a word, in whatever case."""
    if connection.dialect.name == "sqlite":  # its LIKE ignores case; lower() costs as much again
        return column.contains(word, autoescape=True)
    return column.icontains(word, autoescape=True)


def _is_fact(dataset_id: int, name: str) -> list[Condition]:
    return [facts.c.dataset_id == dataset_id, facts.c.name == name]


def _in_cell(evaluation_id: int, cell: Cell) -> list[Condition]:
    # SQLAlchemy writes a comparison with None as IS NULL
    return [
        matches.c.evaluation_id == evaluation_id,
        matches.c.pred_label == cell.pred_label,
        matches.c.true_label == cell.true_label,
    ]
