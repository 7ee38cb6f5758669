"""Views of masks: what four codes tell, exact averages, and the way back."""

import numpy as np
import pytest
import torch

from drivegrid.masks.himtok.view import (
    FINEST,
    FIRST_SIZE,
    boxes_of,
    boxes_told,
    filled,
    look,
    spread,
    view_codes,
    views_of,
)


def masks_of(*rectangles: tuple[int, int, int, int], size: tuple[int, int] = (48, 64)):
    masks = torch.zeros(len(rectangles), *size, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, rectangles, strict=True):
        mask[top:bottom, left:right] = True
    return masks


WHOLE, PIXEL, CORNER, POLE = (0, 0, 64, 48), (10, 20, 11, 21), (60, 44, 64, 48), (30, 3, 31, 40)


def test_boxes_by_hand() -> None:
    boxes = boxes_of(masks_of(WHOLE, PIXEL, CORNER))
    expected = [
        [0.5, 0.5, 1, 1],
        [10.5 / 64, 20.5 / 48, 1 / 64, 1 / 48],
        [62 / 64, 46 / 48, 4 / 64, 4 / 48],
    ]
    torch.testing.assert_close(boxes, torch.tensor(expected, dtype=torch.float64))


def test_boxes_of_masks_with_holes_and_parts() -> None:
    mask = masks_of((5, 6, 50, 40))
    mask[:, 10:30, 10:30] = False
    mask[:, :, 31:33] = False
    assert torch.equal(boxes_of(mask), boxes_of(masks_of((5, 6, 50, 40))))


def test_codes_by_hand() -> None:
    # Centre: 0.5 of 1024 steps is step 512, cell 16, first part; 0.3 is step 307 = 9 * 32 + 19.
    # Size: 1 is the last step; 1/32, half way in logarithms, is step 512 again.
    codes = view_codes(torch.tensor([[0.5, 0.3, 1.0, 1 / 32]], dtype=torch.float64))
    assert codes.tolist() == [[16 + 32 * 9, 31 + 32 * 16, 0 + 32 * 19, 31 + 32 * 0]]


def test_what_codes_tell_by_hand() -> None:
    codes = torch.tensor([[16 + 32 * 9, 31 + 32 * 16, 0 + 32 * 19, 31 + 32 * 0]])
    told = [boxes_told(codes[:, :count])[0].tolist() for count in (1, 2, 3, 4)]
    cell = [16.5 / 32, 9.5 / 32]
    exact = [512.5 / 1024, 307.5 / 1024]
    rough = [FINEST ** (1 - 31.5 / 32), FINEST ** (1 - 16.5 / 32)]
    fine = [FINEST ** (1 - 1023.5 / 1024), FINEST ** (1 - 512.5 / 1024)]
    expected = [cell + [FIRST_SIZE] * 2, cell + rough, exact + rough, exact + fine]
    for found, wanted in zip(told, expected, strict=True):
        assert found == pytest.approx(wanted)


def test_codes_lose_less_than_half_a_step() -> None:
    torch.manual_seed(0)
    boxes = torch.rand(500, 4, dtype=torch.float64) * 0.98 + 0.01
    told = boxes_told(view_codes(boxes))
    assert (told[:, :2] - boxes[:, :2]).abs().max() <= FINEST / 2 + 1e-12
    assert (told[:, 2:] / boxes[:, 2:]).log().abs().max() <= -np.log(FINEST) * FINEST / 2 + 1e-9


@pytest.mark.parametrize("rectangle", [WHOLE, PIXEL, CORNER, POLE])
def test_a_view_holds_the_whole_mask(rectangle: tuple[int, int, int, int]) -> None:
    mask = masks_of(rectangle)
    views = views_of(boxes_told(view_codes(boxes_of(mask))))
    left, top, right, bottom = (views[0] * torch.tensor([64, 48, 64, 48])).tolist()
    assert left <= rectangle[0] and top <= rectangle[1]
    assert right >= rectangle[2] and bottom >= rectangle[3]
    # Covered area is kept: an average is exact.
    share = look(mask, views, 32).mean() * (right - left) * (bottom - top)
    assert share.item() == pytest.approx(mask.sum().item(), rel=1e-4)


