from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import answering
from drivegrid.dashboard.fine_tuning import FINE_TUNING
from drivegrid.dashboard.model_runs import MODEL_RUN, ModelRuns
from drivegrid.dashboard.serving.model_worker import ModelWorker
from drivegrid.dashboard.store.coverage import count_covered
from drivegrid.dashboard.store.datasets import list_sources
from drivegrid.dashboard.store.jobs import claim, enqueue, finish
from drivegrid.dashboard.store.people import audit_page, ensure_user

from drivegrid.errors import ConfigError
from tests.dashboard.drives import add_drive, drive_scene
from tests.dashboard.serving.answers import load_seeing

NUM = 4


@pytest.fixture
def drive(database, tmp_path, monkeypatch) -> int:
    """Return a data set, and have a model that answers at once."""
    monkeypatch.setattr(answering, "ModelWorker", partial(ModelWorker, load=load_seeing))
    folder = tmp_path / "drive"
    ensure_user(database, "ada", "reviewer")
    return add_drive(database, folder, [drive_scene(folder, number) for number in range(NUM)])


class Cut(Exception):
    """The worker is closed."""


def begin(database, dataset_id: int, **asked):
    parameters = {"dataset_id": dataset_id, "training": None, "most": NUM, **asked}
    enqueue(database, MODEL_RUN, parameters, 1)
    return claim(database, [MODEL_RUN])


@pytest.mark.parametrize(
    "asked", [{"dataset_id": 9}, {"most": 0}, {"most": "all"}, {"training": "nano"}]
)
def test_what_cannot_be_asked_for_is_named(database, drive, asked) -> None:
    job = begin(database, **{"dataset_id": drive, **asked})
    with pytest.raises(ConfigError, match="must"):
        ModelRuns(database, None).run(job, lambda *_: None)


def test_the_first_frames_are_answered_under_a_name_of_its_own(database, drive) -> None:
    for most in (3, NUM):
        job = begin(database, drive, most=most)
        found = ModelRuns(database, None).run(job, lambda *_: None)
        assert found["name"] == f"nano, run {job.id}" and found["answered"] == most
        assert count_covered(database, found["source_id"]) == most
    assert [source.kind for source in list_sources(database, drive)] == ["label", "model", "model"]
    assert [row.action for row in audit_page(database)][:2] == [MODEL_RUN] * 2


def test_the_model_of_a_training_answers(database, drive, tmp_path) -> None:
    number = enqueue(database, FINE_TUNING, {}, 1)
    result = {"folder": str(tmp_path), "checkpoint": str(tmp_path / "checkpoint")}
    finish(database, claim(database, [FINE_TUNING]), result)
    job = begin(database, drive, training=number)
    found = ModelRuns(database, Path("/mine")).run(job, lambda *_: None)
    assert found["name"] == f"training {number}, run {job.id}"
    [*_, source] = list_sources(database, drive)
    assert source.details["model"] == result["checkpoint"]


def test_the_model_that_was_asked_for_at_the_start_answers(database, drive) -> None:
    job = begin(database, drive)
    found = ModelRuns(database, Path("/models/mine")).run(job, lambda *_: None)
    assert found["name"] == f"mine, run {job.id}"


def test_one_that_was_cut_short_goes_on(database, drive, monkeypatch) -> None:
    monkeypatch.setattr(answering, "BATCH", 2)
    job = begin(database, drive)

    def beat(share: float, _: str) -> None:
        if share > 0.6:
            raise Cut

    with pytest.raises(Cut):
        ModelRuns(database, None).run(job, beat)
    shares: list[float] = []
    found = ModelRuns(database, None).run(job, lambda share, _: shares.append(share))
    assert found["answered"] == 2 and min(shares) == 0
    assert count_covered(database, found["source_id"]) == NUM
