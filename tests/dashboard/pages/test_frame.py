from functools import partial

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.pages import frame as frame_page
from drivegrid.dashboard.store.datasets import add_run
from drivegrid.dashboard.store.reviews import Verdict

from tests.dashboard.pages.apps import open_page
from tests.dashboard.pages.conftest import frame_of


def page() -> None:
    from drivegrid.dashboard.pages.frame import frame
    from drivegrid.dashboard.pages.parts import told

    with told():
        frame()


opened = partial(open_page, page)


def test_without_a_frame_it_says_what_to_do(world) -> None:
    assert "Open a frame" in opened(frame=None).info[0].value


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "99"])
def test_a_frame_that_is_none_is_told(world, number) -> None:
    assert "frame" in opened(frame=number).error[0].value


def test_every_source_is_a_layer(world, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr(frame_page, "canvas", lambda picture, layers, **_: drawn.append(layers))
    opened(frame="2")
    assert [(one.name, one.role, len(one.shapes)) for one in drawn[0]] == [
        ("labels", "label", 3),
        ("near", "model", 3),
        ("far", "other", 3),
    ]


def test_a_run_that_did_not_see_the_frame_is_told_from_one_that_found_nothing(world) -> None:
    hub, seen = world.hub, frame_of(0)
    for name, found in (("never", ()), ("*some*", (seen,))):
        add_run(hub.database, world.dataset_id, name, found, {})
    assert r"Not covered by never\." in [one.value for one in opened(frame="1").caption]
    assert r"Not covered by never, \*some\*\." in [one.value for one in opened(frame="2").caption]


def test_facts_and_history_are_shown(world) -> None:
    app = opened(frame="1")
    assert any("Nobody has reviewed" in one.value for one in app.caption)
    facts = dict(app.dataframe[0].value.itertuples(index=False))
    assert (facts["weather"], facts["clip"], facts["size"]) == ("rain", "drive", "320 x 180")
    world.hub.someone("ada", "admin").verdict(1, Verdict("reject", 0, "a", note="**glare**"))
    events = opened(frame="1").dataframe[1].value
    assert events[["who", "verdict", "note"]].values.tolist() == [["ada", "reject", "**glare**"]]


def test_neighbours_of_the_clip(world) -> None:
    app = opened(frame="1")
    before, after = app.button
    assert before.disabled
    after.click().run()
    assert app.query_params["frame"] in ("2", ["2"])
    assert not app.button[0].disabled
