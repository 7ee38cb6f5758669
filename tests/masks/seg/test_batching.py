"""Prompts as numbers."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.masks.seg.batching import batch_prompts, covered, draw_prompt  # noqa: E402
from drivegrid.masks.seg.prompts import (  # noqa: E402
    BOTTOM_RIGHT,
    CENTER,
    NEGATIVE,
    PADDING,
    POSITIVE,
    TOP_LEFT,
)
from drivegrid.masks.segmenter import Prompt  # noqa: E402

SIZE_WH, MAP_WH = (64, 32), (16, 8)


def test_places_are_shares_and_short_prompts_are_padded() -> None:
    two = Prompt(np.array([[16.0, 8.0], [64.0, 32.0]]), np.array([True, False]))
    box = Prompt(np.array([[0.0, 0.0]]), np.array([True]), np.array([8.0, 8, 16, 24]))
    mask = Prompt(mask=np.ones((4, 4), np.bool_))
    batch = batch_prompts([two, box, mask], SIZE_WH, MAP_WH)
    assert batch.kinds.tolist() == [
        [POSITIVE, NEGATIVE, PADDING, PADDING],
        [POSITIVE, TOP_LEFT, BOTTOM_RIGHT, CENTER],
        [PADDING] * 4,
    ]
    assert batch.places[0, :2].tolist() == [[0.25, 0.25], [1, 1]]
    assert batch.places[1, 1:].tolist() == [[0.125, 0.25], [0.25, 0.75], [0.1875, 0.5]]
    assert batch.drawn.shape == (3, 4, 8, 16)


def test_each_kind_is_drawn_in_its_channel() -> None:
    points = Prompt(np.array([[30.0, 14.0], [2.0, 2.0]]), np.array([True, False]))
    drawn = draw_prompt(points, SIZE_WH, MAP_WH)
    assert np.unravel_index(drawn[1].argmax(), (8, 16)) == (3, 7)
    assert np.unravel_index(drawn[2].argmax(), (8, 16)) == (0, 0)
    assert drawn[1].max() == pytest.approx(1.0)
    assert not drawn[[0, 3]].any()

    box = draw_prompt(Prompt(box=np.array([8.0, 8, 18, 16])), SIZE_WH, MAP_WH)
    assert box[3, 2].tolist() == [0, 0, 1, 1, 0.5, *[0] * 11]
    assert box[3].sum() == pytest.approx(10 * 8 / 16)
    assert not box[:3].any()

    stripe = np.zeros((32, 64), np.bool_)
    stripe[:, 5] = True
    mask = draw_prompt(Prompt(mask=stripe), SIZE_WH, MAP_WH)
    np.testing.assert_allclose(mask[0, :, 1], 0.25)
    assert mask[0].sum() == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("low", "high", "shares"),
    [(0, 0, [0, 0]), (-1, 9, [1, 1]), (0.25, 0.5, [0.25, 0]), (1, 1.5, [0, 0.5]), (3, 4, [0, 0])],
)
def test_shares_of_intervals(low, high, shares) -> None:
    assert covered(low, high, 2).tolist() == shares
