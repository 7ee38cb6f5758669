"""A renderer on numpy and cv2 alone: the plate is lit, then bodies are painted far to near."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.scenes.body_batch import Batch, gather
from drivegrid.scenes.body_light import shade_faces
from drivegrid.scenes.body_overlays import add_halos, paint_panel, panels_of, shake_leaves
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.crest import cut_polygon
from drivegrid.scenes.faces import FaceImage, face_image
from drivegrid.scenes.ground_light import Reflect, light_ground, mirror_size
from drivegrid.scenes.view import Picture, UInt8Array, View

Ring = npt.NDArray[np.int32]

_SHIFT = 4
_NOBODY = 255
"""Value of the fourth channel where no body of the group is; bodies count from 0."""

_BLOB_SIZES = (1.0, 0.76, 0.46)
_BLOB_SHIFTS = (0.0, 0.8, 1.9)
"""Sizes of a blob's layers and how far they lie towards the light."""


class Compositor:
    """Draws a view in a few milliseconds at 448 x 448, without a graphics library.

    The picture and what its pixels show are painted together: the canvas has a fourth channel
    that holds the number of the body, so both follow one raster rule.

    Args:
        faces: What draws the pictures of signs.

    >>> from drivegrid.scenes.view import View  # a view comes from ``drivegrid.scenes.world``
    >>> Compositor().draw.__name__
    'draw'
    """

    def __init__(self, faces: FaceImage = face_image) -> None:
        self._faces = faces

    def draw(self, view: View) -> Picture:
        """Draw all of it; the same view gives the same bytes."""
        batch = gather(view, self._faces)
        if batch is None:
            plate = view.plate
            return Picture(light_ground(view), plate.segments.copy(), plate.instances.copy())
        colors = shade_faces(view, batch)
        lit = light_ground(view, _smears(view, batch, colors))
        canvas = np.asarray(cv2.cvtColor(lit, cv2.COLOR_RGB2RGBA), dtype=np.uint8)
        picture = _paint(view, batch, colors, canvas)
        add_halos(view, batch, colors, picture)
        return picture


def _paint(view: View, batch: Batch, colors: Float32Array, canvas: UInt8Array) -> Picture:
    """Paint all bodies in groups of as many as one byte tells apart."""
    plate = view.plate
    segments, instances = plate.segments.copy(), plate.instances.copy()
    top = min(max(int(batch.boxes[:, 1].min()) - 2, 0), canvas.shape[0] - 1)
    foot = min(max(int(batch.boxes[:, 3].max()) + 3, top + 1), canvas.shape[0])
    rows = slice(top, foot)
    edges = np.zeros((foot - top, canvas.shape[1]), dtype=np.uint8)
    _thin_out(batch, colors, canvas)
    rings = _rings(view, batch)
    for first in range(0, len(batch.bodies), _NOBODY):
        last = min(first + _NOBODY, len(batch.bodies))
        _paint_group(view, batch, colors, (canvas, rings, first, last))
        numbers = np.asarray(cv2.extractChannel(canvas[rows], 3), dtype=np.uint8)
        _write_ids(batch, numbers, (first, last), segments[rows], instances[rows])
        _mark_edges(numbers, edges)
        if last < len(batch.bodies):
            canvas[:, :, 3] = _NOBODY
    image = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
    soft = cv2.GaussianBlur(image[rows], (3, 3), 0)
    cv2.copyTo(soft, edges, image[rows])
    return Picture(image, segments, instances)


def _thin_out(batch: Batch, colors: Float32Array, canvas: UInt8Array) -> None:
    """Mix what is thinner than a pixel with what lies behind it, in place."""
    thin = np.flatnonzero(batch.cover < 0.95)
    if len(thin):
        middle = batch.corners[thin].sum(axis=1) / 4
        limit = np.array([canvas.shape[1] - 1, canvas.shape[0] - 1])
        x, y = np.clip(middle, 0, limit).astype(np.intp).T
        behind = canvas[y, x, :3].astype(np.float32)
        colors[thin] = behind + batch.cover[thin, None] * (colors[thin] - behind)


def _rings(view: View, batch: Batch) -> list[Ring]:
    """Return the outline of every face in sixteenths of a pixel, cut at crests."""
    rings = list(_fixed(batch.corners))
    _round_blobs(view, batch, rings)
    for index in np.flatnonzero(np.isfinite(batch.cut)).tolist():
        faces = slice(batch.face_starts[index], batch.face_starts[index + 1])
        limit = float(batch.cut[index])
        rings[faces] = [cut_polygon(view.camera, ring, limit) for ring in rings[faces]]
    return rings


def _fixed(pixels: npt.NDArray[np.floating]) -> Ring:
    fixed = np.rint(pixels * (1 << _SHIFT) - (1 << _SHIFT) / 2)
    return np.asarray(fixed, dtype=np.int32)


