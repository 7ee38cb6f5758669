"""Seed ranges never meet; scenes come in order."""

import numpy as np

from drivegrid.scenes import FIRST_TRAIN_SEED, TEST_SEEDS, VALIDATION_SEEDS, iter_scenes


def test_ranges_are_apart():
    assert VALIDATION_SEEDS.stop <= TEST_SEEDS.start
    assert TEST_SEEDS.stop <= FIRST_TRAIN_SEED


def test_iter_scenes():
    assert list(iter_scenes([])) == []
    scenes = list(iter_scenes([5, 3], (64, 36)))
    assert [scene.scene.extra["seed"] for scene in scenes] == [5, 3]
    assert not np.array_equal(scenes[0].image, scenes[1].image)
