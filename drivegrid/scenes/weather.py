"""Light before painting and the camera's own faults after it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.scenes.canvas import Color, UInt8Array

TIMES = ("day", "dusk", "night")


@dataclass(frozen=True, slots=True)
class Light:
    """Where daylight comes from and how strong it is.

    Args:
        sun_side: Brightness gain of right-facing walls in [-1, 1]; left-facing ones get minus it.
        ambient: Overall level in (0, 1].
        haze: Colour of the far air.
        fog_m: Distance over which contrast falls to 1/e.
        hard_shadows: Strength of cast shadows in [0, 1].
        night: Lamps are lit and headlights show the road.
    """

    sun_side: float
    ambient: float
    haze: Color
    fog_m: float
    hard_shadows: float
    night: bool


def sample_light(rng: np.random.Generator, time: str) -> Light:
    """Draw the light of a value of TIMES."""
    sunny = bool(rng.random() < 0.6 and time == "day")
    if time == "day":
        ambient, level = rng.uniform(0.65, 1.1), rng.uniform(0.75, 1.15)
        haze = np.array([200, 208, 215]) * level
    elif time == "dusk":
        ambient = rng.uniform(0.35, 0.6)
        haze = np.array([200, 175, 160]) * rng.uniform(0.5, 0.9)
    else:
        ambient = rng.uniform(0.1, 0.25)
        haze = np.array([34, 32, 34]) * rng.uniform(0.3, 1.5)
    red, green, blue = np.clip(haze * rng.normal(1, 0.03, 3), 4, 255).tolist()
    return Light(
        sun_side=float(rng.uniform(-1, 1)) if sunny else 0.0,
        ambient=float(ambient),
        haze=(red, green, blue),
        fog_m=float(rng.uniform(200, 1000)),
        hard_shadows=float(rng.uniform(0.4, 1.0)) if sunny else 0.0,
        night=time == "night",
    )


@lru_cache(maxsize=1)
def _noise_bank() -> npt.NDArray[np.int8]:
    rng = np.random.default_rng(7)
    return np.clip(rng.standard_normal((1024, 1024, 3)) * 32, -127, 127).astype(np.int8)


def expose(rng: np.random.Generator, image: UInt8Array, time: str) -> UInt8Array:
    """Apply exposure, contrast, colour cast, vignette, blur, noise and JPEG to (H, W, 3) RGB."""
    image = _tone(rng, image, time)
    width = image.shape[1]
    if rng.random() < 0.5:
        image = _vignette(rng, image)
    if rng.random() < 0.45:
        sigma = float(rng.uniform(0.3, 1.3)) * width / 1280
        if sigma > 0.25:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)
    if rng.random() < 0.7:
        image = _add_noise(rng, image, float(rng.uniform(1, 6)) * (2.5 if time == "night" else 1))
    if rng.random() < 0.5:
        quality = int(rng.integers(35, 95))
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _tone(rng: np.random.Generator, image: UInt8Array, time: str) -> UInt8Array:
    """One look-up table per channel: gain, gamma, contrast, cast."""
    level = float(rng.uniform(0.8, 1.25))
    gamma = float(rng.uniform(0.65, 1.25))
    contrast = float(rng.uniform(0.8, 1.25)) if time != "night" else 1.0
    cast = 1 + rng.normal(0, 0.03, 3) + (np.array([0.06, 0.0, -0.08]) if time == "night" else 0)
    ramp = (np.arange(256) / 255) ** gamma
    ramp = np.clip(0.45 + (ramp - 0.45) * contrast, 0, 1.1)
    table = np.clip(ramp[:, None] * level * cast * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table.reshape(1, 256, 3)), dtype=np.uint8)


def _vignette(rng: np.random.Generator, image: UInt8Array) -> UInt8Array:
    height, width = image.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    dark = 255 * (1 - np.float32(rng.uniform(0.05, 0.35)) * (x * x + y * y) / 2)
    factor = cv2.merge([dark.astype(np.uint8)] * 3)
    return np.asarray(cv2.multiply(image, factor, scale=1 / 255), dtype=np.uint8)


def _add_noise(rng: np.random.Generator, image: UInt8Array, sigma: float) -> UInt8Array:
    height, width = image.shape[:2]
    bank = _noise_bank()
    y, x = int(rng.integers(0, 512)), int(rng.integers(0, 512))
    rows, columns = np.arange(y, y + height) % 1024, np.arange(x, x + width) % 1024
    if y + height <= 1024 and x + width <= 1024:
        noise = bank[y : y + height, x : x + width]
    else:
        noise = bank[rows[:, None], columns[None, :]]
    return np.asarray(
        cv2.scaleAdd(noise.astype(np.float32), sigma / 32, image.astype(np.float32)).clip(0, 255),
    ).astype(np.uint8)
