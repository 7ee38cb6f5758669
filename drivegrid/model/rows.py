"""Starting values for the embedding rows of new spatial tokens.

    mean      the mean of the old rows
    gaussian  the mean and noise
    fourier   the mean and plane waves over the lattice; the default
    vision    the mean and what the vision tower says of the cell's place (`drivegrid.model.places`)

transformers' default resize draws new rows so close to the mean of the old ones that they are
equal in bfloat16: every grid token starts as one and the same symbol. That is ``mean``, which
exists to be refused by `check_rows`; ``gaussian`` is the least control that can be trained. With
``fourier`` the rows of neighbouring cells start alike and the rows of distant cells start apart.
All but ``mean`` have the scale of the rows the model knows.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from drivegrid.errors import ConfigError, ModelError
from drivegrid.geometry import FloatArray
from drivegrid.tokens.grid import GridSpec

RowInit: TypeAlias = Literal["fourier", "gaussian", "vision", "mean"]
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
_SYNONYMS = {"poly": "polygon", "seg": "mask", "DELETE": "delete"}
_MOVES = {"-1_-1": "left up", "0_-1": "up", "1_-1": "right up", "-1_0": "left", "0_0": "stay"}
_MOVES |= {"1_0": "right", "-1_1": "left down", "0_1": "down", "1_1": "right down"}
# Bounds of `check_rows`. In bfloat16 Fourier rows of the 32x32 lattice reach 0.69 and 0.60 or
# more at any width from 32 up; rows drawn as transformers does by default reach 0 and 0.
_LEAST_DISTANCE = 0.05
_LEAST_RANK = 0.25


def fourier_rows(grid: GridSpec, mean: FloatArray, std: FloatArray) -> FloatArray:
    """Return a row per cell: plane waves over the lattice, scaled to the old rows.

    Dimensions 2i and 2i+1 hold the cosine and sine of wave i. Wavelengths run geometrically
    from twice the lattice down to two cells, directions by the golden angle. How alike two rows
    are hence depends on the step between their cells alone, and falls with its length.

    Args:
        grid: The lattice.
        mean: (dim,) mean of the old rows.
        std: (dim,) standard deviation of each dimension over the old rows.

    Returns:
        (num_cells, dim) rows, row-major over the lattice.

    >>> fourier_rows(GridSpec(cols=4, rows=2), np.zeros(6), np.ones(6)).shape
    (8, 6)
    """
    num_waves = (len(mean) + 1) // 2
    per_cell = np.geomspace(np.pi / max(grid.cols, grid.rows), np.pi, num_waves)
    angle = np.arange(num_waves) * _GOLDEN_ANGLE
    waves = per_cell * np.stack([np.cos(angle), np.sin(angle)])
    row, col = np.divmod(np.arange(grid.num_cells), grid.cols)
    phase = np.stack([col, row], axis=1) @ waves
    pattern = np.stack([np.cos(phase), np.sin(phase)], axis=2).reshape(grid.num_cells, -1)
    rows: FloatArray = mean + np.sqrt(2.0) * std * pattern[:, : len(mean)]
    return rows


def gaussian_rows(num_rows: int, mean: FloatArray, std: FloatArray, seed: int = 0) -> FloatArray:
    """Return (num_rows, dim) rows drawn around the mean: the control for `fourier_rows`."""
    noise = np.random.default_rng(seed).standard_normal((num_rows, len(mean)))
    rows: FloatArray = mean + std * noise
    return rows


def vision_rows(places: FloatArray, mean: FloatArray, std: FloatArray) -> FloatArray:
    """Return (num_cells, dim) rows: how each place differs from the mean place, to scale.

    Args:
        places: (num_cells, dim) what the vision tower says of each cell.
        mean: (dim,) mean of the old rows.
        std: (dim,) standard deviation of each dimension over the old rows.
    """
    centred = places - places.mean(axis=0)
    spread = centred.std(axis=0)
    rows: FloatArray = mean + std * centred / np.where(spread > 0.0, spread, 1.0)
    return rows


def grid_rows(
    init: RowInit,
    grid: GridSpec,
    mean: FloatArray,
    std: FloatArray,
    *,
    places: FloatArray | None = None,
) -> FloatArray:
    """Return (num_cells, dim) rows of the grid tokens by the named scheme.

    Raises:
        ConfigError: If the scheme is unknown, or it is ``"vision"`` and there are no places.
    """
    check_init(init)
    if init == "mean":
        return np.tile(mean, (grid.num_cells, 1))
    if init == "gaussian":
        return gaussian_rows(grid.num_cells, mean, std)
    if init == "fourier":
        return fourier_rows(grid, mean, std)
    if places is None:
        raise ConfigError("init 'vision' must be given the places of a vision tower, got None.")
    return vision_rows(places, mean, std)


def check_init(init: str) -> None:
    """Raise unless a scheme exists.

    Raises:
        ConfigError: If the scheme is unknown.
    """
    if init not in get_args(RowInit):
        raise ConfigError(f"init must be one of {', '.join(get_args(RowInit))}, got {init!r}.")


def composed_rows(words: FloatArray, std: FloatArray) -> FloatArray:
    """Return rows for offsets and tags: the meaning of their words, each nudged its own way.

    Args:
        words: (N, dim) for each token the mean of the old rows of its words; see `words_of`.
        std: (dim,) standard deviation of each dimension over the old rows.
    """
    # Half a deviation keeps apart tokens whose words a small tokenizer spells alike.
    rows: FloatArray = words + gaussian_rows(len(words), np.zeros_like(std), 0.5 * std, seed=1)
    return rows


def mask_rows(num_rows: int, mean: FloatArray, std: FloatArray) -> FloatArray:
    """Return (num_rows, dim) rows for words that tell masks, drawn as SAMTok draws them.

    Neighbouring codes have nothing in common, so there is no order that the rows could follow.
    """
    return gaussian_rows(num_rows, mean, std, seed=2)


def words_of(token: str) -> str:
    """Return what an offset token or tag says in plain words.

    >>> [words_of(token) for token in ("<OFF_-1_1>", "<DELETE>", "</poly>")]
    ['left down', 'delete', 'end polygon']
    """
    name = token.strip("</>")
    if name.startswith("OFF_"):
        return _MOVES[name.removeprefix("OFF_")]
    words = _SYNONYMS.get(name, name)
    return f"end {words}" if token.startswith("</") else words


def check_rows(rows: FloatArray, std: FloatArray, what: str) -> None:
    """Raise if new rows, as the checkpoint will store them, are too alike to tell apart.

    Args:
        rows: (N, dim) rows after the cast to the checkpoint's dtype.
        std: (dim,) standard deviation of each dimension over the old rows.
        what: Name of the tensor for the error message.

    Raises:
        ModelError: If two rows nearly coincide or the block spans too few directions.
    """
    distance, rank = spread_of(rows, std)
    if distance < _LEAST_DISTANCE:
        raise ModelError(
            f"nearest new rows must lie at least {_LEAST_DISTANCE} deviations of the old rows "
            f"apart, got {distance:.3g} ({what}). Tokens with equal rows are one symbol."
        )
    if rank < _LEAST_RANK:
        raise ModelError(
            f"new rows must span {_LEAST_RANK:.0%} of the directions they could, "
            f"got {rank:.1%} ({what})."
        )


def spread_of(rows: FloatArray, std: FloatArray) -> tuple[float, float]:
    """Return how distinct rows are on the scale of the old rows.

    Args:
        rows: (N, dim).
        std: (dim,) standard deviation of each dimension over the old rows.

    Returns:
        The distance of the nearest two rows in units of |std|, the typical distance of an old
        row from the mean; and the rank over its maximum, min(N - 1, dim), where a direction
        counts if its singular value exceeds |std| / 100. Both are 1 for fewer than two rows.
    """
    if len(rows) < 2:
        return 1.0, 1.0
    scale = max(float(np.linalg.norm(std)), np.finfo(np.float64).tiny)
    centred = (rows - rows.mean(axis=0)) / scale
    square = (centred**2).sum(axis=1)
    between = square[:, None] + square - 2.0 * (centred @ centred.T)
    np.fill_diagonal(between, np.inf)
    distance = float(np.sqrt(max(float(between.min()), 0.0)))
    rank = int((np.linalg.svd(centred, compute_uv=False) > 0.01).sum())
    return distance, rank / min(len(rows) - 1, rows.shape[1])
