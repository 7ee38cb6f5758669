import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.importing import IMPORT, run_import
from drivegrid.dashboard.store import datasets
from drivegrid.dashboard.store.datasets import export_scenes, list_datasets
from drivegrid.dashboard.store.jobs import claim, enqueue, revive
from drivegrid.dashboard.store.people import audit_page, ensure_user

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Point

SIZE = (64, 48)
SCENES = [
    Scene(Frame(f"{i}.png", SIZE), (Instance("sign", Point([i, i])),) * (i % 3)) for i in range(6)
]


@pytest.fixture
def labels(tmp_path) -> Path:
    save_scenes(SCENES, tmp_path / "labels.jsonl")
    return tmp_path / "labels.jsonl"


def start(database: Database, **parameters):
    user = ensure_user(database, "ada", "admin").id
    enqueue(database, IMPORT, parameters, user)
    return claim(database, [IMPORT])


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, ConfigError),
        ({"name": "a"}, ConfigError),
        ({"name": 1, "path": "/a"}, ConfigError),
        ({"name": "a", "path": "/no/such/labels"}, FormatError),
        ({"name": "a", "path": "/dev/null"}, FormatError),
    ],
)
def test_what_is_no_import_is_refused(database, parameters, error) -> None:
    with pytest.raises(error):
        run_import(database, start(database, **parameters), lambda *_: None)
    assert list_datasets(database) == []


def test_labels_come_in_and_what_is_set_aside_is_told(database, labels) -> None:
    with labels.open("a", encoding="utf-8") as file:
        file.write("{}\n")
    (labels.parent / SCENES[0].frame.image).write_bytes(b"a picture is not opened")
    said = []
    job = start(database, name="roads", path=str(labels))
    result = run_import(database, job, lambda *one: said.append(one))
    assert said[0] == (0.0, "looking for labels")
    counts = {"added": 6, "read": 7, "kept": 6, "quarantined": 1, "skipped": 0, "unseen": 5}
    assert {name: result[name] for name in counts} == counts
    assert result["records"][0]["line"] == 7
    [row] = audit_page(database)
    assert (row.user, row.action, row.subject) == ("ada", "import", "roads")
    assert list(export_scenes(database, result["dataset_id"])) == SCENES


def test_an_import_without_a_frame_to_use_leaves_nothing_to_see(database, labels) -> None:
    save_scenes([replace(SCENES[0], frame=Frame("../a.png", SIZE))] * 2, labels)
    job = start(database, name="roads", path=str(labels))
    with pytest.raises(FormatError, match=r"got none of 2\. First: "):
        run_import(database, job, lambda *_: None)
    assert list_datasets(database) == []


def test_a_cancelled_import_is_not_shown_and_goes_on_when_given_again(
    database, labels, monkeypatch
) -> None:
    class GivenUp(Exception):
        pass

    def give_up(progress: float, message: str) -> None:
        if message.startswith("4"):
            raise GivenUp

    job = start(database, name="roads", path=str(labels))
    monkeypatch.setattr(datasets, "BATCH", 2)
    with pytest.raises(GivenUp):
        run_import(database, job, give_up)
    assert list_datasets(database) == []
    result = run_import(database, job, lambda *_: None)
    assert (result["added"], result["kept"]) == (2, 6)
    assert list(export_scenes(database, result["dataset_id"])) == SCENES


def _import_and_die(url: str) -> None:
    datasets.BATCH = 2

    def die(progress: float, message: str) -> None:
        if message.startswith("4"):
            os.kill(os.getpid(), signal.SIGKILL)

    database = Database(url)
    run_import(database, claim(database, [IMPORT]), die)


def test_an_import_that_was_killed_is_made_whole(database, labels) -> None:
    url = database.url.render_as_string(hide_password=False)
    user = ensure_user(database, "ada", "admin").id
    number = enqueue(database, IMPORT, {"name": "roads", "path": str(labels)}, user)
    process = multiprocessing.get_context("spawn").Process(target=_import_and_die, args=(url,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list_datasets(database) == []
    assert revive(database, -1) == 1
    job = claim(database, [IMPORT])
    assert job.id == number
    for kept in (6, 6):  # the second time as if it had been killed before it could tell
        result = run_import(database, job, lambda *_: None)
        assert result["kept"] == kept
        assert list(export_scenes(database, result["dataset_id"])) == SCENES
    assert [one.name for one in list_datasets(database)] == ["roads"]
