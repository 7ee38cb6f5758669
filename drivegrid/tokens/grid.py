"""The lattice: which cell a point falls in, where a cell's centre is, how far an offset moves.

This is the one place that rounds. Spec v1 (docs/spec.md): cells are half-open, x = width
belongs to the last column; a cell decodes to its centre, so one anchor is off by at most half
a cell, and after round r of offsets by at most half of step r where the rounds nest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.errors import TokenError
from drivegrid.geometry import FloatArray, GeometryKind, IntArray, Size

STAY = 4
"""Offset index of ``<OFF_0_0>``."""
DELETE = 9
"""Offset index of ``<DELETE>``."""
NUM_OFFSETS = 10
MAX_SIDE = 4096
"""Most columns and rows of a lattice: finer than the pixels of any frame."""


@dataclass(frozen=True, slots=True)
class GridSpec:
    """Size of the lattice and of the offset steps.

    Args:
        cols: Columns n_x; x of ``<grid_x_y>`` runs over [0, cols).
        rows: Rows n_y.
        offset_cols: m_x: an offset of round 1 moves by width / m_x. GETok section 4.1: 64.
        offset_rows: m_y, likewise for height.
        gamma: Step ratio: round r moves by step * gamma ** (r - 1). 1 is the paper, 0.5 ours.
    """

    cols: int = 32
    rows: int = 32
    offset_cols: int = 64
    offset_rows: int = 64
    gamma: float = 0.5

    def __post_init__(self) -> None:
        for name in ("cols", "rows", "offset_cols", "offset_rows"):
            count = getattr(self, name)
            if not isinstance(count, int) or not 1 <= count <= MAX_SIDE:
                raise TokenError(f"{name} must be an integer from 1 to {MAX_SIDE}, got {count!r}.")
        if not 0.0 < self.gamma <= 1.0:
            raise TokenError(f"gamma must lie in (0, 1], got {self.gamma}.")

    @property
    def num_cells(self) -> int:
        """Number of grid tokens."""
        return self.cols * self.rows

    def cell_size(self, size_wh: Size) -> FloatArray:
        """Return (2,) width and height of a cell in pixels."""
        return np.asarray(size_wh, dtype=np.float64) / (self.cols, self.rows)

    def offset_step(self, size_wh: Size, round_: int = 1) -> FloatArray:
        """Return (2,) how far an offset of this round (from 1) moves, in pixels.

        GETok eq. 4 for round 1; ``gamma`` scales the later rounds.
        """
        step = np.asarray(size_wh, dtype=np.float64) / (self.offset_cols, self.offset_rows)
        scaled: FloatArray = step * self.gamma ** (round_ - 1)
        return scaled

    @property
    def all_cells(self) -> IntArray:
        """(num_cells, 2) column, row of every cell, row by row.

        >>> GridSpec(cols=2, rows=2).all_cells.tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
        """
        rows, cols = np.divmod(np.arange(self.num_cells), self.cols)
        return np.stack([cols, rows], axis=1)

    def cells_of(self, points: FloatArray, size_wh: Size) -> IntArray:
        """Return (N, 2) column, row of the cells that hold the points.

        Args:
            points: (N, 2) in pixels. Points outside the image go to the nearest border cell.
            size_wh: Image size in pixels.

        >>> grid = GridSpec(cols=4, rows=4)
        >>> grid.cells_of(np.array([[0.0, 0.0], [64.0, 31.9]]), (64, 64)).tolist()
        [[0, 0], [3, 1]]
        """
        cells = np.floor(points / self.cell_size(size_wh)).astype(np.int64)
        # minimum and maximum: np.clip costs three times as much on short arrays
        clipped: IntArray = np.maximum(np.minimum(cells, (self.cols - 1, self.rows - 1)), 0)
        return clipped

    def centers_of(self, cells: IntArray, size_wh: Size) -> FloatArray:
        """Return (N, 2) cell centres in pixels.

        >>> GridSpec(cols=4, rows=4).centers_of(np.array([[0, 3]]), (64, 64)).tolist()
        [[8.0, 56.0]]
        """
        centers: FloatArray = (cells + 0.5) * self.cell_size(size_wh)
        return centers


def offset_vectors() -> IntArray:
    """Return (9, 2) the moves (u, v) by offset index: v outer, u inner, both -1, 0, 1.

    >>> offset_vectors()[STAY].tolist()
    [0, 0]
    """
    return np.array([(u, v) for v in (-1, 0, 1) for u in (-1, 0, 1)], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class GridGeometry:
    """A shape in tokens: cells first, then one list of offsets for each refinement round.

    Args:
        kind: Which tag it stands in.
        cells: One (N, 2) int64 array of (column, row) for each part (ring).
        offsets: For each round a tuple that mirrors ``cells``: (N,) int64 offset indices in
            [0, 10), ``DELETE`` = 9. An anchor deleted in one round keeps ``DELETE`` after it.
        words: Of a mask that is told by a mask tokenizer's words (`drivegrid.tokens.mask_words`);
            it has one part without anchors, so that no offset moves it.
    """

    kind: GeometryKind
    cells: tuple[IntArray, ...]
    offsets: tuple[tuple[IntArray, ...], ...] = ()
    words: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GridGeometry):
            return NotImplemented
        mine, theirs = (self.kind, self.words), (other.kind, other.words)
        return mine == theirs and self._arrays() == other._arrays()

    def __hash__(self) -> int:
        return hash((self.kind, self.words, str(self._arrays())))

    def _arrays(self) -> tuple[list[list[list[int]]], list[list[list[int]]]]:
        cells = [part.tolist() for part in self.cells]
        return cells, [[part.tolist() for part in round_] for round_ in self.offsets]

    @property
    def num_anchors(self) -> int:
        """Number of grid tokens over all parts."""
        return sum(len(part) for part in self.cells)
