import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.pages.parts import as_text
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import add_dataset, list_datasets
from drivegrid.dashboard.store.jobs import claim, finish, list_jobs
from streamlit.testing.v1 import AppTest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.geometry import Box
from tests.dashboard.pages.apps import run
from tests.dashboard.pages.working import done

HOSTILE = ("<script>alert(1)</script>", "**x**", ":red[x]", "=cmd()")


def page() -> None:
    from drivegrid.dashboard.pages.data import data
    from drivegrid.dashboard.pages.parts import told

    with told():
        data()


def opened(section: str | None = None) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    if section is not None:
        app.query_params["section"] = section
    return run(app)


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


@pytest.fixture
def empty(tmp_path):
    hub = open_hub(HubSettings(tmp_path / "hub"))
    yield hub
    hub.close()


def test_an_empty_store_can_be_filled(empty, tmp_path) -> None:
    labels = tmp_path / "labels.jsonl"
    save_scenes([Scene(Frame("a.png", (32, 24)), ())], labels)
    with labels.open("a", encoding="utf-8") as file:
        file.write("{}\n")
    app = opened()
    assert "No data yet" in app.info[0].value
    app.text_input(key="data-path").set_value(str(labels))
    app.text_input(key="data-name").set_value("**mine**")
    run(app.button[0].click())
    assert app.get("progress") and not metrics(app)
    assert done(empty).kind == "import"
    run(app)
    assert metrics(app) == {"Frames read": "2", "New": "1", "Known before": "0", "Set aside": "1"}
    assert app.dataframe[0].value["line"].tolist() == [2]
    assert "1 frames have no picture" in app.warning[0].value
    [dataset] = list_datasets(empty.database)
    assert (dataset.name, dataset.num_frames) == ("**mine**", 1)


@pytest.mark.parametrize(
    ("path", "name", "told"),
    [("", "a", "Say where"), ("/no/such/labels", "a", "no"), ("/dev/null", " ", "must")],
)
def test_what_cannot_be_imported_is_told(empty, path, name, told) -> None:
    app = opened()
    app.text_input(key="data-path").set_value(path)
    app.text_input(key="data-name").set_value(name)
    run(app.button[0].click())
    if list_jobs(empty.database):
        done(empty)
        run(app)
    assert told in [*app.warning, *app.error][0].value
    assert not list_datasets(empty.database)


def test_only_admins_import(world, monkeypatch) -> None:
    viewer = world.hub.someone("vic", "viewer")
    monkeypatch.setattr(Hub, "actor", lambda _: Actor(viewer.database, viewer.user))
    app = opened("Import")
    assert not app.text_input
    assert metrics(app)["Frames"] == "6"


def test_the_overview_counts(world) -> None:
    app = opened()
    assert metrics(app) == {
        "Frames": "6", "New": "6", "Accepted": "0", "Corrected": "0", "Rejected": "0",
    }  # fmt: skip
    labels = app.dataframe[0].value
    assert dict(zip(labels["label"], labels["frames"], strict=True)) == {
        "lane/line": 6, "object/vehicle/car": 3,
    }  # fmt: skip
    run(app.selectbox(key="data-fact").set_value("weather"))
    assert set(app.dataframe[1].value["weather"]) == {"clear", "rain"}


def test_the_tree_adds_up(world) -> None:
    app = opened()
    run(app.button_group(key="data-section").set_value("Taxonomy"))
    assert app.query_params["section"] in ("Taxonomy", ["Taxonomy"])
    table = app.dataframe[0].value
    assert table["shapes"].tolist() == [12, 12, 3, 3, 3]
    assert [label.strip() for label in table["label"]] == [
        "lane", "line", "object", "vehicle", "car",
    ]  # fmt: skip
    run(app.toggle(key="data-tree-all").set_value(True))
    assert len(app.dataframe[0].value) > 20


def test_runs_and_evaluations_are_listed(world) -> None:
    sources, evaluations = (one.value for one in opened("Runs").dataframe)
    assert sources["source"].tolist() == ["labels", "near", "far"]
    assert evaluations["evaluation"].tolist() == [
        "far against labels (boxes)", "near against labels (boxes)",
    ]  # fmt: skip


def test_ceilings_come_when_asked_for(world) -> None:
    app = opened("Ceilings")
    assert not app.dataframe
    run(app.button[0].click())
    assert not app.dataframe
    done(world.hub)
    run(app)
    lanes = dict(app.dataframe[0].value.itertuples(index=False))
    assert float(lanes["f1_50"]) > 90
    assert lanes["n"] == "12"


def test_hostile_texts_are_texts(empty, tmp_path) -> None:
    instances = tuple(Instance(text, Box(np.array([1.0, 1, 9, 9]))) for text in HOSTILE)
    frame = Frame("a.png", (32, 24), {text: text for text in HOSTILE})
    save_scenes([Scene(frame, instances)], tmp_path / "labels.jsonl")
    add_dataset(empty.database, HOSTILE[0], tmp_path / "labels.jsonl")
    assert set(opened().dataframe[0].value["label"]) == {as_text(text) for text in HOSTILE}
    for section in ("Taxonomy", "Runs", "Ceilings"):
        assert not opened(section).error


def test_a_model_is_asked_to_run_over_the_frames(world) -> None:
    app = opened("Runs")
    next(one for one in app.number_input if one.label == "First frames").set_value(3)
    run(next(one for one in app.button if one.label == "Run it").click())
    [job] = list_jobs(world.hub.database)
    assert job.kind == "model-run"
    assert job.parameters == {"dataset_id": world.dataset_id, "training": None, "most": 3}
    assert app.get("progress")
    finish(
        world.hub.database, claim(world.hub.database, ["model-run"]),
        {"answered": 3, "aside": 1, "name": HOSTILE[1]},
    )  # fmt: skip
    told = "\n".join(str(one.value) for one in run(app).markdown)
    assert "3 answered as" in told.replace("\\", "") and HOSTILE[1] not in told
