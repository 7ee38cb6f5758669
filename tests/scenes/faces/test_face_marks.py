"""Areas and strokes in the plane of the plate."""

import numpy as np
import pytest
from shapely.geometry import LineString, Polygon
from shapely.ops import unary_union

from drivegrid.scenes.faces.marks import (
    Stroke,
    area,
    circle,
    discs,
    inset,
    mirrored,
    place,
    rectangle,
    rounded,
)


def covered(mark) -> Polygon:
    return unary_union([Polygon(ring) for group in mark.polygons() for ring in group])


def test_no_discs_is_no_marks() -> None:
    assert discs(0.5) == ()


@pytest.mark.parametrize(
    "course", [((0, 0), (1, 0)), ((0, 0), (0.5, 0.8), (1, 0)), ((0, 0), (0, 1), (1, 1))]
)
def test_a_round_stroke_is_a_buffered_line(course) -> None:
    drawn, wanted = covered(Stroke(course, 0.2)), LineString(course).buffer(0.1)
    assert drawn.symmetric_difference(wanted).area < 0.05 * wanted.area


def test_a_flat_stroke_ends_where_its_course_ends() -> None:
    assert covered(Stroke(((0, 0), (1, 0)), 0.2, flat=True)).bounds == pytest.approx(
        (0, -0.1, 1, 0.1)
    )


def test_a_closed_flat_stroke_has_no_gap_at_its_start() -> None:
    square = (*rectangle((0, 0), (1, 1)), (0, 0))
    assert covered(Stroke(square, 0.2, flat=True)).bounds == pytest.approx((-0.1, -0.1, 1.1, 1.1))


@pytest.mark.parametrize("distance", [0.05, 0.2])
@pytest.mark.parametrize("ring", [rectangle((-1, -1), (1, 1)), ((-1, -0.75), (1, -0.75), (0, 1))])
def test_an_inset_keeps_its_distance(ring, distance) -> None:
    inner = Polygon(inset(ring, distance))
    assert inner.symmetric_difference(Polygon(ring).buffer(-distance)).area < 1e-6


def test_rounding_only_takes_away() -> None:
    square = rectangle((-1, -1), (1, 1))
    shape = Polygon(rounded(square, 0.2))
    assert 3.9 < shape.area < 4
    assert shape.bounds == pytest.approx((-1, -1, 1, 1))


def test_marks_are_scaled_then_turned_then_shifted() -> None:
    (moved,) = place(area(((1, 0), (1, 1), (0, 0))), (5, 0), (2, 1), turn_deg=90)
    assert np.array(moved.rings[0]) == pytest.approx(np.array([[5, 2], [4, 2], [5, 0]]))


def test_mirroring_swaps_left_and_right() -> None:
    (moved,) = mirrored(area(circle(0.1, (0.7, 0.2))))
    assert np.mean(moved.rings[0], axis=0) == pytest.approx([-0.7, 0.2])


def test_the_width_follows_the_scale() -> None:
    (moved,) = place((Stroke(((0, 0), (1, 0)), 0.2),), size=0.5, turn_deg=30)
    assert moved.width == pytest.approx(0.1)
