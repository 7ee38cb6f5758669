from functools import partial
from urllib.parse import parse_qs

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.pages import charts
from drivegrid.dashboard.store.confusion import most_confused
from drivegrid.dashboard.store.datasets import add_dataset, add_run
from drivegrid.dashboard.store.evaluations import evaluate, figures, list_evaluations
from drivegrid.dashboard.store.jobs import claim, fail, list_jobs
from drivegrid.dashboard.store.matches import confusion
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.rates import CurvePoint, Difference, Slice
from streamlit.testing.v1 import AppTest

from drivegrid.data.store import save_scenes
from drivegrid.metrics.matching import Counts
from tests.dashboard.pages.apps import open_page
from tests.dashboard.pages.conftest import found_in, frame_of
from tests.dashboard.pages.working import done

HOSTILE = ("<script>alert(1)</script>", "**x**", ":red[x]", "=cmd()")


def page() -> None:
    from drivegrid.dashboard.pages.compare import compare
    from drivegrid.dashboard.pages.parts import told

    with told():
        compare()


opened = partial(open_page, page)


def test_without_data_it_says_what_to_do(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path))
    assert "No data yet" in opened().info[0].value
    save_scenes([frame_of(1)], tmp_path / "labels.jsonl")
    add_dataset(hub.database, "drive", tmp_path / "labels.jsonl")
    assert "Nothing was scored yet" in opened().info[0].value
    hub.close()


@pytest.mark.parametrize("name", ["dataset", "first", "second"])
@pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "<b>"])
def test_what_is_not_there_is_told(world, name, value) -> None:
    assert "must be" in opened(**{name: value}).error[0].value


def test_two_runs_are_told_apart(world) -> None:
    app = opened(first=world.evaluations["far"], second=world.evaluations["near"])
    cards = {card.label: card for card in app.metric}
    assert list(cards) == list(charts.RATES.values())
    assert (cards["F1"].value, cards["F1"].delta) == ("1.000", "+1.000")
    table = app.dataframe[0].value.set_index("figure")
    assert [column.split()[0] for column in table] == ["far", "near"]
    assert list(table.loc["n"]) == ["3", "3"]
    at_half = app.dataframe[1].value
    assert at_half["recall"].tolist() == ["0.000", "1.000"]


def test_the_newest_is_compared_with_the_one_before(world) -> None:
    app = opened()
    chosen = app.selectbox("choose-first").value, app.selectbox("choose-second").value
    assert chosen == (world.evaluations["near"], world.evaluations["far"])


def test_other_choices_are_in_the_address(world) -> None:
    app = opened(first=world.evaluations["near"], second=world.evaluations["far"])
    app.selectbox("choose-first").set_value(world.evaluations["far"]).run()
    assert not app.exception and not app.error
    assert app.query_params["first"] == str(world.evaluations["far"])
    assert "second" not in app.query_params
    assert app.selectbox("choose-second").value == world.evaluations["near"]


def test_threshold_label_and_slices(world) -> None:
    app = opened(first=world.evaluations["far"], second=world.evaluations["near"])
    app.slider("least").set_value(0.95).run()
    assert app.dataframe[1].value["precision"].tolist() == ["–", "–"]
    app.slider("least").set_value(0.0).run()
    app.selectbox("label").set_value("object/vehicle/car").run()
    assert app.dataframe[1].value["F1"].tolist() == ["0.000", "1.000"]
    for fact in app.selectbox("compare-fact").options:
        app.selectbox("compare-fact").set_value(fact).run()
        assert not app.exception and not app.error
    for rate in ("precision", "recall", "f1"):
        app.segmented_control("compare-rate").set_value(rate).run()
        assert not app.exception and not app.error


def test_a_new_evaluation_is_stored_and_shown(world) -> None:
    app = opened()
    app.selectbox("compare-pred").set_value(world.sources["near"])
    app.selectbox("compare-rule").set_value("culane")
    submit(app)
    assert app.get("progress") and app.selectbox("choose-first").value != 3
    done(world.hub)
    app.run()
    assert not app.get("progress")
    newest = list_evaluations(world.hub.database, world.dataset_id)[0]
    assert (newest.rule, newest.pred_id) == ("culane", world.sources["near"])
    assert app.selectbox("choose-first").value == newest.id
    assert "Evaluate another run" in app.info[0].value
    app.selectbox("compare-pred").set_value(world.sources["far"])
    submit(app)
    done(world.hub)
    app.run()
    second = app.selectbox("choose-second").value
    assert figures(world.hub.database, second).pred_id == world.sources["far"]


