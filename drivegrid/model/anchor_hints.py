"""Which anchor is moved next: the one thing a refine turn must keep track of.

Offsets mirror the proposal one to one, so the grammar alone says which anchor the next offset
token moves and where that anchor stands by now. The nano model is told (its input at that place
also sees the image around the anchor) instead of having to count tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.tokens.grid import NUM_OFFSETS, GridSpec, offset_vectors

NO_ANCHOR = -1.0


def anchor_hints(
    ids: Sequence[int], grid: GridSpec, base_id: int, special_ids: Mapping[str, int]
) -> FloatArray:
    """Return where the anchor stands that the token after each position would move.

    Args:
        ids: (T,) token ids of one conversation.
        grid: Lattice.
        base_id: Id of ``<grid_0_0>``.
        special_ids: Ids of ``user``, ``assistant``, ``offset`` and ``end_offset``.

    Returns:
        (T, 3) x, y as a fraction of the image in [0, 1] and the round (1, 2, ..);
        ``NO_ANCHOR`` in all three outside a refine turn and after its last anchor.
    """
    hints = np.full((len(ids), 3), NO_ANCHOR)
    if special_ids["offset"] not in ids:
        return hints
    moves = np.concatenate([offset_vectors(), [[0, 0]]])  # a deleted anchor keeps its place
    anchors: list[FloatArray] = []
    fresh = in_user = refining = False
    round_ = slot = 0
    offset_base = base_id + grid.num_cells
    for t, token in enumerate(ids):
        if token == special_ids["user"]:
            in_user = True
        elif token == special_ids["assistant"]:
            in_user, fresh = False, True
        elif token == special_ids["offset"]:
            refining, slot, round_ = True, 0, round_ + 1
        elif token == special_ids["end_offset"]:
            refining = False
        elif base_id <= token < offset_base and not in_user and not refining:
            if fresh:
                anchors, fresh, round_ = [], False, 0
            row, col = divmod(token - base_id, grid.cols)
            anchors.append(grid.centers_of(np.array([[col, row]]), (1, 1))[0])
        elif offset_base <= token < offset_base + NUM_OFFSETS and refining and slot < len(anchors):
            step = grid.offset_step((1, 1), round_)
            anchors[slot] = anchors[slot] + moves[token - offset_base] * step
            slot += 1
        if refining and slot < len(anchors):
            hints[t] = (*anchors[slot], round_)
    return hints
