from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.errors import ConfigError
from drivegrid.masks.greedy import largest_gain
from drivegrid.masks.optimum import fewest
from drivegrid.masks.packed import PackedMasks
from tests.masks.test_greedy import iou, scene


def literal_fewest(masks: np.ndarray, truth: np.ndarray, least: float) -> int | None:
    """Try all sets of proposals, small ones first; return how many are needed."""
    for size in range(1, len(masks) + 1):
        for some in combinations(masks, size):
            if iou(np.logical_or.reduce(some), truth) >= least:
                return size
    return None


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 8), st.sampled_from([0.3, 0.6, 0.8, 0.9]))
def test_no_set_is_smaller(seed, num, least) -> None:
    masks, truth = scene(seed, num)
    packed, target = PackedMasks.pack(masks), PackedMasks.pack(truth[None])
    found, expected = fewest(packed, target, least), literal_fewest(masks, truth, least)
    if expected is None:
        assert found.selection is None and found.at_least <= num + 1
        return
    assert found.at_least == expected == len(found.selection.chosen)
    union = masks[found.selection.chosen].any(axis=0)
    assert found.selection.iou == iou(union, truth) >= least
    greedy = largest_gain(packed, target, least)
    assert greedy.iou < least or len(greedy.chosen) >= expected


def test_it_gives_up_and_says_how_many_are_needed_in_any_case() -> None:
    masks = np.eye(12, dtype=bool)[:, None]
    packed, target = PackedMasks.pack(masks), PackedMasks.pack(np.ones((1, 1, 12), bool))
    assert fewest(packed, target, 1.0).at_least == 12
    found = fewest(packed, target, 0.5, max_steps=3)
    assert found.selection is None and 1 <= found.at_least <= 6


@pytest.mark.parametrize("least", [0.0, -1.0, 1.01, float("nan")])
def test_a_threshold_that_is_none_is_refused(least) -> None:
    packed = PackedMasks.pack(np.ones((1, 2, 2), bool))
    with pytest.raises(ConfigError, match="least IoU"):
        fewest(packed, packed, least)
