"""How far a data set was reviewed, and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import STATUSES, events, frames, users


def count_statuses(database: Database, dataset_id: int) -> dict[str, int]:
    """Return how many frames of a data set have each status, those that none has as well."""
    counted = sa.select(frames.c.status, sa.func.count()).group_by(frames.c.status)
    with database.read() as connection:
        rows = connection.execute(counted.where(frames.c.dataset_id == dataset_id))
        return dict.fromkeys(STATUSES, 0) | {row[0]: row[1] for row in rows}


def count_verdicts(database: Database, dataset_id: int) -> dict[str, int]:
    """Return how many verdicts each reviewer gave in a data set; what was undone counts too."""
    given = sa.select(users.c.name, sa.func.count()).select_from(
        events.join(users, events.c.user_id == users.c.id).join(
            frames, events.c.frame_id == frames.c.id
        )
    )
    here = (frames.c.dataset_id == dataset_id) & (events.c.verdict != "undo")
    by_name = given.where(here).group_by(users.c.name).order_by(users.c.name)
    with database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(by_name)}


def newest_event(database: Database) -> int:
    """Return the id of the newest verdict of all; 0 before the first."""
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.max(events.c.id))) or 0


def count_since(database: Database, dataset_id: int, event_id: int) -> int:
    """Return how many verdicts came after one in a data set; undoing counts too."""
    here = events.join(frames, events.c.frame_id == frames.c.id)
    later = (events.c.id > event_id) & (frames.c.dataset_id == dataset_id)
    counted = sa.select(sa.func.count()).select_from(here).where(later)
    with database.read() as connection:
        return connection.scalar(counted) or 0


def splits(database: Database, dataset_id: int) -> dict[str, str]:
    """Return the split of each frame that belongs to one, by the name of its picture."""
    named = sa.select(frames.c.image, frames.c.split).where(
        frames.c.dataset_id == dataset_id, frames.c.split.is_not(None)
    )
    with database.read() as connection:
        return {row.image: row.split for row in connection.execute(named)}
