"""What happens to a picture between the windscreen and the file: glass, optics, sensor, coding.

No effect moves an edge by more than half a pixel, so labels stay exact; drops and dirt hide what
lies behind them, as they do on real windscreens.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivegrid.errors import ConfigError
from drivegrid.scenes.lens_banks import (
    NOISE_SIGMA,
    cut,
    dirt_bank,
    noise_bank,
    rain_bank,
    snow_bank,
)
from drivegrid.scenes.view import UInt8Array

WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
TIMES = ("day", "dusk", "night")

_REFERENCE_PX = 448
"""Lengths are given at this picture width and grow with it."""


@dataclass(frozen=True, slots=True)
class Lens:
    """Strength of each fault; the defaults have none.

    Args:
        exposure: Factor of light, 1 right.
        gamma: Exponent of the tone curve, 1 straight.
        contrast: Slope about middle grey, 1 as it is.
        red: Gain of red against green, 1 neutral.
        blue: Gain of blue against green, 1 neutral.
        vignette: Share of light lost in the corners, in [0, 1).
        blur: Deviation of the defocus in pixels of a 448 px wide picture.
        motion: Length of the radial blur at the corners in pixels of a 448 px wide picture.
        rain: Strength of falling streaks in [0, 1].
        snow: Strength of falling flakes in [0, 1].
        drops: Drops on the glass.
        dirt: Cover of dirt in [0, 1].
        scratches: Scratches of the glass.
        glare: Strength of a low sun's veil in [0, 1].
        flicker: Depth of bright and dark bands from flickering lamps, in [0, 1].
        fringe: Shift of red against blue in the corners, in pixels, at most 0.9.
        noise: Deviation of sensor noise in levels.
        jpeg: Quality of the JPEG coding in 1..100; 0 for none.
    """

    exposure: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    red: float = 1.0
    blue: float = 1.0
    vignette: float = 0.0
    blur: float = 0.0
    motion: float = 0.0
    rain: float = 0.0
    snow: float = 0.0
    drops: int = 0
    dirt: float = 0.0
    scratches: int = 0
    glare: float = 0.0
    flicker: float = 0.0
    fringe: float = 0.0
    noise: float = 0.0
    jpeg: int = 0


def sample_lens(rng: np.random.Generator, weather: str, time: str) -> Lens:
    """Draw a camera's faults; most pictures have few.

    Args:
        rng: Source of chance.
        weather: One of ``WEATHERS``.
        time: One of ``TIMES``.

    Raises:
        ConfigError: If weather or time is unknown.

    >>> sample_lens(np.random.default_rng(0), "clear", "day").rain
    0.0
    """
    for name, value, known in (("weather", weather, WEATHERS), ("time", time, TIMES)):
        if value not in known:
            raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
    night, wet = time == "night", weather == "rain"

    def some(chance: float, low: float, high: float) -> float:
        return float(rng.uniform(low, high)) if rng.random() < chance else 0.0

    toned, cast = rng.random() < 0.85, rng.random() < 0.45
    exposure, gamma, contrast = np.exp(rng.normal(0, (0.1, 0.09, 0.1)) * toned).tolist()
    red, blue = np.exp(rng.normal((0.03 * night, -0.04 * night), 0.03) * cast).tolist()
    return Lens(
        exposure=exposure,
        gamma=gamma,
        contrast=contrast,
        red=red,
        blue=blue,
        vignette=some(0.35, 0.06, 0.4),
        blur=some(0.4 if wet or weather == "fog" else 0.28, 0.35, 0.95),
        motion=some(0.1 if night else 0.04, 0.8, 3.0),
        rain=some(0.7, 0.15, 0.8) if wet else 0.0,
        snow=some(0.85, 0.3, 1.0) if weather == "snow" else 0.0,
        drops=int(some(0.4, 2, 18)) if wet else int(some(0.01, 1, 4)),
        dirt=some(0.08, 0.1, 0.7),
        scratches=int(some(0.03, 1, 4)),
        glare=some(0.12 if time == "dusk" else 0.05, 0.15, 0.7)
        if weather == "clear" and not night
        else 0.0,
        flicker=some(0.06, 0.03, 0.12) if night else 0.0,
        fringe=some(0.06, 0.3, 0.9),
        noise=some(0.85 if night else 0.5, 0.6, 5.0 if night else 2.4),
        jpeg=int(some(0.08, 38, 95)),
    )


def expose(rng: np.random.Generator, image: UInt8Array, lens: Lens) -> UInt8Array:
    """Return the picture as the camera stores it.

    Args:
        rng: Places drops, flakes and noise; the same state gives the same bytes.
        image: (H, W, 3) uint8 RGB; left as it is.
        lens: Strengths.

    In the order of the light's way: falling rain and snow, glare, glass, optics, sensor, coding.
    """
    scale = image.shape[1] / _REFERENCE_PX
    if lens.rain > 0:
        streaks = rain_bank(int(rng.integers(-2, 2)))
        image = _lighten(image, _falling(rng, streaks, image), lens.rain, (205, 212, 220))
    if lens.snow > 0:
        flakes = _falling(rng, snow_bank(), image)
        image = _lighten(image, flakes, lens.snow, (235, 238, 242))
    if lens.glare > 0:
        image = _glare(rng, image, lens.glare)
    if lens.dirt > 0:
        image = _dirty(rng, image, lens.dirt)
    image = _drops(rng, image, lens.drops, scale) if lens.drops else image
    image = _scratch(rng, image, lens.scratches) if lens.scratches else image
    if lens.vignette > 0:
        plane = _vignette(image.shape[1], image.shape[0], round(lens.vignette * 50))
        image = np.asarray(cv2.multiply(image, plane, scale=1 / 255), dtype=np.uint8)
    if lens.blur * scale > 0.2:
        image = _defocus(image, lens.blur * scale)
    image = _fringe(image, min(lens.fringe, 0.9)) if lens.fringe > 0 else image
    image = _zoom_blur(image, lens.motion * scale) if lens.motion > 0 else image
    image = _flicker(rng, image, lens.flicker) if lens.flicker > 0 else image
    return _sense(rng, image, lens)


def _sense(rng: np.random.Generator, image: UInt8Array, lens: Lens) -> UInt8Array:
    """Add noise, then the tone curve, then the coding."""
    if lens.noise > 0:
        noise = cut(rng, noise_bank(), (image.shape[1], image.shape[0]))
        weight = lens.noise / NOISE_SIGMA
        image = np.asarray(cv2.addWeighted(image, 1, noise, weight, -128 * weight), dtype=np.uint8)
    image = _tone(image, lens)
    if lens.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, lens.jpeg]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
        image = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return image


def _tone(image: UInt8Array, lens: Lens) -> UInt8Array:
    """One look-up table a channel: gain, gamma, contrast and cast."""
    gains = np.array((lens.red, 1.0, lens.blue))
    if lens.exposure == lens.gamma == lens.contrast == 1 and (gains == 1).all():
        return image.copy()
    light = np.arange(256)[:, None] / 255 * lens.exposure * gains
    curve = 0.45 + (light**lens.gamma - 0.45) * lens.contrast
    table = np.clip(np.rint(curve * 255), 0, 255).astype(np.uint8)
    same = bool((gains == 1).all())
    lut = table[:, 0] if same else table.reshape(1, 256, 3)
    return np.asarray(cv2.LUT(image, lut), dtype=np.uint8)


def _falling(rng: np.random.Generator, bank: UInt8Array, image: UInt8Array) -> UInt8Array:
    """Cut rain or snow out, larger in larger pictures."""
    height, width = image.shape[:2]
    piece = cut(rng, bank, (_REFERENCE_PX, max(1, round(_REFERENCE_PX * height / width))))
    return np.asarray(cv2.resize(piece, (width, height)), dtype=np.uint8)


def _lighten(
    image: UInt8Array, cover: UInt8Array, strength: float, color: tuple[int, int, int]
) -> UInt8Array:
    """Mix the picture with a colour where a pattern covers it."""
    share = cv2.convertScaleAbs(cover, alpha=strength)
    planes = [cv2.convertScaleAbs(share, alpha=channel / 255) for channel in color]
    kept = cv2.multiply(image, cv2.bitwise_not(cv2.merge([share] * 3)), scale=1 / 255)
    return np.asarray(cv2.add(kept, cv2.merge(planes), dst=kept), dtype=np.uint8)


def _glare(rng: np.random.Generator, image: UInt8Array, strength: float) -> UInt8Array:
    """Lay a low sun's veil over the picture: bright around one place, faint everywhere."""
    height, width = image.shape[:2]
    sun_x, sun_y = rng.uniform(0, 1) * width, rng.uniform(0.05, 0.4) * height
    x = (np.linspace(0, width, 33) - sun_x)[None, :] / (0.45 * width)
    y = (np.linspace(0, height, 33) - sun_y)[:, None] / (0.45 * width)
    near = np.exp(-np.sqrt(x * x + y * y) * 2.2)
    veil = np.rint(255 * np.clip(0.22 + near, 0, 1)).astype(np.uint8)
    plane = cv2.resize(veil, (width, height))
    return _lighten(image, np.asarray(plane, dtype=np.uint8), strength, (255, 246, 225))


