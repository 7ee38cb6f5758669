"""Rendered training scenes: which seed gets which frame format."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drivegrid.data.scene import Scene
from drivegrid.scenes.render import render_scene

# Formats of dash-cam frames that the plain resize to the model input squeezes differently:
# 16:9 (TuSimple, BDD100K), 1640 x 590 (CULane), 4:3 (CamVid).
FORMATS = ((512, 288), (800, 288), (512, 384))
SHARES = (0.7, 0.2, 0.1)


def render_for_training(seed: int) -> tuple[npt.NDArray[np.uint8], Scene]:
    """Return the (H, W, 3) uint8 RGB frame of a seed in its format, and its scene."""
    rng = np.random.default_rng(seed)
    size_wh = FORMATS[rng.choice(len(FORMATS), p=SHARES)]
    rendered = render_scene(seed, size_wh)
    return rendered.image, rendered.scene
