"""Charts: well-formed, escaped, and where the numbers say."""

import xml.etree.ElementTree as ElementTree

import pytest

from drivegrid.plotting.chart import MAX_SERIES, Bar, Chart, Series, svg_of

HOSTILE = "<script>alert(1)</script> \"'&{x}"


def parsed(chart):
    return ElementTree.fromstring(svg_of(chart))


def test_an_empty_chart_has_axes_and_texts():
    svg = parsed(Chart("title", "x", "y"))
    assert next(node.text for node in svg.iter("text")) == "title"
    assert not list(svg.iter("polyline"))
    assert not list(svg.iter("rect"))


def test_every_text_is_escaped():
    chart = Chart(HOSTILE, HOSTILE, HOSTILE, [Series(HOSTILE, [])], [Bar(0, 1, 1, HOSTILE)])
    assert "<script" not in svg_of(chart)
    assert [node.text for node in parsed(chart).iter() if node.text == HOSTILE]


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 0.0), (0.25, 1.0)])
def test_points_lie_on_the_grid_their_numbers_name(point):
    svg = parsed(Chart("", "x", "y", [Series("", [point])], [Bar(point[0], 1, point[1])]))
    x, y = map(float, svg.find("polyline").get("points").split(","))
    rect = svg.find("rect")
    assert (float(rect.get("x")), float(rect.get("y"))) == (x, y)
    ground, left = max_of(svg, "y1"), min_of(svg, "x1")
    side = max_of(svg, "x2") - left
    assert ((x - left) / side, (ground - y) / side) == pytest.approx(point)
    assert float(rect.get("y")) + float(rect.get("height")) == pytest.approx(ground)


def max_of(svg, name):
    return max(float(node.get(name)) for node in svg.iter("line"))


def min_of(svg, name):
    return min(float(node.get(name)) for node in svg.iter("line"))


def test_many_series_are_counted_not_drawn():
    names = [f"s{i}" for i in range(MAX_SERIES + 3)]
    svg = parsed(Chart("", "", "", [Series(name, [(0, 0), (1, 1)]) for name in names]))
    assert len(list(svg.iter("polyline"))) == MAX_SERIES
    texts = [node.text for node in svg.iter("text")]
    assert "and 3 more" in texts
    assert names[MAX_SERIES] not in texts