def _dirty(rng: np.random.Generator, image: UInt8Array, strength: float) -> UInt8Array:
    """Cover the picture with smudges of dirt, lit by what shines through the glass."""
    grey = tuple(int(0.75 * channel) for channel in cv2.mean(image)[:3])
    return _lighten(image, _falling(rng, dirt_bank(), image), strength, (grey[0], grey[1], grey[2]))


def _drops(rng: np.random.Generator, image: UInt8Array, count: int, scale: float) -> UInt8Array:
    """Put drops on the glass: each shows the surroundings small and upside down."""
    image = image.copy()
    height, width = image.shape[:2]
    for _ in range(count):
        radius = max(2, int(rng.gamma(3.0, 2.4) * scale))
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        x0, x1, y0, y1 = max(x - radius, 0), x + radius, max(y - radius, 0), y + radius
        roi = image[y0:y1, x0:x1]
        wide = image[
            max(y - 5 * radius, 0) : y + 5 * radius, max(x - 5 * radius, 0) : x + 5 * radius
        ]
        small = cv2.resize(
            wide[::-1, ::-1], (roi.shape[1], roi.shape[0]), interpolation=cv2.INTER_AREA
        )
        small = cv2.blur(small, (3, 3))
        down = (np.arange(y0, y0 + roi.shape[0]) - y)[:, None] / radius
        across = (np.arange(x0, x0 + roi.shape[1]) - x)[None, :] / radius
        away = np.sqrt(down**2 + across**2)
        cover = np.clip((1 - away) * 3, 0, 1)[:, :, None].astype(np.float32) * np.float32(0.85)
        rim = (1 - 0.25 * np.clip(away, 0, 1) ** 4)[:, :, None]
        roi[:] = np.clip(roi + cover * (small * rim - roi), 0, 255)
    return image


