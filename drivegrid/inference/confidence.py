"""How sure the model is of an anchor: the lattice distribution as a place and a spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray, Size
from drivegrid.tokens.grid import GridSpec


@dataclass(frozen=True, slots=True)
class AnchorBelief:
    """The lattice distribution of one proposed anchor, summed up around its cell.

    Args:
        confidence: Probability in [0, 1] of the chosen cell and its eight neighbours.
        mean: (2,) expected place in pixels within ``RADIUS`` cells.
        covariance: (2, 2) in square pixels, that of the cell itself included.
    """

    confidence: float
    mean: FloatArray
    covariance: FloatArray


RADIUS = 3
"""Cells around the chosen one that count: further mass belongs to another instance."""


def anchor_belief(
    probabilities: FloatArray, cell: int, grid: GridSpec, size_wh: Size
) -> AnchorBelief:
    """Sum up the distribution over cells from which an anchor was chosen.

    Args:
        probabilities: (num_cells,) non-negative, row-major; need not sum to one.
        cell: Index of the chosen cell.
        grid: Lattice.
        size_wh: Frame size in pixels.

    >>> belief = anchor_belief(np.eye(16)[5], 5, GridSpec(cols=4, rows=4), (64, 64))
    >>> belief.confidence, belief.mean.tolist()
    (1.0, [24.0, 24.0])
    """
    row, col = divmod(cell, grid.cols)
    rows, cols = np.divmod(np.arange(grid.num_cells), grid.cols)
    reach = np.maximum(np.abs(cols - col), np.abs(rows - row))
    near = np.flatnonzero(reach <= RADIUS)
    weight = probabilities[near]
    total = float(weight.sum())
    weight = weight / total if total > 0 else np.full(len(near), 1 / len(near))
    places = grid.centers_of(np.stack([cols[near], rows[near]], axis=1), size_wh)
    mean = weight @ places
    spread = (places - mean) * weight[:, None]
    # A point is uniform within its cell: variance of a uniform distribution is side^2 / 12.
    within = np.diag(grid.cell_size(size_wh) ** 2 / 12)
    covariance = spread.T @ (places - mean) + within
    return AnchorBelief(float(probabilities[reach <= 1].sum()), mean, covariance)


def expected_place(
    probabilities: FloatArray, cell: int, grid: GridSpec, size_wh: Size, reach: int = 1
) -> FloatArray:
    """Return (2,) where the chosen cell and those around it expect the anchor, in pixels.

    Args:
        probabilities: (num_cells,) non-negative, row-major; need not sum to one.
        cell: Index of the chosen cell.
        grid: Lattice.
        size_wh: Frame size in pixels.
        reach: Cells around the chosen one that count; 1 for 3 x 3.

    >>> shares = np.array([0.5, 0.5, 0.0, 0.0])
    >>> expected_place(shares, 0, GridSpec(cols=4, rows=1), (64, 16)).tolist()
    [16.0, 8.0]
    """
    row, col = divmod(cell, grid.cols)
    rows = np.arange(max(0, row - reach), min(grid.rows, row + reach + 1))
    cols = np.arange(max(0, col - reach), min(grid.cols, col + reach + 1))
    weight = probabilities.reshape(grid.rows, grid.cols)[np.ix_(rows, cols)]
    if not weight.sum() > 0:
        rows, cols, weight = np.array([row]), np.array([col]), np.ones((1, 1))
    mean = np.array([weight.sum(0) @ cols, weight.sum(1) @ rows]) / weight.sum()
    place: FloatArray = (mean + 0.5) * grid.cell_size(size_wh)
    return place
