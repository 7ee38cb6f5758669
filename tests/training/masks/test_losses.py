"""Losses of masks, by hand and against literal versions."""

import math

import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.masks.losses import (  # noqa: E402
    IMPORTANCE,
    bce_loss,
    dice_loss,
    mask_iou,
    sample_at,
    sample_uncertain,
)


def test_values_by_hand() -> None:
    logits, truth = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[1.0, 0.0]]])
    assert bce_loss(logits, truth).item() == pytest.approx(math.log(2))
    # Chances 1/2 and 1/2: 2 * 1/2 in common, 1 and 1 in all, 1 added above and below.
    assert dice_loss(logits, truth).item() == pytest.approx(1 - 2 / 3)


def test_each_mask_counts_for_itself() -> None:
    torch.manual_seed(0)
    logits, truth = torch.randn(3, 4, 5), torch.rand(3, 4, 5)
    for loss in (bce_loss, dice_loss):
        alone = [loss(logits[i : i + 1], truth[i : i + 1]).item() for i in range(3)]
        assert loss(logits, truth).tolist() == pytest.approx(alone)


def test_iou() -> None:
    inside = torch.tensor([[[True, True]], [[False, False]]])
    truth = torch.tensor([[[True, False]], [[False, False]]])
    assert mask_iou(inside, truth).tolist() == [0.5, 0.0]


def test_values_between_pixels_are_bilinear() -> None:
    maps = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
    places = torch.tensor([[[0.25, 0.25], [0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]])
    assert sample_at(maps, places).tolist() == [[0.0, 1.0, 1.5, 2.0]]


def test_points_lie_where_logits_waver() -> None:
    logits = torch.full((1, 8, 8), 9.0)
    logits[0, :, 4:] = -9.0
    truth = (logits > 0).float()
    rng = torch.Generator().manual_seed(0)
    drawn, wanted = sample_uncertain(logits, truth, 1000, rng)
    assert drawn.shape == wanted.shape == (1, 1000)
    # Between the columns, an eighth of the picture, is where they change sign.
    near = (drawn.abs() < 8.9).float().mean().item()
    assert near > 0.5 * IMPORTANCE
    evenly = (sample_at(logits, torch.rand(1, 1000, 2, generator=rng)).abs() < 8.9).float().mean()
    assert near > 2 * evenly.item()
    again = sample_uncertain(logits, truth, 1000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(again[0], drawn)
