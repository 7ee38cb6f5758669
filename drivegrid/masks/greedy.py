"""From a mask to few proposals whose union is it (GETok §3.2.1, Eq. 1).

The paper's text and its project page describe different algorithms; both are here. Both take the
proposals of one image and a true mask, and count on packed bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.errors import GeometryError
from drivegrid.geometry import FloatArray, IntArray
from drivegrid.masks.packed import PackedMasks, WordArray, count_bits

AT_ONCE = 16
"""Proposals that are counted together: more would often be counted for nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Proposals whose union stands for a mask.

    Args:
        chosen: (T,) places of the proposals, in the order in which they were taken.
        ious: (T,) IoU of the union with the mask after each; rises.
    """

    chosen: IntArray
    ious: FloatArray

    @property
    def iou(self) -> float:
        """IoU of the union of all with the mask; 0 of none."""
        return float(self.ious[-1]) if len(self.ious) else 0.0


def sorted_pass(proposals: PackedMasks, truth: PackedMasks) -> Selection:
    """Go through the proposals once, the one most like the mask first; take each that helps.

    Helps: the IoU of the union rises. Of equally good ones the first comes first (source: GETok
    §3.2.1, the text below Eq. 1, where no threshold ends the pass).

    Args:
        proposals: K of an image.
        truth: One mask of the same size.

    Raises:
        GeometryError: If sizes differ, or there is not one true mask.
    """
    union = _Union(proposals, truth)
    order = np.argsort(-union.alone, kind="stable")
    order = order[union.alone[order] > 0]
    while len(order):
        hopeful = np.flatnonzero(union.bounds(order) > union.iou)
        for place in hopeful:
            if union.exact(order[place : place + 1])[0] > union.iou:
                union.take(int(order[place]))
                order = order[place + 1 :]
                break
        else:
            break
    return union.selection()


def largest_gain(proposals: PackedMasks, truth: PackedMasks, least_iou: float = 1.0) -> Selection:
    """Take again and again the proposal that raises the IoU of the union most.

    Ends where ``least_iou`` is reached or nothing helps. Of equally good ones the first is taken
    (source: GETok's project page; the threshold is the τ of Eq. 1, whose value is not published).

    Args:
        proposals: K of an image.
        truth: One mask of the same size.
        least_iou: IoU that is enough, in [0, 1].

    Raises:
        GeometryError: If sizes differ, or there is not one true mask.
    """
    union = _Union(proposals, truth)
    while union.iou < least_iou:
        bounds = union.bounds(np.arange(len(proposals)))
        order = np.argsort(-bounds, kind="stable")
        best, found = -1, union.iou
        for start in range(0, len(order), AT_ONCE):
            some = order[start : start + AT_ONCE]
            some = some[bounds[some] > found] if best < 0 else some[bounds[some] >= found]
            if not len(some):
                break
            exact = union.exact(some)
            for place, iou in sorted(zip(some.tolist(), exact.tolist(), strict=True)):
                if iou > found or (iou == found and 0 <= place < best):
                    best, found = place, iou
        if best < 0:
            break
        union.take(best)
    return union.selection()


class _Union:
    """The union of the proposals taken so far, and what others would add to it.

    Inside and outside of the mask are counted apart. What a proposal adds inside only shrinks as
    the union grows, and what it adds outside shrinks by no more than the union grew there: so old
    counts bound new ones, and few have to be counted again.
    """

    def __init__(self, proposals: PackedMasks, truth: PackedMasks) -> None:
        if proposals.size_wh != truth.size_wh:
            raise GeometryError(
                f"proposals must have the size of the mask, {truth.size_wh}, "
                f"got {proposals.size_wh}."
            )
        if len(truth) != 1:
            raise GeometryError(f"truth must be one mask, got {len(truth)}.")
        self._words, self._truth = proposals.words, truth.words[0]
        self._where = np.flatnonzero(self._truth)
        self._inside: WordArray = self._words[:, self._where] & self._truth[self._where]
        self._covered = np.zeros_like(self._truth)
        self._area = int(truth.areas[0])
        self._num_in = self._num_out = 0
        self._adds_in = count_bits(self._inside)
        self._adds_out = proposals.areas - self._adds_in
        self._out_then = np.zeros(len(proposals), np.int64)
        self._chosen: list[int] = []
        self._ious: list[float] = []
        self.alone = self._ious_of(self._adds_in, self._adds_out)

    @property
    def iou(self) -> float:
        return self._ious[-1] if self._ious else 0.0

    def bounds(self, places: IntArray) -> FloatArray:
        """Return IoUs that the union with each cannot exceed."""
        grown = self._num_out - self._out_then[places]
        return self._ious_of(self._adds_in[places], (self._adds_out[places] - grown).clip(min=0))

    def exact(self, places: IntArray) -> FloatArray:
        """Count what each adds; return the IoUs of the union with each."""
        free = ~self._covered
        adds_in = count_bits(self._inside[places] & free[self._where])
        adds_out = count_bits(self._words[places] & (free & ~self._truth))
        self._adds_in[places], self._adds_out[places] = adds_in, adds_out
        self._out_then[places] = self._num_out
        return self._ious_of(adds_in, adds_out)

    def take(self, place: int) -> None:
        """Add a proposal to the union."""
        ious = self.exact(np.array([place]))
        self._num_in += int(self._adds_in[place])
        self._num_out += int(self._adds_out[place])
        self._covered |= self._words[place]
        self._chosen.append(place)
        self._ious.append(float(ious[0]))

    def selection(self) -> Selection:
        return Selection(np.array(self._chosen, np.int64), np.array(self._ious))

    def _ious_of(self, adds_in: IntArray, adds_out: IntArray) -> FloatArray:
        either = self._area + self._num_out + adds_out
        ious: FloatArray = (self._num_in + adds_in) / np.maximum(either, 1)
        return ious
