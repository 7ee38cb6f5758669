"""Sky, clouds and what stands on the horizon, in final colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Camera
from drivegrid.scenes.draws import Draws
from drivegrid.scenes.mesh import Color
from drivegrid.scenes.view import Light, UInt8Array

DOMES = 12
TEST_DOMES = (9, 10, 11)
"""Cloud patterns; the last three are shown by test scenes only."""

_DOME_WH = (512, 192)
_RIDGE_SIZE = 2048
_SUN_REACH = 0.9
"""Cosine of the angle beyond which the sun's glow is less than one level."""


@dataclass(frozen=True, slots=True)
class Sky:
    """What is above the horizon.

    Args:
        zenith: Colour 40 degrees up.
        horizon: Colour at the horizon.
        cloud: Colour of clouds.
        cover: Strength of the clouds in [0, 1].
        dome: Index of the cloud pattern.
        turn: Horizontal shift of the pattern and the ridges, in [0, 1).
        ridges: Far silhouettes from back to front: kind, height in radians, colour.
    """

    zenith: Color
    horizon: Color
    cloud: Color
    cover: float
    dome: int
    turn: float
    ridges: tuple[tuple[str, float, Color], ...]


def sample_sky(d: Draws, light: Light, weather: str, *, rural: bool, held_out: bool) -> Sky:
    """Draw a sky that fits the weather and the hour."""
    haze = np.array(light.haze)
    if light.night:
        zenith, horizon, cloud = haze * 0.4, haze, haze * d.between(0.7, 1.4)
    elif weather == "clear":
        level = d.between(0.75, 1.1)
        zenith = np.array([92, 138, 196]) * level + d.bell(12)
        horizon, cloud = haze, np.array([246, 246, 246]) * min(level + 0.1, 1)
    else:
        zenith = haze * d.between(0.86, 1.06)
        horizon, cloud = haze, haze * d.between(0.72, 1.1)
    if light.warmth > 0.12:
        horizon = haze * (1, 0.86, 0.7)
        zenith = zenith * (0.85, 0.85, 0.95)
    cover = {"clear": d.between(-0.4, 0.6), "fog": 0.0}.get(weather, d.between(-0.6, 0.6))
    dome = d.pick(TEST_DOMES) if held_out else d.whole(0, DOMES - len(TEST_DOMES) - 1)
    kinds = ("hills", "forest") if rural else ("hills", "skyline", "forest")
    ridges = []
    for number in range(d.whole(0, 3)):
        tone = np.array([66, 84, 62]) * (0.3 if light.night else d.between(0.7, 1.1))
        air = max(0.75 - 0.25 * number, 0.15) if weather != "fog" else 0.93
        height = d.between(0.008, 0.06) * (1.3 - 0.4 * number)
        ridges.append((d.pick(kinds), height, _color(tone * (1 - air) + haze * air)))
    return Sky(
        _color(zenith), _color(horizon), _color(cloud), cover, dome, d.share(), tuple(ridges)
    )


def _color(values: FloatArray) -> Color:
    red, green, blue = np.clip(values, 2, 255).tolist()
    return (red, green, blue)


