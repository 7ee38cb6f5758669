import json
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.serving.access import AccessSettings
from drivegrid.dashboard.store.datasets import add_dataset
from drivegrid.dashboard.store.jobs import beat, claim, enqueue, fail, finish, get_job, list_jobs

from tests.dashboard.pages.apps import open_page, press, texts

HOSTILE = "<script>**x** :red[y] =cmd()"


def page() -> None:
    from drivegrid.dashboard.pages.export import export
    from drivegrid.dashboard.pages.parts import told

    with told():
        export()


opened = partial(open_page, page)


@pytest.fixture
def idle(world):
    """A world in which nobody works: jobs stay as a test puts them."""
    return world


def waiting(world, **parameters) -> int:
    asked = {"dataset_id": world.dataset_id, "format": "coco", **parameters}
    return enqueue(world.hub.database, "export", asked, 1)


def test_without_a_data_set_it_says_so(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path / "empty"))
    assert "no data set yet" in opened().info[0].value
    hub.close()


def test_an_export_is_asked_for_and_made(world) -> None:
    world.hub.start_worker()
    app = opened()
    assert "Nothing was exported yet" in app.info[0].value
    app.selectbox[1].select(world.sources["near"])
    app.selectbox[2].select("culane")
    app.radio[0].set_value("copy")
    app.radio[1].set_value("all")
    press(app, "Export")
    [job] = list_jobs(world.hub.database)
    assert job.parameters == {
        "dataset_id": world.dataset_id,
        "source": world.sources["near"],
        "format": "culane",
        "pictures": "copy",
        "only": "all",
    }
    end = time.monotonic() + 30
    while get_job(world.hub.database, job.id).state != "done":
        assert time.monotonic() < end
        time.sleep(0.05)
    app.run()
    assert not app.exception and not app.error
    assert app.query_params["job"] == str(job.id)
    assert [one.value for one in app.metric][:5] == ["6", "0", "0", "6", "0"]
    manifest = json.loads(
        world.hub.exporter.manifest(get_job(world.hub.database, job.id)).read_text()
    )
    assert manifest["written"] == 6
    losses = app.dataframe[0].value
    assert dict(zip(losses["what"], losses["times"], strict=True)) == manifest["loss_counts"]
    assert app.get("download_button")[0].label == "Manifest"


def test_what_goes_wrong_is_told_as_plain_text(idle) -> None:
    database = idle.hub.database
    number = waiting(idle)
    fail(database, claim(database, ["export"]), HOSTILE)
    app = opened(job=str(number))
    assert app.error[0].value == r"\<script\>\*\*x\*\* \:red\[y\] =cmd\(\)"


def test_a_result_of_another_machine_is_told(idle) -> None:
    database, number = idle.hub.database, waiting(idle)
    counts = {"written": 1, "quarantined": 1, "not_covered": 0, "pictures": {}}
    counts["loss_counts"] = {HOSTILE: 2}
    record = {"frame": HOSTILE, "message": HOSTILE}
    result = {"folder": "/else/where", "manifest": "", "counts": counts, "records": [record]}
    finish(database, claim(database, ["export"]), result)
    app = opened()
    press(app, "Show")
    assert app.query_params["job"] == str(number)
    assert "manifest must be on this machine" in app.error[0].value
    assert app.dataframe[0].value["what"].tolist() == [HOSTILE]
    assert app.dataframe[1].value["frame"].tolist() == [HOSTILE]


def test_progress_is_shown_and_jobs_are_cancelled(idle) -> None:
    database, number = idle.hub.database, waiting(idle)
    assert beat(database, claim(database, ["export"]), 0.25, HOSTILE)
    app = opened(job=str(number))
    assert app.get("progress")[0].proto.value == 25
    assert r"\*\*x\*\*" in app.get("progress")[0].proto.text
    press(app, "Cancel")
    assert get_job(database, number).state == "cancelled"
    assert "Cancelled" in texts(app)


def test_names_of_data_sets_are_plain_text(idle, tmp_path) -> None:
    labels = Path(tmp_path / "drive/labels.jsonl")
    hostile = add_dataset(idle.hub.database, HOSTILE, labels).id
    waiting(idle, dataset_id=hostile)
    waiting(idle, dataset_id=99)
    app = opened(dataset=str(hostile))
    assert app.selectbox[0].value == hostile
    assert r"**\<script\>\*\*x\*\*" in texts(app)
    assert "a data set that is gone" in texts(app)


def test_older_jobs_are_leafed_through(idle) -> None:
    made = [waiting(idle) for _ in range(10)]
    app = opened()
    assert len(app.get("progress")) == 8
    press(app, "Older")
    keys = [one.key for one in app.button if one.label == "Cancel"]
    assert keys == [f"export-cancel-{number}" for number in reversed(made[:2])]
    press(app, "Newest")
    assert len(app.get("progress")) == 8


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "99"])
def test_a_job_that_is_none_is_told(idle, number) -> None:
    app = opened(job=number, dataset=number)
    assert "job must" in app.error[0].value
    assert app.selectbox[0].value == idle.dataset_id


def test_a_job_of_another_kind_is_told(idle) -> None:
    number = enqueue(idle.hub.database, "train", {}, 1)
    assert "job must be of the kind export, got train" in opened(job=str(number)).error[0].value


def test_who_only_looks_starts_and_cancels_nothing(idle, monkeypatch) -> None:
    number, hub = waiting(idle), idle.hub
    for label in ("Export", "Cancel"):
        app = opened()
        with monkeypatch.context() as patched:  # the role goes while the page is open
            patched.setattr(type(hub), "actor", lambda _: hub.someone("eve", "viewer"))
            press(app, label)
            assert all(one.disabled for one in app.button if one.label in ("Export", "Cancel"))
    assert [(job.id, job.state) for job in list_jobs(hub.database)] == [(number, "waiting")]


def test_who_is_not_known_sees_nothing(idle) -> None:
    access = AccessSettings(proxy_header="X-User")
    object.__setattr__(idle.hub.settings, "access", access)
    app = opened()
    assert "X\\-User" in app.error[0].value
    assert not app.selectbox
