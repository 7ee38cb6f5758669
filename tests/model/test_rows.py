import numpy as np
import pytest
import torch

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.rows import (
    check_init,
    check_rows,
    composed_rows,
    fourier_rows,
    gaussian_rows,
    grid_rows,
    spread_of,
    vision_rows,
    words_of,
)
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary

GRIDS = [GridSpec(cols=1, rows=1), GridSpec(cols=1, rows=9), GridSpec(cols=8, rows=3), GridSpec()]
grids = pytest.mark.parametrize("grid", GRIDS, ids=lambda g: f"{g.cols}x{g.rows}")


def to_bf16(rows):
    return torch.from_numpy(rows).to(torch.bfloat16).double().numpy()


@grids
@pytest.mark.parametrize("dim", [32, 33, 256])
def test_fourier_rows_keep_mean_and_scale(grid, dim):
    mean, std = np.linspace(-1, 1, dim), np.linspace(0.1, 0.2, dim)
    rows = fourier_rows(grid, mean, std)
    assert rows.shape == (grid.num_cells, dim)
    # cos and sin of one wave: each pair lies on a circle around the mean.
    unit = ((rows - mean) / std)[:, : dim // 2 * 2].reshape(grid.num_cells, -1, 2)
    np.testing.assert_allclose((unit**2).sum(axis=2), 2.0)


@grids
@pytest.mark.parametrize("dim", [32, 256, 2048])
def test_fourier_rows_stay_distinct_in_bfloat16(grid, dim):
    std = np.full(dim, 0.015)
    rows = to_bf16(fourier_rows(grid, np.full(dim, 0.001), std))
    check_rows(rows, std, "embed")
    assert len(np.unique(rows, axis=0)) == grid.num_cells


def test_fourier_rows_depend_on_the_step_between_cells_alone():
    grid, zero, one = GridSpec(cols=6, rows=5), np.zeros(64), np.ones(64)
    rows = fourier_rows(grid, zero, one).reshape(5, 6, 64)
    np.testing.assert_allclose(
        (rows[:-1, :-2] * rows[1:, 2:]).sum(-1), np.full((4, 4), rows[0, 0] @ rows[1, 2])
    )


def test_fourier_rows_of_neighbours_are_more_alike():
    rows = fourier_rows(GridSpec(), np.zeros(256), np.ones(256)).reshape(32, 32, 256)
    alike = [rows[16, 4] @ rows[16, 4 + step] / 256 for step in (0, 1, 2, 4, 8, 16)]
    assert alike[0] == pytest.approx(1.0)
    assert alike == sorted(alike, reverse=True)
    assert 0.5 < alike[1] < 0.9 and abs(alike[-1]) < 0.2


def test_fourier_rows_do_not_confuse_columns_with_rows():
    rows = fourier_rows(GridSpec(cols=8, rows=8), np.zeros(64), np.ones(64)).reshape(8, 8, 64)
    assert np.linalg.norm(rows[1, 5] - rows[5, 1]) > 4.0


def test_rows_are_reproducible():
    mean, std = np.zeros(32), np.ones(32)
    for init in ("fourier", "gaussian"):
        first = grid_rows(init, GridSpec(), mean, std)
        np.testing.assert_array_equal(first, grid_rows(init, GridSpec(), mean, std))


def test_gaussian_rows_have_the_old_moments():
    mean, std = np.linspace(-1, 1, 16), np.linspace(0.5, 2.0, 16)
    rows = gaussian_rows(20_000, mean, std)
    np.testing.assert_allclose(rows.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(rows.std(axis=0), std, rtol=0.03)


def test_unknown_init_is_refused():
    with pytest.raises(ConfigError, match=r"init must be one of fourier, .*, got 'zeros'"):
        check_init("zeros")


def test_every_offset_and_tag_has_words_of_its_own():
    grid = GridSpec(cols=2, rows=2)
    words = [words_of(token) for token in Vocabulary(grid).tokens[grid.num_cells :]]
    assert len(set(words)) == len(words)
    assert all(word.replace(" ", "").isalpha() for word in words)


def test_composed_rows_stay_near_their_words_and_apart():
    std = np.full(64, 0.02)
    words = np.zeros((24, 64))
    rows = composed_rows(words, std)
    check_rows(to_bf16(rows), std, "embed")
    assert np.linalg.norm(rows, axis=1).max() < np.linalg.norm(std)


@pytest.mark.parametrize("num_rows", [0, 1])
def test_fewer_than_two_rows_are_distinct(num_rows):
    assert spread_of(np.zeros((num_rows, 4)), np.ones(4)) == (1.0, 1.0)


def test_spread_of_by_hand():
    # Nearest pair 3 apart, |std| = 2, all in one direction of two.
    rows = np.array([[0.0, 0.0], [3.0, 0.0], [10.0, 0.0]])
    distance, rank = spread_of(rows, np.array([2.0, 0.0]))
    assert (distance, rank) == (pytest.approx(1.5), 0.5)


def test_default_resize_would_be_refused():
    # transformers draws from N(mean, 1e-9 * covariance): equal rows at the scale of the old ones.
    std = np.full(256, 0.02)
    rows = gaussian_rows(100, np.full(256, 0.01), std * np.sqrt(1e-9))
    with pytest.raises(ModelError, match=r"apart, got .* \(lm_head\)"):
        check_rows(to_bf16(rows), std, "lm_head")


def test_one_direction_is_refused():
    std = np.ones(64)
    line = np.arange(50.0)[:, None] * np.ones(64)
    with pytest.raises(ModelError, match="must span 25% of the directions"):
        check_rows(line, std, "embed")


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_vision_rows_keep_directions_and_take_the_old_moments(scale):
    places = np.random.default_rng(0).normal(3.0, scale, (20, 8))
    places[:, 5] = 3.0  # a dimension that says nothing of places
    mean, std = np.linspace(-1, 1, 8), np.linspace(0.5, 2.0, 8)
    rows = vision_rows(places, mean, std)
    np.testing.assert_allclose(rows.mean(axis=0), mean, atol=1e-8)
    np.testing.assert_allclose(rows.std(axis=0), np.where(np.arange(8) == 5, 0.0, std), atol=1e-9)
    alike = [np.corrcoef(rows[:, i], places[:, i])[0, 1] for i in (0, 3, 7)]
    np.testing.assert_allclose(alike, 1.0)


def test_mean_rows_are_equal_and_refused():
    mean, std = np.full(16, 0.3), np.full(16, 0.02)
    rows = grid_rows("mean", GridSpec(cols=4, rows=3), mean, std)
    assert rows.shape == (12, 16) and (rows == 0.3).all()
    with pytest.raises(ModelError, match="got 0"):
        check_rows(rows, std, "embed")


def test_vision_without_places_is_refused():
    with pytest.raises(ConfigError, match="places of a vision tower, got None"):
        grid_rows("vision", GridSpec(), np.zeros(4), np.ones(4))
