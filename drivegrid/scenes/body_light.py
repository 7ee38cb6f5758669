"""What colour each face of a body has: sun, sky, gloss, lamps, night and air."""

from __future__ import annotations

import numpy as np

from drivegrid.scenes.body_batch import Batch
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
    light, looks, owner = view.light, batch.looks, batch.owner
    frames = _frames(view, batch)[owner]  # cos, sin, towards the camera x, y, z, depth, beam
    normal = _turn(looks[:, NORMAL], frames)
    albedo = _tinted(batch)
    albedo *= (1 + looks[:, ROUGH] * looks[:, CHANCE] * np.float32(0.22))[:, None]
    color = albedo * _gain(light, normal, looks[:, HEIGHT], frames[:, 6])
    color = _mirror(light, color, normal, frames[:, 2:5], looks[:, GLOSS])
    _lamps(color, batch, albedo, light.night)
    keep = np.exp(frames[:, 5] * np.float32(-1 / light.fog_m))[:, None]
    haze = np.array(light.haze, dtype=np.float32)
    color -= haze
    color *= keep
    color += haze
    return np.asarray(np.clip(color, 0, 255, out=color), dtype=np.float32)


def body_gain(light: Light, depth_m: float) -> tuple[float, float]:
    """Return the light on an upright face turned to the camera and the share the air leaves."""
    facing = max(0.0, -light.sun[2])
    beam = 1.1 * float(np.exp(-depth_m / (3 * _BEAM_M))) if light.night else 0.0
    gain = 0.75 * light.sky_gain + light.sun_gain * facing + beam
    return gain, float(np.exp(-depth_m / light.fog_m))


def _frames(view: View, batch: Batch) -> Float32Array:
    """Return (B, 7) what all faces of a body share."""
    x, y, z, yaw = batch.params[:, :4].T
    away = np.stack([x, y + 0.8 - view.camera.height_m, np.maximum(z, 0.5)], axis=1)
    distance = np.linalg.norm(away, axis=1)
    beam = np.zeros(len(x))
    if view.light.night:
        ahead = np.maximum(z, 1.0)
        beam = np.exp(-((x / (3.0 + 0.22 * ahead)) ** 2)) * np.exp(-ahead / _BEAM_M)
    columns = [np.cos(yaw), np.sin(yaw), *(-away / distance[:, None]).T, np.maximum(z, 0.0), beam]
    return np.stack(columns, axis=1).astype(np.float32)


def _turn(normal: Float32Array, frames: Float32Array) -> Float32Array:
    """Turn model normals by their bodies' yaw."""
    turned = np.empty_like(normal)
    cos, sin = frames[:, 0], frames[:, 1]
    turned[:, 0] = normal[:, 0] * cos + normal[:, 2] * sin
    turned[:, 1] = normal[:, 1]
    turned[:, 2] = normal[:, 2] * cos - normal[:, 0] * sin
    return turned


def _tinted(batch: Batch) -> Float32Array:
    """Return (F, 3) albedo, with the bodies' own tints where the material has one."""
    albedo = batch.looks[:, ALBEDO].copy()
    tint = batch.looks[:, TINT]
    own = np.flatnonzero(tint)
    tints = np.array([body.tints for body in batch.bodies], dtype=np.float32)
    albedo[own] = tints[batch.owner[own], tint[own].astype(np.intp) - 1]
    return albedo


def _gain(
    light: Light, normal: Float32Array, height: Float32Array, beam: Float32Array
) -> Float32Array:
    """Return (F, 3) light that falls on each face."""
    sun = np.array(light.sun, dtype=np.float32)
    direct = np.maximum(normal @ sun, 0) * np.float32(light.sun_gain)
    sky = (np.float32(0.72) + np.float32(0.28) * normal[:, 1]) * np.float32(light.sky_gain)
    sky *= 1 - np.float32(0.45) * np.exp(height * np.float32(-3.5))  # the ground lies in the way
    if light.night:
        low = np.exp(np.maximum(height - 0.9, 0) * np.float32(-0.9))
        sky = sky + beam * np.maximum(-normal[:, 2], 0.08) * low * np.float32(1.5)
    warm = np.array([1 + light.warmth, 1.0, 1 - light.warmth], dtype=np.float32)
    return np.asarray(direct[:, None] * warm + sky[:, None], dtype=np.float32)


def _mirror(
    light: Light,
    color: Float32Array,
    normal: Float32Array,
    to_camera: Float32Array,
    gloss: Float32Array,
) -> Float32Array:
    """Mix glossy faces with the sky or ground that they mirror."""
    facing = np.einsum("ij,ij->i", normal, to_camera)
    up = 2 * facing * normal[:, 1] - to_camera[:, 1]
    share = gloss * (np.float32(0.35) + np.float32(0.65) * (1 - np.abs(facing)) ** 3)
    haze = np.array(light.haze, dtype=np.float32)
    height = np.clip(up * np.float32(2.5), -1, 1)[:, None]
    sky = haze * (1 + np.maximum(height, 0) * (_ZENITH * np.float32(0.95) - 1))
    sky *= 1 + np.minimum(height, 0) * np.float32(0.62)
    return np.asarray(color + share[:, None] * (sky - color), dtype=np.float32)


def _lamps(color: Float32Array, batch: Batch, albedo: Float32Array, night: bool) -> None:
    """Let lamps, and some windows at night, shine; in place."""
    glow = batch.looks[:, GLOW].astype(np.intp)
    lit = np.flatnonzero(glow)
    lamps = np.array([body.lamps for body in batch.bodies], dtype=np.float32)
    color[lit] += _LAMP_COLORS[glow[lit]] * lamps[batch.owner[lit], None]
    always = lit[glow[lit] == GLOWS.index("always")]
    color[always] = np.maximum(color[always], albedo[always])
    if night:
        chance = batch.looks[lit, CHANCE]
        rooms = lit[(glow[lit] == GLOWS.index("window")) & (chance > 0.45)]
        color[rooms] = _ROOM_COLOR * batch.looks[rooms, CHANCE, None]
