"""Put the plate together: sky, ground, paint, shadows, lamplight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivegrid.geometry import FloatArray, Size
from drivegrid.scenes.alignment import DEPTHS_M, Alignment
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.ground import GroundPainter, fixed, ground_maps
from drivegrid.scenes.meshes import CATALOGUE, size_of
from drivegrid.scenes.road import Road
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.sky import Sky, paint_sky
from drivegrid.scenes.stations import SHIFT, Fixed
from drivegrid.scenes.view import Light, Plate, UInt8Array

_PROFILE_STEP_M = 0.05
_PROFILE_HALF_M = 40.0
_MAX_SHADOW_M = 14.0
_SHADOW_RANGE_M = 70.0


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


@dataclass(frozen=True, slots=True)
class Casters:
    """What throws shadows.

    Args:
        plans: (N, 4, 2) X, Z corners of footprints.
        heights_m: (N,) heights.
        contact: (N,) whether its foot is dark all round, sun or not.
    """

    plans: FloatArray
    heights_m: FloatArray
    contact: np.ndarray


def paint_plate(
    camera: Camera, road: Road, sky: Sky, finish: Finish, light: Light, cast: Casters
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
    top = cv2.boundingRect(painter.segments)[1]
    quarter = _coarser(camera, 4, top)
    maps = ground_maps(quarter.camera, road.alignment, quarter.first)
    _tone(painter, finish, quarter, maps)
    return Plate(
        albedo=painter.albedo,
        paint=painter.paint,
        shade=_shade(_coarser(camera, 2, top), road, finish, light, cast),
        glow=_glow(quarter, road, finish, maps),
        rough=painter.rough,
        wet=painter.wet,
        segments=painter.segments,
        instances=painter.instances,
    )


@dataclass(frozen=True, slots=True)
class _Coarse:
    """The rows of a picture that show ground, at a fraction of its size.

    Args:
        camera: At the coarse size.
        size_wh: Of the picture.
        top: First row of the picture that shows ground.
        start: A row of the picture at or above it where a coarse row starts.
        first: That coarse row.
    """

    camera: Camera
    size_wh: Size
    top: int
    start: int
    first: int

    def enlarged(self, plane: UInt8Array) -> UInt8Array:
        """Return the picture's rows from ``top`` on, of a coarse plane's rows from ``first`` on."""
        width, height = self.size_wh
        rows = cv2.resize(plane, (width, height - self.start), interpolation=cv2.INTER_LINEAR)
        return np.asarray(rows[self.top - self.start :], dtype=np.uint8)


def _coarser(camera: Camera, ratio: int, top: int) -> _Coarse:
    """Return the rows from ``top`` on at a fraction of a camera's size.

    One step more is taken above them, so that the rows are those of the whole plane enlarged.
    """
    width, height = camera.size_wh
    coarse = camera.resized((max(width // ratio, 8), max(height // ratio, 8)))
    steps = math.gcd(height, coarse.size_wh[1])
    step = max(top * steps // height - 1, 0)
    start, first = step * height // steps, step * coarse.size_wh[1] // steps
    return _Coarse(coarse, camera.size_wh, top, start, first)


def _tone(
    painter: GroundPainter,
    finish: Finish,
    quarter: _Coarse,
    maps: tuple[Float32Array, Float32Array, np.ndarray],
) -> None:
    """Wheel tracks, oil stripes and old seams: fade with distance, only on the pavement."""
    offset, depth, seen = maps
    column = (offset + _PROFILE_HALF_M) / _PROFILE_STEP_M
    index = np.clip(column, 0, len(finish.tone) - 1).astype(np.int32)
    fade = np.minimum(25 / depth, 1) * seen
    gain = 128 * (1 + (finish.tone.astype(np.float32)[index] - 1) * fade)
    plane = quarter.enlarged(gain.astype(np.uint8))
    paved = cv2.inRange(painter.segments[quarter.top :], SEGMENT["road"], SEGMENT["road"])
    paved_gain = cv2.copyTo(plane, paved, np.full_like(plane, 128))
    albedo = painter.albedo[quarter.top :]
    cv2.multiply(albedo, cv2.merge([paved_gain] * 3), dst=albedo, scale=1 / 128)


def _shade(coarse: _Coarse, road: Road, finish: Finish, light: Light, cast: Casters) -> UInt8Array:
    """Cast and contact shadows at half size, so that their borders are soft."""
    half = coarse.camera
    plane: UInt8Array = np.full(half.size_wh[::-1], 255, dtype=np.uint8)
    sunny = light.sun_gain > 0.05
    if sunny and len(cast.plans):
        rings = fixed(half, cast_shadows(road.alignment, cast, light).reshape(-1, 3))
        for ring in _in_picture(half, rings.reshape(-1, 8, 2)):
            cv2.fillConvexPoly(plane, cv2.convexHull(ring), 30, cv2.LINE_AA, 4)
    for q, z, radius in finish.groves if sunny else ():
        angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        depth = np.maximum(z + radius * 1.4 * np.sin(angle), 1.2)
        patch = road.alignment.points(q + radius * np.cos(angle), depth)
        cv2.fillPoly(plane, [fixed(half, patch)], 60, cv2.LINE_AA, 4)
    if cast.contact.any():
        feet = on_ground(road.alignment, cast.plans[cast.contact]).reshape(-1, 3)
        for ring in _in_picture(half, fixed(half, feet).reshape(-1, 4, 2)):
            cv2.fillConvexPoly(plane, ring, 70, cv2.LINE_AA, 4)
    shade: UInt8Array = np.full(coarse.size_wh[::-1], 255, dtype=np.uint8)
    blurred = np.asarray(cv2.blur(plane, (3, 3)), dtype=np.uint8)
    shade[coarse.top :] = coarse.enlarged(blurred[coarse.first :])
    return shade


def _in_picture(camera: Camera, rings: Fixed) -> Fixed:
    """Return those of (N, M, 2) polygons that may touch the picture."""
    margin = 2 << SHIFT
    beyond = np.array(camera.size_wh) * (1 << SHIFT) + margin
    outside = (rings.max(axis=1) < -margin) | (rings.min(axis=1) > beyond)
    return np.asarray(rings[~outside.any(axis=1)])


def casters(bodies: Sequence[Body], plans: FloatArray) -> Casters:
    """Return what throws shadows on the ground near enough to see."""
    near = plans[:, :, 1].min(axis=1, initial=np.inf) if len(plans) else np.zeros(0)
    rows = [
        k
        for k in np.flatnonzero(near < _SHADOW_RANGE_M).tolist()
        if CATALOGUE[bodies[k].mesh].segment != "sign"
    ]
    heights = [size_of(bodies[k].mesh)[1] * bodies[k].scale[1] for k in rows]
    low = [bodies[k].part_of > 0 and h < 5 for k, h in zip(rows, heights, strict=True)]
    return Casters(plans[rows], np.array(heights), np.array(low, dtype=bool))


def on_ground(alignment: Alignment, plans: FloatArray) -> FloatArray:
    """Return (N, 4, 3) world points of (N, 4, 2) X, Z corners."""
    depth = np.maximum(plans[:, :, 1], 1.2)
    height = np.interp(depth, DEPTHS_M, alignment.height_m)
    return np.stack([plans[:, :, 0], height, depth], axis=2)


def cast_shadows(alignment: Alignment, cast: Casters, light: Light) -> FloatArray:
    """Return (N, 8, 3): footprints, then where the sun throws their tops, at most 14 m away."""
    x, y, z = light.sun
    reach = np.minimum(cast.heights_m / max(y, 0.12), _MAX_SHADOW_M)
    tops = cast.plans - reach[:, None, None] * (x, z)
    return on_ground(alignment, np.concatenate([cast.plans, tops], axis=1))


def _glow(
    quarter: _Coarse,
    road: Road,
    finish: Finish,
    maps: tuple[Float32Array, Float32Array, np.ndarray],
) -> UInt8Array:
    """Headlights and street lamps on the ground."""
    width, height = quarter.size_wh
    glow: UInt8Array = np.zeros((height, width, 3), dtype=np.uint8)
    if finish.beam == 0 and len(finish.lamps_m) == 0:
        return glow
    offset, depth, seen = maps
    cone = (offset / (2.2 + 0.22 * depth)) ** 2
    white = 120 * finish.beam * np.exp(-depth / 16 - cone) * seen
    amber = np.zeros_like(white)
    center = np.interp(depth, DEPTHS_M, road.alignment.center_m)
    x = center + offset
    for lamp in finish.lamps_m[:12]:
        away = ((x - lamp[0]) ** 2 + (depth - lamp[2]) ** 2) / 60
        amber += 70 * np.exp(-away)
    amber *= seen
    planes = [white + amber, white + 0.72 * amber, 0.92 * white + 0.38 * amber]
    small = cv2.merge([np.clip(p, 0, 255).astype(np.uint8) for p in planes])
    glow[quarter.top :] = quarter.enlarged(np.asarray(small, dtype=np.uint8))
    return glow
