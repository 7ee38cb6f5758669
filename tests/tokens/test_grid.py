"""Lattice: which cell holds a point, cell centres, offset steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import TokenError
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec, offset_vectors

SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
SHARES = st.tuples(st.floats(0, 1), st.floats(0, 1))


@pytest.mark.parametrize(
    ("points", "cells"),
    [
        pytest.param(np.zeros((0, 2)), [], id="none"),
        pytest.param([[0, 0]], [[0, 0]], id="origin"),
        pytest.param([[640, 320]], [[3, 1]], id="far corner belongs to the last cell"),
        pytest.param([[160, 160]], [[1, 1]], id="cells are half-open"),
        pytest.param([[159.999, 159.999]], [[0, 0]], id="just before a border"),
        pytest.param([[-5, 999]], [[0, 1]], id="outside goes to the nearest cell"),
    ],
)
def test_cells_of(points, cells):
    found = GridSpec(cols=4, rows=2).cells_of(np.array(points, dtype=float), (640, 320))
    assert found.tolist() == cells


@given(SIZES, SHARES)
def test_centre_is_within_half_a_cell(size_wh, share):
    grid = GridSpec(cols=7, rows=5)
    point = np.array([share]) * size_wh
    away = np.abs(grid.centers_of(grid.cells_of(point, size_wh), size_wh) - point)
    assert (away <= grid.cell_size(size_wh) / 2 * (1 + 1e-9)).all()


def test_every_cell_round_trips():
    grid = GridSpec()
    cells = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1).reshape(-1, 2)
    assert (grid.cells_of(grid.centers_of(cells, (1640, 590)), (1640, 590)) == cells).all()


def test_offset_vectors_name_their_index():
    assert offset_vectors()[[0, STAY, 5, 7]].tolist() == [[-1, -1], [0, 0], [1, 0], [0, 1]]
    assert len(offset_vectors()) == DELETE


def test_steps_halve():
    assert GridSpec().offset_step((640, 320)).tolist() == [10, 5]
    assert GridSpec().offset_step((640, 320), 3).tolist() == [2.5, 1.25]
    assert GridSpec(gamma=1.0).offset_step((640, 320), 3).tolist() == [10, 5]


@pytest.mark.parametrize("wrong", [{"cols": 0}, {"offset_rows": 0}, {"gamma": 0.0}, {"gamma": 1.5}])
def test_wrong_lattice_is_refused(wrong):
    with pytest.raises(TokenError, match=next(iter(wrong))):
        GridSpec(**wrong)


def test_equality_is_by_value():
    def make(col):
        return GridGeometry("point", (np.array([[col, 2]]),), ((np.array([4]),),))

    assert make(1) == make(1)
    assert hash(make(1)) == hash(make(1))
    assert make(1) != make(3)
