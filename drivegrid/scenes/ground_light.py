"""The ground of a picture: grain, worn paint, light, glow, wetness and air over the plate."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from drivegrid.geometry import Size
from drivegrid.scenes.ground_grain import STRENGTH, cut_grain
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import Light, UInt8Array, View

_UNIT = 100.0
"""Value of 1 in the 8-bit plane of factors."""

_COLUMNS = 9
_GLOW_GAIN = 1.8

_DAMP = 12
"""Ground that mirrors less than this share of 255 is drawn dry."""


Reflect = Callable[[UInt8Array], None]
"""Draws mirrored bodies, in place, on a picture of the mirrored sky of size ``mirror_size``."""


def mirror_size(size_wh: Size) -> Size:
    """Return the size at which wet ground mirrors: asphalt blurs what it mirrors."""
    return max(size_wh[0] // 3, 1), max(size_wh[1] // 3, 1)


def light_ground(view: View, reflect: Reflect | None = None) -> UInt8Array:
    """Return (H, W, 3) the plate with its ground lit; sky and backdrop stay as they are.

    Args:
        view: What to show.
        reflect: Draws what wet ground mirrors besides the sky; called only if the plate is wet.
    """
    plate = view.plate
    image = plate.albedo.copy()
    mask = cv2.inRange(plate.segments, SEGMENT["road"], SEGMENT["terrain"])
    _, top, _, count = cv2.boundingRect(mask)
    if count == 0:
        return image
    rows = slice(top, top + count)
    grain = cut_grain(view.camera, view.grain_seed, rows)
    base = _worn_paint(view, rows, grain)
    air = _air(view, rows)
    factor, unit = _factor(view, rows, grain, air)
    lit = np.asarray(cv2.multiply(base, factor, dst=base, scale=unit), dtype=np.uint8)
    if cv2.norm(plate.wet[rows], cv2.NORM_INF) > _DAMP:
        _wet(view, lit, (rows, grain, air), reflect)
    cv2.add(lit, _veil(view.light, air), dst=lit)
    cv2.copyTo(lit, mask[rows], image[rows])
    return image


def _worn_paint(view: View, rows: slice, grain: UInt8Array) -> UInt8Array:
    """Return the albedo of some rows with paint laid over it, thinner where it is worn."""
    plate = view.plate
    base = plate.albedo[rows].copy()
    painted = np.flatnonzero(plate.paint[rows].view(np.uint32) != 0)  # few of the pixels
    if not len(painted):
        return base
    paint = plate.paint[rows].reshape(-1, 1, 4).take(painted, axis=0)
    if view.wear > 0:  # low places of the grain keep their paint longest
        gone = view.wear * np.clip((160 - np.arange(256)) / 64, 0, 1)
        left = np.rint(255 * (1 - gone)).astype(np.uint8)[
            grain.reshape(-1, 1).take(painted, axis=0)
        ]
        paint = np.asarray(cv2.multiply(paint, cv2.merge([left] * 4), scale=1 / 255), np.uint8)
    bare = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(paint, 3)), cv2.COLOR_GRAY2RGB)
    pixels = base.reshape(-1, 1, 3)
    mixed = cv2.multiply(pixels.take(painted, axis=0), bare, scale=1 / 255)
    pixels[painted] = cv2.add(mixed, cv2.cvtColor(paint, cv2.COLOR_RGBA2RGB), dst=mixed)
    return base


def _air(view: View, rows: slice) -> UInt8Array:
    """Return (rows, W) uint8, the share of light that the air leaves, 255 for all of it."""
    camera = view.camera
    least, greatest, table = view.alignment.ground_table(camera.height_m)
    width = camera.size_wh[0]
    cos, sin = math.cos(camera.roll_rad), math.sin(camera.roll_rad)
    down = (np.arange(rows.start, rows.stop) + 0.5 - camera.center_xy[1]) / camera.focal_xy[1]
    columns = (np.arange(_COLUMNS) + 0.5) * (width / _COLUMNS)
    aside = (columns - camera.center_xy[0]) / camera.focal_xy[0]
    tangent = cos * down[:, None] - sin * aside[None, :]
    closeness = np.interp(tangent, np.linspace(least, greatest, len(table)), table)
    keep = np.exp(-1 / (view.light.fog_m * np.maximum(closeness, 1e-4)))
    coarse = np.rint(255 * keep).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, len(down))), dtype=np.uint8)


def _factor(
    view: View, rows: slice, grain: UInt8Array, air: UInt8Array
) -> tuple[UInt8Array, float]:
    """Return (rows, W, 3) uint8 light and grain on the ground after the air, and the value of 1."""
    light, plate = view.light, view.plate
    rough, glow = plate.rough[rows], plate.glow[rows]
    swing = _UNIT * STRENGTH * 2 / 127
    grainy = cv2.multiply(grain, rough, scale=1 / 256)
    grainy = cv2.addWeighted(grainy, swing, rough, -swing / 2, _UNIT, dst=grainy)
    airy = cv2.multiply(grainy, air, dst=grainy, scale=1 / 255)
    high_sun = light.sun_gain * max(0.0, light.sun[1])
    suns = np.array([1 + light.warmth, 1.0, 1 - light.warmth]) * high_sun
    glowing = cv2.norm(glow, cv2.NORM_INF) > 0
    peak = light.sky_gain + suns.max()
    peak = max(peak, 1.0) if glowing else peak
    if peak == light.sky_gain:  # an overcast day
        factor = cv2.cvtColor(airy, cv2.COLOR_GRAY2RGB)
    else:  # under the sky alone, and in the sun, and nothing
        sunny = cv2.multiply(airy, plate.shade[rows], scale=1 / 255)
        gains = np.column_stack([np.full(3, light.sky_gain), suns, np.zeros(3)]) / peak
        factor = cv2.transform(cv2.merge([airy, sunny, airy]), gains)
    if glowing:
        lamps = cv2.multiply(
            cv2.cvtColor(airy, cv2.COLOR_GRAY2RGB), glow, scale=_GLOW_GAIN / 255 / peak
        )
        cv2.add(factor, lamps, dst=factor)
    return np.asarray(factor, dtype=np.uint8), float(peak) / _UNIT


def _veil(light: Light, air: UInt8Array) -> UInt8Array:
    """Return (rows, W, 3) what the air adds."""
    planes = [cv2.convertScaleAbs(air, alpha=-haze / 255, beta=haze) for haze in light.haze]
    return np.asarray(cv2.merge(planes), dtype=np.uint8)


def _wet(
    view: View,
    lit: UInt8Array,
    ground: tuple[slice, UInt8Array, UInt8Array],
    reflect: Reflect | None,
) -> None:
    """Mix wet ground with the mirrored sky and bodies, in place.

    Args:
        view: What to show.
        lit: Some rows of the picture.
        ground: Which rows, their grain and their air.
        reflect: See ``light_ground``.
    """
    rows, grain, air = ground
    camera = view.camera
    mirror = cv2.resize(_mirror(view, reflect), camera.size_wh)[rows]
    down = (np.arange(rows.start, rows.stop) + 0.5 - camera.center_xy[1]) / camera.focal_xy[1]
    # The flatter the look, the more is mirrored; the grain's ups and downs break it.
    grazing = (90 + 165 * np.exp(-2.5 * np.maximum(down, 0))).astype(np.uint8)
    ripples = cv2.convertScaleAbs(grain, alpha=0.35, beta=83)
    share = cv2.multiply(view.plate.wet[rows], ripples, scale=1 / 128)
    across = np.ascontiguousarray(np.broadcast_to(grazing[:, None], grain.shape))
    share = cv2.multiply(share, across, scale=1 / 255)
    kept = cv2.cvtColor(cv2.bitwise_not(share), cv2.COLOR_GRAY2RGB)
    seen = cv2.cvtColor(cv2.multiply(share, air, scale=1 / 255), cv2.COLOR_GRAY2RGB)
    cv2.multiply(lit, kept, dst=lit, scale=1 / 255)
    cv2.add(lit, cv2.multiply(mirror, seen, scale=1 / 255), dst=lit)


def _mirror(view: View, reflect: Reflect | None) -> UInt8Array:
    """Return the mirrored sky and bodies at ``mirror_size``, smeared downwards as by ripples."""
    size = mirror_size(view.camera.size_wh)
    coarse = np.asarray(
        cv2.resize(view.plate.albedo, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8
    )
    horizon = view.camera.center_xy[1] * size[1] / view.camera.size_wh[1]
    source = np.round(2 * horizon - np.arange(size[1]) - 1)
    mirror = coarse[np.clip(source, 0, max(int(horizon) - 1, 0)).astype(np.intp)]
    haze = np.full_like(mirror, np.array(view.light.haze, dtype=np.uint8))
    mirror = np.asarray(cv2.addWeighted(mirror, 0.5, haze, 0.5, 0), dtype=np.uint8)
    if reflect is not None:
        reflect(mirror)
    stretch = max(3, size[1] // (9 if view.light.night else 20))
    smeared = cv2.blur(cv2.blur(mirror, (1, stretch)), (3, stretch))
    return np.asarray(smeared, dtype=np.uint8)
