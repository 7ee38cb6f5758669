"""Values out of unchecked JSON: what they should be, or an error that names them."""

import pytest

from drivegrid.data.fields import (
    as_confidence,
    as_kind,
    box,
    field,
    number,
    number_text,
    own_extra,
    points,
)
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Point


@pytest.mark.parametrize(
    ("value", "kind"), [({}, dict), ([], list), ("", str), (0, int), (False, bool)]
)
def test_values_of_the_right_kind_pass(value, kind):
    assert as_kind(value, kind, "x") is value
    assert field({"a": value}, "a", kind) is value


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, dict), ({}, list), (1, str), (True, int), (1.5, int), (0, bool), ("1", int)],
)
def test_values_of_another_kind_are_named(value, kind):
    with pytest.raises(FormatError, match="x, a must be"):
        field({"a": value}, "a", kind, "x")


def test_a_missing_key_is_told_with_those_there():
    with pytest.raises(FormatError, match=r"label 3, a must be there, got keys \['b'\]"):
        field({"b": 1}, "a", int, "label 3")


@pytest.mark.parametrize("value", [None, "1", True, [], 1e8, float("nan"), float("inf")])
def test_what_is_no_pixel_number(value):
    with pytest.raises(FormatError, match="x must be a number"):
        number(value, "x")


@pytest.mark.parametrize("text", ["", "one", "1_0", "nan", "inf", "1e8", "1 2"])
def test_what_is_no_number_in_text(text):
    with pytest.raises(FormatError, match="x must be a number"):
        number_text(text, "x")


def test_points_and_boxes():
    assert points([], "x").shape == (0, 2)
    assert points([[1, 2.5]], "x").tolist() == [[1.0, 2.5]]
    for wrong in (None, [1, 2], [[1]], [[1, "2"]], [[1, 2, 3]]):
        with pytest.raises(FormatError, match="x must"):
            points(wrong, "x")
    assert box(0, 1, 2, 3, "x").xyxy.tolist() == [0, 1, 2, 3]
    with pytest.raises(FormatError, match="upper left, got"):
        box(2, 1, 0, 3, "x")


@pytest.mark.parametrize("score", [0, 0.5, 1, 1.0])
def test_scores_that_are_confidences(score):
    found = as_confidence(score)
    assert (found, type(found)) == (score, float)


@pytest.mark.parametrize("score", [None, True, "0.5", [0.5], -0.1, 1.1, float("nan"), float("inf")])
def test_scores_that_are_none(score):
    assert as_confidence(score) is None


def test_what_a_reader_left_in_extra():
    cone = Instance("obstacle/cone", Point([1, 2]), extra={"voc": {"class": "cone"}, "yolo": [1]})
    assert own_extra(cone, "voc") == {"class": "cone"}
    assert own_extra(cone, "kitti") == {}
    assert own_extra(Scene(Frame("a.jpg", (8, 6))), "voc") == {}
    with pytest.raises(FormatError, match=r"extra yolo must be an object, got \[1\]"):
        own_extra(cone, "yolo")
