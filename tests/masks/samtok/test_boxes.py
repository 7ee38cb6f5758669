"""Boxes as numbers, and as prompts like those that people give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from drivegrid.masks.samtok.boxes import LEAST, NEAR, ask_boxes, box_at, place_of  # noqa: E402
from drivegrid.masks.seg.batching import batch_prompts  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402

SIZE_WH, MAP_WH = (512, 288), (64, 32)
SIDES = st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda ends: ends[1] - ends[0] > LEAST)


def test_no_boxes() -> None:
    asked = ask_boxes(torch.zeros(0, 4), MAP_WH)
    assert [len(part) for part in asked] == [0, 0, 0]


@given(SIDES, SIDES)
def test_numbers_stand_for_one_box(across, down) -> None:
    box = torch.tensor([[across[0], down[0], across[1], down[1]]], dtype=torch.float64)
    torch.testing.assert_close(box_at(place_of(box)), box)


def test_a_shift_and_a_stretch_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.25, 0.0, 0.75, 0.5], [0.0, 0.0, 0.5, 0.25]])
    places = place_of(boxes)
    assert (places[1] - places[0]).tolist() == [NEAR / 4, 0, 0, 0]
    shifted, stretched = places[2, 1] - places[0, 1], places[2, 3] - places[0, 3]
    assert shifted.item() == -NEAR / 8
    assert stretched.item() == pytest.approx(-np.log(2))


def test_sizes_stay_within_the_picture() -> None:
    place = torch.tensor([[NEAR / 2, NEAR / 2, 3.0, -30.0]])
    x0, y0, x1, y1 = box_at(place)[0].tolist()
    assert (x0, x1) == (0.0, 1.0)
    assert y0 == pytest.approx(y1)


def test_prompts_are_those_of_boxes_that_people_give() -> None:
    pixels = np.array([[3.0, 5, 40, 200], [0, 0, 512, 288], [100.5, 7.25, 101.5, 250]])
    asked = ask_boxes(torch.tensor(pixels / np.tile(SIZE_WH, 2), dtype=torch.float32), MAP_WH)
    given_ones = batch_prompts([Prompt(box=box) for box in pixels], SIZE_WH, MAP_WH)
    for mine, theirs in zip(asked, given_ones, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
