"""The form of a refinement: everything but one offset per anchor is forced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import IntArray
from drivegrid.tokens.grid import DELETE, GridGeometry
from drivegrid.tokens.vocabulary import RING, Vocabulary

SLOT = -1
"""Stands in a template where an offset is to be chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class OffsetTemplate:
    """A refinement before its offsets are chosen: everything but the slots is forced.

    A decoder needs no step for the forced tokens: it may put guesses into all slots, run the
    model once over the whole text, and repeat until the guesses no longer change. Left to right
    greedy decoding gives the same result, since slot k depends only on slots before it and is
    final after at most k + 1 rounds.

    Args:
        ids: (N,) token ids with `SLOT` at the slots.
        slots: (K,) positions of the slots in ``ids``.
        choices: (10,) ids allowed in each slot: the nine moves, then ``<DELETE>``.
    """

    ids: IntArray
    slots: IntArray
    choices: IntArray

    def fill(self, offsets: IntArray) -> IntArray:
        """Return (N,) ids with (K,) offset indices in [0, 10) in the slots."""
        filled = self.ids.copy()
        filled[self.slots] = self.choices[offsets]
        return filled


def offset_template(items: Sequence[GridGeometry], vocabulary: Vocabulary) -> OffsetTemplate:
    """Return the refinement of a proposal: one slot per anchor, in the proposal's own order.

    Anchors deleted in an earlier round have no slot: ``<DELETE>`` stands there.

    >>> from drivegrid.tokens.grid import GridSpec
    >>> point = GridGeometry("point", (np.array([[1, 1]]),))
    >>> offset_template([point], Vocabulary(GridSpec(cols=4, rows=4))).ids.tolist()
    [36, 26, -1, 27, 37]
    """
    ids = [vocabulary.id_of("<offset>")]
    deleted = vocabulary.offset_range[DELETE]
    for geometry in items:
        ids.append(vocabulary.id_of(f"<{geometry.kind}>"))
        for number, part in enumerate(geometry.cells):
            ids += [vocabulary.id_of(RING)] if number else []
            last = geometry.offsets[-1][number] if geometry.offsets else np.zeros(len(part))
            ids += [deleted if index == DELETE else SLOT for index in last.tolist()]
        ids.append(vocabulary.id_of(f"</{geometry.kind}>"))
    ids.append(vocabulary.id_of("</offset>"))
    array = np.array(ids, dtype=np.int64)
    choices = np.array(vocabulary.offset_range, dtype=np.int64)
    return OffsetTemplate(array, np.flatnonzero(array == SLOT), choices)
