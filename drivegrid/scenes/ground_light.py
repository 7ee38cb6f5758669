"""The ground of a picture: grain, worn paint, light, glow, wetness and air over the plate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from drivegrid.scenes.ground_grain import STRENGTH, cut_grain
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.view import Light, UInt8Array, View

_UNIT = 100.0
"""Value of 1 in the 8-bit plane of factors."""

_COLUMNS = 9
_GLOW_GAIN = 1.8


@dataclass(frozen=True, slots=True)
class Smear:
    """A body's mirror image on wet ground: a box in pixels and its colour."""

    xyxy: tuple[int, int, int, int]
    color: tuple[float, ...]


def light_ground(view: View, smears: list[Smear]) -> UInt8Array:
    """Return (H, W, 3) the plate with its ground lit; sky and backdrop stay as they are.

    Args:
        view: What to show.
        smears: Mirror images, far to near; seen only where the plate is wet.
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
    lit = cv2.multiply(base, factor, dst=base, scale=unit)
    cv2.add(lit, _veil(view.light, air), dst=lit)
    if cv2.norm(plate.wet[rows], cv2.NORM_INF) > 0:
        _wet(view, lit, rows, smears)
    cv2.copyTo(lit, mask[rows], image[rows])
    return image


def _worn_paint(view: View, rows: slice, grain: UInt8Array) -> UInt8Array:
    """Return the albedo of some rows with paint laid over it, thinner where it is worn."""
    base = view.plate.albedo[rows].copy()
    paint = np.ascontiguousarray(view.plate.paint[rows])
    places = cv2.findNonZero(paint.view(np.int32)[:, :, 0])
    if places is not None and len(places):
        column, row = places.reshape(-1, 2).astype(np.intp).T
        found = row * paint.shape[1] + column
        color = paint.reshape(-1, 4).take(found, axis=0).astype(np.float32)
        dark = (np.float32(160) - grain.ravel().take(found)) * np.float32(1 / 64)
        worn = 1 - np.float32(view.wear) * np.clip(dark, 0, 1)
        color *= worn[:, None]
        under = base.reshape(-1, 3).take(found, axis=0)
        laid = under * (1 - color[:, 3:] * np.float32(1 / 255)) + color[:, :3]
        base.reshape(-1, 3)[found] = np.minimum(laid, 255)
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
    rough = plate.rough[rows]
    swing = _UNIT * STRENGTH * 2 / 127
    grainy = cv2.multiply(grain, rough, scale=1 / 256)
    grainy = cv2.addWeighted(grainy, swing, rough, -swing / 2, _UNIT, dst=grainy)
    airy = cv2.multiply(grainy, air, dst=grainy, scale=1 / 255)
    high_sun = light.sun_gain * max(0.0, light.sun[1])
    gains = [high_sun * warm for warm in (1 + light.warmth, 1.0, 1 - light.warmth)]
    peak = light.sky_gain + max(gains)
    glow = plate.glow[rows]
    glowing = cv2.norm(glow, cv2.NORM_INF) > 0
    peak = max(peak, 1.0) if glowing else peak
    lit = airy
    if high_sun > 0.02 * light.sky_gain:
        shade = cv2.convertScaleAbs(
            plate.shade[rows],
            alpha=high_sun / (light.sky_gain + high_sun),
            beta=255 * light.sky_gain / (light.sky_gain + high_sun),
        )
        lit = cv2.multiply(airy, shade, scale=1 / 255)
    factor = cv2.merge([cv2.convertScaleAbs(lit, alpha=(light.sky_gain + g) / peak) for g in gains])
    if glowing:
        lamps = cv2.multiply(cv2.merge([airy] * 3), glow, scale=_GLOW_GAIN / 255 / peak)
        cv2.add(factor, lamps, dst=factor)
    return factor, peak / _UNIT


def _veil(light: Light, air: UInt8Array) -> UInt8Array:
    """Return (rows, W, 3) what the air adds."""
    planes = [cv2.convertScaleAbs(air, alpha=-haze / 255, beta=haze) for haze in light.haze]
    return np.asarray(cv2.merge(planes), dtype=np.uint8)


def _wet(view: View, lit: UInt8Array, rows: slice, smears: list[Smear]) -> None:
    """Mix wet ground with the mirrored sky and bodies, in place."""
    plate, camera = view.plate, view.camera
    source = np.round(2 * camera.center_xy[1] - np.arange(rows.start, rows.stop) - 1)
    mirror = plate.albedo[np.clip(source, 0, max(int(camera.center_xy[1]) - 1, 0)).astype(np.intp)]
    for smear in smears:
        x0, y0, x1, y1 = smear.xyxy
        cv2.rectangle(mirror, (x0, y0 - rows.start), (x1, y1 - rows.start), smear.color, -1)
    stretch = max(3, camera.size_wh[1] // 14)
    mirror = cv2.blur(mirror, (max(1, camera.size_wh[0] // 150), stretch))
    share = cv2.merge([plate.wet[rows]] * 3)
    cv2.multiply(mirror, share, dst=mirror, scale=1 / 255)
    cv2.multiply(lit, cv2.bitwise_not(share), dst=lit, scale=1 / 255)
    cv2.add(lit, mirror, dst=lit)
