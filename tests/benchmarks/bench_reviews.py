"""Reviewers as processes on one store: verdicts a second, waiting times, none lost, none doubled.

Every verdict is flushed to disk, on both databases.

Run: python -m tests.benchmarks.bench_reviews [processes, default 16] [verdicts, default 10,000]
    [sqlite or postgresql, default both]
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from drivegrid.dashboard.database import Database

from tests.dashboard.conftest import _as_postgres, _programs
from tests.dashboard.store.crowd import faults, review
from tests.dashboard.store.rows import add_frames, add_users

NUM_FRAMES = 1000


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server of our own that writes through to disk; yield its URL."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="dg-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    control = [f"{programs}/pg_ctl", "-D", f"{folder}/data"]
    _as_postgres([f"{programs}/initdb", "-D", f"{folder}/data", "-U", "drivegrid", "--auth=trust"])
    options = ["-o", f"-k {folder} -c listen_addresses=''", "-l", f"{folder}/log", "-w", "start"]
    _as_postgres([*control, *options])
    try:
        yield f"postgresql+psycopg://drivegrid@/postgres?host={folder}"
    finally:
        _as_postgres([*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder)


def measure(url: str, processes: int, verdicts: int) -> None:
    database = Database(url)
    database.migrate()
    people = add_users(database, *(f"p{i}" for i in range(processes)))
    _, ids = add_frames(database, NUM_FRAMES)
    work = partial(review, url, ids=ids, count=verdicts // processes)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(partial(review, url, ids=ids, count=0), people, chunksize=1)  # all have begun
        begun = time.perf_counter()
        done = pool.map(work, people, chunksize=1)
        seconds = time.perf_counter() - begun
    waited = 1000 * np.array([one for each in done for one in each.seconds])
    lost, doubled, wrong = faults(database, done)
    stale = sum(each.stale for each in done)
    p50, p95 = np.quantile(waited, [0.5, 0.95])
    print(
        f"{database.dialect}: {len(waited)} verdicts by {processes} processes, "
        f"{len(waited) / seconds:.0f}/s, p50 {p50:.1f} ms, p95 {p95:.1f} ms, "
        f"longest {waited.max():.0f} ms; lost {lost}, doubled {doubled}, wrong {wrong}; "
        f"stale and looked at again {stale}",
        flush=True,
    )
    database.close()


def main() -> None:
    given = sys.argv[1:]
    processes, verdicts, which = [*given, *("16", "10000", "both")[len(given) :]]
    if which in ("sqlite", "both"):
        with tempfile.TemporaryDirectory() as folder:
            measure(f"sqlite:///{folder}/review.db", int(processes), int(verdicts))
    if which in ("postgresql", "both") and _programs() is not None:
        with postgres() as url:
            measure(url, int(processes), int(verdicts))


if __name__ == "__main__":
    main()