def _round_blobs(view: View, batch: Batch, rings: list[Ring]) -> None:
    """Give each blob's layers their outlines: the hull, and smaller copies towards the light."""
    if not len(batch.blobs):
        return
    faces, layers, firsts, lasts = batch.blobs.T.tolist()
    spans = dict(zip(firsts, lasts, strict=True))
    hulls = {first: cv2.convexHull(batch.drawn[first:last]) for first, last in spans.items()}
    found = [hulls[first] for first in firsts]
    counts = np.array(list(map(len, found)))
    points = np.concatenate(found)[:, 0]
    starts = np.cumsum(counts) - counts
    middle = np.add.reduceat(points, starts) / counts[:, None]
    size = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts)
    sun = view.light.sun if view.light.sun_gain > 0 else (0.0, 1.0, 0.0)
    towards = np.array((0.16 * sun[0], -0.05 - 0.11 * sun[1]))
    shrink = np.array(_BLOB_SIZES)[layers][:, None]
    shift = middle * (1 - shrink) + size * towards * np.array(_BLOB_SHIFTS)[layers][:, None]
    fixed = _fixed(points * np.repeat(shrink, counts, axis=0) + np.repeat(shift, counts, axis=0))
    for face, start, count in zip(faces, starts.tolist(), counts.tolist(), strict=True):
        rings[face] = fixed[start : start + count]


def _paint_group(
    view: View,
    batch: Batch,
    colors: Float32Array,
    work: tuple[UInt8Array, list[Ring], int, int],
) -> None:
    """Paint the bodies ``first`` to ``last`` and their numbers on the canvas."""
    canvas, rings, first, last = work
    start, stop = batch.face_starts[first], batch.face_starts[last]
    inside = np.flatnonzero(batch.inside[start:stop]) + start
    bounds = np.searchsorted(inside, batch.face_starts).tolist()
    shades = np.column_stack([np.rint(colors[inside]), batch.owner[inside] - first])
    shown = zip((rings[f] for f in inside.tolist()), shades.astype(np.uint8).tolist(), strict=True)
    panels = {index: at for index, at in panels_of(batch).items() if first <= index < last}
    leafy = {index for index in range(first, last) if batch.meshes[index].leafy}
    done, fill = bounds[first], cv2.fillConvexPoly
    for index in sorted({*panels, *leafy, last - 1}):
        for ring, shade in islice(shown, bounds[index + 1] - done):
            fill(canvas, ring, shade, 8, _SHIFT)
        done = bounds[index + 1]
        if index in panels:
            paint_panel(view, batch, index, panels[index], canvas)
        if index in leafy:
            shake_leaves(batch, index, index - first, canvas)


def _write_ids(
    batch: Batch,
    numbers: UInt8Array,
    group: tuple[int, int],
    segments: UInt8Array,
    instances: npt.NDArray[np.uint16],
) -> None:
    """Write segment and instance of every body's pixels, in place."""
    bodies = batch.bodies[group[0] : group[1]]
    covered = cv2.bitwise_not(numbers)
    segment = np.zeros(256, dtype=np.uint8)
    segment[: len(bodies)] = [body.segment for body in bodies]
    cv2.copyTo(cv2.LUT(numbers, segment), covered, segments)
    instance = np.zeros(256, dtype=np.uint16)
    instance[: len(bodies)] = [body.part_of for body in bodies]
    cv2.copyTo(cv2.LUT(numbers, instance), covered, instances)


def _mark_edges(numbers: UInt8Array, edges: UInt8Array) -> None:
    """Mark the pixels on both sides of every border between bodies, in place."""
    across = cv2.absdiff(numbers[:, 1:], numbers[:, :-1])
    down = cv2.absdiff(numbers[1:], numbers[:-1])
    for change, side in (
        (across, edges[:, 1:]),
        (across, edges[:, :-1]),
        (down, edges[1:]),
        (down, edges[:-1]),
    ):
        cv2.bitwise_or(side, change, dst=side)


def _smears(view: View, batch: Batch, colors: Float32Array) -> Reflect:
    """Return what draws a patch below each body where wet ground mirrors it."""

    def reflect(mirror: UInt8Array) -> None:
        starts = batch.face_starts[:-1]
        found = np.flatnonzero(np.diff(batch.face_starts))
        if not len(found):
            return
        counts = np.diff(batch.face_starts)[found]
        means = np.add.reduceat(colors, starts[found]) / counts[:, None]
        left, head, right, foot = batch.boxes[found].T
        shrink = np.divide(mirror_size(view.camera.size_wh), view.camera.size_wh)
        corners = np.column_stack([left, foot, right, 2 * foot - head]) * np.tile(shrink, 2)
        boxes = np.clip(corners, -4096, 8192).astype(int)
        for (a, b, c, d), color in zip(boxes.tolist(), means.tolist(), strict=True):
            narrow = (c - a) // 4  # fading out downwards, since asphalt is not flat
            ring = np.array([(a, b), (c, b), (c - narrow, d), (a + narrow, d)], dtype=np.int32)
            cv2.fillConvexPoly(mirror, ring, color)

    return reflect
