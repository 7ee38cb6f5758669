import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.groups import NO_CHOICE, Group, Said, alone, one_of, pack, together  # noqa: E402
from drivegrid.training.rewards import Rewards  # noqa: E402

NOTHING = Rewards({}, np.zeros(2))


def said(*tokens_and_masks) -> Said:
    ids, legal = zip(*tokens_and_masks, strict=True)
    return Said(np.array(ids), np.array(legal))


def group(prefix, *answers) -> Group:
    return Group("a.png", "objects", "grid", {"image": torch.zeros(1, 2)}, prefix, answers, NOTHING)


def test_a_group_is_a_row_with_its_prefix_once() -> None:
    first = group([7, 8], said((10, 0), (11, 1)), said((12, 0)))
    second = group([9], said((13, 2), (14, NO_CHOICE), (15, 2)), said((16, 2)))
    packed = pack([first, second])
    assert packed.ids.tolist() == [[7, 8, 10, 11, 12], [9, 13, 14, 15, 16]]
    assert packed.segments.tolist() == [[0, 0, 1, 1, 2], [0, 1, 1, 1, 2]]
    assert packed.places.tolist() == [[0, 1, 2, 3, 2], [0, 1, 2, 3, 1]]
    # Of each chosen token: its row, the column before it in its conversation, itself, its mask.
    assert packed.row.tolist() == [0, 0, 0, 1, 1, 1]
    assert packed.source.tolist() == [1, 2, 1, 0, 2, 0]
    assert packed.token.tolist() == [10, 11, 12, 13, 15, 16]
    assert packed.legal.tolist() == [0, 1, 0, 2, 2, 2]
    assert packed.answer.tolist() == [0, 0, 1, 2, 2, 3]


def test_shorter_rows_are_padded_behind() -> None:
    packed = pack([group([7], said((1, 0))), group([7, 7], said((1, 0), (2, 0)))])
    assert packed.segments.tolist() == [[0, 1, -1, -1], [0, 0, 1, 1]]


def test_answers_alone_repeat_the_prefix() -> None:
    both = group([7, 8], said((10, 0)), said((11, 0), (12, 0)))
    packed = pack(alone(both))
    assert packed.ids.tolist() == [[7, 8, 10, 0], [7, 8, 11, 12]]
    assert packed.source.tolist() == [1, 1, 2]


def test_pictures_are_taken_apart_and_put_together() -> None:
    looked = {4: torch.arange(6).view(3, 2), "patches": torch.arange(3).view(3, 1)}
    parts = [one_of(looked, place) for place in (0, 1, 2)]
    assert parts[1][4].tolist() == [[2, 3]]
    for name, tensor in together(parts).items():
        assert torch.equal(tensor, looked[name])
