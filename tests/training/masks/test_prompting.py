"""Prompts for known masks."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.training.masks.prompting import draw_prompt, noisy_box, spoilt

MASKS = {
    "one pixel": np.eye(1, 64 * 128, 77, dtype=np.bool_).reshape(64, 128),
    "corner": np.pad(np.ones((6, 9), np.bool_), ((58, 0), (119, 0))),
    "full": np.ones((64, 128), np.bool_),
    "large": np.pad(np.ones((40, 60), np.bool_), ((10, 14), (30, 38))),
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_prompts_mean_their_mask(mask) -> None:
    rng = np.random.default_rng(0)
    kinds = set()
    for _ in range(200):
        prompt = draw_prompt(mask, rng)
        kinds.add((len(prompt.points) > 1, prompt.box is not None, prompt.mask is not None))
        cols, rows = prompt.points.astype(int).T.reshape(2, -1)
        np.testing.assert_array_equal(mask[rows, cols], prompt.positive)
        if prompt.box is not None:
            assert (prompt.box >= 0).all()
            assert (prompt.box <= [128, 64, 128, 64]).all()
        if prompt.mask is not None:
            assert prompt.mask.any()
    assert len(kinds) >= 4


def test_boxes_waver_around_the_true_one() -> None:
    rng = np.random.default_rng(0)
    boxes = np.array([noisy_box(MASKS["large"], rng) for _ in range(400)])
    np.testing.assert_allclose(boxes.mean(axis=0), [30, 10, 90, 50], atol=1.0)
    assert boxes.std(axis=0).min() > 2.0


def test_drafts_are_close_and_never_empty() -> None:
    rng = np.random.default_rng(0)
    truth = MASKS["large"]
    drafts = [spoilt(truth, rng) for _ in range(50)]
    ious = [(draft & truth).sum() / (draft | truth).sum() for draft in drafts]
    assert min(ious) > 0.5
    assert np.mean(ious) < 0.95
    assert all(spoilt(MASKS["one pixel"], rng).any() for _ in range(50))
    # Nothing comes in on the other side of the picture.
    assert not any(spoilt(MASKS["corner"], rng)[:32].any() for _ in range(50))
