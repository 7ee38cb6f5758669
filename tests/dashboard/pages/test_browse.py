from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.hub import HubSettings, open_hub
from drivegrid.dashboard.pages import browse as browse_page
from drivegrid.dashboard.pages.histograms import chart_of, toggled
from drivegrid.dashboard.store import facets as facet_store
from drivegrid.dashboard.store.browse import Count
from drivegrid.dashboard.store.datasets import add_dataset
from drivegrid.dashboard.store.facets import Facet
from drivegrid.dashboard.store.people import list_views
from drivegrid.dashboard.store.query import Cell, OfEvaluation, Query
from streamlit.testing.v1 import AppTest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.geometry import Box
from tests.dashboard.pages.apps import press, run

HOSTILE = ("<script>alert(1)</script>", "**x**", ":red[x]", "=cmd()", "[a](http://b)", "$x$")


def page() -> None:
    from drivegrid.dashboard.pages.browse import browse
    from drivegrid.dashboard.pages.parts import told

    with told():
        browse()


@pytest.fixture
def shown(monkeypatch) -> list:
    """Return what the gallery was given, run by run, in place of a gallery."""
    calls = []

    def gallery(frames, signer, key, notes):
        calls.append(([frame.number for frame in frames], notes))

    monkeypatch.setattr(browse_page, "gallery", gallery)
    monkeypatch.setattr(browse_page, "PAGE_SIZE", 2)
    return calls


def opened(query: Query | None = None, **address: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = value
    if query is not None:
        app.query_params["q"] = query.to_text()
    return run(app)


def asked(app: AppTest) -> Query:
    return Query.from_text(address(app).get("q", ""))


def address(app: AppTest) -> dict[str, str]:
    """Return the address; a page that writes it leaves lists of values."""
    values = app.query_params.items()
    return {name: value if isinstance(value, str) else value[0] for name, value in values}


def pills(app: AppTest, key: str):
    return app.button_group(key=key)


def test_an_empty_store_says_what_to_do(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path))
    assert "No data yet" in opened().info[0].value
    hub.close()


def test_counts_that_are_not_of_all_frames_are_told(world, shown, monkeypatch) -> None:
    new = Query(status=("new",))

    def told(app: AppTest) -> list[str]:
        return [one.value for one in app.caption if "first" in one.value]

    assert told(opened(new)) == []
    monkeypatch.setattr(facet_store, "MAX_LOOKED_AT", 2)
    found = told(opened(new))
    assert sum("Counts with + are of the first" in one for one in found) == 1
    assert sum(one.endswith("frames)]") for one in found) == len(found) - 1 > 1
    assert told(opened(Query())) == []  # those are exact


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", "99"),
        ("dataset", "x"),
        ("q", "eA"),
        ("q", "bm8"),
        ("after", "x"),
        ("before", ""),
    ],
)
def test_an_address_that_means_nothing_is_told(world, name, value) -> None:
    assert opened(**{name: value}).error[0].value


def test_pages_follow_one_another_there_and_back(world, shown) -> None:
    app = opened()
    assert shown[-1][0] == [0, 1]
    assert any("**6** frames" in one.value for one in app.markdown)
    assert app.button(key="browse-previous").disabled
    for pages in ([2, 3], [4, 5]):
        run(app.button(key="browse-next").click())
        assert shown[-1][0] == pages
    assert app.button(key="browse-next").disabled
    opened(**address(app))
    assert shown[-1][0] == [4, 5]  # a reload shows the same
    for pages in ([2, 3], [0, 1]):
        run(app.button(key="browse-previous").click())
        assert shown[-1][0] == pages
    assert app.button(key="browse-previous").disabled


def test_filters_write_the_address(world, shown) -> None:
    app = opened()
    run(pills(app, "browse-fact-weather").set_value(["rain"]))
    assert asked(app) == Query(facts={"weather": ("rain",)})
    assert shown[-1][0] == [0, 3]
    run(pills(app, "browse-label-object").set_value(["object/vehicle/car"]))
    assert shown[-1][0] == [3]
    run(pills(app, "browse-label-lane").set_value(["lane/line"]))
    assert set(asked(app).facts["label"]) == {"object/vehicle/car", "lane/line"}
    press(app, "Clear all filters")
    assert asked(app) == Query()
    run(app.text_input(key="browse-text").set_value("frame-4"))
    assert shown[-1][0] == [4]
    run(app.text_input(key="browse-text").set_value("no such thing"))
    assert "No frame is like this" in app.info[0].value
    run(app.text_input(key="browse-text").set_value(" a" * 11))
    assert "at most 10 words" in app.toast[0].value
    run(app.text_input(key="browse-text").set_value(""))
    run(pills(app, "browse-status").set_value(["accepted"]))
    assert asked(app) == Query(status=("accepted",))
    run(pills(app, "browse-status").set_value([]))
    run(app.selectbox(key="browse-clip").set_value("drive"))
    assert asked(app) == Query(clip="drive")


