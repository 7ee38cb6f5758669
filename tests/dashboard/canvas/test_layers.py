"""What goes to the browser, and what is refused before it does."""

import json

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.canvas.layers import (
    STYLES,
    CanvasError,
    Layer,
    Picture,
    Shape,
    TokenTrace,
    check_layers,
    parts_to_data,
)

from drivegrid.data.scene import Instance
from drivegrid.errors import GeometryError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline
from drivegrid.plotting.trace import AnchorTrace

RING = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]])


@pytest.mark.parametrize(
    ("geometry", "parts"),
    [
        (Polyline([]), [[]]),
        (Point([1.004, 2.0]), [[[1.0, 2.0]]]),
        (Box([1, 2, 3, 4.126]), [[[1.0, 2.0], [3.0, 4.13]]]),
        (Polyline([[1, 2], [3, 4]]), [[[1.0, 2.0], [3.0, 4.0]]]),
        (Polygon((RING, RING[:0])), [[[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]], []]),
        (Anchors([[5, 6]]), [[[5.0, 6.0]]]),
    ],
)
def test_parts_are_lists_of_rounded_points(geometry, parts) -> None:
    assert parts_to_data(geometry) == parts


def test_a_layer_is_plain_json_with_the_look_of_its_role() -> None:
    trace = TokenTrace(RING, (RING, RING + 1), np.array([True, False, False]))
    instance = Instance("lane/line", Polyline(RING), {"style": "solid"}, confidence=0.5)
    data = Layer("nano", "model", [Shape("p1", instance, trace)], visible=False).to_data()
    assert json.loads(json.dumps(data)) == data
    assert (data["color"], data["visible"], data["editable"]) == ("#e69f00", False, False)
    (shape,) = data["shapes"]
    assert shape["confidence"] == 0.5
    assert shape["attributes"] == {"style": "solid"}
    assert shape["trace"]["deleted"] == [True, False, False]
    assert shape["trace"]["rounds"][1][0] == [1.0, 1.0]


def test_a_picture_keeps_its_size_and_the_address_after_it() -> None:
    data = Picture("7", "/media/a", (1280, 720), "/media/b").to_data()
    assert data == {"id": "7", "url": "/media/a", "size": [1280, 720], "nextUrl": "/media/b"}


def test_roles_differ_in_colour_and_in_dash_or_marker() -> None:
    styles = list(STYLES.values())
    assert len({style.color for style in styles}) == len(styles)
    assert len({style.marker for style in styles}) == len(styles)


@pytest.mark.parametrize(
    ("proposed", "rounds", "deleted", "error"),
    [
        ([], (), [True], CanvasError),
        (RING, (RING[:2],), [False] * 3, CanvasError),
        (RING, (RING,), [False] * 2, CanvasError),
        (RING, (RING * np.nan,), [False] * 3, GeometryError),
    ],
)
def test_a_trace_whose_parts_do_not_fit_is_refused(proposed, rounds, deleted, error) -> None:
    with pytest.raises(error, match="must"):
        TokenTrace(proposed, rounds, np.array(deleted))


@pytest.mark.parametrize("moves", [(2.0,), (2.0, -1.0), (2.0, -1.0, 0.0)])
def test_the_trace_of_a_prediction_has_its_rounds_one_by_one(moves) -> None:
    *earlier, moved = RING + np.cumsum(moves)[:, None, None]
    deleted = np.array([False, True, False])
    trace = TokenTrace.of_anchors(AnchorTrace(RING, moved, deleted, earlier=tuple(earlier)))
    assert [vectors.tolist() for vectors in trace.rounds] == [[[by, by]] * 3 for by in moves]


def _layer(*ids: str, editable: bool = False) -> Layer:
    shapes = [Shape(name, Instance("sign", Point([1, 1]))) for name in ids]
    return Layer("labels", "label", shapes, editable=editable)


def test_the_editable_layer_is_found() -> None:
    assert check_layers([]) is None
    assert check_layers([_layer("a")]) is None
    editable = _layer("b", editable=True)
    assert check_layers([_layer("a"), editable]) is editable


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([_layer("a", "a")], "ids of shapes must differ, got 'a' twice"),
        ([_layer("a"), _layer("a")], "ids of shapes must differ"),
        ([_layer("a", editable=True), _layer("b", editable=True)], "one layer at most"),
    ],
)
def test_layers_that_contradict_each_other_are_refused(layers, message) -> None:
    with pytest.raises(CanvasError, match=message):
        check_layers(layers)
