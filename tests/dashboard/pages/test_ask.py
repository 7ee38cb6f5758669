from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.pages.parts import mask_layer
from drivegrid.dashboard.store.browse import frame
from drivegrid.dashboard.store.pictures import add_upload, find_picture
from streamlit.testing.v1 import AppTest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Polygon, Polyline
from drivegrid.inference.results import Answer, Found
from drivegrid.plotting.trace import AnchorTrace


def page() -> None:
    from drivegrid.dashboard.pages.ask import ask
    from drivegrid.dashboard.pages.parts import told

    with told():
        ask()


class Asked:
    """A ticket that is over."""

    def __init__(self, result, state="done", error="") -> None:
        self.result, self.state, self.error, self.place = result, state, error, 0

    def cancel(self) -> None:
        self.state = "cancelled"


def opened(world, ticket=None) -> AppTest:
    app = AppTest.from_function(page, default_timeout=30)
    app.query_params["frame"] = "1"
    if ticket is not None:
        app.session_state["ask-ticket"] = (1, ticket)
    return app.run()


def test_without_a_picture_it_says_what_to_do(world) -> None:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    assert "take one of these" in app.info[0].value


def test_without_any_frame_none_is_offered(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path / "empty"))
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    assert [one.value for one in app.info] == ["Upload a road picture on the right."]
    hub.close()


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "99"])
def test_a_frame_that_is_none_is_told(world, number) -> None:
    app = AppTest.from_function(page, default_timeout=30)
    app.query_params["frame"] = number
    app.run()
    assert not app.exception
    assert "frame" in app.error[0].value


def test_an_answer_is_shown_with_its_tokens(world) -> None:
    line = Polyline(np.array([[10.0, 170], [100, 60]]))
    trace = AnchorTrace(line.xy, line.xy, np.array([False, False]))
    one = Found(Instance("lane/line", line, confidence=0.8), ("<line><grid_1_30></line>",), trace)
    answer = Answer(("q",), (320, 180), (one,), ("lane line: <line><grid_1_30></line>",))
    app = opened(world, Asked(answer))
    assert not app.exception and not app.error
    table = app.dataframe[0].value
    assert table["proposed"].tolist() == ["<line><grid_1_30></line>"]
    assert table["confidence"].tolist() == [0.8]
    assert "grid_1_30" in app.code[0].value


def test_masks_are_a_layer_of_their_own() -> None:
    box, place = Box(np.array([10.0, 20, 60, 80])), np.zeros((180, 320), np.bool_)
    place[25:70, 15:55] = True
    trace = AnchorTrace(box.xyxy.reshape(2, 2), box.xyxy.reshape(2, 2), np.zeros(2, np.bool_))
    car = Found(Instance("object/vehicle/car", box), ("",), trace, mask=place, mask_score=0.7)
    bare = Found(Instance("object/vehicle/car", box), ("",), trace)
    empty = replace(car, mask=np.zeros_like(place))
    area = Polygon((np.array([[0.0, 0], [9, 0], [9, 9]]),))
    outlined = replace(car, instance=Instance("area/drivable", area))
    layer = mask_layer("masks", (bare, car, empty, outlined))
    [mask] = layer.shapes
    assert mask.instance.label == "object/vehicle/car"
    assert mask.instance.confidence == 0.7
    corners = mask.instance.geometry.vertices()
    assert corners.min(axis=0).tolist() == [15, 25]
    assert corners.max(axis=0).tolist() == [55, 70]


@pytest.mark.parametrize(("wanted", "asked"), [(False, "ask"), (True, "segment")])
def test_masks_are_asked_for(world, monkeypatch, wanted, asked) -> None:
    calls = []

    class Model:
        def ask(self, image, query):
            calls.append(("ask", query))
            return Asked(None, "timed out")

        def segment(self, image, query):
            calls.append(("segment", query))
            return Asked(None, "timed out")

    monkeypatch.setattr(Hub, "model", Model())
    app = opened(world)
    app.toggle(key="ask-masks").set_value(wanted)
    app.text_input(key="ask-query").set_value("all cars")
    app.button[0].click().run()
    assert not app.exception
    assert calls == [(asked, "all cars")]


def test_no_answer_is_told(world) -> None:
    app = opened(world, Asked(None, "timed out", "answer must come within *60* seconds"))
    assert not app.exception
    assert r"\*60\*" in app.warning[0].value
    assert (
        "Nothing" in opened(world, Asked(Answer(("q",), (320, 180), (), ("none",)))).info[0].value
    )


def test_shares_of_a_place(world) -> None:
    app = opened(world, Asked({"wet": 0.75, "dry": 0.25}))
    assert not app.exception and not app.error


def test_an_upload_is_a_frame_of_its_own(world, tmp_path) -> None:
    first = add_upload(world.hub.database, tmp_path, "a.png", (64, 48))
    again = add_upload(world.hub.database, tmp_path, "a.png", (64, 48))
    second = add_upload(world.hub.database, tmp_path, "b.png", (64, 48))
    assert first == again != second
    assert find_picture(world.hub.database, second) == (tmp_path, "b.png")
    assert find_picture(world.hub.database, 10**9) is None
    assert [frame(world.hub.database, one).number for one in (first, second)] == [0, 1]
