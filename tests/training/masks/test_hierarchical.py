"""The hierarchical mask loss: values by hand, and that every level counts."""

import math

import pytest
import torch
from drivegrid.training.masks.hierarchical import (
    blurred,
    hierarchical_loss,
    sampled_levels,
    sigma_of,
)


@pytest.mark.parametrize(
    ("level", "size", "sigma"),
    [(1, 256, 48), (4, 256, 18), (24, 256, 2), (31, 256, 1.125), (49, 256, 0), (60, 256, 0),
     (4, 64, 4.5)],
)  # fmt: skip
def test_blur_of_a_level(level: int, size: int, sigma: float) -> None:
    assert sigma_of(level, size) == pytest.approx(sigma)


def test_no_blur_changes_nothing() -> None:
    labels = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(blurred(labels, 0), labels)


def test_blur_equals_the_literal_one() -> None:
    labels = (torch.rand(1, 7, 7, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    found = blurred(labels, 1.3)[0]
    for row in range(7):
        for col in range(7):
            total = weights = 0.0
            for y in range(7):
                for x in range(7):
                    far = (y - row) ** 2 + (x - col) ** 2
                    weight = math.exp(-far / (2 * 1.3**2))
                    total += weight * labels[0, y, x].item()
                    weights += weight
            assert found[row, col].item() == pytest.approx(total / weights, abs=1e-5)


def test_a_full_mask_stays_full() -> None:
    torch.testing.assert_close(blurred(torch.ones(1, 8, 8), 3.0), torch.ones(1, 8, 8))


def test_levels_by_hand() -> None:
    logits, label = torch.zeros(1, 1, 2), torch.tensor([[[1.0, 0.0]]])
    # Cross entropy log 2; Dice 1 - (2 * 0.5 + 1) / (1 + 1 + 1).
    one = math.log(2) + 1 / 3
    sure = torch.tensor([[[50.0, -50.0]]])
    assert hierarchical_loss([(logits, label)]).item() == pytest.approx(one)
    assert hierarchical_loss([(sure, label)]).item() == pytest.approx(0, abs=1e-6)
    both = hierarchical_loss([(logits, label), (sure, label), (logits, label)])
    assert both.item() == pytest.approx(2 * one)


def test_soft_labels_by_hand() -> None:
    logits, label = torch.zeros(1, 1, 2), torch.tensor([[[0.5, 0.25]]])
    # Dice 1 - (2 * (0.25 + 0.125) + 1) / (1 + 0.75 + 1).
    expected = math.log(2) + 1 - 1.75 / 2.75
    assert hierarchical_loss([(logits, label)]).item() == pytest.approx(expected)


def test_every_level_has_a_gradient() -> None:
    label = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    levels = [torch.zeros(1, 2, 2, requires_grad=True) for _ in range(4)]
    hierarchical_loss([(logits, label) for logits in levels]).backward()
    for logits in levels:
        assert logits.grad is not None and (logits.grad != 0).all()
        torch.testing.assert_close(logits.grad, levels[0].grad)


def test_levels_are_drawn_as_in_the_paper() -> None:
    generator = torch.Generator().manual_seed(2)
    drawn = [level for _ in range(20_000) for level in sampled_levels(1, generator)]
    counts = torch.bincount(torch.tensor(drawn), minlength=33) / len(drawn)
    total = sum(1 / (level + 8) for level in range(1, 32))
    for level in (1, 8, 31):
        assert counts[level].item() == pytest.approx(1 / (level + 8) / total, rel=0.1)
    assert counts[0] == counts[32] == 0


def test_levels_of_a_step_differ() -> None:
    generator = torch.Generator().manual_seed(3)
    assert all(len(set(sampled_levels(3, generator))) == 3 for _ in range(200))