def test_an_evaluation_that_fails_is_told_once(world, monkeypatch) -> None:
    app = opened()
    submit(app)
    [job] = list_jobs(world.hub.database)
    fail(world.hub.database, claim(world.hub.database, [job.kind]), "**no**")
    app.run()
    assert app.error[0].value == r"\*\*no\*\*"
    app.run()
    assert not app.error and not app.exception


def test_what_a_run_did_not_see_is_told(world) -> None:
    hub, seen = world.hub, [found_in(frame_of(number), 2.0) for number in (1, 3)]
    run = add_run(hub.database, world.dataset_id, "some", seen, {}).id
    user = hub.someone("ada", "admin").user.id
    evaluate(hub.database, world.dataset_id, run, world.sources["labels"], "boxes", user)
    assert "2 frames, 4 not covered" in opened().caption[1].value.replace("\\", "")


def test_viewers_are_told_that_they_cannot_evaluate(world, monkeypatch) -> None:
    viewer = world.hub.someone("eve", "viewer")
    monkeypatch.setattr(world.hub, "actor", lambda: viewer)
    app = opened()
    submit(app)
    assert "reviewer" in app.error[0].value
    assert list_jobs(world.hub.database) == ()
    assert len(list_evaluations(world.hub.database, world.dataset_id)) == 2


def test_a_rule_that_matches_nothing_one_by_one(world) -> None:
    app = opened()
    app.selectbox("compare-rule").set_value("drivable")
    submit(app)
    done(world.hub)
    app.run()
    assert not app.error
    assert any("matches nothing one by one" in one.value for one in app.info)


def submit(app: AppTest) -> None:
    next(button for button in app.button if button.label == "Evaluate").click().run()
    assert not app.exception


def test_a_cell_leads_to_its_frames_and_matches(world) -> None:
    number = world.evaluations["far"]
    app = opened(first=world.evaluations["near"], second=number)
    cells = most_confused(confusion(world.hub.database, number)).cells
    missed = next(place for place, cell in enumerate(cells) if cell.pred_label is None)
    assert cells[missed].true_label == "object/vehicle/car"
    assert links(app) == []
    app.query_params["true"] = "object/vehicle/car"
    app.run()
    assert not app.exception and not app.error
    frames, rows = (parse_qs(link.query_string) for link in links(app))
    asked = Query.from_text(frames["q"][0]).evaluation
    assert asked is not None and asked.cell is not None
    assert (asked.cell.pred_label, asked.cell.true_label) == (None, "object/vehicle/car")
    assert (rows["true"], rows["evaluation"]) == (["object/vehicle/car"], [str(number)])
    assert rows["hit"] == ["All"] and "pred" not in rows


def links(app: AppTest) -> list:
    return [one.proto for one in app.get("page_link")]


def test_charts_hold_labels_as_values_alone() -> None:
    cells = {(one, other): 1 for one in HOSTILE for other in (*HOSTILE, None)}
    drawn = [charts.confusion_matrix(most_confused(cells), "#000").to_dict()]
    curves = {one: [CurvePoint(0.5, 0.5, None)] for one in HOSTILE[:2]}
    drawn.append(charts.precision_recall(curves, {HOSTILE[0]: None}).to_dict())
    parts = {one: [Slice(HOSTILE[2], 3, Counts())] for one in HOSTILE[:2]}
    drawn.append(charts.sliced(parts, "f1", HOSTILE).to_dict())
    nothing = dict.fromkeys(charts.RATES, Difference(None, None, None, None, None))
    drawn.append(charts.differences(nothing).to_dict())
    truths = {row["truth"] for layer in drawn[:1] for row in layer["data"]["values"]}
    assert truths == {*HOSTILE, charts.NOTHING}
    same = dict.fromkeys(charts.RATES, Difference(0.5, 0.5, 0.0, 0.0, 0.0))
    axis = charts.differences(same).to_dict()["layer"][1]["encoding"]["x"]
    assert axis["scale"]["domain"] == [-charts.LEAST_REACH, charts.LEAST_REACH]
    assert drawn[2]["data"]["values"][0]["f1"] is None
