"""A driving world with exact labels."""

from drivegrid.scenes.render import RenderedScene, render_scene
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED, TEST_SEEDS, VALIDATION_SEEDS
from drivegrid.scenes.stream import iter_scenes

__all__ = [
    "FIRST_TRAIN_SEED",
    "TEST_SEEDS",
    "VALIDATION_SEEDS",
    "RenderedScene",
    "iter_scenes",
    "render_scene",
]
