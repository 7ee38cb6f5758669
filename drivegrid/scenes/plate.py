"""Put the plate together: sky, ground, paint, shadows, lamplight."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.ground import GroundPainter, ground_maps
from drivegrid.scenes.meshes import CATALOGUE, size_of
from drivegrid.scenes.road import Road
from drivegrid.scenes.sky import Sky, paint_sky
from drivegrid.scenes.view import Light, Plate, UInt8Array

_PROFILE_STEP_M = 0.05
_PROFILE_HALF_M = 40.0
_MAX_SHADOW_M = 14.0


@dataclass(frozen=True, slots=True)
class Finish:
    """Look of the ground that is not geometry.

    Args:
        tone: (N,) brightness across the road, steps of 5 cm from -40 m, 1 neutral.
        wet: Share of the sky that the pavement mirrors, in [0, 1].
        lamps_m: (N, 3) world places of lit street lamps' feet.
        beam: Strength of our headlights, 0 by day.
        groves: Shade patches of roadside trees: offset, Z, radius in metres.
    """

    tone: FloatArray
    wet: float
    lamps_m: FloatArray
    beam: float
    groves: tuple[tuple[float, float, float], ...] = ()


def paint_plate(
    camera: Camera, road: Road, sky: Sky, finish: Finish, light: Light, bodies: tuple[Body, ...]
) -> Plate:
    """Paint sky and ground of a picture.

    Instance ids: lane line k of ``road.lines`` is k + 1; mark k follows the lines.
    """
    painter = GroundPainter(camera, road.alignment)
    for band in road.bands:
        painter.band(band, int(255 * finish.wet))
    first_mark = len(road.lines) + 1
    for index, mark in enumerate(road.marks):
        painter.mark(mark, first_mark + index)
    for index, line in enumerate(road.lines):
        painter.line(line, index + 1)
    edge, _, _ = road.alignment.ground_table(camera.height_m)
    paint_sky(painter.albedo, camera, sky, light, edge)
    quarter = camera.resized((max(camera.size_wh[0] // 4, 8), max(camera.size_wh[1] // 4, 8)))
    maps = ground_maps(quarter, road.alignment)
    _tone(painter, finish, maps)
    return Plate(
        albedo=painter.albedo,
        paint=painter.paint,
        shade=_shade(camera, road.alignment, finish, light, bodies),
        glow=_glow(camera, road, finish, maps),
        rough=painter.rough,
        wet=painter.wet,
        segments=painter.segments,
        instances=painter.instances,
    )


def _tone(
    painter: GroundPainter, finish: Finish, maps: tuple[Float32Array, Float32Array, np.ndarray]
) -> None:
    """Wheel tracks, oil stripes and old seams: fade with distance, only on the pavement."""
    offset, depth, seen = maps
    column = (offset + _PROFILE_HALF_M) / _PROFILE_STEP_M
    index = np.clip(column, 0, len(finish.tone) - 1).astype(np.int32)
    fade = np.minimum(25 / depth, 1) * seen
    gain = 128 * (1 + (finish.tone.astype(np.float32)[index] - 1) * fade)
    plane = cv2.resize(gain.astype(np.uint8), painter.camera.size_wh, interpolation=cv2.INTER_LINEAR)
    plane[painter.segments != 1] = 128
    cv2.multiply(painter.albedo, cv2.merge([plane] * 3), dst=painter.albedo, scale=1 / 128)


def _shade(
    camera: Camera, alignment: Alignment, finish: Finish, light: Light, bodies: tuple[Body, ...]
) -> UInt8Array:
    """Cast and contact shadows at half size, so that their borders are soft."""
    width, height = camera.size_wh
    half = camera.resized((max(width // 2, 8), max(height // 2, 8)))
    painter = GroundPainter(half, alignment)
    plane: UInt8Array = np.full(half.size_wh[::-1], 255, dtype=np.uint8)
    sunny = light.sun_gain > 0.05
    for body in bodies:
        if body.position_m[2] > 90 or CATALOGUE[body.mesh].segment == "sign":
            continue
        rings = shadow_rings(alignment, body, light if sunny else None)
        for ring, level in rings:
            points = painter.to_pixels(ring)
            cv2.fillConvexPoly(plane, cv2.convexHull(points), level, cv2.LINE_AA, 4)
    for q, z, radius in finish.groves if sunny else ():
        angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        depth = np.maximum(z + radius * 1.4 * np.sin(angle), 1.2)
        ring = alignment.points(q + radius * np.cos(angle), depth)
        cv2.fillPoly(plane, [painter.to_pixels(ring)], 60, cv2.LINE_AA, 4)
    if sunny:
        plane = np.asarray(cv2.blur(plane, (3, 3)), dtype=np.uint8)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def shadow_rings(
    alignment: Alignment, body: Body, light: Light | None
) -> list[tuple[FloatArray, int]]:
    """Return world polygons on the ground with the level (255 lit) of a body's shadows."""
    size = np.array(size_of(body.mesh)) * body.scale
    half = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]]) * size * (0.5, 0, 0.5)
    foot = body.to_world(half)
    foot[:, 1] = np.interp(foot[:, 2], np.arange(len(alignment.height_m)) * 0.5, alignment.height_m)
    rings = []
    if light is not None:
        x, y, z = light.sun
        reach = min(size[1] / max(y, 0.12), _MAX_SHADOW_M)
        top = foot.copy()
        top[:, 0] -= x * reach
        top[:, 2] = np.maximum(top[:, 2] - z * reach, 1.2)
        rings.append((np.concatenate([foot, top]), 30))
    if size[1] < 5 and body.part_of:
        rings.append((foot, 90))
    return rings


def _glow(
    camera: Camera,
    road: Road,
    finish: Finish,
    maps: tuple[Float32Array, Float32Array, np.ndarray],
) -> UInt8Array:
    """Headlights and street lamps on the ground."""
    width, height = camera.size_wh
    if finish.beam == 0 and len(finish.lamps_m) == 0:
        return np.zeros((height, width, 3), dtype=np.uint8)
    offset, depth, seen = maps
    cone = (offset / (2.2 + 0.22 * depth)) ** 2
    white = 120 * finish.beam * np.exp(-depth / 16 - cone) * seen
    amber = np.zeros_like(white)
    center = np.interp(depth, np.arange(len(road.alignment.center_m)) * 0.5, road.alignment.center_m)
    x = center + offset
    for lamp in finish.lamps_m[:12]:
        away = ((x - lamp[0]) ** 2 + (depth - lamp[2]) ** 2) / 60
        amber += 70 * np.exp(-away)
    amber *= seen
    planes = [white + amber, white + 0.72 * amber, 0.92 * white + 0.38 * amber]
    small = cv2.merge([np.clip(p, 0, 255).astype(np.uint8) for p in planes])
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
