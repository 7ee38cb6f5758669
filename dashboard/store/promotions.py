"""Which checkpoint answers: each promotion is a row, the last one holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import jobs, promotions, users
from drivegrid.dashboard.store.people import append_audit


@dataclass(frozen=True, slots=True)
class Promotion:
    """A checkpoint that was made the one that answers.

    Args:
        job_id: The training that made it; None for that of the package.
        checkpoint: Its folder; None for that of the package.
        user: Name of who promoted it.
        at: Milliseconds since 1970.
    """

    job_id: int | None
    checkpoint: Path | None
    user: str
    at: int


def promote(database: Database, job_id: int | None, user_id: int) -> None:
    """Let the checkpoint of a training answer from now on; None goes back to the package's.

    Raises:
        StoreError: If there is no such training, or it made no checkpoint.
    """
    with database.write() as connection:
        checkpoint = "" if job_id is None else _checkpoint_of(connection, job_id)
        row = {"job_id": job_id, "user_id": user_id, "checkpoint": checkpoint, "at": now_ms()}
        connection.execute(sa.insert(promotions).values(row))
        subject = "the packaged model" if job_id is None else f"training {job_id}"
        append_audit(connection, user_id, "promote", subject, {"checkpoint": checkpoint})


def promoted(database: Database) -> Promotion | None:
    """Return what was promoted last; None if nothing ever was."""
    found = promotions.join(users, promotions.c.user_id == users.c.id)
    last = sa.select(promotions, users.c.name).select_from(found)
    with database.read() as connection:
        row = connection.execute(last.order_by(promotions.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    checkpoint = Path(row.checkpoint) if row.checkpoint else None
    return Promotion(row.job_id, checkpoint, row.name, row.at)


def _checkpoint_of(connection: sa.Connection, job_id: int) -> str:
    of_job = sa.select(jobs.c.result).where(jobs.c.id == job_id, jobs.c.state == "done")
    result = connection.scalar(of_job)
    if not result or "checkpoint" not in result:
        raise StoreError(f"training must have made a checkpoint, got job {job_id} without one.")
    return str(result["checkpoint"])
