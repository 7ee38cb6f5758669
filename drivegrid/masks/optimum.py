"""The fewest proposals whose union is good enough, found by trying: how far greedy is from it.

Trying takes time that grows exponentially, so that it ends at a number of steps, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.errors import ConfigError
from drivegrid.masks.greedy import Selection
from drivegrid.masks.packed import PackedMasks

MAX_STEPS = 200_000


@dataclass(frozen=True, slots=True)
class Optimum:
    """What was found.

    Args:
        selection: Fewest proposals that reach the IoU; None if none do, or not all were tried.
        at_least: So many are needed in any case; one more than there are where none suffice.
    """

    selection: Selection | None
    at_least: int


def fewest(
    proposals: PackedMasks, truth: PackedMasks, least_iou: float, max_steps: int = MAX_STEPS
) -> Optimum:
    """Return the solution of Eq. 1 of GETok, by iterative deepening with bounds.

    Args:
        proposals: K of an image.
        truth: One mask of the same size.
        least_iou: The τ of Eq. 1, in (0, 1].
        max_steps: Unions that are looked at before it gives up.

    Raises:
        ConfigError: If the threshold is not in (0, 1].
    """
    if not 0 < least_iou <= 1:
        raise ConfigError(f"least IoU must lie in (0, 1], got {least_iou}.")
    search = _Search(proposals, truth, least_iou, max_steps)
    for size in range(1, len(search.useful) + 1):
        found = search.of_size(size)
        if found is not None:
            return Optimum(_selection(found, search), size)
        if search.steps >= max_steps:
            return Optimum(None, size)
    return Optimum(None, len(search.useful) + 1)


class _Search:
    """Masks as Python's whole numbers, whose bits are counted at once."""

    def __init__(
        self, proposals: PackedMasks, truth: PackedMasks, least_iou: float, max_steps: int
    ) -> None:
        self.masks = [int.from_bytes(row.tobytes(), "little") for row in proposals.words]
        self.truth = int.from_bytes(truth.words[0].tobytes(), "little")
        self._least_iou, self._max_steps = least_iou, max_steps
        self._area = self.truth.bit_count()
        self.steps = 0
        self.useful = self._useful()
        self._inside = [(self.masks[place] & self.truth).bit_count() for place in self.useful]

    def of_size(self, size: int) -> list[int] | None:
        """Return so many proposals that reach the IoU, or None."""
        return self._extend(0, 0, size)

    def iou(self, union: int) -> float:
        either = (union | self.truth).bit_count()
        return (union & self.truth).bit_count() / either if either else 0.0

    def _useful(self) -> list[int]:
        """Return the proposals that no other makes needless, those with most inside first."""
        inside = {place: mask & self.truth for place, mask in enumerate(self.masks)}
        outside = {place: mask & ~self.truth for place, mask in enumerate(self.masks)}

        def is_needless(place: int) -> bool:
            return any(
                inside[place] | inside[other] == inside[other]
                and outside[place] | outside[other] == outside[place]
                and (self.masks[other] != self.masks[place] or other < place)
                for other in inside
                if other != place
            )

        kept = [place for place in inside if inside[place] and not is_needless(place)]
        return sorted(kept, key=lambda place: -inside[place].bit_count())

    def _extend(self, union: int, first: int, left: int) -> list[int] | None:
        """Return proposals from a place on that complete a union, so many of them."""
        for number in range(first, len(self.useful) - left + 1):
            # those that follow hold no more inside each, and no union loses what lies outside
            most = (union & self.truth).bit_count() + left * self._inside[number]
            least = self._area + (union & ~self.truth).bit_count()
            too_little = min(most, self._area) / least < self._least_iou
            if too_little or self.steps >= self._max_steps:
                return None
            self.steps += 1
            place = self.useful[number]
            grown = union | self.masks[place]
            if left == 1:
                if self.iou(grown) >= self._least_iou:
                    return [place]
            elif (rest := self._extend(grown, number + 1, left - 1)) is not None:
                return [place, *rest]
        return None


def _selection(places: list[int], search: _Search) -> Selection:
    union, ious = 0, []
    for place in places:
        union |= search.masks[place]
        ious.append(search.iou(union))
    return Selection(np.array(places, np.int64), np.array(ious))
