"""Prompts: what may be asked, and which are the same."""

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.masks.segmenter import Prompt

ONE, YES = np.array([[1.0, 2.0]]), np.array([True])
BOX = np.array([1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("points", "positive", "box", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0), None, "a point, a box or a mask, got none"),
        (ONE, np.zeros(0), None, r"shape \(1,\), .* got \(0,\)"),
        (np.zeros((0, 2)), YES, BOX, r"shape \(0,\), .* got \(1,\)"),
        (np.array([[np.nan, 1.0]]), YES, None, "finite"),
        (np.ones((1, 3)), YES, None, r"\(N, 2\)"),
        (ONE, YES, BOX[[2, 1, 0, 3]], "in order"),
        (ONE, YES, BOX[:3], "in order"),
        (ONE, YES, BOX * np.inf, "in order"),
    ],
)
def test_what_no_prompt_can_be(points, positive, box, message) -> None:
    with pytest.raises(GeometryError, match=message):
        Prompt(points, positive, box)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((0, 4), bool), r"pixels, got \(0, 4\)"),
        (np.ones((1, 4, 4), bool), r"pixels, got \(1, 4, 4\)"),
        (np.full((4, 4), -5.0), "flags or whole numbers, got float64"),
    ],
)
def test_masks_that_cannot_be_mended(mask, message) -> None:
    with pytest.raises(GeometryError, match=message):
        Prompt(mask=mask)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Prompt(ONE.copy(), YES.copy(), BOX.copy()), True),
        (Prompt(ONE.astype(int), YES.astype(np.uint8), BOX.tolist()), True),
        (Prompt(ONE, YES), False),
        (Prompt(box=BOX), False),
        (Prompt(ONE, ~YES, BOX), False),
        (Prompt(ONE + 1, YES, BOX), False),
        ("prompt", False),
    ],
)
def test_equal_prompts(other, same) -> None:
    prompt = Prompt(ONE, YES, BOX)
    assert (prompt == other) is same
    assert len({prompt, other}) == 2 - same
