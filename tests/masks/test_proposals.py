"""What cells propose, and the anchors that tell of a mask."""

import numpy as np
import pytest

from drivegrid.masks.greedy import sorted_pass
from drivegrid.masks.packed import PackedMasks
from drivegrid.masks.proposals import CELLS_AT_ONCE, anchors_of, propose
from drivegrid.tokens.grid import GridSpec

IMAGE = np.zeros((64, 128, 3), np.uint8)
GRID = GridSpec(8, 4, 16, 8)


class Halves:
    """Answers a point with its half of the picture, with a block around it, and with nothing."""

    threshold = 0.0

    def encode(self, image):
        return image.shape[1], image.shape[0]

    def candidates(self, handle, points):
        width, height = handle
        logits = np.full((len(points), 3, height // 4, width // 4), -1, np.float32)
        for drawn, (x, y) in zip(logits, points / 4, strict=True):
            right = x > width / 8
            drawn[0][:, slice(width // 8, None) if right else slice(0, width // 8)] = 1
            drawn[1][max(0, int(y) - 1) : int(y) + 1, max(0, int(x) - 1) : int(x) + 1] = 1
        even = points[:, 0] // (width / GRID.cols) % 2 == 0
        scores = np.where(even[:, None], [[0.4, 0.8, 0.1]], [[0.9, 0.5, 0.1]])
        return logits, scores

    def decode(self, handle, prompts):
        points = np.array([prompt.points[0] for prompt in prompts]).reshape(-1, 2)
        logits, scores = self.candidates(handle, points)
        rows = np.arange(len(points))
        best = scores.argmax(axis=1)
        return logits[rows, best], scores[rows, best]


def test_every_cell_is_remembered_and_no_mask_comes_twice() -> None:
    found = propose(Halves(), IMAGE, GRID)
    words = {row.tobytes() for row in found.masks.words}
    assert len(words) == len(found.masks)
    assert (found.masks.areas > 0).all()
    # Two masks a cell, the empty third left out: two halves and a block for each of 32 cells.
    assert len(found.which) == 2 * GRID.num_cells
    assert len(found.masks) == 2 + GRID.num_cells
    halves = np.flatnonzero(np.bincount(found.which) == GRID.num_cells // 2)
    assert len(halves) == 2
    for half in halves:
        owners = found.cells[found.which == half]
        assert len({tuple(cell) for cell in owners.tolist()}) == GRID.num_cells // 2


def test_anchors_stand_for_masks_that_the_cell_alone_gives() -> None:
    found = propose(Halves(), IMAGE, GRID)
    handle = Halves().encode(IMAGE)
    for mask in range(len(found.masks)):
        cell = found.anchor_of(mask)
        owners = found.first[found.which == mask]
        logits, scores = Halves().candidates(handle, GRID.centers_of(cell[None], (128, 64)))
        alone = PackedMasks.pack(logits[0, scores[0].argmax()][None] > 0)
        same = np.array_equal(alone.words[0], found.masks.words[mask])
        assert same == bool(owners.any())


def test_a_half_is_told_by_one_anchor_that_draws_it() -> None:
    mask = np.zeros((64, 128), np.bool_)
    mask[:, :64] = True
    cells, chosen = anchors_of(mask, propose(Halves(), IMAGE, GRID), GRID, 16)
    assert chosen.iou == 1.0
    assert cells.shape == (1, 2)
    assert cells[0, 0] < 4
    assert cells[0, 0] % 2 == 1  # even cells draw their block


def test_a_mask_that_nobody_proposes_is_told_by_its_deepest_pixel() -> None:
    class Blind(Halves):
        def candidates(self, handle, points):
            logits, scores = super().candidates(handle, points)
            return np.full_like(logits, -1), scores

    proposals = propose(Blind(), IMAGE, GRID)
    assert len(proposals.masks) == 0
    mask = np.zeros((64, 128), np.bool_)
    mask[50, 100] = True
    cells, chosen = anchors_of(mask, proposals, GRID, 16)
    assert cells.tolist() == [[6, 3]]
    assert chosen.iou == 0.0


@pytest.mark.parametrize("most", [1, 2])
def test_the_first_anchors_are_kept(most) -> None:
    mask = np.zeros((64, 128), np.bool_)
    mask[:9, :80] = True
    proposals = propose(Halves(), IMAGE, GRID)
    cells, chosen = anchors_of(mask, proposals, GRID, most)
    truth = PackedMasks.pack(mask[::4, ::4][None])
    assert chosen.chosen.tolist() == sorted_pass(proposals.masks, truth).chosen.tolist()
    assert len(cells) == most
    assert cells[0].tolist() == proposals.anchor_of(int(chosen.chosen[0])).tolist()


def test_more_cells_than_are_asked_at_once() -> None:
    grid = GridSpec(32, 32)
    assert grid.num_cells > CELLS_AT_ONCE
    found = propose(Halves(), IMAGE, grid)
    assert len(np.unique(found.cells, axis=0)) == grid.num_cells
