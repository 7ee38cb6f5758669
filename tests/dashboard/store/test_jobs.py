import dataclasses
import multiprocessing

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import Database, StoreError  # noqa: E402
from drivegrid.dashboard.schema import jobs  # noqa: E402
from drivegrid.dashboard.store.jobs import (  # noqa: E402
    MAX_ATTEMPTS,
    beat,
    cancel,
    claim,
    enqueue,
    fail,
    finish,
    get_job,
    give_back,
    list_jobs,
    resume,
    revive,
)

from drivegrid.errors import ConfigError  # noqa: E402
from tests.dashboard.store.rows import add_users  # noqa: E402


def test_without_jobs_there_is_nothing_to_do(database) -> None:
    assert claim(database, ["export"]) is None
    assert list_jobs(database) == ()
    assert revive(database, 0) == 0
    assert not cancel(database, 1)
    with pytest.raises(StoreError, match="job must exist"):
        get_job(database, 1)


def test_jobs_are_done_in_order_and_by_kind(database) -> None:
    [ada] = add_users(database, "ada")
    train, first, second = (
        enqueue(database, kind, {"n": [1, None]}, ada) for kind in ("train", "export", "export")
    )
    assert claim(database, ["export", "other"]).id == first
    assert claim(database, ["export"]).id == second
    assert claim(database, ["export"]) is None
    assert claim(database, []) is None
    assert get_job(database, train).parameters == {"n": [1, None]}
    assert [job.id for job in list_jobs(database)] == [second, first, train]
    assert [job.id for job in list_jobs(database, limit=1, before=second)] == [first]


def test_a_job_ends_once(database) -> None:
    [ada] = add_users(database, "ada")
    enqueue(database, "export", {}, ada)
    job = claim(database, ["export"])
    assert (job.state, job.progress) == ("running", 0)
    assert beat(database, job, 0.5, "half")
    found = get_job(database, job.id)
    assert (found.progress, found.message) == (0.5, "half")
    with pytest.raises(ConfigError, match="progress must lie"):
        beat(database, job, 1.5, "")
    assert finish(database, job, {"file": "a"})
    for again in (beat(database, job, 1, ""), fail(database, job, "no"), cancel(database, job.id)):
        assert not again
    found = get_job(database, job.id)
    assert (found.state, found.progress, found.result) == ("done", 1, {"file": "a"})


def test_a_failure_is_told(database) -> None:
    [ada] = add_users(database, "ada")
    enqueue(database, "export", {}, ada)
    job = claim(database, ["export"])
    assert fail(database, job, "disk full")
    found = get_job(database, job.id)
    assert (found.state, found.message, found.result) == ("failed", "disk full", None)


@pytest.mark.parametrize("claimed", [False, True])
def test_a_worker_learns_that_its_job_was_cancelled(database, claimed) -> None:
    [ada] = add_users(database, "ada")
    number = enqueue(database, "export", {}, ada)
    job = claim(database, ["export"]) if claimed else get_job(database, number)
    assert cancel(database, number)
    assert not beat(database, job, 0.1, "")
    assert not finish(database, job, {})
    assert get_job(database, number).state == "cancelled"
    assert claim(database, ["export"]) is None


def _fail(database: Database, number: int) -> bool:
    return fail(database, get_job(database, number), "disk full")


@pytest.mark.parametrize("stop", [cancel, _fail])
def test_what_was_stopped_goes_on(database, stop) -> None:
    [ada] = add_users(database, "ada")
    number = enqueue(database, "export", {}, ada)
    assert not resume(database, number) and not resume(database, number + 1)
    for _ in range(2 * MAX_ATTEMPTS):
        job = claim(database, ["export"])
        assert (job.id, job.attempts, job.ended_at) == (number, 1, None)
        assert not resume(database, number)
        assert stop(database, number)
        assert resume(database, number)
        assert not beat(database, job, 0.1, "")
    assert finish(database, claim(database, ["export"]), {})
    assert not resume(database, number)


def test_a_silent_job_is_begun_again(database) -> None:
    [ada] = add_users(database, "ada")
    number = enqueue(database, "export", {}, ada)
    dead = claim(database, ["export"])
    assert revive(database, 60) == 0
    with database.write() as connection:
        connection.execute(sa.update(jobs).values(beat_at=1, started_at=1))
    dead = dataclasses.replace(dead, started_at=1)
    assert revive(database, 60) == 1
    assert not beat(database, dead, 0.1, "")
    again = claim(database, ["export"])
    assert again.id == number
    assert not finish(database, dead, {}) and not fail(database, dead, "late")
    assert finish(database, again, {})


def _silence(database: Database) -> None:
    """Let what runs look as if its worker had died long ago."""
    with database.write() as connection:
        connection.execute(sa.update(jobs).values(beat_at=1))


def test_a_job_that_kills_its_workers_is_given_up(database) -> None:
    [ada] = add_users(database, "ada")
    number = enqueue(database, "export", {}, ada)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert claim(database, ["export"]).attempts == attempt
        _silence(database)
        assert revive(database, 60) == (attempt < MAX_ATTEMPTS)
    found = get_job(database, number)
    assert found.state == "failed" and "stopped 3 times" in found.message
    assert claim(database, ["export"]) is None


def test_being_given_back_counts_as_never_begun(database) -> None:
    [ada] = add_users(database, "ada")
    enqueue(database, "export", {}, ada)
    for _ in range(2 * MAX_ATTEMPTS):
        job = claim(database, ["export"])
        assert job.attempts == 1 and give_back(database, job)
    assert get_job(database, job.id).state == "waiting"


def _claim_all(url: str) -> list[int]:
    database, found = Database(url), []
    while job := claim(database, ["export"]):
        found.append(job.id)
    database.close()
    return found


def test_each_job_has_one_worker(database) -> None:
    url = database.url.render_as_string(hide_password=False)
    [ada] = add_users(database, "ada")
    made = [enqueue(database, "export", {}, ada) for _ in range(30)]
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.map(_claim_all, [url] * 3)
    # on PostgreSQL a worker passes over what another is taking, and may find nothing else
    assert sorted(job for some in taken for job in some) == made
