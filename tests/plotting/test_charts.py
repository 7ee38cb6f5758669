"""Charts are well-formed SVG whose lengths are the counts, whatever the names are."""

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring

from drivegrid.plotting.charts import MAX_BARS, bar_chart, column_chart, heat_maps

SVG = "{http://www.w3.org/2000/svg}"


def texts(chart):
    return [node.text for node in fromstring(chart).iter(f"{SVG}text")]


def rects(chart):
    return [node.attrib for node in fromstring(chart).iter(f"{SVG}rect")][1:]  # without paper


@pytest.mark.parametrize(
    "chart",
    [bar_chart("t", {}), bar_chart("t", {"a": 0}), column_chart("t", {}, "u"), heat_maps("t", {})],
)
def test_nothing_to_draw_says_so(chart) -> None:
    assert "none" in texts(chart)


def test_bars_are_as_long_as_their_counts() -> None:
    chart = bar_chart("Classes", {"car": 50, "bus": 100, "tram": 0})
    assert texts(chart) == ["Classes", "bus", "100", "car", "50"]
    lengths = [float(rect["width"]) for rect in rects(chart)]
    assert lengths[0] == pytest.approx(2 * lengths[1])


def test_many_bars_end_in_a_count_of_the_rest() -> None:
    shown = texts(bar_chart("t", {f"c{n}": 2 for n in range(MAX_BARS + 5)}))
    assert shown[-1] == "and 5 more, 10 in all"
    assert len(shown) == 2 * MAX_BARS + 2


def test_hostile_names_stay_text() -> None:
    name = "<script>&\x00\x1b\ud800"
    (_, shown, _) = texts(bar_chart("t", {name: 1}))
    assert shown == "<script>&" + 3 * "\ufffd"


def test_columns_stand_in_order() -> None:
    chart = column_chart("t", {3: 4, 1: 2, 2: 0}, "lanes")
    _, *bars = rects(chart)  # without the base line
    assert [round(float(bar["height"])) for bar in bars] == [110, 1, 220]
    assert [float(bar["x"]) for bar in bars] == sorted(float(bar["x"]) for bar in bars)
    assert {"1", "2", "3", "lanes"} <= set(texts(chart))


def test_heat_maps_fill_the_cells_that_count() -> None:
    counts = np.zeros((32, 32), dtype=np.int64)
    counts[31, 0], counts[0, 31] = 9, 1
    chart = heat_maps("t", {"lane": counts, "sign": np.zeros_like(counts)})
    cells = [rect for rect in rects(chart) if rect["width"] == "8.4"]
    assert [cell["fill"] for cell in cells] == [
        "#8ecdf0",
        "#00426e",
    ]  # a third of the way: root of 1/9
    assert float(cells[0]["x"]) > float(cells[1]["x"])
    assert float(cells[0]["y"]) < float(cells[1]["y"])
