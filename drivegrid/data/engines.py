"""Where work is done: in this process, in several of this machine, or on a Ray cluster.

Each engine calls the same pure function, so that what comes out is the same. At any time only a
few jobs are on their way, so that memory does not grow with their number.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from drivegrid.errors import ConfigError, DriveGridError, MissingExtraError

J = TypeVar("J")
R = TypeVar("R")
ENGINES = ("local", "ray")
AHEAD = 2
"""How many jobs a worker of this machine has at a time: one at work, others ready."""
WINDOW = 4
"""How many jobs for each worker go to the cluster at a time."""
STORE_BYTES = 48 * 2**20
"""What Ray's store holds for each worker; more is spilled to disk."""


def _silent(count: int) -> None:
    del count


@dataclass(frozen=True, slots=True)
class Engine:
    """How jobs are done.

    Args:
        name: ``local``: processes of this machine. ``ray``: Ray Data, on the cluster that
            ``RAY_ADDRESS`` names, else on one started here for the purpose.
        workers: Most jobs done at a time; 1 with ``local`` does them in this process. Scripts
            that ask for more need the usual ``if __name__ == "__main__":``.
        progress: Told how many frames are done, each time some are.

    Raises:
        ConfigError: If the name is unknown or there is no worker.

    >>> list(Engine().map(abs, [-1, 2]))
    [1, 2]
    """

    name: str = "local"
    workers: int = 1
    progress: Callable[[int], None] = _silent

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ConfigError(f"engine must be one of {', '.join(ENGINES)}, got {self.name!r}.")
        if self.workers < 1:
            raise ConfigError(f"workers must be at least 1, got {self.workers}.")

    def map(self, function: Callable[[J], R], jobs: Iterable[J]) -> Iterator[R]:
        """Yield the result of each job, in order.

        Args:
            function: A function of a module, or a ``functools.partial`` of one.
            jobs: What it is called with; taken as there is room for them.

        Raises:
            DriveGridError: If a worker died.
            Exception: The first that the function raised.
        """
        if self.name == "ray":
            return _map_ray(function, jobs, self.workers)
        if self.workers == 1:
            return map(function, jobs)
        return _map_processes(function, jobs, self.workers)


IN_PROCESS = Engine()

_work: Callable[[Any], Any]
"""What this worker process does; set once, so that no job has to bring it along."""


def _start_worker(function: Callable[[Any], Any]) -> None:
    global _work  # a process pool offers its workers no other place
    _work = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: this process ends its job, then stops
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is killed; it would wait for jobs forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Any) -> Any:
    return _work(job)


def _map_processes(function: Callable[[J], R], jobs: Iterable[J], workers: int) -> Iterator[R]:
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _start_worker, (function,)
    )
    waiting = deque[Future[R]]()
    try:
        for job in jobs:
            waiting.append(pool.submit(_do, job))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise DriveGridError(
            "worker process must live to its end, got one killed, most likely for lack of memory. "
            "Run again with fewer workers; what is finished is kept."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _map_ray(function: Callable[[J], R], jobs: Iterable[J], workers: int) -> Iterator[R]:
    """Send the jobs in windows: Ray Data wants to know all of its input when it starts."""
    data = _start_ray(workers)
    attempt = partial(_attempt, function)
    jobs = iter(jobs)
    while window := [
        {"place": place, "job": pickle.dumps(job)}
        for place, job in enumerate(islice(jobs, WINDOW * workers))
    ]:
        sent = data.from_items(window, override_num_blocks=len(window))
        del window
        rows = sent.map(attempt, compute=data.TaskPoolStrategy(size=workers)).take_all()
        for row in sorted(rows, key=lambda row: int(row["place"])):
            succeeded, result = pickle.loads(row["result"])  # from our own worker
            if not succeeded:
                raise result
            yield result


def _attempt(function: Callable[[Any], Any], row: dict[str, Any]) -> dict[str, Any]:
    """Do one job of a window; what it raises comes back as it is, as from a process."""
    try:
        result = True, function(pickle.loads(row["job"]))
    except Exception as error:
        result = False, error
    return {"place": row["place"], "result": pickle.dumps(result)}


def _start_ray(workers: int) -> Any:
    """Return ray.data, connected."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("the engine ray", "ray[data]", "fleet") from error
    if not ray.is_initialized():
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
        if os.environ.get("RAY_ADDRESS"):
            ray.init(**quiet)
        else:  # by default its store takes, in time, 30% of the memory
            store = STORE_BYTES * (workers + 2)
            ray.init("local", include_dashboard=False, object_store_memory=store, **quiet)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of every window
    return ray.data
