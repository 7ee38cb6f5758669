"""Endless scenes, and seed ranges that keep training and held-out scenes apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drivegrid.geometry import Size
from drivegrid.scenes.camera import REFERENCE_WH
from drivegrid.scenes.render import RenderedScene, render_scene

VALIDATION_SEEDS = range(0, 500_000)
"""Scenes to choose models and settings by."""

TEST_SEEDS = range(500_000, 1_000_000)
"""Scenes to report figures on."""

FIRST_TRAIN_SEED = 1_000_000
"""Training uses seeds from here up, without end."""


def iter_scenes(seeds: Iterable[int], size_wh: Size = REFERENCE_WH) -> Iterator[RenderedScene]:
    """Yield the rendered scene of each seed, in order.

    >>> [r.scene.extra["seed"] for r in iter_scenes(VALIDATION_SEEDS[:2], (64, 36))]
    [0, 1]
    """
    for seed in seeds:
        yield render_scene(seed, size_wh)
