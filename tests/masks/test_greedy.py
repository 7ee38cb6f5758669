"""Against literal versions on boolean arrays, written from the paper and its page."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import GeometryError
from drivegrid.masks.greedy import largest_gain, sorted_pass
from drivegrid.masks.packed import PackedMasks

SIZE = (9, 8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    either = (one | other).sum()
    return (one & other).sum() / either if either else 0.0


def literal_sorted_pass(masks: np.ndarray, truth: np.ndarray) -> tuple[list[int], list[float]]:
    chosen, ious, union, best = [], [], np.zeros_like(truth), 0.0
    for k in sorted(range(len(masks)), key=lambda k: -iou(masks[k], truth)):
        grown = iou(union | masks[k], truth)
        if grown > best:
            union, best = union | masks[k], grown
            chosen.append(k)
            ious.append(best)
    return chosen, ious


def literal_largest_gain(
    masks: np.ndarray, truth: np.ndarray, least: float
) -> tuple[list[int], list[float]]:
    chosen, ious, union, best = [], [], np.zeros_like(truth), 0.0
    while best < least and len(masks):
        grown = [iou(union | mask, truth) for mask in masks]
        k = int(np.argmax(grown))
        if grown[k] <= best:
            break
        union, best = union | masks[k], grown[k]
        chosen.append(k)
        ious.append(best)
    return chosen, ious


def scene(seed: int, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes that overlap, some of them twice, and a mask of a few of them."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((num, SIZE[1], SIZE[0]), bool)
    for mask in masks:
        (left, right), (top, bottom) = (np.sort(rng.integers(0, n, 2)) for n in SIZE)
        mask[top : bottom + 1, left : right + 1] = True
    if num > 2:
        masks[-1] = masks[0]
    truth = masks[rng.random(num) < 0.3].any(axis=0) ^ (rng.random(SIZE[::-1]) < 0.1)
    return masks, truth


def equal(found, expected: tuple[list[int], list[float]]) -> bool:
    return (found.chosen.tolist(), found.ious.tolist()) == expected


@settings(max_examples=300)
@given(st.integers(0, 9999), st.integers(0, 40), st.sampled_from([0.0, 0.5, 0.8, 1.0]))
def test_both_are_what_is_written(seed, num, least) -> None:
    masks, truth = scene(seed, num)
    packed, target = PackedMasks.pack(masks), PackedMasks.pack(truth[None])
    assert equal(sorted_pass(packed, target), literal_sorted_pass(masks, truth))
    assert equal(largest_gain(packed, target, least), literal_largest_gain(masks, truth, least))


@pytest.mark.parametrize("name", ["none", "empty", "full", "one pixel", "itself", "nothing near"])
def test_odd_masks(name) -> None:
    full, none = np.ones((4, 5), bool), np.zeros((4, 5), bool)
    pixel = none.copy()
    pixel[2, 3] = True
    masks, truth, chosen, ious = {
        "none": ([], full, [], []),
        "empty": ([full, pixel], none, [], []),
        "full": ([pixel, full], full, [1], [1.0]),
        "one pixel": ([full, pixel], pixel, [1], [1.0]),
        "itself": ([none, pixel, pixel], pixel, [1], [1.0]),
        "nothing near": ([none, pixel], ~pixel, [], []),
    }[name]
    packed = PackedMasks.pack(np.array(masks, bool).reshape(-1, 4, 5))
    for found in (
        sorted_pass(packed, PackedMasks.pack(truth[None])),
        largest_gain(packed, PackedMasks.pack(truth[None])),
    ):
        assert found.chosen.tolist() == chosen and found.ious.tolist() == ious
        assert found.iou == (ious[-1] if ious else 0.0)


def test_the_two_differ() -> None:
    """The pass takes the best by itself first, then two more; the other finds the same two."""
    truth = np.array([[1, 1, 1, 1, 1, 1, 0, 0]], bool)
    masks = np.array(
        [
            [[0, 1, 1, 1, 1, 0, 0, 0]],  # 4/6 alone
            [[1, 1, 1, 0, 0, 0, 0, 0]],
            [[0, 0, 0, 1, 1, 1, 0, 0]],
        ],
        bool,
    )
    packed, target = PackedMasks.pack(masks), PackedMasks.pack(truth[None])
    assert sorted_pass(packed, target).chosen.tolist() == [0, 1, 2]
    assert largest_gain(packed, target, 0.8).chosen.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("masks", "truth"), [((1, 4, 4), (1, 4, 5)), ((1, 4, 4), (2, 4, 4)), ((1, 4, 4), (0, 4, 4))]
)
def test_what_does_not_fit_is_refused(masks, truth) -> None:
    packed, target = (PackedMasks.pack(np.ones(shape, bool)) for shape in (masks, truth))
    for select in (sorted_pass, largest_gain):
        with pytest.raises(GeometryError, match="must"):
            select(packed, target)