def _scratch(rng: np.random.Generator, image: UInt8Array, count: int) -> UInt8Array:
    """Draw faint bright arcs, as wipers leave them."""
    height, width = image.shape[:2]
    cover = np.zeros((height, width), dtype=np.uint8)
    for _ in range(count):
        center = (int(rng.uniform(-0.5, 1.5) * width), int(rng.uniform(0.9, 1.8) * height))
        radius, start = int(rng.uniform(0.5, 1.4) * width), rng.uniform(180, 330)
        stop, level = start + rng.uniform(10, 50), int(rng.uniform(20, 80))
        cv2.ellipse(cover, center, (radius, radius), 0, start, stop, level, 1, cv2.LINE_AA)
    return _lighten(image, cover, 1.0, (225, 225, 225))


@lru_cache(maxsize=64)
def _vignette(width: int, height: int, fiftieths: int) -> UInt8Array:
    """Return (H, W, 3) uint8 light left, falling with the fourth power of the way outwards."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    away = (x * x + y * y) / 2
    plane = np.rint(255 * (1 - np.float32(fiftieths / 50) * away**2)).astype(np.uint8)
    return np.asarray(cv2.merge([plane] * 3), dtype=np.uint8)


def _defocus(image: UInt8Array, sigma: float) -> UInt8Array:
    side = 3 if sigma < 0.75 else 2 * int(np.ceil(2 * sigma)) + 1
    return np.asarray(cv2.GaussianBlur(image, (side, side), sigma), dtype=np.uint8)


def _zoom(plane: UInt8Array, factor: float) -> UInt8Array:
    """Scale about the middle, keeping the size."""
    height, width = plane.shape[:2]
    rest = (1 - factor) / 2
    warp = np.array([[factor, 0, rest * (width - 1)], [0, factor, rest * (height - 1)]])
    moved = cv2.warpAffine(plane, warp, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _fringe(image: UInt8Array, shift_px: float) -> UInt8Array:
    """Scale red up and blue down a little, half of the shift each."""
    reach = np.hypot(image.shape[0], image.shape[1]) / 2
    red, green, blue = (np.asarray(plane, dtype=np.uint8) for plane in cv2.split(image))
    planes = [_zoom(red, 1 + shift_px / 2 / reach), green, _zoom(blue, 1 - shift_px / 2 / reach)]
    return np.asarray(cv2.merge(planes), dtype=np.uint8)


def _zoom_blur(image: UInt8Array, length_px: float) -> UInt8Array:
    """Blur away from the middle to both sides alike, so that no edge moves."""
    reach = np.hypot(image.shape[0], image.shape[1]) / 2
    half = length_px / 2 / reach
    both = cv2.addWeighted(_zoom(image, 1 + half), 0.5, _zoom(image, 1 - half), 0.5, 0)
    return np.asarray(cv2.addWeighted(image, 0.4, both, 0.6, 0), dtype=np.uint8)


def _flicker(rng: np.random.Generator, image: UInt8Array, depth: float) -> UInt8Array:
    """Darken rows in waves: a rolling shutter under lamps on mains current."""
    height = image.shape[0]
    phase = rng.uniform(0, 2 * np.pi) + np.arange(height) * (2 * np.pi * rng.uniform(1, 4) / height)
    rows = np.rint(255 * (1 - depth * (0.5 + 0.5 * np.cos(phase)))).astype(np.uint8)
    plane = np.broadcast_to(rows[:, None, None], image.shape)
    return np.asarray(cv2.multiply(image, np.ascontiguousarray(plane), scale=1 / 255), np.uint8)
