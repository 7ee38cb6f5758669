import numpy as np
import pytest

from drivegrid.model.anchor_hints import NO_ANCHOR, anchor_hints
from drivegrid.tokens.grid import GridSpec

GRID = GridSpec(cols=4, rows=4, offset_cols=8, offset_rows=8, gamma=0.5)
BASE = 100
OFF = BASE + 16
IDS = {"user": 1, "assistant": 2, "end": 3, "offset": 50, "end_offset": 51}
USER, ASSISTANT, END, OPEN, CLOSE, WORD = 1, 2, 3, 50, 51, 9


def hints(*ids: int) -> list[list[float]]:
    return anchor_hints(ids, GRID, BASE, IDS).tolist()


NONE = [NO_ANCHOR] * 3
FIRST = [0.125, 0.125, 1.0]  # centre of cell (0, 0), round 1
SECOND = [0.375, 0.125, 1.0]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param([], [], id="empty"),
        pytest.param([USER, WORD, ASSISTANT, BASE, END], [NONE] * 5, id="no refine turn"),
        pytest.param([ASSISTANT, BASE, END, OPEN], [NONE, NONE, NONE, FIRST], id="opening"),
        pytest.param(
            [ASSISTANT, BASE, BASE + 1, OPEN, OFF, OFF + 9, CLOSE],
            [NONE, NONE, NONE, FIRST, SECOND, NONE, NONE],
            id="one step an offset, nothing after the last",
        ),
        pytest.param(
            [USER, BASE + 5, ASSISTANT, BASE, OPEN],
            [NONE, NONE, NONE, NONE, FIRST],
            id="cells of the question are no anchors",
        ),
        pytest.param(
            [ASSISTANT, BASE + 1, END, ASSISTANT, BASE, OPEN],
            [NONE, NONE, NONE, NONE, NONE, FIRST],
            id="a new answer replaces the old",
        ),
    ],
)
def test_which_anchor_is_next(ids: list[int], expected: list[list[float]]) -> None:
    assert hints(*ids) == expected


def test_second_round_starts_where_the_first_ended() -> None:
    # Offset 8 is (1, 1); the step of round 1 is 1/8 of the image on each axis.
    rows = hints(ASSISTANT, BASE, OPEN, OFF + 8, CLOSE, END, USER, ASSISTANT, OPEN)
    assert rows[-1] == pytest.approx([0.25, 0.25, 2.0])


def test_deleted_anchor_keeps_its_place() -> None:
    rows = hints(ASSISTANT, BASE, OPEN, OFF + 9, CLOSE, END, ASSISTANT, OPEN)
    assert rows[-1] == pytest.approx([0.125, 0.125, 2.0])


def test_hint_depends_on_the_past_only() -> None:
    ids = [ASSISTANT, BASE, BASE + 1, OPEN, OFF, OFF + 3, CLOSE, END]
    whole = anchor_hints(ids, GRID, BASE, IDS)
    for length in range(len(ids) + 1):
        np.testing.assert_array_equal(anchor_hints(ids[:length], GRID, BASE, IDS), whole[:length])
