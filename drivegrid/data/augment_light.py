"""Other light, weather and cameras for a picture; nothing moves by a pixel.

All functions take and return (H, W, 3) uint8 RGB and leave their input as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivegrid.data.images import Picture
from drivegrid.geometry import FloatArray

_REFERENCE_PX = 512
"""Lengths are given at this picture width and grow with it."""
_NOISE_SIDE, _NOISE_SIGMA = 1024, 28.0
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_MOST_FOG = 0.75
"""Share of the light that fog may take from the farthest things: labels stay to be seen."""


@dataclass(frozen=True, slots=True)
class Light:
    """Strength of each change; the defaults have none.

    Args:
        brightness: Factor of light.
        contrast: Slope about middle grey.
        gamma: Exponent of the tone curve.
        hue_deg: Turn of all hues, degrees.
        saturation: Factor of colourfulness, 0 grey.
        red: Gain of red against green.
        blue: Gain of blue against green.
        noise: Deviation of sensor noise in levels.
        blur: Deviation of the defocus in pixels of a 512 px wide picture.
        jpeg: Quality of the JPEG coding in 1..100; 0 for none.
        rain: Strength of falling streaks in [0, 1].
        fog: Density of fog in [0, 1].
        night: Darkness in [0, 1].
    """

    brightness: float = 1.0
    contrast: float = 1.0
    gamma: float = 1.0
    hue_deg: float = 0.0
    saturation: float = 1.0
    red: float = 1.0
    blue: float = 1.0
    noise: float = 0.0
    blur: float = 0.0
    jpeg: int = 0
    rain: float = 0.0
    fog: float = 0.0
    night: float = 0.0


def relight(image: Picture, light: Light, horizon: float, rng: np.random.Generator) -> Picture:
    """Return a picture in another light, in the order of the light's way: air, glass, sensor.

    Args:
        image: (H, W, 3) uint8 RGB.
        light: What changes.
        horizon: Row in pixels where the road meets the sky, from which fog is told its depth.
        rng: Places streaks and noise; the same state gives the same bytes.
    """
    if light.fog:
        image = _fog(image, light.fog, horizon)
    if light.night:
        image = _night(image, light.night, horizon)
    if light.rain:
        image = _rain(image, light.rain, rng)
    if light.blur:
        sigma = light.blur * image.shape[1] / _REFERENCE_PX
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1)), dtype=np.uint8)
    image = _color(image, light)
    image = _tone(image, light)
    if light.noise:
        image = _noise(image, light.noise, rng)
    return _jpeg(image, light.jpeg) if light.jpeg else image


def _tone(image: Picture, light: Light) -> Picture:
    """One look-up table for brightness, gamma and contrast."""
    if light.brightness == light.gamma == light.contrast == 1:
        return image
    levels = np.minimum(np.arange(256) / 255 * light.brightness, 1.0) ** light.gamma
    table = np.clip(np.rint(255 * (0.5 + (levels - 0.5) * light.contrast)), 0, 255)
    return np.asarray(cv2.LUT(image, table.astype(np.uint8)), dtype=np.uint8)


def _color(image: Picture, light: Light) -> Picture:
    """One matrix for hue, saturation and white balance."""
    matrix = color_matrix(light)
    if np.allclose(matrix, np.eye(3)):
        return image
    return np.asarray(cv2.transform(image, matrix), dtype=np.uint8)


def color_matrix(light: Light) -> FloatArray:
    """Return (3, 3) what RGB is multiplied by; grey stays grey but for the white balance.

    >>> color_matrix(Light(hue_deg=10, saturation=0.5)).sum(axis=1).round(2).tolist()
    [1.0, 1.0, 1.0]
    """
    turn = np.deg2rad(light.hue_deg)
    wide, across = light.saturation * np.cos(turn), light.saturation * np.sin(turn)
    chroma = np.array([[1, 0, 0], [0, wide, -across], [0, across, wide]])
    gains = np.diag([light.red, 1.0, light.blue])
    return np.asarray(gains @ np.linalg.inv(_YIQ) @ chroma @ _YIQ)


def _noise(image: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    bank, (height, width) = _noise_bank(), image.shape[:2]
    x, y = rng.integers(0, _NOISE_SIDE, 2).tolist()
    columns, rows = (np.arange(width) + x) % _NOISE_SIDE, (np.arange(height) + y) % _NOISE_SIDE
    piece = np.take(np.take(bank, rows, axis=0), columns, axis=1)
    weight = sigma / _NOISE_SIGMA
    return np.asarray(cv2.addWeighted(image, 1, piece, weight, -128 * weight), dtype=np.uint8)


@lru_cache(maxsize=1)
def _noise_bank() -> Picture:
    """Return a square of normal noise around 128, partly common to the colours; made once."""
    rng = np.random.default_rng(7)
    common = rng.standard_normal((_NOISE_SIDE, _NOISE_SIDE, 1), dtype=np.float32)
    single = rng.standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3), dtype=np.float32)
    noise = 128 + _NOISE_SIGMA * (0.8 * common + 0.6 * single)
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)


def _jpeg(image: Picture, quality: int) -> Picture:
    # Coded as BGR: the coder only mixes other channels, and turning them costs as much again.
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _mix(image: Picture, cover: Picture, color: tuple[float, float, float]) -> Picture:
    """Mix a colour into a picture by a (H, W) uint8 plane of shares of 255."""
    kept = cv2.multiply(image, cv2.merge([cv2.bitwise_not(cover)] * 3), scale=1 / 255)
    planes = [cv2.convertScaleAbs(cover, alpha=channel / 255) for channel in color]
    return np.asarray(cv2.add(kept, cv2.merge(planes), dst=kept), dtype=np.uint8)


def _fog(image: Picture, density: float, horizon: float) -> Picture:
    """Take light from far rows and give them the sky's: distance grows as rows near the horizon.

    Above the horizon things stand at every distance; fog thins out upwards, where near things are.
    """
    height, width = image.shape[:2]
    rows = np.arange(height) + 0.5 - horizon
    reach = max(height - horizon, 1.0)
    away = reach / np.maximum(np.where(rows > 0, rows, -0.5 * rows), 0.02 * reach)
    share = _MOST_FOG * (1 - np.exp(-0.25 * density * away))
    column = np.rint(255 * share).astype(np.uint8)[:, None]
    haze = 0.35 * cv2.mean(image)[1] + 125
    return _mix(image, np.repeat(column, width, axis=1), (haze, haze, haze))


def _night(image: Picture, darkness: float, horizon: float) -> Picture:
    """Darken a picture, the sky most, the road in the headlights least, and cool what is left."""
    height, width = image.shape[:2]
    x = np.linspace(-1, 1, 32)[None, :]
    y = ((np.arange(18) + 0.5) / 18 * height - horizon)[:, None] / max(height - horizon, 1.0)
    beam = np.exp(-((x / 0.75) ** 2) - ((y - 0.4) / 0.45) ** 2)
    kept = 1 - darkness * (0.82 - 0.6 * beam)
    plane = cv2.resize(np.clip(kept, 0, 1).astype(np.float32), (width, height))
    gains = [cv2.convertScaleAbs(plane, alpha=255 * gain) for gain in (0.95, 0.96, 1.0)]
    return np.asarray(cv2.multiply(image, cv2.merge(gains), scale=1 / 255), dtype=np.uint8)


def _rain(image: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw slanted streaks, longer where they are nearer, and a faint veil."""
    height, width = image.shape[:2]
    scale = width / _REFERENCE_PX
    cover = np.full((height, width), round(18 * strength), dtype=np.uint8)
    count = round(400 * strength * height / width / 0.5625)
    start = rng.uniform(-0.1, 1.0, (count, 2)) * (width, height)
    length = rng.gamma(2.0, 9.0, count) * scale
    lean = rng.normal(0.0, 0.25) + rng.normal(0, 0.03, count)
    end = start + np.stack([lean * length, length], axis=1)
    levels = rng.integers(30, 130, count).tolist()
    for first, last, level in zip(
        np.rint(start * 16).astype(int).tolist(), np.rint(end * 16).astype(int).tolist(), levels,
        strict=True,
    ):  # fmt: skip
        cv2.line(cover, first, last, level, max(1, round(scale)), cv2.LINE_AA, 4)
    return _mix(image, cover, (200, 206, 212))
