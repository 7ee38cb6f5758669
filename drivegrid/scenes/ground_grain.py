"""Grain of the ground as the camera sees it, made once and cut out for each picture.

Seen from 1.4 m above a plane, a texture's picture depends on nothing but the distance from the
vanishing point in focal lengths. So one picture around a vanishing point serves every camera of
about that focal length: cutting it out replaces a look-up for every pixel. Another height only
changes the size of the grain.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.view import UInt8Array

STRENGTH = 0.35
"""Share of albedo that a grain of 255 adds; 128 adds none."""

_TILE = 512
_HEIGHT_M = 1.4
_LARGEST_PX = 1100
_BANKS = 4


def cut_grain(camera: Camera, seed: float, rows: slice) -> UInt8Array:
    """Return (rows, W) uint8 grain of a picture, 128 in the mean.

    Args:
        camera: Decides where the ground vanishes and how large the grain is.
        seed: In [0, 1), chooses pattern and mirroring.
        rows: Rows of the picture wanted.
    """
    width, height = camera.size_wh
    shrink = -(-max(width, height) // _LARGEST_PX)
    size = (-(-width // shrink), -(-height // shrink))
    focal = tuple(round(2 * float(np.log2(f / shrink))) for f in camera.focal_xy)
    choice = int(seed * 2 * _BANKS)
    bank = _bank(size, (focal[0], focal[1]), choice // 2)
    x = min(max(round(camera.center_xy[0] / shrink), 0), size[0])
    y = min(max(round(camera.center_xy[1] / shrink), 0), size[1])
    left = size[0] - (size[0] - x if choice % 2 else x)
    top = size[1] - y
    cut = bank[top : top + size[1], left : left + size[0]]
    if shrink > 1:
        cut = np.asarray(cv2.resize(cut, (width, height)), dtype=np.uint8)
    cut = cut[rows]
    return np.asarray(cv2.flip(cut, 1) if choice % 2 else cut, dtype=np.uint8)


@lru_cache(maxsize=24)
def _bank(size_wh: tuple[int, int], focal_octaves: tuple[int, int], number: int) -> UInt8Array:
    """Return (2 H, 2 W) grain around a vanishing point at (W, H).

    Args:
        size_wh: W and H of the pictures to be cut out.
        focal_octaves: Focal lengths as twice their logarithm to base 2, rounded.
        number: Which pattern.
    """
    width, height = size_wh
    fx, fy = (2.0 ** (octave / 2) for octave in focal_octaves)
    down = ((np.arange(height) + 0.5) / fy).astype(np.float32)[:, None]
    depth = _HEIGHT_M / np.maximum(down, np.float32(_HEIGHT_M / 400))
    across = ((np.arange(2 * width) + 0.5 - width) / fx).astype(np.float32)[None, :] * depth
    along = np.broadcast_to(depth, across.shape)
    foot = (depth * depth / (_HEIGHT_M * fy), depth / fx)
    grain, clouds, streaks = _tiles(number)
    total = np.zeros(across.shape, dtype=np.float32)
    for tile, weight, texel in (
        (clouds, 0.030, (0.40, 1.60)),
        (clouds, 0.034, (0.07, 0.16)),
        (streaks, 0.030, (0.06, 0.20)),
        (grain, 0.060, (0.035, 0.05)),
        (grain, 0.085, (0.012, 0.016)),
    ):
        fade = np.minimum(texel[1] / foot[0], 1) * np.minimum(texel[0] / foot[1], 1)
        field = cv2.remap(
            tile,
            np.mod(across / np.float32(texel[0]), np.float32(_TILE)),
            np.mod(along / np.float32(texel[1]), np.float32(_TILE)),
            cv2.INTER_LINEAR,
        )
        total += np.asarray(field, dtype=np.float32) * (np.float32(weight) * np.sqrt(fade))
    bank = np.full((2 * height, 2 * width), 128, dtype=np.uint8)
    bank[height:] = np.clip(np.rint(128 + total * np.float32(127 / STRENGTH)), 0, 255)
    return bank


@lru_cache(maxsize=_BANKS)
def _tiles(number: int) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return three periodic noises of deviation 1: grain, clouds, streaks along the road.

    Each is (513, 513) float32; the last row and column repeat the first, for interpolation.
    """
    rng = np.random.default_rng([20260101, number])
    grain = _periodic(rng, 0.7, 0.7)
    clouds = sum(
        (_periodic(rng, s, s) * s**0.5 for s in (2.0, 5.0, 12.0, 30.0)), np.zeros((_TILE, _TILE))
    )
    streaks = _periodic(rng, 2.0, 40.0) + 0.7 * _periodic(rng, 6.0, 90.0)
    return _unit(grain), _unit(clouds), _unit(streaks)


def _periodic(rng: np.random.Generator, sigma_x: float, sigma_y: float) -> FloatArray:
    """White noise blurred by a Gaussian on the torus."""
    fx, fy = np.fft.fftfreq(_TILE)[None, :], np.fft.fftfreq(_TILE)[:, None]
    kernel = np.exp(-2 * np.pi**2 * ((sigma_x * fx) ** 2 + (sigma_y * fy) ** 2))
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((_TILE, _TILE))) * kernel).real
    return np.asarray(field / field.std(), dtype=np.float64)


def _unit(field: FloatArray) -> Float32Array:
    unit = ((field - field.mean()) / field.std()).astype(np.float32)
    return np.pad(unit, ((0, 1), (0, 1)), mode="wrap")
