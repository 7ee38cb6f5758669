"""Names of frames that hold words, from an index by three letters where SQLite has one.

PostgreSQL uses its own index of trigrams by itself, if it has one; it needs no other query.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from drivegrid.dashboard.schema import frames

MIN_LETTERS = 3
"""Of a word that the index knows."""

frame_names = sa.table(
    "frame_names", sa.column("rowid", sa.Integer), sa.column("frame_names", sa.Text)
)
"""Made and kept by the database (migration 0004); ``rowid`` is the frame's id, and rows come in
its order. The column that is called as the table stands for a whole row."""


def can_be_searched(connection: sa.Connection, word: str) -> bool:
    """Return whether the frames with this word in their name can be walked through."""
    if connection.dialect.name != "sqlite" or len(word) < MIN_LETTERS:
        return False
    there = "SELECT 1 FROM sqlite_master WHERE name = 'frame_names'"
    return connection.exec_driver_sql(there).first() is not None


def hold(words: Sequence[str], dataset_id: int) -> list[sa.ColumnElement[bool]]:
    """Return what holds of the rows of ``frame_names`` with all words, and of a few others.

    The index takes more letters for equal than LIKE does, and knows no data sets: rows between the
    first and the last frame of this one may be of another that was imported at the same time.
    """
    phrases = " ".join('"' + word.replace('"', '""') + '"' for word in words)
    here = frames.c.dataset_id == dataset_id
    first, last = (
        sa.select(end(frames.c.id)).where(here).scalar_subquery()
        for end in (sa.func.min, sa.func.max)
    )
    return [
        frame_names.c.frame_names.match(phrases),
        frame_names.c.rowid >= first,
        frame_names.c.rowid <= last,
    ]
