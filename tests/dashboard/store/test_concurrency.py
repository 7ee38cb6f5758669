"""Real processes at one store: nothing is lost, nothing is done twice, nobody meets a lock."""

import multiprocessing
import time
from functools import partial

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import Database  # noqa: E402
from drivegrid.dashboard.schema import sources  # noqa: E402
from drivegrid.dashboard.store import reviews  # noqa: E402
from drivegrid.dashboard.store.leases import Leased, lease  # noqa: E402
from drivegrid.dashboard.store.queues import (  # noqa: E402
    Plan,
    Ranked,
    make_queue,
    next_frame,
    progress,
)
from drivegrid.dashboard.store.reviews import (  # noqa: E402
    Outcome,
    Verdict,
    history,
    verdict,
)

from tests.dashboard.store.crowd import CAR, faults, review  # noqa: E402
from tests.dashboard.store.rows import add_frames, add_users  # noqa: E402
from tests.dashboard.store.test_reviews import materialised, replayed  # noqa: E402

PROCESSES = 8
SPAWN = multiprocessing.get_context("spawn")


def _all_at_once(url: str, queue: int, ids: list[int], user: int) -> tuple[list, Outcome, list]:
    """Return what one of many reviewers got: frames of a queue, one outcome, and leases."""
    database = Database(url)
    mine = []
    while found := next_frame(database, queue, user, 600, after=mine[-1] if mine else -1):
        mine.append(found.place)
    same = verdict(database, ids[0], 1, Verdict("correct", 0, "the same", (CAR,)))
    won = []
    for frame in ids[1:]:
        try:
            won.append(lease(database, frame, user, 600).frame_id)
        except Leased:
            continue
    database.close()
    return mine, same, won


@pytest.mark.slow
def test_many_reviewers(database) -> None:
    url = database.url.render_as_string(hide_password=False)
    people = add_users(database, *(f"p{i}" for i in range(PROCESSES)))
    _, shared = add_frames(database, 5)
    dataset, queued = add_frames(database, 20)
    _, ids = add_frames(database, 10)
    queue = make_queue(database, dataset, people[0], Plan("q", "", 99), map(Ranked, queued))
    with SPAWN.Pool(PROCESSES) as pool:
        done = pool.map(partial(review, url, ids=shared, count=50), people, chunksize=1)
        got = pool.map(partial(_all_at_once, url, queue, ids), people, chunksize=1)
    assert sum(len(one.given) for one in done) == 50 * PROCESSES
    assert faults(database, done) == (0, 1, 0)  # one more: the verdict that all gave
    places = [place for places, _, _ in got for place in places]
    assert sorted(places) == list(range(20))
    assert progress(database, queue).leased == 20
    assert len({outcome for _, outcome, _ in got}) == 1
    assert len(history(database, ids[0])) == 1
    assert sorted(frame for _, _, won in got for frame in won) == ids[1:]
    with database.read() as connection:
        made = connection.execute(sa.select(sources.c.dataset_id)).all()
    assert len(made) == len(set(made)) == 2


def _stop_within(url: str, frame: int, user: int, ready) -> None:
    """Give a verdict that stops for ever after its event, before the shapes."""

    def stop(*_: object) -> None:
        ready.set()
        time.sleep(600)

    reviews._replace_shapes = stop
    verdict(Database(url), frame, user, Verdict("correct", 0, "dies", (CAR,)))


def _on_and_on(url: str, frame: int, user: int, ready) -> None:
    database = Database(url)
    for version in range(10**6):
        ready.set()
        kind = "correct" if version % 2 else "reject"
        shapes = (CAR,) * (version % 4) if version % 2 else None
        verdict(database, frame, user, Verdict(kind, version, f"{frame}.{version}", shapes))


@pytest.mark.slow
def test_a_reviewer_who_is_killed_leaves_a_whole_log(database) -> None:
    url = database.url.render_as_string(hide_password=False)
    [ada] = add_users(database, "ada")
    _, ids = add_frames(database, 3)
    for frame, work, seconds in (
        (ids[0], _stop_within, 0),
        (ids[1], _on_and_on, 0.3),
        (ids[2], _on_and_on, 0.05),
    ):
        ready = SPAWN.Event()
        process = SPAWN.Process(target=work, args=(url, frame, ada, ready))
        process.start()
        assert ready.wait(60)
        time.sleep(seconds)
        process.kill()
        process.join()
        log = history(database, frame)
        assert [event.version for event in log] == list(range(1, len(log) + 1))
        assert materialised(database, frame) == replayed(database, frame)
        token = "dies" if work is _stop_within else f"{frame} again"
        given = Verdict("correct", len(log), token, (CAR,))
        assert verdict(database, frame, ada, given).version == len(log) + 1
    assert len(history(database, ids[0])) == 1