def test_averages_equal_the_literal_ones() -> None:
    torch.manual_seed(1)
    mask = torch.rand(1, 6, 8) < 0.5
    view = torch.tensor([[0.05, 0.1, 0.83, 0.95]], dtype=torch.float64)
    # A pixel is 700 x 700 points here, each of which lies in one cell.
    points = mask[0].double().repeat_interleave(700, 0).repeat_interleave(700, 1)
    y, x = ((torch.arange(n) + 0.5) / n for n in points.shape)
    rows = ((y - 0.1) / 0.85 * 3).floor().long()
    cols = ((x - 0.05) / 0.78 * 3).floor().long()
    for i in range(3):
        for k in range(3):
            expected = points[rows == i][:, cols == k].mean().item()
            assert look(mask, view, 3)[0, i, k].item() == pytest.approx(expected, abs=5e-3)


def test_beyond_the_frame_nothing_is_covered() -> None:
    view = torch.tensor([[-1.0, 0.0, 1.0, 1.0]], dtype=torch.float64)
    expected = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    torch.testing.assert_close(look(masks_of(WHOLE), view, 2)[0], expected)


def test_a_view_of_a_view() -> None:
    mask = masks_of((20, 10, 50, 40))
    outer = torch.tensor([[0.25, 0.125, 0.875, 0.9375]], dtype=torch.float64)
    inner = torch.tensor([[0.375, 0.25, 0.75, 0.875]], dtype=torch.float64)
    at_once = look(mask, inner, 12)
    again = look(look(mask, outer, 160), inner, 12, seen=outer)
    torch.testing.assert_close(again, at_once, atol=0.01, rtol=0)


@pytest.mark.parametrize("rectangle", [WHOLE, CORNER, POLE, (8, 8, 40, 30)])
def test_there_and_back(rectangle: tuple[int, int, int, int]) -> None:
    mask = masks_of(rectangle)
    views = views_of(boxes_told(view_codes(boxes_of(mask))))
    logits = spread(look(mask, views, 64) - 0.5, views, 512, outside=-10.0)
    found = torch.nn.functional.interpolate(logits[:, None], mask.shape[1:], mode="bilinear")[:, 0]
    assert torch.equal(found > 0, mask)


def test_outside_of_a_view_stands_what_is_asked_for() -> None:
    view = torch.tensor([[0.25, 0.5, 0.75, 1.0]], dtype=torch.float64)
    spread_out = spread(torch.full((1, 4, 4), 3.0), view, 8, outside=-7.0)[0]
    expected = torch.full((8, 8), -7.0)
    expected[4:, 2:6] = 3.0
    torch.testing.assert_close(spread_out, expected)


def test_cells_are_sampled_bilinearly() -> None:
    view = torch.tensor([[0.0, 0.0, 1.0, 1.0]], dtype=torch.float64)
    cells = torch.tensor([[[0.0, 8.0], [0.0, 8.0]]])
    # Cell centres lie at 1/4 and 3/4, pixel centres at 1/8, 3/8, 5/8, 7/8.
    assert spread(cells, view, 4, 0.0)[0, 0].tolist() == [0.0, 2.0, 6.0, 8.0]


def test_no_mask_that_codes_tell_of_is_empty() -> None:
    low = torch.full((2, 4, 4), -3.0)
    low[1, 2, 1] = -1.0
    found = filled(low)
    assert (found[0] > 0).all()
    assert (found[1] > 0).nonzero().tolist() == [[2, 1]]
    high = torch.randn(3, 4, 4) + 5
    assert torch.equal(filled(high), high)


@pytest.mark.parametrize("place", [0.0, 0.31, 0.5, 0.9995])
def test_a_view_smaller_than_a_pixel_is_one(place) -> None:
    end = place + 0.0005
    views = torch.tensor([[place, place, end, end]], dtype=torch.float64)
    shown = spread(torch.ones(1, 4, 4), views, 64, -1.0)
    assert 1 <= int((shown > 0).sum()) <= 4
    row, column = (shown[0] > 0).nonzero()[0].tolist()
    assert abs(row - place * 64) <= 1
    assert abs(column - place * 64) <= 1
