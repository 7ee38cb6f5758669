"""Masks as grid anchors: greedy conversion there, a segmenter back (GETok)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from drivegrid.data.images import Picture
from drivegrid.geometry import BoolArray, FloatArray, IntArray, Size
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.proposals import Proposals, anchors_of, propose
from drivegrid.masks.segmenter import LogitArray, Prompt, Segmenter
from drivegrid.masks.shapes import inside_of, overlap
from drivegrid.masks.tokenizer import MaskTokenizer, checked_masks, needed_image
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary

MOST_ANCHORS = 16
"""More make a mask hardly better and an answer long; GETok's answers have nine on average."""


class GridMaskTokenizer(MaskTokenizer):
    """Tells a mask by lattice cells whose proposals make it up.

    What the segmenter draws for all anchors together is not the union of what it proposed for each.
    So of the anchors that greedy conversion chooses, in their order, as many are kept as draw the
    mask best.

    Args:
        segmenter: Proposes masks, and draws those of anchors.
        grid: The lattice; 32 x 32 by default.
        most: Anchors of a mask at most.
    """

    name: ClassVar[str] = "grid"
    needs_image: ClassVar[bool] = True

    def __init__(
        self, segmenter: Segmenter[Any], grid: GridSpec | None = None, most: int = MOST_ANCHORS
    ) -> None:
        self.grid, self.most = grid or GridSpec(), most
        self.segmenter = CachedSegmenter(segmenter, 1)
        self._proposed: tuple[Picture, Proposals] | None = None

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Names of the grid tokens, row by row."""
        return Vocabulary(self.grid).tokens[: self.grid.num_cells]

    def fault(self, codes: IntArray) -> str:
        """Return nothing: any cells are a mask."""
        del codes
        return ""

    def encode_all(self, image: Picture | None, masks: BoolArray) -> list[IntArray]:
        """Write masks of one picture, see `MaskTokenizer.encode_all`."""
        picture = needed_image(image, self.name)
        flags = checked_masks(masks, picture)
        proposals = self.proposals(picture)
        found = []
        for mask in flags:
            cells, _ = anchors_of(mask, proposals, self.grid, self.most)
            codes = cells[:, 1] * self.grid.cols + cells[:, 0]
            found.append(codes[: self._enough(picture, mask, codes)])
        return found

    def _enough(self, picture: Picture, mask: BoolArray, codes: IntArray) -> int:
        """Return how many codes from the front draw a mask best, the fewest of equals."""
        drawn = self.decode_all(picture, [codes[:count] for count in range(1, len(codes) + 1)])
        size_wh = picture.shape[1], picture.shape[0]
        ious = [overlap(inside_of(one, self.threshold, size_wh), mask) for one in drawn]
        return 1 + int(np.argmax(ious))

    def decode_all(self, image: Picture | None, codes: Sequence[IntArray]) -> LogitArray:
        """Draw the mask of each mask's anchors, see `MaskTokenizer.decode_all`."""
        picture = needed_image(image, self.name)
        size_wh = picture.shape[1], picture.shape[0]
        prompts = []
        for code in codes:
            points = self.points_of(code, size_wh)
            prompts.append(Prompt(points, np.ones(len(points), np.bool_)))
        return self.segmenter.decode(self.segmenter.encode(picture), prompts)[0]

    def points_of(self, codes: IntArray, size_wh: Size) -> FloatArray:
        """Return (T, 2) the centres of the cells that codes name, in pixels of a picture."""
        rows, cols = np.divmod(self.checked(codes), self.grid.cols)
        return self.grid.centers_of(np.stack([cols, rows], axis=1), size_wh)

    def proposals(self, picture: Picture) -> Proposals:
        """Return what all cells propose; those of the last picture are remembered."""
        if self._proposed is None or not np.array_equal(self._proposed[0], picture):
            self._proposed = picture, propose(self.segmenter, picture, self.grid)
        return self._proposed[1]