def test_scores_order_and_filter(world, shown) -> None:
    app = opened()
    run(app.selectbox(key="browse-evaluation").set_value(world.evaluations["far"]))
    run(app.selectbox(key="browse-order").set_value("score"))
    assert shown[-1][1] == dict.fromkeys([1 + number for number in shown[-1][0]], "0.00")
    run(app.button(key="browse-turn").click())
    assert asked(app).descending
    run(pills(app, "browse-mistakes").set_value(["misses"]))
    assert asked(app).evaluation == OfEvaluation(id=world.evaluations["far"], misses=True)
    run(app.slider(key="browse-score").set_value((0.5, 1.0)))
    assert asked(app).evaluation.score_from == 0.5
    run(app.selectbox(key="browse-evaluation").set_value(None))
    assert asked(app) == Query(descending=True)


def test_a_cell_of_a_confusion_can_be_left(world, shown) -> None:
    cell = OfEvaluation(id=world.evaluations["far"], cell=Cell(true_label="object/vehicle/car"))
    app = opened(Query(evaluation=cell))
    assert shown[-1][0] == [1, 3]
    [leave] = [one for one in app.button if one.label.startswith("Confusion")]
    run(leave.click())
    assert asked(app).evaluation.cell is None


def test_views_are_saved_shown_and_deleted(world, shown) -> None:
    app = opened(Query(text="frame-2"))
    app.text_input(key="browse-view-name").set_value("**mine**")
    press(app, "Save")
    [view] = list_views(world.hub.database, world.dataset_id)
    assert (view.name, view.query) == ("**mine**", Query(text="frame-2"))
    press(app, "Clear all filters")
    press(app, r"\*\*mine\*\*")
    assert asked(app) == view.query
    run(app.button(key=f"browse-view-delete-{view.id}").click())
    assert not list_views(world.hub.database, world.dataset_id)
    press(app, "Save")
    assert "name must have" in app.error[0].value.replace("\\", "")


def test_hostile_texts_are_texts(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path / "hub"))
    instances = tuple(
        Instance(text, Box(np.array([1.0, 1, 9, 9])), {text: text}) for text in HOSTILE
    )
    frames = [
        Scene(Frame(f"{n}.png", (32, 24), {text: text}, clip=text), instances)
        for n, text in enumerate(HOSTILE)
    ]
    save_scenes(frames, tmp_path / "labels.jsonl")
    dataset_id = add_dataset(hub.database, "**a** :red[b]", tmp_path / "labels.jsonl").id
    app = opened(Query(facts={HOSTILE[0]: (HOSTILE[0],), "label": HOSTILE}))
    options = [option for group in app.button_group for option in group.options]
    assert all("<script>" not in option and "**x**" not in option for option in options)
    for text in HOSTILE:
        run(app.selectbox(key="browse-clip").set_value(text))
        assert asked(app).clip == text
    hub.close()
    assert dataset_id == 1


def test_the_histograms_can_be_hidden(world, shown) -> None:
    app = opened()
    charts = len(app.get("vega_lite_chart"))
    assert charts
    run(app.toggle(key="browse-histograms").set_value(False))
    assert not app.get("vega_lite_chart")


def test_bars_take_values_in_and_out() -> None:
    query = toggled(Query(), "weather", ["rain"])
    assert query.facts == {"weather": ("rain",)}
    assert toggled(query, "weather", ["snow"]).facts == {"weather": ("rain", "snow")}
    assert toggled(query, "weather", ["rain"]) == Query()
    assert toggled(query, "weather", []) == query


def test_bars_are_in_the_order_of_their_sizes() -> None:
    counted = [Facet(value, Count(1, False)) for value in ("large", "small")]
    rows = chart_of("size", counted, ("small",)).to_dict()["data"]["values"]
    assert [(row["value"], row["chosen"]) for row in rows] == [("small", True), ("large", False)]


def test_package_data_lie_beside_the_page() -> None:
    folder = Path(browse_page.__file__).parent
    assert "innerHTML" not in (folder / "gallery.js").read_text(encoding="utf-8")
