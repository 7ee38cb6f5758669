"""Which triangles a view needs, and where each body stands."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.alignment import DEPTHS_M
from drivegrid.scenes.body import Body
from drivegrid.scenes.camera import Camera, Float32Array
from drivegrid.scenes.gl.geometry import PASSES, Drawable
from drivegrid.scenes.gl.targets import NOBODY
from drivegrid.scenes.gl.uniforms import NEAREST_M
from drivegrid.scenes.view import UInt8Array, UInt16Array, View

INSTANCE_FORMAT = "4f 4f 4f 4f 4f 3f/i"
INSTANCE_NAMES = ("pose", "form", "tint0", "tint1", "face", "marks")
INSTANCE_BYTES = 23 * 4

LEAST_DETAIL_PX = 1.5
"""Details smaller than this in the picture are left out: they would only flicker."""

GRAIN_M = 0.12
"""Where a pixel covers more than this, surfaces are drawn without grain, which costs less."""

PLAIN, GRAIN = PASSES.index("PLAIN"), PASSES.index("GRAIN")

_NO_FACE = (0.0, 0.0, 0.0, 0.0)

Atlas = dict[str, tuple[float, float, float, float]]
Commands = npt.NDArray[np.uint32]


def standing(view: View, drawables: dict[str, Drawable]) -> list[Body]:
    """Return the bodies that may be seen, from near to far so that depth rejects early."""
    seen = [body for body in view.bodies if _may_be_seen(body, view.camera, drawables[body.mesh])]
    return sorted(seen, key=lambda body: body.position_m[2])


def _may_be_seen(body: Body, camera: Camera, drawable: Drawable) -> bool:
    x, _, z = body.position_m
    radius = drawable.radius_m * max(body.scale)
    if z + radius < NEAREST_M:
        return False
    reach = max(camera.center_xy[0], camera.size_wh[0] - camera.center_xy[0]) / camera.focal_xy[0]
    # A little wider, for the roll.
    return abs(x) < (reach * 1.1 + 0.1) * max(z, 0.0) + radius * (1.5 + reach)


def instance_rows(bodies: Sequence[Body], view: View, atlas: Atlas) -> Float32Array:
    """Return (B, 23) what body.vert.glsl reads of each body."""
    values: list[float] = []
    for body in bodies:
        x, y, z = body.position_m
        first, second = body.tints
        values += (x, y, z, 0.0, *body.scale, body.grade, *first, body.lamps, *second)
        values.append(math.fmod(abs(x * 7.31 + y * 3.77 + z * 1.93), 1.0))
        values += atlas.get(body.face or "", _NO_FACE)
        values += (0.0, math.cos(body.yaw_rad), math.sin(body.yaw_rad))
    rows = np.array(values, np.float32).reshape(-1, 23)
    rows[:, 8:11] /= 255
    rows[:, 12:15] /= 255
    rows[:, 20] = np.arange(len(bodies)) % NOBODY / 255
    rows[:, 3] = np.interp(rows[:, 2], DEPTHS_M, view.alignment.height_m)
    return rows


def draw_commands(
    bodies: Sequence[Body], group: range, camera: Camera, drawables: dict[str, Drawable]
) -> list[Commands]:
    """Return for each pass the (N, 5) count, 1, first index, 0 and row of some bodies."""
    commands: list[list[int]] = [[] for _ in PASSES]
    for row in group:
        body = bodies[row]
        drawable, scale = drawables[body.mesh], max(body.scale)
        depth = max(body.position_m[2] - drawable.radius_m * scale, NEAREST_M)
        pixel_m = depth / camera.focal_xy[0]
        for found in drawable.ranges:
            count = found.count(LEAST_DETAIL_PX * pixel_m / scale)
            if count:
                plain = found.index == GRAIN and pixel_m > GRAIN_M
                commands[PLAIN if plain else found.index] += (count, 1, found.first, 0, row)
    return [np.array(listed, np.uint32).reshape(-1, 5) for listed in commands]


def write_ids(
    bodies: Sequence[Body], numbers: UInt8Array, segments: UInt8Array, instances: UInt16Array
) -> None:
    """Write segment and instance where (H, W) numbers say which body is seen, in place."""
    covered = cv2.threshold(numbers, NOBODY - 1, 255, cv2.THRESH_BINARY_INV)[1]
    segment, instance = np.zeros(256, np.uint8), np.zeros(256, np.uint16)
    segment[: len(bodies)] = [body.segment for body in bodies]
    instance[: len(bodies)] = [body.part_of for body in bodies]
    cv2.copyTo(cv2.LUT(numbers, segment), covered, segments)
    cv2.copyTo(cv2.LUT(numbers, instance), covered, instances)


_HALO = {1: (0.95, 0.92, 0.8), 2: (0.8, 0.06, 0.05), 3: (0.7, 0.42, 0.1)}
_FACES = {1: 1.0, 2: -1.0, 3: 0.0}
_BIAS_M = 0.4


def halo_rows(bodies: Sequence[Body], view: View, drawables: dict[str, Drawable]) -> Float32Array:
    """Return (N, 7) clip x, y, depth, radius and colour of the glare around lit lamps."""
    rows: list[tuple[float, ...]] = []
    for body in bodies:
        lamps = drawables[body.mesh].lamps
        if len(lamps) == 0:
            continue
        places = body.to_world(lamps[:, :3])
        for place, xy, code in zip(
            places, view.camera.project(places), lamps[:, 3].astype(int), strict=True
        ):
            shine = _shine(body, place, code)
            if shine > 0.02 and place[2] > 2 * NEAREST_M:
                rows.append(_halo(view, place, xy, code, shine))
    return np.array(rows, np.float32).reshape(-1, 7)


def _shine(body: Body, place: FloatArray, code: int) -> float:
    """Return how bright a lamp looks from the camera, in [0, 1]."""
    if code == 3:
        return 1.0
    # cos of the angle between where the lamp points and the way to the camera.
    away = math.hypot(place[0], place[2])
    ahead = -(math.sin(body.yaw_rad) * place[0] + math.cos(body.yaw_rad) * place[2]) / away
    return float(body.lamps * max(_FACES[code] * ahead, 0.0))


def _halo(
    view: View, place: FloatArray, xy: FloatArray, code: int, shine: float
) -> tuple[float, ...]:
    width, height = view.camera.size_wh
    depth = float(place[2])
    radius = (0.012 + 0.5 / depth) * (1.8 if code == 1 else 0.9)
    fade = shine * math.exp(-depth / view.light.fog_m)
    return (
        2 * float(xy[0]) / width - 1,
        2 * float(xy[1]) / height - 1,
        1 - 2 * NEAREST_M / max(depth - _BIAS_M, NEAREST_M),
        radius,
        *(fade * channel for channel in _HALO[code]),
    )
