import numpy as np
import pytest

from drivegrid.inference.confidence import RADIUS, anchor_belief
from drivegrid.tokens.grid import GridSpec

GRID = GridSpec(cols=16, rows=8)
SIZE = (320, 160)  # cells of 20 x 20 px


def lattice(**mass: float) -> np.ndarray:
    """Return (128,) probabilities from c<col>_<row>=value."""
    found = np.zeros((8, 16))
    for name, value in mass.items():
        col, row = map(int, name[1:].split("_"))
        found[row, col] = value
    return found.ravel()


def test_certain_anchor_spreads_like_its_cell() -> None:
    belief = anchor_belief(lattice(c5_3=1.0), 3 * 16 + 5, GRID, SIZE)
    assert belief.confidence == 1.0
    assert belief.mean.tolist() == [110.0, 70.0]
    np.testing.assert_allclose(belief.covariance, np.eye(2) * 20**2 / 12)


def test_two_neighbours_mean_between_them() -> None:
    belief = anchor_belief(lattice(c5_3=0.5, c6_3=0.5), 3 * 16 + 5, GRID, SIZE)
    assert belief.mean.tolist() == [120.0, 70.0]
    np.testing.assert_allclose(belief.covariance, [[100 + 400 / 12, 0], [0, 400 / 12]])
    assert belief.confidence == 1.0


def test_mass_far_away_lowers_confidence_but_does_not_move_the_mean() -> None:
    belief = anchor_belief(lattice(c2_3=0.6, c14_6=0.4), 3 * 16 + 2, GRID, SIZE)
    assert belief.confidence == pytest.approx(0.6)
    assert belief.mean.tolist() == [50.0, 70.0]


def test_equals_a_loop_over_cells() -> None:
    rng = np.random.default_rng(0)
    chances = rng.dirichlet(np.ones(128))
    belief = anchor_belief(chances, 0, GRID, SIZE)
    near = [(c, r) for r in range(8) for c in range(16) if max(c, r) <= RADIUS]
    total = sum(chances[r * 16 + c] for c, r in near)
    mean = sum(chances[r * 16 + c] * np.array([20 * c + 10, 20 * r + 10]) for c, r in near) / total
    np.testing.assert_allclose(belief.mean, mean)
    close = sum(chances[r * 16 + c] for r in range(2) for c in range(2))
    assert belief.confidence == pytest.approx(close)
