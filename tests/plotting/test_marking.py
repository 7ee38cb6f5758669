import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline
from drivegrid.plotting.marking import MARK, mark_region

GREY = np.full((120, 200, 3), 90, np.uint8)
SQUARE = np.array([[60.0, 40.0], [100.0, 40.0], [100.0, 80.0], [60.0, 80.0]])


def red(marked):
    return (marked == MARK).all(axis=-1)


@pytest.mark.parametrize(
    "region",
    [Box(np.array([60.0, 40.0, 100.0, 80.0])), Polygon((SQUARE,))],
    ids=["box", "poly"],
)
def test_outline_goes_round_and_hides_nothing(region) -> None:
    marked = red(mark_region(GREY, region))
    assert not marked[41:80, 61:100].any()
    assert marked[60, 56:60].all() and marked[60, 101:104].all()
    assert marked[36:40, 80].all() and marked[81:84, 80].all()
    assert not marked[:35].any() and not marked[86:].any()


@pytest.mark.parametrize(
    "region", [Point((50.5, 50.5)), Anchors([[50.5, 50.5]])], ids=["point", "seg"]
)
def test_points_get_a_ring(region) -> None:
    marked = red(mark_region(GREY, region))
    assert not marked[47:54, 47:54].any()
    assert marked[50, 40:44].all() and marked[50, 57:61].all()


def test_lines_get_two_borders() -> None:
    marked = red(mark_region(GREY, Polyline([[20.5, 60.5], [180.5, 60.5]])))
    assert not marked[60, 20:180].any()
    assert marked[56:58, 100].all() and marked[63:65, 100].all()


def test_the_picture_is_left_alone_and_only_the_mark_differs() -> None:
    before = GREY.copy()
    marked = mark_region(GREY, Point((50.0, 50.0)))
    np.testing.assert_array_equal(GREY, before)
    np.testing.assert_array_equal(marked[~red(marked)], GREY[~red(marked)])


@pytest.mark.parametrize(
    "region",
    [
        Point((0.0, 0.0)),
        Point((200.0, 120.0)),
        Box(np.array([-50.0, -50.0, 30.0, 30.0])),
        Box(np.array([150.0, 70.0, 1e9, 1e9])),
        Box(np.array([50.2, 50.2, 50.4, 50.4])),
        Polygon((SQUARE * 3 - 150,)),
    ],
    ids=["corner", "last corner", "cut", "endless", "tiny", "cut polygon"],
)
def test_places_at_the_border_are_marked(region) -> None:
    assert red(mark_region(GREY, region)).any()


@pytest.mark.parametrize("region", [Point((-99.0, 5.0)), Polygon((SQUARE + 900,))])
def test_places_outside_are_refused(region) -> None:
    with pytest.raises(GeometryError, match="region must lie"):
        mark_region(GREY, region)
