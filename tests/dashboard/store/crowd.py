"""Reviewers as processes, who give verdicts on the same frames at the same time."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import sqlalchemy as sa
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.schema import events, fact_counts, facts, frames
from drivegrid.dashboard.store.reviews import StaleVersion, Verdict, history, replay, verdict

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box

CAR = Instance("obstacle/car", Box([1.5, 2.0, 30.0, 40.0]))


@dataclass
class Done:
    """What one reviewer did: frame and version by token, seconds of each verdict, stale ones."""

    given: dict[str, tuple[int, int]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    stale: int = 0


def review(url: str, user: int, ids: list[int], count: int) -> Done:
    """Give so many verdicts on frames drawn at random; what is stale is looked at again."""
    database, rng, done = Database(url), random.Random(user), Done()
    for i in range(count):
        frame, token = rng.choice(ids), f"{user}.{i}"
        kind = rng.choice(["accept", "correct", "reject"])
        while True:
            with database.read() as connection:
                seen = connection.scalar(sa.select(frames.c.version).where(frames.c.id == frame))
            given = Verdict(kind, seen, token, (CAR,) * (i % 3) if kind == "correct" else None)
            begun = time.perf_counter()
            try:
                outcome = verdict(database, frame, user, given)
            except StaleVersion:
                done.stale += 1
                continue
            done.seconds.append(time.perf_counter() - begun)
            done.given[token] = (frame, outcome.version)
            break
    database.close()
    return done


def faults(database: Database, done: list[Done]) -> tuple[int, int, int]:
    """Return how many verdicts were lost, doubled, or are told otherwise by log and frame."""
    given = {token: place for one in done for token, place in one.given.items()}
    with database.read() as connection:
        rows = list(connection.execute(sa.select(events)))
        found = {row.id: row for row in connection.execute(sa.select(frames))}
    logged = {row.token: (row.frame_id, row.version) for row in rows}
    lost = sum(logged.get(token) != place for token, place in given.items())
    doubled = len(rows) - len(given)
    wrong = 0
    for frame, row in found.items():
        versions = [event.version for event in rows if event.frame_id == frame]
        told = replay(history(database, frame))
        wrong += sorted(versions) != list(range(1, row.version + 1))
        wrong += (told.version, told.state.status) != (row.version, row.status)
    return lost, doubled, wrong + wrong_counts(database)


def wrong_counts(database: Database) -> int:
    """Return how many facts are of another number of frames than is told."""
    key = (facts.c.dataset_id, facts.c.name, facts.c.value)
    with database.read() as connection:
        rows = connection.execute(sa.select(*key, sa.func.count()).group_by(*key))
        true = {tuple(row[:3]): row[3] for row in rows}
        told = {tuple(row[:3]): row.frames for row in connection.execute(sa.select(fact_counts))}
    return sum(true.get(one, 0) != told.get(one, 0) for one in true | told)
