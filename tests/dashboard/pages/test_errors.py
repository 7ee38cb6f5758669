from dataclasses import replace
from functools import partial

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.pages.parts import as_text
from drivegrid.dashboard.store.datasets import add_dataset, add_run, list_sources
from drivegrid.dashboard.store.evaluations import evaluate
from drivegrid.dashboard.store.matches import MatchFilter, match_page
from streamlit.testing.v1 import AppTest

from drivegrid.data.store import save_scenes
from tests.dashboard.pages.apps import open_page
from tests.dashboard.pages.conftest import NUM_FRAMES, found_in, frame_of

CAR = "object/vehicle/car"


def page() -> None:
    from drivegrid.dashboard.pages import errors
    from drivegrid.dashboard.pages.parts import told

    errors.PAGE = 2
    with told():
        errors.errors()


opened = partial(open_page, page)


def rows(app: AppTest) -> list[tuple[str, str, int]]:
    table = app.dataframe[0].value
    return list(zip(table["truth"], table["predicted"], table["frame"], strict=True))


def test_without_data_it_says_what_to_do(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path))
    assert "No data yet" in opened().info[0].value
    save_scenes([frame_of(1)], tmp_path / "labels.jsonl")
    add_dataset(hub.database, "drive", tmp_path / "labels.jsonl")
    assert "Nothing was scored yet" in opened().info[0].value
    hub.close()


@pytest.mark.parametrize("name", ["dataset", "evaluation", "after"])
@pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "<b>"])
def test_what_is_not_there_is_told(world, name, value) -> None:
    assert "must be" in opened(**{name: value}).error[0].value


@pytest.mark.parametrize("name", ["hit", "order", "overlap", "confidence"])
def test_filters_that_are_none_are_not_followed(world, name) -> None:
    assert len(rows(opened(**{name: "<b>"}))) == 2


def test_mistakes_are_paged_forth_and_back(world) -> None:
    app = opened(evaluation=world.evaluations["far"])
    seen = rows(app)
    assert app.button("errors-previous").disabled
    for _ in range(2):
        app.button("errors-next").click().run()
        seen += rows(app)
    # three cars, each missed and each once a false alarm elsewhere
    assert len(set(seen)) == len(seen) == NUM_FRAMES
    assert app.button("errors-next").disabled
    assert len(app.query_params["after"]) == 2
    for _ in range(2):
        app.button("errors-previous").click().run()
    assert rows(app) == seen[:2]
    assert "after" not in app.query_params


def test_filters_and_order(world) -> None:
    app = opened(evaluation=world.evaluations["near"])
    assert "No match fits" in app.info[0].value
    app.segmented_control("hit").set_value("Hits").run()
    assert {row[:2] for row in rows(app)} == {(CAR, CAR)}
    app.button("errors-next").click().run()
    app.selectbox("order").set_value("confidence").run()
    assert not app.exception and "after" not in app.query_params
    app.slider("confidence").set_value((0.8, 1.0)).run()
    assert "No match fits" in app.info[0].value
    app.slider("confidence").set_value((0.0, 1.0)).run()
    app.slider("overlap").set_value((0.0, 0.5)).run()
    assert "No match fits" in app.info[0].value


def test_a_cell_from_a_link_and_by_hand(world) -> None:
    app = opened(evaluation=world.evaluations["far"], true=CAR, hit="All")
    assert rows(app)[0][:2] == (CAR, "(nothing)")
    assert "Miss" in app.markdown[0].value
    app.selectbox("errors-cell").set_value((CAR, None)).run()
    assert (app.query_params["pred"], "true" in app.query_params) == (CAR, False)
    assert rows(app)[0][:2] == ("(nothing)", CAR)
    assert "False alarm" in app.markdown[0].value
    app.selectbox("errors-cell").set_value((None, None)).run()
    assert "pred" not in app.query_params


def test_an_empty_cell_of_a_link_is_shown_as_such(world) -> None:
    app = opened(true="<script>", pred="**x**", hit="All")
    assert not app.error
    assert "No match fits" in app.info[0].value


def test_another_evaluation_begins_anew(world) -> None:
    app = opened(evaluation=world.evaluations["far"], true=CAR)
    app.selectbox("choose-evaluation").set_value(world.evaluations["near"]).run()
    assert app.query_params["evaluation"] == str(world.evaluations["near"])
    assert "true" not in app.query_params


def test_the_picked_row_has_its_frame(world) -> None:
    app = opened(evaluation=world.evaluations["far"])
    kinds = ["False alarm" if truth == "(nothing)" else "Miss" for truth, _, _ in rows(app)]
    assert set(kinds) == {"False alarm", "Miss"}
    mistakes = MatchFilter(hit=False)
    first = match_page(world.hub.database, world.evaluations["far"], mistakes).rows[0].id
    key = f"errors-rows-{hash((mistakes, first))}"
    for place, kind in enumerate(kinds):
        picked = {"rows": [place], "columns": [], "cells": []}
        app.session_state[key] = {"selection": picked}
        app.run()
        assert kind in app.markdown[0].value
        link = app.get("page_link")[0].proto.query_string
        assert link == f"frame={rows(app)[place][2]}"


def test_labels_may_hold_anything(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path))
    labels = ["<script>", "**x**", ":red[x]", "=cmd()"]
    scenes = []
    for number, label in enumerate(labels):
        scene = frame_of(1)
        frame = replace(scene.frame, image=f"{label.replace('/', '')}{number}.png")
        car = replace(scene.instances[-1], label=label)
        scenes.append(replace(scene, frame=frame, instances=(car,)))
    save_scenes(scenes, tmp_path / "labels.jsonl")
    data = add_dataset(hub.database, "**d**", tmp_path / "labels.jsonl").id
    add_run(hub.database, data, ":red[run]", [found_in(one, 200.0) for one in scenes], {})
    true, pred = (one.id for one in list_sources(hub.database, data))
    evaluate(hub.database, data, pred, true, "boxes", hub.someone("ada", "admin").user.id)
    for label in labels:
        app = opened(true=label)
        assert not app.error
        assert rows(app)[0][0] == as_text(label)
        assert "<script>" not in app.markdown[0].value
    hub.close()
