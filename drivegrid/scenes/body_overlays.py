"""What is laid over flat faces: sign pictures, leaves, and halos of lamps at night."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.body_batch import LAMPS, Batch
from drivegrid.scenes.body_faces import GLOW, GLOWS
from drivegrid.scenes.body_light import body_gain
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.faces import FaceImage
from drivegrid.scenes.view import Light, Picture, UInt8Array, View

_LEAF_TILE = 256
_TEXTURE_PX = 20
_PANEL_PX = 6.0
_SIDES = (8, 16, 32, 64, 128, 256)

Window = tuple[int, int, int, int]


def panels_of(batch: Batch) -> dict[int, npt.NDArray[np.int32]]:
    """Return body index -> vertex indices of its sign face, for those in full sight and large."""
    found = {}
    for index, (body, mesh) in enumerate(zip(batch.bodies, batch.meshes, strict=True)):
        if body.face is not None and mesh.panel is not None and batch.cut[index] == np.inf:
            x0, y0, x1, y1 = batch.boxes[index].tolist()
            if min(x1 - x0, y1 - y0) >= _PANEL_PX:
                found[index] = mesh.panel
    return found


def paint_panel(
    view: View, batch: Batch, index: int, ring: npt.NDArray[np.int32], canvas: UInt8Array
) -> None:
    """Lay a sign's picture over its face."""
    body = batch.bodies[index]
    corners = batch.points[ring + batch.starts[index]]
    window = _window(corners.min(axis=0), corners.max(axis=0), canvas)
    (ax, ay), (bx, by), (cx, cy) = corners[:3].tolist()
    if window is None or (bx - ax) * (cy - by) - (by - ay) * (cx - bx) <= 0 or body.face is None:
        return
    x0, y0, x1, y1 = window
    size = (x1 - x0, y1 - y0)
    side = next((s for s in _SIDES if s >= max(size)), _SIDES[-1])
    model = batch.meshes[index].vertices[ring, :2]
    texture = ((model * (1, -1) + 1) * (side / 2) - 0.5).astype(np.float32)
    target = corners - np.array((x0 + 0.5, y0 + 0.5), dtype=np.float32)
    three = [0, len(ring) // 3, 2 * len(ring) // 3]
    warp = cv2.getAffineTransform(texture[three], target[three])
    picture = cv2.warpAffine(
        _panel(batch.faces, body.face, side),
        warp,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    picture = cv2.transform(picture, _light_on(view.light, float(batch.params[index, 2])))
    roi = canvas[y0:y1, x0:x1]
    number = int(canvas[min((y0 + y1) // 2, canvas.shape[0] - 1), (x0 + x1) // 2, 3])
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    cv2.fillConvexPoly(mask, np.rint(target * 16).astype(np.int32), 255, 8, 4)
    picture[:, :, 3] = number
    cv2.bitwise_and(mask, cv2.inRange(roi[:, :, 3], number, number), dst=mask)
    cv2.copyTo(picture, mask, roi)


def _light_on(light: Light, depth_m: float) -> FloatArray:
    """Return the (4, 5) transform of a sign's colours to those seen."""
    gain, keep = body_gain(light, depth_m)
    matrix = np.zeros((4, 5))
    matrix[range(4), range(4)] = gain * keep
    matrix[:3, 4] = [channel * (1 - keep) for channel in light.haze]
    return matrix


@lru_cache(maxsize=1024)
def _panel(faces: FaceImage, key: str, side: int) -> UInt8Array:
    return np.asarray(cv2.cvtColor(faces(key, side), cv2.COLOR_RGB2RGBA), dtype=np.uint8)


def shake_leaves(batch: Batch, index: int, number: int, canvas: UInt8Array) -> None:
    """Break smooth heaps of leaves up with light and dark, where they are large enough."""
    height = float(batch.boxes[index, 3] - batch.boxes[index, 1])
    if height < _TEXTURE_PX:
        return
    window = _window(batch.boxes[index, :2], batch.boxes[index, 2:], canvas)
    if window is None:
        return
    tile = _leaves(min(max(int(np.log2(height / 50) + 0.5), 0), 3))
    shift = int(abs(batch.params[index, 0]) * 977) % _LEAF_TILE
    for top in range(window[1], window[3], _LEAF_TILE):
        for left in range(window[0], window[2], _LEAF_TILE):
            right, bottom = min(left + _LEAF_TILE, window[2]), min(top + _LEAF_TILE, window[3])
            roi = canvas[top:bottom, left:right]
            cut = tile[shift : shift + bottom - top, : right - left]
            mask = cv2.inRange(roi[:, :, 3], number, number)
            cv2.copyTo(cv2.multiply(roi, cut, scale=1 / 128), mask, roi)


@lru_cache(maxsize=4)
def _leaves(octave: int) -> UInt8Array:
    """Return a (512, 256, 4) factor of leaves' light and dark, 128 for 1; it repeats after 256.

    The last channel is 128 throughout, so that it leaves the canvas's fourth channel as it is.
    """
    rng = np.random.default_rng([3, octave])
    fx, fy = np.fft.fftfreq(_LEAF_TILE)[None, :], np.fft.fftfreq(_LEAF_TILE)[:, None]
    total = np.zeros((_LEAF_TILE, _LEAF_TILE))
    for sigma, weight in ((0.6, 0.16), (1.0 * 2**octave, 0.2), (3.0 * 2**octave, 0.14)):
        kernel = np.exp(-2 * np.pi**2 * sigma**2 * (fx**2 + fy**2))
        field = np.fft.ifft2(np.fft.fft2(rng.standard_normal(total.shape)) * kernel).real
        total += weight * field / field.std()
    tile = np.full((2 * _LEAF_TILE, _LEAF_TILE, 4), 128, dtype=np.uint8)
    tile[:, :, :3] = np.clip(128 * (1 + np.tile(total, (2, 1))), 24, 250)[:, :, None]
    return tile


def add_halos(view: View, batch: Batch, colors: Float32Array, picture: Picture) -> None:
    """Add the glare around lit lamps that the picture shows at night."""
    if not view.light.night:
        return
    lamps, glow = batch.params[:, LAMPS], batch.looks[GLOW]
    shown = np.isin(glow, (GLOWS.index("front"), GLOWS.index("rear")))
    power = np.where(glow == GLOWS.index("always"), 0.6, lamps[batch.owner] * shown)
    for face in np.flatnonzero(power > 0.05):
        x, y = batch.corners[face].mean(axis=0)
        column, row = int(x), int(y)
        height, width = picture.segments.shape
        body = batch.bodies[batch.owner[face]]
        if not (0 <= column < width and 0 <= row < height):
            continue
        if picture.segments[row, column] != body.segment:
            continue
        depth = max(float(batch.params[batch.owner[face], 2]), 4.0)
        facing = 0.9 if glow[face] == 1 else 0.35
        radius = int(np.clip(view.camera.focal_xy[1] * facing / depth + height / 90, 2, height / 8))
        _stamp(picture.image, (column, row), radius, colors[face] * (power[face] * facing))


def _stamp(
    image: UInt8Array, center: tuple[int, int], radius: int, color: npt.NDArray[np.float32]
) -> None:
    """Add a round glare to the image."""
    x, y = center
    window = _window(np.array([x - radius, y - radius]), np.array([x + radius, y + radius]), image)
    if window is None:
        return
    x0, y0, x1, y1 = window
    across = (np.arange(x0, x1) - x) / np.float32(radius)
    down = (np.arange(y0, y1) - y) / np.float32(radius)
    away = np.minimum(np.sqrt(across[None, :] ** 2 + down[:, None] ** 2), 1)
    fall = ((1 - away) ** 3).astype(np.float32)
    halo = np.minimum(fall[:, :, None] * color * np.float32(0.9), 255).astype(np.uint8)
    roi = image[y0:y1, x0:x1]
    cv2.add(roi, halo, dst=roi)


def _window(
    low: npt.NDArray[np.generic], high: npt.NDArray[np.generic], image: UInt8Array
) -> Window | None:
    """Return the pixels between two corners that lie in the image, None where there are none."""
    height, width = image.shape[:2]
    left, top = map(math.floor, low.tolist())
    right, foot = map(math.ceil, high.tolist())
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right + 1, width), min(foot + 1, height)
    return None if x1 <= x0 or y1 <= y0 else (x0, y0, x1, y1)
