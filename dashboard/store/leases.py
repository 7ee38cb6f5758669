"""Leases: who works on a frame, so that no two reviewers do the same one.

A lease ends by itself when its time is up; nothing has to clean up after a browser that closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import frames, users


class Leased(StoreError):
    """Another reviewer works on the frame.

    Args:
        frame_id: The frame.
        holder: Name of the other.
        until: When the lease ends, in milliseconds since 1970.
    """

    def __init__(self, frame_id: int, holder: str, until: int) -> None:
        self.frame_id, self.holder, self.until = frame_id, holder, until
        super().__init__(
            f"frame must be free, got one that {holder} works on (frame {frame_id}). "
            "Take another one, or wait for the lease to end."
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """A frame that is one reviewer's until a time, in milliseconds since 1970."""

    frame_id: int
    user_id: int
    until: int


def lease(database: Database, frame_id: int, user_id: int, seconds: float) -> Lease:
    """Take a frame, or keep it for longer; of two who ask at once exactly one gets it.

    Raises:
        Leased: If another has it.
        StoreError: If there is no such frame.
    """
    with database.write() as connection:
        frame = locked_frame(connection, frame_id)
        check_lease(connection, frame, user_id)
        return give_lease(connection, frame_id, user_id, seconds)


def release(database: Database, frame_id: int, user_id: int) -> None:
    """Give a frame back; one that is not the user's is left alone."""
    with database.write() as connection:
        mine = (frames.c.id == frame_id) & (frames.c.lease_by == user_id)
        connection.execute(sa.update(frames).where(mine).values(lease_by=None, lease_until=None))


def locked_frame(connection: sa.Connection, frame_id: int) -> sa.Row[Any]:
    """Return a frame's row; no other writer changes it before this transaction ends.

    Raises:
        StoreError: If there is no such frame.
    """
    chosen = sa.select(frames).where(frames.c.id == frame_id)
    # key_share lets rows be added meanwhile that only refer to the frame; SQLite has one writer
    found = connection.execute(chosen.with_for_update(key_share=True)).one_or_none()
    if found is None:
        raise StoreError(f"frame must exist, got {frame_id}. It may have been removed.")
    return found


def check_lease(connection: sa.Connection, frame: sa.Row[Any], user_id: int) -> None:
    """Raise `Leased` if a locked frame is another's."""
    if frame.lease_by in (None, user_id) or frame.lease_until <= now_ms():
        return
    holder = connection.scalar(sa.select(users.c.name).where(users.c.id == frame.lease_by))
    raise Leased(frame.id, str(holder), frame.lease_until)


def give_lease(connection: sa.Connection, frame_id: int, user_id: int, seconds: float) -> Lease:
    """Write the lease of a locked frame that is free."""
    until = now_ms() + round(1000 * seconds)
    chosen = sa.update(frames).where(frames.c.id == frame_id)
    connection.execute(chosen.values(lease_by=user_id, lease_until=until))
    return Lease(frame_id, user_id, until)


def not_leased_by_another(user_id: int | None) -> sa.ColumnElement[bool]:
    """Return the condition on ``frames`` that nobody else works on the frame; None: nobody."""
    free = frames.c.lease_by.is_(None) | (frames.c.lease_until <= now_ms())
    return free if user_id is None else free | (frames.c.lease_by == user_id)
