import multiprocessing
import os
import signal

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import Database  # noqa: E402
from drivegrid.dashboard.evaluating import EVALUATE, run_evaluation  # noqa: E402
from drivegrid.dashboard.schema import evaluations, matches, scores  # noqa: E402
from drivegrid.dashboard.store import evaluations as module  # noqa: E402
from drivegrid.dashboard.store.evaluations import evaluate, list_evaluations  # noqa: E402
from drivegrid.dashboard.store.jobs import claim, enqueue, revive  # noqa: E402
from drivegrid.dashboard.store.people import audit_page  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from tests.dashboard.store.worlds import World, make_world  # noqa: E402

HALF = 0.9
"""A progress at which some rows are written, and others are not."""


class GivenUp(Exception):
    pass


@pytest.fixture
def world(database, monkeypatch) -> World:
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    return make_world(database, 4)


def asked(world: World) -> dict[str, object]:
    pair = {"pred_id": world.runs[0], "true_id": world.truth}
    return {"dataset_id": world.dataset, **pair, "rule": "boxes"}


def rows(database: Database, table: sa.Table, which: int | None = None) -> list[tuple]:
    columns = [one for one in table.c if one.name not in ("id", "evaluation_id")]
    chosen = sa.select(*columns)
    if which is not None:
        chosen = chosen.where(table.c.evaluation_id == which)
    with database.read() as connection:
        return sorted(map(repr, connection.execute(chosen)))


@pytest.mark.parametrize(
    "parameters",
    [{}, {"dataset_id": 1, "pred_id": 2, "true_id": "1", "rule": "boxes"}, {"rule": "nonsense"}],
)
def test_what_is_no_evaluation_is_refused(database, world, parameters) -> None:
    enqueue(database, EVALUATE, parameters, world.user)
    with pytest.raises(ConfigError, match="must have a data set"):
        run_evaluation(database, claim(database, [EVALUATE]), lambda *_: None)


def test_a_job_makes_what_evaluating_makes(database, world) -> None:
    said = []
    enqueue(database, EVALUATE, asked(world), world.user)
    job = claim(database, [EVALUATE])
    made = run_evaluation(database, job, lambda *one: said.append(one))["evaluation_id"]
    again = run_evaluation(database, job, lambda *_: None)  # as if it had not been told
    assert again["evaluation_id"] == made
    other = evaluate(database, **asked(world), user_id=world.user)
    assert rows(database, matches, made) == rows(database, matches, other) != []
    assert rows(database, scores, made) == rows(database, scores, other) != []
    assert len(list_evaluations(database, world.dataset)) == 2
    assert [one.action for one in audit_page(database)] == ["evaluate"] * 2
    shares = [share for share, _ in said]
    assert shares == sorted(shares) and 0 == shares[0] and HALF < shares[-1] <= 1


def test_an_evaluation_that_is_given_up_leaves_nothing(database, world) -> None:
    def give_up(progress: float, message: str) -> None:
        if progress > HALF:
            assert rows(database, matches) and not list_evaluations(database, world.dataset)
            raise GivenUp

    enqueue(database, EVALUATE, asked(world), world.user)
    with pytest.raises(GivenUp):
        run_evaluation(database, claim(database, [EVALUATE]), give_up)
    with database.read() as connection:
        assert connection.execute(sa.select(evaluations)).all() == []
    assert rows(database, matches) == rows(database, scores) == []


def _evaluate_and_die(url: str) -> None:
    module.BATCH = 2

    def die(progress: float, message: str) -> None:
        if progress > HALF:
            os.kill(os.getpid(), signal.SIGKILL)

    database = Database(url)
    run_evaluation(database, claim(database, [EVALUATE]), die)


def test_an_evaluation_that_was_killed_is_made_once_and_whole(database, world) -> None:
    url = database.url.render_as_string(hide_password=False)
    enqueue(database, EVALUATE, asked(world), world.user)
    process = multiprocessing.get_context("spawn").Process(target=_evaluate_and_die, args=(url,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert rows(database, matches) != []
    assert list_evaluations(database, world.dataset) == ()  # half an evaluation is not shown
    assert revive(database, -1) == 1
    run_evaluation(database, claim(database, [EVALUATE]), lambda *_: None)
    [one] = list_evaluations(database, world.dataset)
    assert rows(database, matches) == rows(database, matches, one.id)
    assert len(rows(database, scores)) == len(world.frames)
