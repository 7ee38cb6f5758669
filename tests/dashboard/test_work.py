import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import Database, StoreError
from drivegrid.dashboard.store.jobs import (
    Job,
    cancel,
    claim,
    enqueue,
    get_job,
    list_jobs,
)
from drivegrid.dashboard.work import Work, Worker, in_words

from drivegrid.errors import ConfigError
from tests.dashboard.store.rows import add_users

POLL_S = 0.02
ENDED = ("done", "failed", "cancelled")


@contextmanager
def working(database: Database, work: Work, silence_s: float = 60) -> Iterator[Worker]:
    worker = Worker(database, {"sum": work}, POLL_S, silence_s)
    try:
        yield worker
    finally:
        worker.close()


def until(told: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not told():
        assert time.monotonic() < end, "it never came"
        time.sleep(POLL_S)


def ended(database: Database, number: int) -> Job:
    until(lambda: get_job(database, number).state in ENDED)
    return get_job(database, number)


@pytest.fixture
def ada(database) -> int:
    return add_users(database, "ada")[0]


def add_up(job, beat) -> dict[str, int]:
    beat(0.5, "half")
    return {"sum": sum(job.parameters["of"])}


def test_a_worker_with_nothing_to_do_is_closed(database) -> None:
    with working(database, add_up):
        pass
    assert list_jobs(database) == ()


def test_jobs_are_done_one_after_another_and_others_are_left(database, ada) -> None:
    of = [[], [1], [1, 2]]
    made = [enqueue(database, "sum", {"of": one}, ada) for one in of]
    other = enqueue(database, "other", {}, ada)
    with working(database, add_up):
        assert [ended(database, one).result for one in made] == [{"sum": sum(one)} for one in of]
    assert get_job(database, other).state == "waiting"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConfigError("n must be 1, got 2."), "n must be 1, got 2."),
        (
            OSError(28, "No space left on device", "/a"),
            "files must be read and written, got: No space left on device (/a).",
        ),
        (KeyError("x"), "job must come to its end, got KeyError: 'x'."),
        (ConfigError("\0\ud800"), "\ufffd?"),
        (ConfigError("x" * 10_000), "x" * 1_000),
    ],
)
def test_what_goes_wrong_is_told_and_the_next_job_is_done(database, ada, error, words) -> None:
    def work(job, beat):
        if job.id == bad:
            raise error
        return {}

    bad, good = (enqueue(database, "sum", {}, ada) for _ in range(2))
    with working(database, work):
        assert ended(database, good).state == "done"
    found = get_job(database, bad)
    assert (found.state, found.message) == ("failed", words) == ("failed", in_words(error))


def test_a_cancelled_job_is_given_up_at_its_next_beat(database, ada) -> None:
    started, go_on, after = threading.Event(), threading.Event(), []

    def work(job, beat):
        started.set()
        assert go_on.wait(30)
        beat(0.9, "late")
        after.append(job)

    number = enqueue(database, "sum", {}, ada)
    with working(database, work):
        assert started.wait(30)
        assert cancel(database, number)
        go_on.set()
    assert get_job(database, number).state == "cancelled"
    assert not after


def test_closing_lets_a_job_wait_again(database, ada) -> None:
    started = threading.Event()

    def work(job, beat):
        while True:
            beat(0.3, "on and on")
            started.set()
            time.sleep(POLL_S)

    number = enqueue(database, "sum", {"of": [3]}, ada)
    with working(database, work):
        assert started.wait(30)
    found = get_job(database, number)
    assert (found.state, found.progress, found.message) == ("waiting", 0, "")
    with working(database, add_up):
        assert ended(database, number).result == {"sum": 3}


def test_a_silent_job_is_begun_again(database, ada) -> None:
    number = enqueue(database, "sum", {"of": [4]}, ada)
    assert claim(database, ["sum"]).id == number  # and its worker is gone
    with working(database, add_up, silence_s=0.1):
        assert ended(database, number).result == {"sum": 4}


def test_a_job_that_is_long_between_two_beats_is_kept_alive(database, ada) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(job, beat):
        begun.set()
        assert go_on.wait(30)
        return {"sum": 6}

    number = enqueue(database, "sum", {}, ada)
    with working(database, work, silence_s=0.4):
        assert begun.wait(30)
        first = get_job(database, number).beat_at
        until(lambda: get_job(database, number).beat_at > first + 400)
        go_on.set()
        assert ended(database, number).result == {"sum": 6}


@pytest.mark.parametrize("name", ["claim", "beat", "finish"])
def test_a_database_that_is_away_for_a_while_is_waited_for(
    database, ada, monkeypatch, name
) -> None:
    from drivegrid.dashboard.store import jobs

    there, refused = getattr(jobs, name), []

    def away(*args):
        if len(refused) < 3:
            refused.append(name)
            raise StoreError("database must answer, got: away.")
        return there(*args)

    def work(job, beat):
        for _ in range(5):
            beat(0.5, "on")
            time.sleep(2 * POLL_S)
        return {"sum": 1}

    monkeypatch.setattr(jobs, name, away)
    number = enqueue(database, "sum", {}, ada)
    with working(database, work):
        assert ended(database, number).result == {"sum": 1}
    assert len(refused) == 3


def test_the_store_is_not_told_more_often_than_it_is_asked(database, ada, monkeypatch) -> None:
    from drivegrid.dashboard.store import jobs

    there, told = jobs.beat, []
    monkeypatch.setattr(jobs, "beat", lambda *args: told.append(args[2]) or there(*args))

    def work(job, beat):
        for number in range(1000):
            beat(number / 1000, "on")
        return {}

    number = enqueue(database, "sum", {}, ada)
    with working(database, work):
        assert ended(database, number).state == "done"
    assert told[0] == 0 and len(told) < 1000


def _hang(url: str, hangs) -> None:
    def work(job, beat):
        beat(0.5, "half")
        hangs.set()
        time.sleep(600)

    Worker(Database(url), {"sum": work}, POLL_S)
    time.sleep(600)


def test_the_job_of_a_killed_process_is_done_again(database, ada) -> None:
    url = database.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    hangs = context.Event()
    number = enqueue(database, "sum", {"of": [5]}, ada)
    process = context.Process(target=_hang, args=(url, hangs))
    process.start()
    assert hangs.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert get_job(database, number).state == "running"
    with working(database, add_up, silence_s=0.1):
        assert ended(database, number).result == {"sum": 5}
