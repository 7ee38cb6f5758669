"""What a packed token looks at and where it stands, told by a slow loop."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.packing import (  # noqa: E402
    Piece,
    attention_mask,
    places_of,
    segments_of,
    take,
)


def pieces(*lengths):
    return [Piece(np.arange(n), np.zeros(n, np.bool_)) for n in lengths]


@pytest.mark.parametrize("lengths", [(), (1,), (2, 3), (4, 1, 2)])
def test_a_token_sees_the_opening_and_its_own_dialogue(lengths) -> None:
    segments = [*segments_of(2, pieces(*lengths)).tolist(), -1, -1]
    mask = attention_mask(torch.tensor([segments]))[0, 0]
    for i, mine in enumerate(segments):
        for j, other in enumerate(segments):
            seen = j <= i and (other == mine or (other == 0 and mine != -1))
            assert bool(mask[i, j]) == seen


def test_every_dialogue_begins_behind_the_opening() -> None:
    opening = torch.tensor([[0, 1, 1], [0, 1, 1], [0, 1, 2]])
    segments = torch.from_numpy(segments_of(3, pieces(2, 3)))
    text = [[3, 4, 3, 4, 5]] * 3
    assert places_of(segments, opening).tolist() == [
        row + more for row, more in zip(opening.tolist(), text, strict=True)
    ]


@pytest.mark.parametrize(
    ("room", "most", "lengths"),
    [(1, None, [5]), (5, None, [5]), (6, None, [5, 1]), (99, None, [5, 1, 9]), (1, 2, [5, 1])],
)
def test_the_dialogue_that_reaches_over_the_end_is_taken(room, most, lengths) -> None:
    assert [len(one.ids) for one in take(pieces(5, 1, 9), room, most)] == lengths
