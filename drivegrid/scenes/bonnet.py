"""Our own bonnet at the lower border of the picture."""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.canvas import Canvas
from drivegrid.scenes.weather import Light


def draw_bonnet(rng: np.random.Generator, canvas: Canvas, light: Light) -> None:
    """Cover the lowest rows with our own bonnet, or with reflections of the dashboard."""
    if rng.random() > 0.28:
        return
    high = rng.uniform(15, 110)
    x = np.linspace(-20, 1300, 30)
    bulge = 1 - (np.abs(x - 640 + rng.normal(0, 60)) / 760) ** rng.uniform(2, 5)
    top = 720 - high * (rng.uniform(0, 0.5) + bulge)
    tone = np.array([1.0, 1.0, 1.05]) * rng.choice((18, 30, 60, 120, 190)) * light.ambient
    tone = np.clip(tone + rng.normal(0, 6, 3), 3, 250)
    for shift, gain in ((0.0, 0.6), (4.0, 1.0), (0.3 * high, 1.15), (0.65 * high, 0.85)):
        edge = np.stack([x, top + shift * rng.uniform(0.8, 1.2)], axis=1)
        ring = np.concatenate([edge, [[1300, 760], [-20, 760]]])
        red, green, blue = np.clip(tone * gain, 0, 255).tolist()
        canvas.poly(ring, (red, green, blue))
