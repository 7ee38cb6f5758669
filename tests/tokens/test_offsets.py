"""Offsets: canonical choice, residual after each round, reachable points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.tokens.grid import DELETE, STAY, GridSpec, offset_vectors
from drivegrid.tokens.offsets import (
    decode_points,
    encode_offsets,
    offsets_toward,
    reachable_coordinates,
    residual_bound,
)

SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
SHARES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=20)
GRIDS = st.builds(
    GridSpec,
    cols=st.integers(1, 40),
    rows=st.integers(1, 40),
    offset_cols=st.integers(1, 90),
    offset_rows=st.integers(1, 90),
    gamma=st.sampled_from([1.0, 0.7, 0.5, 0.25]),
)


def encode_decode(points, grid, size_wh, rounds):
    cells = grid.cells_of(points, size_wh)
    offsets = encode_offsets(points, cells, grid, size_wh, rounds)
    return decode_points(cells, offsets, grid, size_wh)[0]


def test_no_points():
    none = np.zeros((0, 2))
    cells = GridSpec().cells_of(none, (64, 64))
    assert [r.tolist() for r in encode_offsets(none, cells, GridSpec(), (64, 64), 2)] == [[], []]
    points, kept = decode_points(cells, (), GridSpec(), (64, 64))
    assert points.shape == (0, 2)
    assert kept.shape == (0,)


@given(SIZES, SHARES, st.integers(0, 5))
def test_residual_is_half_a_sub_cell_after_each_round(size_wh, shares, rounds):
    points = np.array(shares).reshape(-1, 2) * size_wh
    away = np.abs(encode_decode(points, GridSpec(), size_wh, rounds) - points)
    assert (away <= np.array(size_wh) / 64 / 2**rounds * (1 + 1e-9)).all()


@given(GRIDS, SIZES, SHARES, st.integers(0, 3))
def test_residual_bound_holds_for_any_lattice(grid, size_wh, shares, rounds):
    points = np.array(shares).reshape(-1, 2) * size_wh
    away = np.abs(encode_decode(points, grid, size_wh, rounds) - points)
    assert (away <= residual_bound(grid, size_wh, rounds) + 1e-9 * max(size_wh)).all()


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_borders_are_reached_exactly(rounds):
    corners = np.array([[0.0, 0.0], [1600.0, 0.0], [0.0, 900.0], [1600.0, 900.0]])
    assert (encode_decode(corners, GridSpec(), (1600, 900), rounds) == corners).all()


@pytest.mark.parametrize(("gamma", "better"), [(0.5, True), (1.0, False)])
def test_second_round_helps_only_when_the_step_shrinks(gamma, better):
    grid = GridSpec(gamma=gamma)
    points = np.random.default_rng(0).uniform(0, 640, (500, 2))
    once, twice = (np.abs(encode_decode(points, grid, (640, 640), r) - points) for r in (1, 2))
    assert (twice.max() < 0.6 * once.max()) == better


@given(SIZES, st.tuples(st.floats(0, 1), st.floats(0, 1)), st.integers(0, 2))
def test_canonical_is_the_nearest_of_all_reachable_points(size_wh, share, rounds):
    grid = GridSpec(cols=3, rows=2, offset_cols=6, offset_rows=4)
    point = np.array([share]) * size_wh
    everywhere = np.stack(np.meshgrid(range(3), range(2)), axis=-1).reshape(-1, 2)
    reach = grid.centers_of(everywhere, size_wh)
    for round_ in range(1, rounds + 1):
        step = grid.offset_step(size_wh, round_)
        reach = (reach[:, None] + offset_vectors() * step).reshape(-1, 2)
    found = np.abs(encode_decode(point, grid, size_wh, rounds) - point)[0]
    assert found == pytest.approx(np.abs(reach - point).min(axis=0), abs=1e-6)


@given(st.lists(st.tuples(*[st.floats(-300, 300)] * 4), min_size=1, max_size=10))
def test_toward_is_the_nearest_of_nine_moves(rows):
    rows, step = np.array(rows), np.array([20.0, 7.0])
    points, anchors = rows[:, :2], rows[:, 2:]
    index = offsets_toward(points, anchors, step)
    ends = anchors[:, None] + offset_vectors() * step
    away = np.hypot(*(ends - points[:, None]).T).T
    assert away[np.arange(len(rows)), index] == pytest.approx(away.min(axis=1))


@pytest.mark.parametrize(
    ("x", "index"), [(5.0, STAY + 1), (4.99, STAY), (-5.0, STAY), (-5.01, STAY - 1)]
)
def test_of_two_equal_moves_the_one_to_the_right(x, index):
    step = np.array([10.0, 10.0])
    assert offsets_toward(np.array([[x, 0.0]]), np.zeros((1, 2)), step).tolist() == [index]


def test_deleted_anchors_stay_deleted():
    cells = np.array([[0, 0], [1, 1]])
    offsets = (np.array([DELETE, STAY]), np.array([STAY, STAY]))
    assert decode_points(cells, offsets, GridSpec(), (64, 64))[1].tolist() == [False, True]


def test_offsets_do_not_push_over_the_border():
    grid = GridSpec(gamma=1.0)
    points, _ = decode_points(np.array([[31, 0]]), (np.array([2]), np.array([2])), grid, (64, 64))
    assert points.tolist() == [[64.0, 0.0]]


@given(GRIDS, SIZES, st.integers(0, 2))
def test_reachable_coordinates_round_trip(grid, size_wh, rounds):
    xs, ys = reachable_coordinates(grid, size_wh, rounds)
    count = min(len(xs), len(ys))
    points = np.stack([xs[:count], ys[-count:]], axis=1)
    assert encode_decode(points, grid, size_wh, rounds) == pytest.approx(points, abs=1e-4)


def test_default_lattice_has_twice_as_many_reachable_lines_each_round():
    lengths = [len(reachable_coordinates(GridSpec(), (1640, 590), r)[0]) for r in range(4)]
    assert lengths == [32, 65, 129, 257]
