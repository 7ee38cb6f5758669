"""Lines: clipping, canonical order, one anchor in each row."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import GeometryError
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.lines import canonical_order, clip_line, encode_rows, is_horizontal

SIZE = (640, 640)
GRID = GridSpec(cols=8, rows=8, offset_cols=16, offset_rows=16)
COORDINATES = st.floats(-400, 1000).map(lambda value: round(value, 2))
LINES = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=2, max_size=6, unique=True)


def array(*points):
    return np.array(points, dtype=float)


def test_empty_line_is_refused():
    with pytest.raises(GeometryError, match="at least one point"):
        clip_line(np.zeros((0, 2)), SIZE)


@pytest.mark.parametrize(
    ("line", "clipped"),
    [
        pytest.param(array((3, 4)), [[3, 4]], id="one point"),
        pytest.param(array((0, 0), (640, 640)), [[0, 0], [640, 640]], id="on the border"),
        pytest.param(array((-10, 5), (650, 5)), [[0, 5], [640, 5]], id="passes through"),
        pytest.param(array((10, 10), (10, 700)), [[10, 10], [10, 640]], id="leaves"),
        pytest.param(
            array((-10, 5), (30, 5), (30, 9), (-10, 9)),
            [[0, 5], [30, 5], [30, 9], [0, 9]],
            id="comes and goes",
        ),
        pytest.param(
            array((600, 10), (700, 10), (700, 20), (100, 20)),
            [[640, 20], [100, 20]],
            id="longest piece of two",
        ),
    ],
)
def test_clip_line(line, clipped):
    assert clip_line(line, SIZE).tolist() == clipped


@pytest.mark.parametrize("line", [array((-5, 5)), array((-5, 5), (-9, 700), (5, 900))])
def test_line_outside_is_named(line):
    with pytest.raises(GeometryError, match=r"line must meet the image.*640 x 640"):
        clip_line(line, SIZE)


@given(LINES)
def test_clip_line_agrees_with_shapely(points):
    expected = shapely.intersection(shapely.LineString(points), shapely.box(0, 0, *SIZE))
    try:
        length = shapely.LineString(np.repeat(clip_line(np.array(points), SIZE), 2, axis=0)).length
    except GeometryError:
        assert expected.length < 1e-6
        return
    assert length <= expected.length * (1 + 1e-6) + 1e-3 or not shapely.LineString(points).is_simple
    if isinstance(expected, shapely.LineString):
        assert length == pytest.approx(expected.length, abs=1e-3)


@pytest.mark.parametrize(
    ("line", "start"),
    [
        pytest.param(array((5, 5), (6, 600)), [6, 600], id="bottom first"),
        pytest.param(array((6, 600), (5, 5)), [6, 600], id="already"),
        pytest.param(array((600, 90), (5, 100)), [5, 100], id="near-horizontal: left first"),
        pytest.param(array((9, 90), (5, 0), (2, 90)), [2, 90], id="equal height: left first"),
    ],
)
def test_canonical_order(line, start):
    assert canonical_order(line, GRID, SIZE)[0].tolist() == start


def test_one_anchor_in_each_row():
    points = encode_rows(array((100, 640), (300, 100)), GRID, SIZE)
    rows = GRID.cells_of(points, SIZE)[:, 1]
    assert rows.tolist() == [7, 6, 5, 4, 3, 2, 1]
    assert (points[1:-1, 1] % 80 == 40).all()
    assert points[[0, -1]].tolist() == [[100, 640], [300, 100]]


@pytest.mark.parametrize(("every", "rows"), [(2, [7, 5, 3, 1]), (3, [7, 4, 1]), (9, [7, 1])])
def test_every_counts_rows_from_the_bottom_of_the_image(every, rows):
    points = encode_rows(array((100, 640), (300, 100)), GRID, SIZE, every=every)
    assert GRID.cells_of(points, SIZE)[:, 1].tolist() == rows


def test_every_is_anchored_to_the_image_not_to_the_line():
    points = encode_rows(array((100, 500), (300, 100)), GRID, SIZE, every=2)
    assert GRID.cells_of(points, SIZE)[:, 1].tolist() == [6, 5, 3, 1]


def test_near_horizontal_line_has_one_anchor_in_each_column():
    line = array((0, 100), (300, 60), (640, 120))
    assert is_horizontal(line, GRID, SIZE)
    assert GRID.cells_of(encode_rows(line, GRID, SIZE), SIZE)[:, 0].tolist() == [*range(8)]


def test_line_that_turns_back_has_an_anchor_for_each_crossing():
    line = array((100, 600), (100, 100), (500, 100), (500, 600))
    points = encode_rows(line, GRID, SIZE)
    assert (points[:, 0] == 100).sum() == (points[:, 0] == 500).sum() == 7


@given(LINES)
def test_anchors_lie_on_the_line_in_its_order(points):
    line = np.clip(np.array(points), 0, 640)
    string = shapely.LineString(line)
    anchors = encode_rows(line, GRID, SIZE)
    assert shapely.distance(string, shapely.points(anchors)).max() < 1e-6
    assert shapely.LineString(anchors).length <= string.length + 1e-6
    assert anchors[[0, -1]].tolist() == line[[0, -1]].tolist()


@given(st.lists(st.floats(0, 640), min_size=3, max_size=8))
def test_steep_line_stays_within_a_row(xs):
    line = np.stack([xs, np.linspace(640, 0, len(xs))], axis=1)
    anchors = encode_rows(line, GRID, SIZE)
    if is_horizontal(line, GRID, SIZE):
        return
    heights = np.interp(np.linspace(0, 640, 200), anchors[::-1, 1], np.arange(len(anchors)))
    assert np.ptp(heights) == pytest.approx(len(anchors) - 1)
    assert len(anchors) == 8
