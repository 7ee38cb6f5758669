"""SQL of a query: only columns named here, and what people type is always a bound value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa
from drivegrid.dashboard.schema import fact_counts, facts, frames, matches, scores
from drivegrid.dashboard.store.facts import LABEL
from drivegrid.dashboard.store.names import frame_names, hold
from drivegrid.dashboard.store.query import Cell, OfEvaluation, Query
from drivegrid.dashboard.store.walks import RARE, Branch, Word, choose

Condition: TypeAlias = sa.ColumnElement[bool]


class Selection:
    """The frames of a query in a data set.

    Args:
        connection: Of a reading transaction.
        query: What is asked.
        dataset_id: Of which data set.
    """

    def __init__(self, connection: sa.Connection, query: Query, dataset_id: int) -> None:
        self.query, self.dataset_id = query, dataset_id
        words = [self._find_labels(connection, text) for text in query.words]
        self._words = [self._has_word(connection, word) for word in words]
        self._few_in_cell = self._is_rare_cell(connection)
        self.branches = choose(connection, query, dataset_id, words)

    def keys(self, branch: Branch) -> list[sa.ColumnElement[Any]]:
        """Return the columns that a branch is ordered by, a frame's id the last of them."""
        order = self.query.order
        if order == "number":
            return [self._place(branch)]
        of_scores = [scores.c.score, scores.c.frame_id]
        keys = of_scores if order == "score" else [frames.c[order], frames.c.id]
        return keys if branch.is_in_order(order) else list(map(_without_index, keys))

    def _walked(self, branch: Branch) -> sa.ColumnElement[Any]:
        """Return the column with a frame's id of the table that is walked through."""
        if branch.fact is not None:
            return facts.c.frame_id
        if branch.words:
            return frame_names.c.rowid
        by_score = self.query.order == "score" and branch.is_in_order("score")
        return scores.c.frame_id if by_score else frames.c.id

    def _place(self, branch: Branch) -> sa.ColumnElement[Any]:
        """Return the column of a frame's place in the data set's own order."""
        walked = self._walked(branch)
        return walked if branch.clip is None else _without_index(walked)

    def select(
        self, branch: Branch, columns: Sequence[sa.ColumnElement[Any]], *behind: Condition
    ) -> sa.Select[Any]:
        """Return the columns of all frames of a branch, in no order.

        Args:
            branch: One of ``branches``.
            columns: Of the tables that a branch has.
            behind: Where to begin. The index of names begins at the first bound that it is told.
        """
        query = self.query
        table: sa.FromClause = frames
        where = [*behind, frames.c.dataset_id == self.dataset_id, *self._words]
        if branch.fact is not None:
            table = facts.join(frames, facts.c.frame_id == frames.c.id)
            name, value = branch.fact
            where += [*_is_fact(self.dataset_id, name), facts.c.value == value]
        if branch.words:
            table = frame_names.join(frames, frame_names.c.rowid == frames.c.id)
            where += hold(branch.words, self.dataset_id)
        if branch.status is not None:
            where.append(frames.c.status == branch.status)
        elif query.status:
            where.append(frames.c.status.in_(query.status))
        if query.clip is not None:
            where.append(frames.c.clip == query.clip)
        if query.order == "reviewed_at":
            where.append(frames.c.reviewed_at.is_not(None))
        walked = self._walked(branch)
        for name, values in query.all_facts.items():
            if not _is_one_of(branch.fact, name, values):
                where.append(self._has_fact(name, values, walked))
        if query.evaluation is not None:
            table = table.join(scores, scores.c.frame_id == frames.c.id)
            where += self._did(query.evaluation, branch)
        return sa.select(*columns).select_from(table).where(*where)

    def first(self, limit: int) -> sa.Select[Any]:
        """Return the ids of the first frames in the data set's order."""
        parts = []
        for branch in self.branches:
            key = self._place(branch)
            part = self.select(branch, [key.label("id")]).order_by(key).limit(limit)
            parts.append(sa.select(part.subquery().c.id))
        if not parts:
            return sa.select(frames.c.id).where(sa.false())
        # a frame may be in several branches: UNION has it once
        found = sa.union(*parts).subquery()
        return sa.select(found.c.id).order_by(found.c.id).limit(limit)

    def _has_fact(
        self, name: str, values: Sequence[str], frame_id: sa.ColumnElement[Any]
    ) -> Condition:
        asked = facts.alias()
        return sa.exists().where(
            asked.c.dataset_id == self.dataset_id,
            asked.c.name == name,
            asked.c.value.in_(values),
            asked.c.frame_id == frame_id,
        )

    def _find_labels(self, connection: sa.Connection, text: str) -> Word:
        """Return a word with the labels that it is in; they are few and known."""
        known = sa.select(fact_counts.c.value).where(
            fact_counts.c.dataset_id == self.dataset_id,
            fact_counts.c.name == LABEL,
            _holds(connection, fact_counts.c.value, text),
        )
        return Word(text, tuple(connection.scalars(known)))

    def _has_word(self, connection: sa.Connection, word: Word) -> Condition:
        """Return that a word is in the image's name or in a label."""
        in_name = _holds(connection, frames.c.image, word.text)
        if not word.labels:
            return in_name
        return sa.or_(in_name, self._has_fact(LABEL, word.labels, frames.c.id))

    def _is_rare_cell(self, connection: sa.Connection) -> bool:
        evaluation = self.query.evaluation
        if evaluation is None or evaluation.cell is None:
            return False
        some = sa.select(sa.literal(1)).select_from(matches)
        some = some.where(*_in_cell(evaluation.id, evaluation.cell)).limit(RARE + 1)
        found = connection.scalar(sa.select(sa.func.count()).select_from(some.subquery()))
        return (found or 0) <= RARE

    def _did(self, asked: OfEvaluation, branch: Branch) -> list[Condition]:
        """Return what must hold of a frame's row of ``scores``, and of its matches."""
        where = [scores.c.evaluation_id == asked.id]
        # of a range of scores that is not walked through, frames would have to be sorted
        walked = self._walked(branch) is scores.c.frame_id
        score = scores.c.score if walked else _without_index(scores.c.score)
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


def _without_index(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return what equals a column and has no index, so that what was chosen is walked through."""
    return column.concat("") if isinstance(column.type, sa.Text) else column + 0


def _is_one_of(fact: tuple[str, str] | None, name: str, values: Sequence[str]) -> bool:
    return fact is not None and fact[0] == name and fact[1] in values


def _is_fact(dataset_id: int, name: str) -> list[Condition]:
    return [facts.c.dataset_id == dataset_id, facts.c.name == name]


def _in_cell(evaluation_id: int, cell: Cell) -> list[Condition]:
    # SQLAlchemy writes a comparison with None as IS NULL
    return [
        matches.c.evaluation_id == evaluation_id,
        matches.c.pred_label == cell.pred_label,
        matches.c.true_label == cell.true_label,
    ]
