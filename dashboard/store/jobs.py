"""Jobs: work that goes on in the background, each done by one worker at a time.

A worker beats while it works. One that stopped beating is taken for dead, and its job waits again;
should it wake up after all, `beat` tells it that the job is no longer its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import jobs

from drivegrid.errors import ConfigError

MAX_ATTEMPTS = 3
"""A job that was begun so often and never ended, nor was given back, kills its worker."""


@dataclass(frozen=True)
class Job:
    """A job as it stands; times are milliseconds since 1970, ``progress`` lies in [0, 1]."""

    id: int
    kind: str
    state: str
    parameters: Mapping[str, Any]
    progress: float
    message: str
    result: Mapping[str, Any] | None
    user_id: int
    created_at: int
    started_at: int | None
    ended_at: int | None
    beat_at: int | None
    attempts: int


def enqueue(database: Database, kind: str, parameters: Mapping[str, Any], user_id: int) -> int:
    """Write down a job that some worker is to do; return its id."""
    row = {
        "kind": kind,
        "state": "waiting",
        "parameters": dict(parameters),
        "progress": 0.0,
        "message": "",
        "user_id": user_id,
        "created_at": now_ms(),
    }
    with database.write() as connection:
        return int(connection.execute(sa.insert(jobs).values(row)).inserted_primary_key.id)


def claim(database: Database, kinds: Collection[str]) -> Job | None:
    """Take the job of these kinds that has waited longest; None if none waits.

    Of workers who ask at once each gets another one.
    """
    waiting = sa.select(jobs.c.id).where(jobs.c.state == "waiting", jobs.c.kind.in_(kinds))
    first = waiting.order_by(jobs.c.id).limit(1).with_for_update(skip_locked=True)
    with database.write() as connection:
        job_id = connection.scalar(first)
        if job_id is None:
            return None
        now = now_ms()
        values = {"state": "running", "started_at": now, "beat_at": now}
        values["attempts"] = jobs.c.attempts + 1
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(values))
        return _job(connection, job_id)


def beat(database: Database, job: Job, progress: float, message: str) -> bool:
    """Say how far a claimed job is; False if it was cancelled or is another's: stop then.

    Raises:
        ConfigError: If the progress is not in [0, 1].
    """
    if not 0 <= progress <= 1:
        raise ConfigError(f"progress must lie in [0, 1], got {progress}.")
    values = {"progress": progress, "message": message, "beat_at": now_ms()}
    return _change(database, _own(job), values)


def keep(database: Database, job: Job) -> bool:
    """Say that a claimed job goes on; False if it was cancelled or is another's."""
    return _change(database, _own(job), {"beat_at": now_ms()})


def finish(database: Database, job: Job, result: Mapping[str, Any]) -> bool:
    """End a claimed job well; False, and nothing changes, if it is no longer the worker's."""
    values = {"state": "done", "progress": 1.0, "message": "", "result": dict(result)}
    return _change(database, _own(job), {**values, "ended_at": now_ms()})


def fail(database: Database, job: Job, message: str) -> bool:
    """End a claimed job badly; False, and nothing changes, if it is no longer the worker's."""
    values = {"state": "failed", "message": message, "ended_at": now_ms()}
    return _change(database, _own(job), values)


def give_back(database: Database, job: Job) -> bool:
    """Let a claimed job wait again; False, and nothing changes, if it is no longer the worker's.

    It counts as never begun: that its worker is closed says nothing about a job.
    """
    return _change(database, _own(job), {**_AGAIN, "attempts": jobs.c.attempts - 1})


def cancel(database: Database, job_id: int) -> bool:
    """Stop a job that waits or runs; its worker learns of it at its next beat.

    Returns:
        Whether there was anything to stop.
    """
    stoppable = (jobs.c.id == job_id) & jobs.c.state.in_(("waiting", "running"))
    return _change(database, stoppable, {"state": "cancelled", "ended_at": now_ms()})


def resume(database: Database, job_id: int) -> bool:
    """Let a job wait again that was cancelled or has failed; it goes on from what it has saved.

    Returns:
        Whether there was anything to resume.
    """
    stopped = (jobs.c.id == job_id) & jobs.c.state.in_(("cancelled", "failed"))
    return _change(database, stopped, {**_AGAIN, "ended_at": None, "attempts": 0})


def revive(database: Database, seconds: float) -> int:
    """Let jobs wait again whose worker has not beaten for so long; return how many.

    One that was begun ``MAX_ATTEMPTS`` times has failed.
    """
    silent = (jobs.c.state == "running") & (jobs.c.beat_at < now_ms() - 1000 * seconds)
    spent = jobs.c.attempts >= MAX_ATTEMPTS
    told = f"job must come to its end, got a worker that stopped {MAX_ATTEMPTS} times."
    failed = {"state": "failed", "message": told, "ended_at": now_ms()}
    with database.write() as connection:
        connection.execute(sa.update(jobs).where(silent, spent).values(failed))
        return int(connection.execute(sa.update(jobs).where(silent).values(_AGAIN)).rowcount)


def get_job(database: Database, job_id: int) -> Job:
    """Return a job as it stands.

    Raises:
        StoreError: If there is none.
    """
    with database.read() as connection:
        return _job(connection, job_id)


def list_jobs(
    database: Database,
    limit: int = 100,
    before: int | None = None,
    kinds: Collection[str] | None = None,
) -> tuple[Job, ...]:
    """Return the newest jobs, newest first.

    Args:
        database: The store.
        limit: So many at most.
        before: The last id of the page before.
        kinds: Only these; None for all.
    """
    chosen = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if kinds is not None:
        chosen = chosen.where(jobs.c.kind.in_(kinds))
    if before is not None:
        chosen = chosen.where(jobs.c.id < before)
    with database.read() as connection:
        return tuple(Job(**row) for row in connection.execute(chosen).mappings())


_AGAIN = {
    "state": "waiting",
    "started_at": None,
    "beat_at": None,
    "progress": 0.0,
    "message": "",
}
"""What a job looks like that waits again."""


def _own(job: Job) -> sa.ColumnElement[bool]:
    """Return the condition that a job still runs as it was claimed."""
    same = (jobs.c.id == job.id) & (jobs.c.started_at == job.started_at)
    return same & (jobs.c.state == "running")


def _change(database: Database, which: sa.ColumnElement[bool], values: Mapping[str, Any]) -> bool:
    with database.write() as connection:
        return connection.execute(sa.update(jobs).where(which).values(**values)).rowcount == 1


def _job(connection: sa.Connection, job_id: int) -> Job:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    if row is None:
        raise StoreError(f"job must exist, got {job_id}. It may have been removed.")
    return Job(**row)