def paint_sky(image: UInt8Array, camera: Camera, sky: Sky, light: Light, edge: float) -> None:
    """Paint (H, W, 3) ``image`` above the ground, in place.

    Args:
        image: RGB picture.
        camera: At the size of the picture.
        sky: What to paint.
        light: For the glow round a low sun.
        edge: Tangent (height - Y)/Z of the ground's far end.
    """
    columns = camera.plane_axes()[0].astype(np.float64)
    level = float(horizon_rows(camera, columns, 0.0).mean())
    base = horizon_rows(camera, columns, edge)
    height, width = image.shape[:2]
    bottom = int(np.clip(np.ceil(max(base.max(), level)) + 1, 1, height))
    small = camera.resized((max(width // 4, 8), max(height // 4, 8)))
    rows = min(-(-bottom * small.size_wh[1] // height) + 1, small.size_wh[1])
    air = _paint_air(small, sky, light, (rows, level * small.size_wh[1] / height))
    tall = round(rows * height / small.size_wh[1])
    image[:bottom] = cv2.resize(air, (width, tall), interpolation=cv2.INTER_LINEAR)[:bottom]
    for number, (kind, rise, color) in enumerate(sky.ridges):
        _paint_ridge(image[:bottom], camera, (kind, rise, color, sky.turn + 0.37 * number), base)


def _paint_air(camera: Camera, sky: Sky, light: Light, rows: tuple[int, float]) -> UInt8Array:
    """Return gradient, clouds and the sun's glow at a quarter of the size: air is smooth.

    ``rows`` are how many are wanted and where the horizon lies.
    """
    count, level = rows
    region: UInt8Array = np.empty((count, camera.size_wh[0], 3), dtype=np.uint8)
    up = (level - np.arange(count) - 0.5) / camera.focal_xy[1]
    share = np.clip(up / 0.55, 0, 1)[:, None] ** 0.7
    gradient = np.array(sky.horizon) * (1 - share) + np.array(sky.zenith) * share
    region[:] = gradient.astype(np.uint8)[:, None, :]
    if sky.cover > 0.05:
        _blend_clouds(region, camera, sky, level)
    if light.sun_gain > 0 and light.sun[2] > 0.05:
        _blend_sun(region, camera, light)
    return region


def horizon_rows(camera: Camera, columns: FloatArray, tangent: float) -> FloatArray:
    """Return (W,) rows in pixels at which rays have a tangent (height - Y)/Z.

    From ``camera.slopes``: tangent = cos b - sin a for plane coordinates a, b.
    """
    cos, sin = np.cos(camera.roll_rad), np.sin(camera.roll_rad)
    b = (tangent + sin * columns) / cos
    return np.asarray(b * camera.focal_xy[1] + camera.center_xy[1])


def _blend_clouds(region: UInt8Array, camera: Camera, sky: Sky, level: float) -> None:
    height, width = region.shape[:2]
    texture = _dome(sky.dome)
    rows = np.clip((level - np.arange(height)) / camera.focal_xy[1] / 0.7, 0, 1)
    x = sky.turn * _DOME_WH[0] + np.arange(width) * (300 / camera.focal_xy[0])
    map_x = np.broadcast_to((x % (_DOME_WH[0] - 1)).astype(np.float32), (height, width))
    map_y = np.broadcast_to((rows * (_DOME_WH[1] - 1)).astype(np.float32)[:, None], (height, width))
    cover = cv2.remap(texture, map_x.copy(), map_y.copy(), cv2.INTER_LINEAR)
    cover = cv2.convertScaleAbs(cover, alpha=sky.cover)
    mask = cv2.merge([cover] * 3)
    cloud = np.empty_like(region)
    cloud[:] = np.array(sky.cloud, dtype=np.uint8)
    inverse = cv2.bitwise_not(mask)
    region[:] = cv2.add(
        cv2.multiply(region, inverse, scale=1 / 255), cv2.multiply(cloud, mask, scale=1 / 255)
    )


@lru_cache(maxsize=DOMES)
def _dome(index: int) -> UInt8Array:
    """Return (192, 512) cloud cover; row 0 is the horizon, the last 35 degrees up.

    Noise on a plane overhead, seen in perspective; both ends of a row meet.
    """
    rng = np.random.default_rng([index, 11])
    plane = np.zeros((1024, 1024), dtype=np.float32)
    for octave in range(5):
        size = 8 << octave
        grid = rng.standard_normal((size, size)).astype(np.float32)
        grid = np.pad(grid, ((0, 1), (0, 1)), mode="wrap")
        field = cv2.resize(grid, (1024, 1024), interpolation=cv2.INTER_CUBIC)
        plane += np.asarray(field, dtype=np.float32) / np.float32(1.7**octave)
    width, height = _DOME_WH
    up = (np.arange(height) + 1.5) / height * 0.7
    angle = np.arange(width) / width * 2 * np.pi
    reach = np.minimum(1 / up, 40)[:, None]
    stretch = rng.uniform(18, 60)
    x = (reach * np.sin(angle) * stretch + 512).astype(np.float32) % 1023
    y = (reach * np.cos(angle) * stretch + 512).astype(np.float32) % 1023
    field = cv2.remap(plane, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    low = np.quantile(field, rng.uniform(0.15, 0.75))
    cover = np.clip((field - low) / (field.max() - low) * rng.uniform(1.5, 3), 0, 1)
    cover *= np.clip(np.arange(height) / 10, 0.3, 1)[:, None]
    return np.asarray(cover * 235, dtype=np.uint8)


def _blend_sun(region: UInt8Array, camera: Camera, light: Light) -> None:
    """Brighten the sky round the sun, which stands before us."""
    right, down = camera.slopes(0, len(region))
    x, y, z = light.sun
    dot = np.clip((right * x - down * y + z) / np.sqrt(right * right + down * down + 1), 0, 1)
    glow = np.zeros(dot.shape, dtype=np.uint8)
    near = dot > _SUN_REACH
    dot = dot[near]
    glow[near] = np.clip(130 * light.sun_gain * dot**60 + 250 * dot**900, 0, 255).astype(np.uint8)
    tint = (1.0, 1 - light.warmth * 0.4, 1 - light.warmth)
    region[:] = cv2.add(region, cv2.merge([cv2.convertScaleAbs(glow, alpha=a) for a in tint]))


def _paint_ridge(
    region: UInt8Array, camera: Camera, ridge: tuple[str, float, Color, float], base: FloatArray
) -> None:
    kind, height, color, turn = ridge
    width = region.shape[1]
    step = 900 / camera.focal_xy[0]
    index = (turn * _RIDGE_SIZE + np.arange(0, width + 1, 2) * step) % (_RIDGE_SIZE - 1)
    profile = np.interp(index, np.arange(_RIDGE_SIZE), _ridge(kind))
    x = np.minimum(np.arange(0, width + 1, 2), width - 1)
    top = base[x] - profile * height * camera.focal_xy[1]
    ring = np.concatenate([np.column_stack([x, top]), np.column_stack([x, base[x] + 2])[::-1]])
    cv2.fillPoly(region, [np.round(ring * 16).astype(np.int32)], color, cv2.LINE_AA, 4)


@lru_cache(maxsize=4)
def _ridge(kind: str) -> FloatArray:
    """Return (2048,) heights in [0, 1] of a far silhouette."""
    rng = np.random.default_rng(len(kind))
    at = np.arange(_RIDGE_SIZE)
    if kind == "skyline":
        edges = np.sort(rng.choice(_RIDGE_SIZE, 150, replace=False))
        levels = rng.uniform(0.1, 0.55, 151) + (rng.random(151) < 0.15) * rng.uniform(0.1, 0.5, 151)
        return np.asarray(levels[np.searchsorted(edges, at)])
    smooth = np.interp(at, np.linspace(0, _RIDGE_SIZE, 40), rng.uniform(0.15, 1.0, 40))
    smooth = np.convolve(np.pad(smooth, 30, mode="wrap"), np.hanning(61) / 30, mode="valid")
    if kind == "hills":
        return np.asarray(np.clip(smooth, 0, 1))
    crowns = np.interp(
        at,
        np.arange(0, _RIDGE_SIZE, 5),
        rng.uniform(0.6, 1.0, 410)[: len(range(0, _RIDGE_SIZE, 5))],
    )
    return np.asarray(0.35 + 0.4 * smooth * crowns)
