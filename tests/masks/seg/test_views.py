"""Views: where they lie, what they show, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from drivegrid.masks.seg.views import (  # noqa: E402
    LEAST,
    MARGIN,
    each_looked_at,
    looked_at,
    middle_boxes,
    put_back,
    views_of,
)

PICTURE = torch.rand(8, 16, generator=torch.Generator().manual_seed(0))
WHOLE = torch.tensor([[0.0, 0.0, 1.0, 1.0]])


def slow_look(picture, view, size):
    """What a view shows, sample by sample, by the definition."""
    height, width = picture.shape
    left, top, right, bottom = view
    shown = np.zeros((size, size))

    def weights(low, high, side, step):
        center = (low + (high - low) * (step + 0.5) / size) * side
        if not 0 <= center <= side:
            return None
        reach = max(1.0, (high - low) * side / size)
        found = [max(0.0, 1 - abs(center - (i + 0.5)) / reach) for i in range(side)]
        return np.array(found) / sum(found)

    for row in range(size):
        for column in range(size):
            across = weights(left, right, width, column)
            down = weights(top, bottom, height, row)
            if across is not None and down is not None:
                shown[row, column] = down @ picture @ across
    return shown


def test_no_views() -> None:
    nothing = torch.zeros(0, 4)
    assert looked_at(PICTURE[None, None], torch.zeros(0, dtype=torch.long), nothing, 4).shape == (
        0,
        1,
        4,
        4,
    )
    assert each_looked_at(torch.zeros(0, 8, 16), nothing, 4).shape == (0, 4, 4)
    assert put_back(torch.zeros(0, 4, 4), nothing, (16, 8), -1.0).shape == (0, 8, 16)
    assert middle_boxes(torch.zeros(0, 8, 16, dtype=torch.bool)).shape == (0, 4)


@pytest.mark.parametrize(
    "view",
    [(0.0, 0.0, 1.0, 1.0), (0.25, 0.5, 0.3, 0.55), (-0.5, 0.25, 0.5, 1.75), (0.4, 0.0, 0.9, 0.2)],
)
@pytest.mark.parametrize("size", [3, 8])
def test_a_view_shows_what_its_definition_says(view, size) -> None:
    views = torch.tensor([view])
    found = looked_at(PICTURE[None, None], torch.tensor([0]), views, size)
    np.testing.assert_allclose(found[0, 0], slow_look(PICTURE.numpy(), view, size), atol=1e-5)
    torch.testing.assert_close(each_looked_at(PICTURE[None], views, size), found[:, 0])


def test_each_view_is_of_its_own_picture() -> None:
    maps = torch.stack([torch.full((2, 4, 4), float(place)) for place in (1, 2, 3)])
    shown = looked_at(maps, torch.tensor([2, 0, 2]), WHOLE.expand(3, 4), 2)
    assert shown.amax(dim=(1, 2, 3)).tolist() == [3, 1, 3]
    assert shown.amin(dim=(1, 2, 3)).tolist() == [3, 1, 3]


def test_a_view_of_the_whole_picture_at_its_size_is_the_picture() -> None:
    square = PICTURE[:, :8]
    torch.testing.assert_close(each_looked_at(square[None], WHOLE, 8)[0], square)
    torch.testing.assert_close(put_back(square[None], WHOLE, (8, 8), 0.0)[0], square)


def test_a_line_between_two_samples_is_not_lost() -> None:
    line = torch.zeros(1, 64, 64)
    line[:, :, 13] = 1
    assert (each_looked_at(line, WHOLE, 4).sum(dim=2) > 0).all()


def test_beyond_the_picture_is_nothing_and_beyond_a_view_is_outside() -> None:
    views = torch.tensor([[0.5, 0.0, 1.5, 1.0]])
    shown = each_looked_at(torch.ones(1, 8, 16), views, 4)
    assert shown[0, 0].tolist() == [1, 1, 0, 0]
    back = put_back(torch.ones(1, 4, 4), views, (4, 2), -9.0)
    assert back[0].tolist() == [[-9, -9, 1, 1]] * 2


BOXES = st.tuples(st.floats(0, 0.6), st.floats(0, 0.6), st.floats(0.1, 0.4), st.floats(0.1, 0.4))


@given(BOXES)
def test_a_box_comes_back_through_its_view(box) -> None:
    x, y, width, height = box
    boxes = torch.tensor([[x, y, x + width, y + height]])
    views = views_of(boxes)
    steps = (torch.arange(96) + 0.5) / 96
    inside = [(steps > boxes[0, i]) & (steps < boxes[0, i + 2]) for i in (0, 1)]
    mask = (inside[1][:, None] & inside[0]).float()
    back = put_back(each_looked_at(mask[None], views, 64), views, (96, 96), 0.0)[0] > 0.5
    union = (back | (mask > 0)).sum()
    assert (back & (mask > 0)).sum() >= 0.85 * union


def test_views_have_a_margin_and_a_least_size() -> None:
    wide, thin = views_of(torch.tensor([[0.2, 0.2, 0.6, 0.4], [0.5, 0.1, 0.501, 0.9]]))
    assert wide.tolist() == pytest.approx([0.1, 0.15, 0.7, 0.45])
    assert (thin[2] - thin[0]).item() == pytest.approx(LEAST)
    assert (thin[3] - thin[1]).item() == pytest.approx(0.8 * MARGIN)


def test_boxes_of_sketches_leave_out_what_is_stray() -> None:
    inside = torch.zeros(3, 50, 100, dtype=torch.bool)
    inside[0, 10:30, 20:60] = True
    inside[0, 49, 99] = True
    inside[1, 7, 5] = True
    found = middle_boxes(inside)
    np.testing.assert_allclose(found[0], [0.2, 0.2, 0.6, 0.6], atol=0.011)
    assert found[1].tolist() == pytest.approx([0.05, 0.14, 0.06, 0.16])
    assert found[2].tolist() == [0, 0, 1, 1]
