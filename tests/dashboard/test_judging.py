import json
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import answering
from drivegrid.dashboard.answering import Asked, answer_frames
from drivegrid.dashboard.fine_tuning import FINE_TUNING
from drivegrid.dashboard.judging import JUDGING, Judge
from drivegrid.dashboard.serving.model_worker import ModelWorker, WorkerError
from drivegrid.dashboard.store.datasets import export_scenes, list_sources
from drivegrid.dashboard.store.evaluations import figures
from drivegrid.dashboard.store.jobs import claim, enqueue, finish
from drivegrid.dashboard.training_sets import TRAINING_SET, SetBuilder

from drivegrid.errors import ConfigError, DriveGridError
from tests.dashboard.drives import accept_all, add_drive, drive_scene
from tests.dashboard.serving.answers import load_seeing
from tests.dashboard.serving.models import load_nothing

NUM = 6


@pytest.fixture
def drive(database, tmp_path, monkeypatch):
    """Return a store with an accepted drive, and models that find a third of what there is."""
    monkeypatch.setattr(answering, "ModelWorker", partial(ModelWorker, load=load_seeing))
    folder = tmp_path / "drive"
    scenes = [drive_scene(folder, number) for number in range(NUM)]
    dataset_id = add_drive(database, folder, scenes)
    return dataset_id, folder, scenes


def asked(drive, num: int = NUM) -> Asked:
    dataset_id, folder, scenes = drive
    return Asked(dataset_id, folder, [scene.frame.image for scene in scenes[:num]])


def test_answers_become_a_run(database, drive) -> None:
    beats: list[tuple[float, str]] = []
    run = answer_frames(database, None, asked(drive), "nano", lambda *said: beats.append(said))
    [_, source] = list_sources(database, drive[0])
    assert (source.id, source.name, source.kind) == (run.source_id, "nano", "model")
    assert source.details == {"model": "nano", "rounds": 1}
    assert run.answered == NUM and run.aside == ()
    for scene in export_scenes(database, drive[0], run.source_id):
        [lane] = scene.instances
        assert lane.label == "lane/line" and lane.confidence == 0.5
    assert len(beats) >= NUM and all(0 <= share < 1 for share, _ in beats)


def test_frames_that_cannot_be_read_are_set_aside(database, drive) -> None:
    (drive[1] / drive[2][1].frame.image).write_bytes(b"no picture")
    run = answer_frames(database, None, asked(drive), "nano", lambda *_: None)
    assert run.answered == NUM - 1
    assert [Path(one.path).name for one in run.aside] == ["1.png"]


def test_a_model_that_does_not_load_is_told(database, drive, monkeypatch) -> None:
    monkeypatch.setattr(answering, "ModelWorker", partial(ModelWorker, load=load_nothing))
    with pytest.raises(WorkerError, match=r"must hold weights, got none .*/runs/1"):
        answer_frames(database, Path("/runs/1"), asked(drive), "it", lambda *_: None)


def test_labels_keep_their_name(database, drive) -> None:
    with pytest.raises(ConfigError, match="name of its own"):
        answer_frames(database, None, asked(drive, 1), "labels", lambda *_: None)


def done(database, kind: str, parameters: dict, result: dict) -> int:
    number = enqueue(database, kind, parameters, 1)
    finish(database, claim(database, [kind]), result)
    return number


def test_two_checkpoints_are_held_against_each_other(database, drive, tmp_path) -> None:
    dataset_id, *_ = drive
    accept_all(database, dataset_id)
    parameters = {"dataset_id": dataset_id, "held_out": 0.3}
    number = enqueue(database, TRAINING_SET, parameters, 1)
    job = claim(database, [TRAINING_SET])
    made = SetBuilder(database, tmp_path / "sets").run(job, lambda *_: None)
    finish(database, job, made)
    folder = tmp_path / "trainings" / "training-2"
    folder.mkdir(parents=True)
    result = {"folder": str(folder), "checkpoint": str(folder / "run" / "checkpoint")}
    training = done(
        database, FINE_TUNING, {"set": number, "method": "sft", "steps": 1, "start": None}, result
    )
    enqueue(database, JUDGING, {"training": training}, 1)
    shares: list[float] = []
    found = Judge(database).run(claim(database, [JUDGING]), lambda share, _: shares.append(share))
    before, after = found["runs"]
    assert before == f"nano, held-out frames of set {number}"
    assert after == f"training {training}, held-out frames of set {number}"
    assert set(found["answered"].values()) == {made["counts"]["held-out"]}
    assert shares == sorted(shares) and shares[-1] == pytest.approx(0.9)
    assert found["evaluations"].keys() <= {"culane", "boxes", "points", "drivable"}
    for evaluations in found["evaluations"].values():
        assert [figures(database, one).pred_id for one in evaluations] == [
            found["runs"][before],
            found["runs"][after],
        ]
    sources = {source.id: source for source in list_sources(database, dataset_id)}
    assert sources[found["runs"][after]].details["model"] == result["checkpoint"]
    assert json.dumps(found)


@pytest.mark.parametrize("training", [None, 1, 99])
def test_what_is_no_training_is_named(database, drive, training) -> None:
    accept_all(database, drive[0])
    done(database, "export", {}, {"folder": "/"})
    enqueue(database, JUDGING, {"training": training}, 1)
    with pytest.raises(DriveGridError, match="must"):
        Judge(database).run(claim(database, [JUDGING]), lambda *_: None)
