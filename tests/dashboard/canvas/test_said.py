"""Messages of the browser: a valid one is read, any other is refused with a reason."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.canvas import said as reading
from drivegrid.dashboard.canvas.layers import (
    CanvasError,
    Layer,
    Picture,
    Shape,
    TokenTrace,
    parts_to_data,
)
from drivegrid.dashboard.canvas.said import (
    Commit,
    Region,
    Select,
    Shown,
    Verdict,
    parse_said,
    token_of,
)

from drivegrid.data.scene import Instance
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline

SIZE = (200, 100)
LINE = Polyline([[-5.123456, 3.0], [250.0, 99.0]])
GIVEN = (
    Shape(
        "a",
        Instance("lane/line", LINE, {"style": "solid"}, 0.5, 0.9, "nano", {"k": 1}),
        TokenTrace([[1, 1]], (), np.array([False])),
    ),
    Shape("b", Instance("<img src=x onerror=alert(1)>", Box([10, 10, 20, 30]))),
)
LABELS = ("lane/line", "sign")
SHOWN = Shown(Picture("f", "/f", SIZE), 4, Layer("labels", "label", GIVEN, editable=True), LABELS)
ABOUT = {"picture": "f", "revision": 4, "token": "0123456789abcdef"}


def sent(shape: Shape, **changes) -> dict:
    """Return a shape as the browser sends it."""
    instance = shape.instance
    parts = parts_to_data(instance.geometry)
    kind = instance.geometry.kind
    return {"id": shape.id, "kind": kind, "parts": parts, "label": instance.label, **changes}


def commit(*shapes: dict, **changes) -> dict:
    return {"kind": "commit", **ABOUT, "shapes": list(shapes), **changes}


def read(message: object):
    """Return what is read after the message went through JSON, as all messages do."""
    return parse_said(json.loads(json.dumps(message)), SHOWN)


def test_an_empty_commit_removes_all() -> None:
    assert read(commit()) == Commit("f", 4, ABOUT["token"], False, ())


def test_untouched_shapes_are_as_they_were_given_even_outside_the_frame() -> None:
    said = read(commit(*map(sent, GIVEN)))
    assert said.shapes == GIVEN
    assert said.shapes[0].trace is GIVEN[0].trace


def test_a_moved_shape_keeps_what_the_browser_does_not_know() -> None:
    said = read(commit(sent(GIVEN[0], parts=[[[-5, 3], [150.5, 120]]])))
    (shape,) = said.shapes
    assert shape.instance.geometry == Polyline([[0, 3], [150.5, 100]])
    assert shape.instance.attributes == {"style": "solid"}
    assert (shape.instance.source, shape.instance.extra) == ("nano", {"k": 1})
    assert (shape.instance.confidence, shape.trace) == (None, None)


def test_another_label_leaves_the_geometry() -> None:
    (shape,) = read(commit(sent(GIVEN[0], label="sign"))).shapes
    assert (shape.instance.label, shape.instance.confidence) == ("sign", None)
    assert shape.instance.geometry is LINE


@pytest.mark.parametrize(
    ("kind", "parts", "geometry"),
    [
        ("point", [[[1, 2]]], Point([1, 2])),
        ("box", [[[50, 60], [10, 20]]], Box([10, 20, 50, 60])),
        ("line", [[[1, 2], [3, 4]]], Polyline([[1, 2], [3, 4]])),
        ("poly", [[[0, 0], [9, 0], [9, 9]]], Polygon(([[0, 0], [9, 0], [9, 9]],))),
        ("seg", [[[1, 2]]], Anchors([[1, 2]])),
    ],
)
def test_new_shapes_of_every_kind(kind, parts, geometry) -> None:
    (shape,) = read(commit({"id": "new-1", "kind": kind, "parts": parts, "label": "sign"})).shapes
    assert shape == Shape("new-1", Instance("sign", geometry))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"kind": "select", "shape": None}, Select("f", 4, ABOUT["token"], False, None)),
        ({"kind": "select", "shape": "a"}, Select("f", 4, ABOUT["token"], False, "a")),
        *(
            ({"kind": "verdict", "verdict": v}, Verdict("f", 4, ABOUT["token"], False, v))
            for v in ("accept", "reject", "undo", "next", "previous", "skip")
        ),
        (
            {"kind": "region", "region": {"kind": "point", "parts": [[[-3, 7]]]}},
            Region("f", 4, ABOUT["token"], False, Point([0, 7])),
        ),
        (
            {"kind": "region", "region": {"kind": "box", "parts": [[[1, 2], [300, 40]]]}},
            Region("f", 4, ABOUT["token"], False, Box([1, 2, 200, 40])),
        ),
    ],
)
def test_the_other_messages(message, said) -> None:
    assert read({**ABOUT, **message}) == said


@pytest.mark.parametrize("change", [{"revision": 3}, {"revision": 5}, {"picture": "g"}])
def test_what_is_about_another_revision_or_picture_is_stale(change) -> None:
    said = read(commit(sent(GIVEN[1]), **change))
    assert said.stale
    assert said.shapes == GIVEN[1:]
    assert read({"kind": "verdict", **ABOUT, "verdict": "accept", **change}).stale


def new(**changes) -> dict:
    return {"id": "n", "kind": "line", "parts": [[[1, 2], [3, 4]]], "label": "sign", **changes}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (None, "message must be a mapping"),
        ({}, "message must be a mapping with a kind"),
        ([commit()], "message must be a mapping"),
        ({**ABOUT, "kind": "eval"}, "kind must be one of"),
        ({**ABOUT, "kind": ["commit"]}, "message must be a mapping with a kind"),
        ({**commit(), "more": 1}, "keys must be"),
        (commit(revision=True), "revision must be a whole number"),
        (commit(revision=4.0), "revision must be a whole number"),
        (commit(revision=2**70), "revision must be a whole number"),
        (commit(picture=""), "picture must be a text"),
        (commit(token="a b"), "token must have"),
        (commit(shapes={}), "shapes must be a list"),
        (commit(3), "shape must have id"),
        (commit({**new(), "attributes": {}}), "shape must have id"),
        (commit(new(id="n" * 201)), "id of a shape must be a text"),
        (commit(new(), new()), "ids of shapes must differ"),
        (commit(new(kind="circle")), "kind must be one of"),
        (commit(new(kind=None)), "kind must be one of"),
        (commit(new(label="other")), "label must be one of those offered"),
        (commit(new(label=GIVEN[1].instance.label)), "label must be one of those offered"),
        (commit(new(label=["sign"])), "label must be one of those offered"),
        (commit(new(parts="x")), "parts must be lists"),
        (commit(new(parts=[[1, 2]])), "point must be x, y"),
        (commit(new(parts=[[[1, "2"], [3, 4]]])), "point must be x, y"),
        (commit(new(parts=[[[1, True], [3, 4]]])), "point must be x, y"),
        (commit(new(parts=[[[1, 2, 3], [3, 4]]])), "point must be x, y"),
        (commit(new(parts=[[[float("nan"), 2], [3, 4]]])), "point must be x, y"),
        (commit(new(parts=[[[float("inf"), 2], [3, 4]]])), "point must be x, y"),
        (commit(new(parts=[[[10**400, 2], [3, 4]]])), "point must be x, y"),
        (commit(new(parts=[])), "line must be one list"),
        (commit(new(parts=[[[1, 2]]])), "line must have 2 to"),
        (commit(new(parts=[[[1, 2], [3, 4]]] * 2)), "line must be one list"),
        (commit(new(kind="poly", parts=[])), "poly must have rings"),
        (commit(new(kind="poly", parts=[[[1, 2], [3, 4]]])), "poly must have 3 to"),
        (commit(new(kind="box", parts=[[[1, 2], [1, 4]]])), "box must have an area"),
        (commit(new(kind="box", parts=[[[300, 2], [400, 4]]])), "box must have an area"),
        (commit(new(kind="point", parts=[[[1, 2], [1, 4]]])), "point must have 1 to 1"),
        (commit(sent(GIVEN[0], kind="seg")), "kind must stay line"),
        ({**ABOUT, "kind": "verdict", "verdict": "delete"}, "verdict must be one of"),
        ({**ABOUT, "kind": "verdict", "verdict": {}}, "verdict must be one of"),
        ({**ABOUT, "kind": "select", "shape": 3}, "shape must be a text"),
        ({**ABOUT, "kind": "region", "region": None}, "region must have kind and parts"),
        (
            {**ABOUT, "kind": "region", "region": {"kind": "line", "parts": [[[1, 2], [3, 4]]]}},
            "region must be a point or a box",
        ),
    ],
)
def test_anything_else_is_refused_with_a_reason(message, reason) -> None:
    with pytest.raises(CanvasError, match=reason):
        read(message)


def test_counts_are_capped() -> None:
    many = [new(id=f"n{i}") for i in range(reading.MAX_SHAPES + 1)]
    with pytest.raises(CanvasError, match="shapes must be a list of at most 2000"):
        read(commit(*many))
    long = [[i % 7, 1] for i in range(reading.MAX_POINTS // 2 + 1)]
    with pytest.raises(CanvasError, match="shapes must have at most 20000 points"):
        read(commit(new(id="n1", parts=[long]), new(id="n2", parts=[long])))
    with pytest.raises(CanvasError, match="parts must have at most 20000 points"):
        read(commit(new(parts=[[]] * (2 * reading.MAX_POINTS + 1))))


def test_without_an_editable_layer_there_is_nothing_to_commit() -> None:
    with pytest.raises(CanvasError, match="commit must be of an editable layer"):
        parse_said(commit(), Shown(SHOWN.picture, 4, None, LABELS))


numbers = some.integers(-300, 300) | some.floats() | some.booleans()
json_values = some.recursive(
    some.none() | numbers | some.text(max_size=6),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=6), inner),
    max_leaves=8,
)
points = some.lists(numbers, min_size=2, max_size=2) | json_values
shapes = some.fixed_dictionaries(
    {
        "id": some.sampled_from(["a", "b", "new-1"]) | json_values,
        "kind": some.sampled_from(["point", "box", "line", "poly", "seg"]) | json_values,
        "parts": some.lists(some.lists(points, max_size=4), max_size=2) | json_values,
        "label": some.sampled_from(LABELS) | json_values,
    }
)
messages = some.fixed_dictionaries(
    {"kind": some.sampled_from(["commit", "select", "verdict", "region"]) | json_values},
    optional={
        "picture": some.just("f") | json_values,
        "revision": some.just(4) | json_values,
        "token": some.just(ABOUT["token"]) | json_values,
        "shapes": some.lists(shapes, max_size=3) | json_values,
        "shape": json_values,
        "verdict": some.just("accept") | json_values,
        "region": shapes | json_values,
    },
)
whole_commits = some.builds(lambda many: commit(*many), some.lists(shapes, max_size=3))


@given(messages | whole_commits | json_values)
def test_whatever_arrives_is_read_or_refused(message) -> None:
    token_of(message)
    try:
        said = parse_said(message, SHOWN)
    except CanvasError:
        return
    assert said.token == ABOUT["token"]
    untouched = {id(shape) for shape in GIVEN}
    for shape in said.shapes if isinstance(said, Commit) else ():
        assert shape.instance.label in (*LABELS, GIVEN[1].instance.label)
        xy = shape.instance.geometry.vertices()
        moved = shape.instance.geometry is not LINE and id(shape) not in untouched
        assert not moved or ((xy >= 0) & (xy <= SIZE)).all()


pairs = some.tuples(some.floats(0, 200), some.floats(0, 100)).map(list)


@given(some.lists(pairs, min_size=2, max_size=6))
def test_lines_inside_the_frame_come_through_as_they_are(line) -> None:
    (shape,) = read(commit(new(parts=[line]))).shapes
    assert np.array_equal(shape.instance.geometry.xy, np.array(line))
