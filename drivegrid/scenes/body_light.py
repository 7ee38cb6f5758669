"""What colour each face of a body has: sun, sky, gloss, lamps, night and air."""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.body_batch import LAMPS, TINTS, Batch
from drivegrid.scenes.body_faces import (
    ALBEDO,
    CHANCE,
    GLOSS,
    GLOW,
    GLOWS,
    HEIGHT,
    NORMAL,
    ROUGH,
    TINT,
)
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.view import Light, View

_LAMP_COLORS = np.zeros((len(GLOWS), 3), dtype=np.float32)
_LAMP_COLORS[GLOWS.index("front")] = (255, 250, 235)
_LAMP_COLORS[GLOWS.index("rear")] = (255, 36, 24)
_ROOM_COLOR = np.array((235, 190, 120), dtype=np.float32)
_ZENITH = np.array((0.62, 0.78, 1.0), dtype=np.float32)
_BEAM_M = 26.0


def shade_faces(view: View, batch: Batch) -> Float32Array:
    """Return (F, 3) colours in [0, 255] of a batch's faces."""
    light, looks = view.light, batch.looks
    frames = _frames(view, batch).take(batch.owner, axis=1)
    normal = _turn(looks[NORMAL], frames)
    albedo = _tinted(batch)
    albedo *= 1 + looks[ROUGH] * looks[CHANCE] * np.float32(0.22)
    color = albedo * _gain(light, normal, looks[HEIGHT], frames[6])
    _mirror(light, color, normal, frames[2:5], looks[GLOSS])
    _lamps(color, batch, albedo, light.night)
    haze = np.array(light.haze, dtype=np.float32)[:, None]
    color -= haze
    color *= np.exp(frames[5] * np.float32(-1 / light.fog_m))
    color += haze
    return np.ascontiguousarray(np.clip(color, 0, 255, out=color).T)


def body_gain(light: Light, depth_m: float) -> tuple[float, float]:
    """Return the light on an upright face turned to the camera and the share the air leaves."""
    facing = max(0.0, -light.sun[2])
    beam = 1.1 * float(np.exp(-depth_m / (3 * _BEAM_M))) if light.night else 0.0
    gain = 0.75 * light.sky_gain + light.sun_gain * facing + beam
    return gain, float(np.exp(-depth_m / light.fog_m))


def _frames(view: View, batch: Batch) -> Float32Array:
    """Return (7, B) what all faces of a body share.

    Rows: cosine and sine of the yaw, unit vector towards the camera, depth, share of the beam.
    """
    x, y, z, yaw = batch.params[:, :4].T
    down, ahead = y + 0.8 - view.camera.height_m, np.maximum(z, 0.5)
    distance = -np.sqrt(x * x + down * down + ahead * ahead)
    beam = np.zeros(len(x))
    if view.light.night:
        far = np.maximum(z, 1.0)
        beam = np.exp(-((x / (3.0 + 0.22 * far)) ** 2)) * np.exp(-far / _BEAM_M)
    towards = (x / distance, down / distance, ahead / distance)
    return np.array(
        [np.cos(yaw), np.sin(yaw), *towards, np.maximum(z, 0.0), beam], dtype=np.float32
    )


def _turn(normal: Float32Array, frames: Float32Array) -> Float32Array:
    """Turn (3, F) model normals by their bodies' yaw."""
    cos, sin = frames[:2]
    turned = np.empty_like(normal)
    turned[0] = normal[0] * cos + normal[2] * sin
    turned[1] = normal[1]
    turned[2] = normal[2] * cos - normal[0] * sin
    return turned


def _tinted(batch: Batch) -> Float32Array:
    """Return (3, F) albedo, with the bodies' own tints where the material has one."""
    albedo = batch.looks[ALBEDO].copy()
    tint = batch.looks[TINT]
    own = np.flatnonzero(tint)
    tints = batch.params[:, TINTS].astype(np.float32).reshape(-1, 3)
    albedo[:, own] = tints[2 * batch.owner[own] + tint[own].astype(np.intp) - 1].T
    return albedo


def _gain(
    light: Light, normal: Float32Array, height: Float32Array, beam: Float32Array
) -> Float32Array:
    """Return (3, F) light that falls on each face."""
    sun = np.array(light.sun, dtype=np.float32)
    direct = np.maximum(sun @ normal, 0) * np.float32(light.sun_gain)
    sky = (np.float32(0.72) + np.float32(0.28) * normal[1]) * np.float32(light.sky_gain)
    sky *= 1 - np.float32(0.45) * np.exp(height * np.float32(-3.5))  # the ground lies in the way
    if light.night:
        low = np.exp(np.maximum(height - 0.9, 0) * np.float32(-0.9))
        sky = sky + beam * np.maximum(-normal[2], 0.08) * low * np.float32(1.5)
    warm = np.array([1 + light.warmth, 1.0, 1 - light.warmth], dtype=np.float32)
    return np.asarray(warm[:, None] * direct + sky, dtype=np.float32)


def _mirror(
    light: Light,
    color: Float32Array,
    normal: Float32Array,
    to_camera: Float32Array,
    gloss: Float32Array,
) -> None:
    """Mix glossy faces with the sky or ground that they mirror, in place."""
    facing = (normal * to_camera).sum(axis=0)
    up = 2 * facing * normal[1] - to_camera[1]
    share = gloss * (np.float32(0.35) + np.float32(0.65) * (1 - np.abs(facing)) ** 3)
    haze = np.array(light.haze, dtype=np.float32)
    height = np.clip(up * np.float32(2.5), -1, 1)
    zenith = (_ZENITH * np.float32(0.95) - 1)[:, None]
    sky = haze[:, None] * (1 + np.maximum(height, 0) * zenith)
    sky *= 1 + np.minimum(height, 0) * np.float32(0.62)
    sky -= color
    sky *= share
    color += sky


def _lamps(color: Float32Array, batch: Batch, albedo: Float32Array, night: bool) -> None:
    """Let lamps, and some windows at night, shine; in place."""
    lit = np.flatnonzero(batch.looks[GLOW])
    glow = batch.looks[GLOW, lit].astype(np.intp)
    lamps = batch.params[batch.owner[lit], LAMPS].astype(np.float32)
    color[:, lit] += _LAMP_COLORS[glow].T * lamps
    always = lit[glow == GLOWS.index("always")]
    color[:, always] = np.maximum(color[:, always], albedo[:, always])
    if night:
        chance = batch.looks[CHANCE, lit]
        rooms = lit[(glow == GLOWS.index("window")) & (chance > 0.45)]
        color[:, rooms] = _ROOM_COLOR[:, None] * batch.looks[CHANCE, rooms]
