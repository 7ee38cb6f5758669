import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.errors import GeometryError
from drivegrid.masks.packed import PackedMasks, distinct


def some_masks(seed: int, num: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).random((num, height, width)) < 0.4


@given(st.integers(0, 99), st.integers(0, 5), st.integers(1, 20), st.integers(1, 20))
def test_masks_come_back_with_their_areas(seed, num, height, width) -> None:
    masks = some_masks(seed, num, height, width)
    packed = PackedMasks.pack(masks)
    assert len(packed) == num and packed.size_wh == (width, height)
    assert np.array_equal(packed.unpack(), masks)
    assert packed.areas.tolist() == masks.sum(axis=(1, 2)).tolist()
    assert np.array_equal(packed[num // 2 :].unpack(), masks[num // 2 :])
    assert np.array_equal(packed[np.arange(num)[::-1]].unpack(), masks[::-1])


@pytest.mark.parametrize("shape", [(4, 4), (1, 0, 4), (1, 4, 0), (1, 1, 4, 4)])
def test_what_is_no_list_of_masks_is_refused(shape) -> None:
    with pytest.raises(GeometryError, match="masks must have shape"):
        PackedMasks.pack(np.zeros(shape, bool))


@given(st.lists(st.integers(0, 4), max_size=12))
def test_each_mask_once(seeds) -> None:
    masks = np.array([some_masks(seed, 1, 3, 5)[0] for seed in seeds], bool).reshape(-1, 3, 5)
    once, which = distinct(PackedMasks.pack(masks))
    first = list(dict.fromkeys(seeds))  # these five masks differ
    assert which.tolist() == [first.index(seed) for seed in seeds]
    assert np.array_equal(once.unpack()[which], masks)
