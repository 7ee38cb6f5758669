"""What a segmenter draws for every cell of the lattice, and the anchors that tell of a mask.

GETok (section 3.2.1, Eq. 1) asks SAM for masks at the n x n cell centres and covers a true mask by
as few of them as it takes; their cells are the mask's anchors. Nothing is filtered: what SAM's
automatic generator drops as doubtful are the poles and kerbs of a street.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from drivegrid.data.images import Picture
from drivegrid.geometry import BoolArray, FloatArray, IntArray
from drivegrid.masks.greedy import Selection, sorted_pass
from drivegrid.masks.packed import PackedMasks, distinct
from drivegrid.masks.segmenter import Segmenter
from drivegrid.masks.shapes import deepest_point, resized
from drivegrid.tokens.grid import GridSpec

CELLS_AT_ONCE = 256
"""Cells whose masks are unpacked at a time, to bound the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """The masks that the cells of a lattice propose, each once.

    Args:
        masks: K, none empty, no two equal.
        cells: (M, 2) column, row of each proposal's cell; a cell may propose several masks.
        which: (M,) place of what it proposes in ``masks``; several cells may propose one.
        scores: (M,) how good the segmenter thinks it is.
        first: (M,) True for what the segmenter thinks best for its cell: what the cell alone
            means to it.
    """

    masks: PackedMasks
    cells: IntArray
    which: IntArray
    scores: FloatArray
    first: BoolArray

    def anchor_of(self, mask: int) -> IntArray:
        """Return (2,) the cell that stands for a mask.

        Of the cells that propose it one that would be answered by it alone, if there is one, and
        of these the one with the highest score; of equals the first.
        """
        owners = np.flatnonzero(self.which == mask)
        order = np.lexsort((-self.scores[owners], ~self.first[owners]))
        anchor: IntArray = self.cells[owners[order[0]]]
        return anchor


def propose(segmenter: Segmenter[Any], image: Picture, grid: GridSpec | None = None) -> Proposals:
    """Ask a segmenter for all masks at all cell centres.

    Args:
        segmenter: Draws.
        image: (H, W, 3) uint8 RGB.
        grid: The lattice; 32 x 32 by default.
    """
    grid = grid or GridSpec()
    handle = segmenter.encode(image)
    points = grid.centers_of(grid.all_cells, (image.shape[1], image.shape[0]))
    packed, scores = [], []
    for start in range(0, len(points), CELLS_AT_ONCE):
        logits, thought = segmenter.candidates(handle, points[start : start + CELLS_AT_ONCE])
        inside = (logits > segmenter.threshold).reshape(-1, *logits.shape[2:])
        packed.append(PackedMasks.pack(inside))
        scores.append(thought)
    masks = PackedMasks(np.concatenate([part.words for part in packed]), packed[0].size_wh)
    return _once(masks, np.concatenate(scores), grid.all_cells)


def _once(masks: PackedMasks, scores: FloatArray, cells: IntArray) -> Proposals:
    """Keep each mask once, and remember every cell that proposes it."""
    count = scores.shape[1]
    owner = np.repeat(np.arange(len(cells)), count)
    first = np.arange(count)[None] == scores.argmax(axis=1)[:, None]
    full = np.flatnonzero(masks.areas > 0)
    once, which = distinct(masks[full])
    return Proposals(once, cells[owner[full]], which, scores.ravel()[full], first.ravel()[full])


def anchors_of(
    mask: BoolArray, proposals: Proposals, grid: GridSpec, most: int
) -> tuple[IntArray, Selection]:
    """Return the cells that tell of a mask, and the proposals that were chosen for it.

    A mask that no proposal touches is told by the cell of its deepest pixel.

    Args:
        mask: (h, w) flags, not empty, over the whole picture.
        proposals: Of the picture.
        grid: The lattice they lie on.
        most: Cells at most; those chosen first are kept.

    Returns:
        (T, 2) column, row, each once, in the order chosen; at least one.
    """
    truth = PackedMasks.pack(resized(mask, proposals.masks.size_wh)[None])
    chosen = sorted_pass(proposals.masks, truth)
    found = [tuple(proposals.anchor_of(place).tolist()) for place in chosen.chosen.tolist()]
    cells = list(dict.fromkeys(found))[:most]
    if not cells:
        point = deepest_point(mask)
        cells = [tuple(grid.cells_of(point[None], (mask.shape[1], mask.shape[0]))[0].tolist())]
    return np.array(cells, np.int64), chosen
