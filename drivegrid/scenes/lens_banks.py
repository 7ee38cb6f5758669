"""Patterns that lens effects cut pieces from: noise, rain, snow and dirt, each made once."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.geometry import Size
from drivegrid.scenes.view import UInt8Array

NOISE_SIGMA = 28.0
"""Standard deviation of the noise pattern in levels."""

_SIDE = 1024


def cut(rng: np.random.Generator, bank: UInt8Array, size_wh: Size) -> UInt8Array:
    """Return a piece of a square periodic pattern at a random place, repeated if too small."""
    width, height = size_wh
    side = bank.shape[0]
    if width > side // 2 or height > side // 2:
        x, y = rng.integers(0, side, 2)
        columns, rows = (np.arange(width) + x) % side, (np.arange(height) + y) % side
        return np.asarray(bank[rows][:, columns], dtype=np.uint8)
    x, y = int(rng.integers(0, side - width)), int(rng.integers(0, side - height))
    return bank[y : y + height, x : x + width]


@lru_cache(maxsize=1)
def noise_bank() -> UInt8Array:
    """Return (1024, 1024, 3) normal noise around 128, partly common to the colours."""
    rng = np.random.default_rng(7)
    common = rng.standard_normal((_SIDE, _SIDE, 1)) * 0.75
    single = cv2.GaussianBlur(rng.standard_normal((_SIDE, _SIDE, 3)), (3, 3), 0.7)
    noise = common + single * (0.66 / single.std())
    return np.asarray(np.clip(np.rint(128 + noise * NOISE_SIGMA), 0, 255), dtype=np.uint8)


@lru_cache(maxsize=4)
def rain_bank(slant: int) -> UInt8Array:
    """Return (1024, 1024) brightness of rain streaks, leaning by ``slant`` tenths."""
    rng = np.random.default_rng([11, slant + 5])
    bank = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    for _ in range(1500):
        x, y = rng.uniform(0, _SIDE, 2)
        length, level = rng.uniform(8, 46), int(rng.uniform(25, 120))
        lean = slant / 10 + rng.normal(0, 0.04)
        ends = np.array([(x, y), (x + lean * length, y + length)])
        first, last = np.round(ends * 16).astype(int).tolist()
        cv2.line(bank, first, last, level, 1, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(bank, (3, 5), 0), dtype=np.uint8)


@lru_cache(maxsize=1)
def snow_bank() -> UInt8Array:
    """Return (1024, 1024) brightness of falling flakes: many small ones, few large and soft."""
    rng = np.random.default_rng(13)
    total = np.zeros((_SIDE, _SIDE), dtype=np.float32)
    for count, radius, blur, level in (
        (2600, 0.7, 0.6, 190),
        (500, 1.4, 1.0, 210),
        (70, 3.2, 2.2, 190),
        (12, 8.0, 5.0, 120),
    ):
        layer = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
        for x, y in rng.uniform(0, _SIDE, (count, 2)):
            center = (int(x * 16), int(y * 16))
            cv2.circle(layer, center, int(radius * 16), level, -1, cv2.LINE_AA, 4)
        np.maximum(total, cv2.GaussianBlur(layer, (0, 0), blur), out=total)
    return np.clip(total, 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def dirt_bank() -> UInt8Array:
    """Return (1024, 1024) cover of dirt on the glass: smooth smudges, spots and dust."""
    rng = np.random.default_rng(17)
    cloud = _periodic(rng, 40) + 0.6 * _periodic(rng, 14)
    cover = np.clip(cloud - 0.8, 0, 1.5) * 70
    spots = np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    for _ in range(90):
        x, y = rng.uniform(0, _SIDE, 2)
        axes = tuple(int(a * 16) for a in rng.uniform(0.8, 5.0, 2))
        center, turn = (int(x * 16), int(y * 16)), rng.uniform(0, 180)
        level = int(rng.uniform(40, 200))
        cv2.ellipse(spots, center, axes, turn, 0, 360, level, -1, cv2.LINE_AA, 4)
    cover += cv2.GaussianBlur(spots, (0, 0), 1.6)
    return np.clip(cover, 0, 255).astype(np.uint8)


def _periodic(rng: np.random.Generator, sigma: float) -> npt.NDArray[np.float64]:
    """White noise blurred by a Gaussian on the torus, of deviation 1."""
    f = np.fft.fftfreq(_SIDE)
    kernel = np.exp(-2 * np.pi**2 * sigma**2 * (f[None, :] ** 2 + f[:, None] ** 2))
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((_SIDE, _SIDE))) * kernel).real
    return np.asarray(field / field.std(), dtype=np.float64)
