"""All bodies of a view, projected and sorted out in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray, Size
from drivegrid.scenes.body import Body
from drivegrid.scenes.body_faces import (
    BLOB,
    BLOB_LAYERS,
    DETAIL,
    FACES,
    VERTICES,
    MeshFaces,
    coarse_faces,
    fine_faces,
)
from drivegrid.scenes.camera import NEAR_M, Float32Array
from drivegrid.scenes.crest import crest_limits
from drivegrid.scenes.faces import FaceImage, face_image
from drivegrid.scenes.mesh_views import TURNS
from drivegrid.scenes.view import View

DETAIL_PX = 20.0
"""Bodies lower than this in the picture show no detail parts."""

ROUND_PX = 64.0
"""Bodies lower than this have their round parts painted as blobs."""

_SMALL_PX = 3.2
_THIN_PX = 1.3
_LEAST_COVER = 0.3
_FACE_PX2 = 0.5
_DETAIL_PX2 = 6.0
_BLOB_PX = 18.0
_LIMIT_PX = 16000.0

LAMPS, TINTS = 8, slice(9, 15)
"""Columns of ``Batch.params``."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Visible faces of the bodies in the picture, in the order of painting.

    Args:
        bodies: (B,) those that may be seen, far to near.
        meshes: (B,) their meshes at the level of detail in use.
        params: (B, 15) x, y, z, yaw, scale x, y, z, grade, lamps and two tints.
        corners: (F, 4, 2) float32 pixels, drawn in by half a pixel so that cv2's raster rule
            comes to pixel centres.
        owner: (F,) index of each face's body.
        looks: (12, F) float32 columns of ``MeshFaces.looks``.
        inside: (F,) whether the face's part touches the picture.
        cover: (F,) share of the pixels that a face much thinner than a pixel covers, else 1.
        boxes: (B, 4) least x, y and greatest x, y in pixels.
        points: (V, 2) float32 pixels of all vertices, not drawn in.
        starts: (B + 1,) first vertex of each body.
        face_starts: (B + 1,) first visible face of each body.
        blobs: (K, 4) face, layer, first and last vertex of each face that is a blob's layer.
        drawn: (V, 2) float32 pixels of all vertices, drawn in.
        cut: (B,) tangent below the horizontal under which nearer ground hides the body; inf
            where all is seen.
        faces: What draws the pictures of signs.
    """

    bodies: list[Body]
    meshes: list[MeshFaces]
    params: FloatArray
    corners: Float32Array
    owner: IntArray
    looks: Float32Array
    inside: npt.NDArray[np.bool_]
    cover: Float32Array
    boxes: Float32Array
    points: Float32Array
    starts: IntArray
    face_starts: IntArray
    blobs: IntArray
    drawn: Float32Array
    cut: FloatArray
    faces: FaceImage


@dataclass(frozen=True, slots=True)
class _Parts:
    """Parts of all meshes in a row: (P,) arrays, with (P, 2) pixel extents before drawing in."""

    vertex_counts: IntArray
    face_counts: IntArray
    first_faces: IntArray
    detail: npt.NDArray[np.bool_]
    blob: npt.NDArray[np.bool_]
    low: Float32Array
    high: Float32Array
    longer_px: Float32Array
    shorter_px: Float32Array


def gather(view: View, faces: FaceImage = face_image) -> Batch | None:
    """Project every body that may be seen; None where there is none."""
    bodies, meshes, params = _choose(view)
    if not bodies:
        return None
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    points = _project(view, meshes, params, starts)
    parts, boxes = _parts(meshes, points)
    drawn, low, high = _draw_in(points, parts)
    per_body = np.array([len(mesh.quads) for mesh in meshes])
    quads = np.concatenate([mesh.quads for mesh in meshes])
    quads += np.repeat(starts[:-1].astype(np.int32), per_body)[:, None]
    kept, boxed, cover = _select(_areas(points.take(quads, axis=0)), parts)
    part_of_face = np.repeat(np.arange(len(parts.blob)), parts.face_counts)[kept]
    corners = drawn.take(quads[kept], axis=0)
    if boxed.any():
        a, b = low[part_of_face[boxed]], high[part_of_face[boxed]]
        corners[boxed] = np.column_stack([a, b[:, 0], a[:, 1], b, a[:, 0], b[:, 1]]).reshape(
            -1, 4, 2
        )
    owner = np.repeat(np.arange(len(bodies)), per_body)[kept]
    return Batch(
        bodies=bodies,
        meshes=meshes,
        params=params,
        corners=corners,
        owner=owner,
        looks=np.concatenate([mesh.looks for mesh in meshes], axis=1).take(kept, axis=1),
        inside=_inside(parts, view.camera.size_wh)[part_of_face],
        cover=cover[part_of_face],
        boxes=boxes,
        points=points,
        starts=starts,
        face_starts=np.searchsorted(owner, np.arange(len(bodies) + 1)),
        blobs=_blobs(parts, part_of_face, kept, boxed),
        drawn=drawn,
        faces=faces,
        cut=crest_limits(view.camera, view.alignment, params[:, :3]),
    )


def _parts(meshes: list[MeshFaces], points: Float32Array) -> tuple[_Parts, Float32Array]:
    """Return all parts in a row, and (B, 4) boxes of the bodies in pixels."""
    columns = np.concatenate([mesh.parts for mesh in meshes]).T.astype(np.int64)
    vertex_counts, face_counts = columns[VERTICES], columns[FACES]
    firsts = np.cumsum(vertex_counts) - vertex_counts
    low = np.minimum.reduceat(points, firsts)
    high = np.maximum.reduceat(points, firsts)
    part_ends = np.cumsum([0, *(len(mesh.parts) for mesh in meshes)])[:-1]
    boxes = np.concatenate(
        [np.minimum.reduceat(low, part_ends), np.maximum.reduceat(high, part_ends)], axis=1
    )
    wide, tall = (high - low).T
    parts = _Parts(
        vertex_counts=vertex_counts,
        face_counts=face_counts,
        first_faces=np.cumsum(face_counts) - face_counts,
        detail=columns[DETAIL] > 0,
        blob=columns[BLOB] > 0,
        low=low,
        high=high,
        longer_px=np.maximum(wide, tall),
        shorter_px=np.minimum(wide, tall),
    )
    return parts, boxes


def _blobs(
    parts: _Parts, part_of_face: IntArray, kept: IntArray, boxed: npt.NDArray[np.bool_]
) -> IntArray:
    """Return (K, 4) face, layer, first and last vertex of the blobs' layers."""
    faces = np.flatnonzero(parts.blob[part_of_face] & ~boxed)
    owner = part_of_face[faces]
    last = np.cumsum(parts.vertex_counts)[owner]
    layer = kept[faces] - parts.first_faces[owner]
    layer[parts.longer_px[owner] < _BLOB_PX] = 0  # one layer: the outline
    return np.stack([faces, layer, last - parts.vertex_counts[owner], last], axis=1)


def _choose(view: View) -> tuple[list[Body], list[MeshFaces], FloatArray]:
    """Return the bodies before the camera and near the picture, with meshes and parameters."""
    camera = view.camera
    whole = [coarse_faces(body.mesh) for body in view.bodies]
    rows: list[float] = []
    for body, mesh in zip(view.bodies, whole, strict=True):
        rows += (*body.position_m, body.yaw_rad, *body.scale, body.grade, body.lamps)
        rows += (*body.tints[0], *body.tints[1], *mesh.reach)
    params = np.array(rows).reshape(-1, 18)
    x, _, z, yaw, scale_x, scale_y, scale_z = params[:, :7].T
    radius = np.hypot(params[:, 15] * scale_x, params[:, 16] * scale_z)
    depth = np.maximum(z, NEAR_M)
    near = np.maximum(z - radius, NEAR_M)
    fx, fy = camera.focal_xy
    tilt = abs(camera.roll_rad) * camera.size_wh[1]
    spread = (radius * fx + np.abs(x) * fx * (1 - near / depth)) / near + tilt + 2
    column = x * fx / depth + camera.center_xy[0]
    seen = (z + radius > NEAR_M) & (column + spread > 0) & (column - spread < camera.size_wh[0])
    tall = (params[:, 17] * scale_y * fy / depth).tolist()
    bearing = np.arctan2(-x, -z) - yaw
    turns = (np.rint(bearing * (TURNS / (2 * np.pi))).astype(int) % TURNS).tolist()
    found = np.flatnonzero(seen).tolist()
    bodies = [view.bodies[index] for index in found]
    meshes = [
        whole[index]
        if tall[index] < DETAIL_PX
        else fine_faces(view.bodies[index].mesh, turns[index], tall[index] < ROUND_PX)
        for index in found
    ]
    return bodies, meshes, params[seen, :15]


def _project(
    view: View, meshes: list[MeshFaces], params: FloatArray, starts: IntArray
) -> Float32Array:
    """Return (V, 2) pixels of all vertices, like ``Body.to_world`` and ``Camera.project``."""
    x, y, z, yaw, sx, sy, sz, grade = params[:, :8].T
    cos, sin = np.cos(yaw), np.sin(yaw)
    world = np.zeros((len(params), 4, 4))
    world[:, 0, 0], world[:, 0, 2], world[:, 0, 3] = sx * cos, sz * sin, x
    world[:, 1, 0], world[:, 1, 1], world[:, 1, 2] = -grade * sx * sin, sy, grade * sz * cos
    world[:, 1, 3] = y
    world[:, 2, 0], world[:, 2, 2], world[:, 2, 3] = -sx * sin, sz * cos, z
    world[:, 3, 3] = 1
    lens = view.camera.matrix()
    lens[:2, 2] = 0  # the centre is added after the division, since near depths are clamped
    poses = np.ascontiguousarray((lens @ world).transpose(0, 2, 1), dtype=np.float32)
    points = np.empty((int(starts[-1]), 3), dtype=np.float32)
    ends = starts.tolist()
    for mesh, pose, first, last in zip(meshes, poses, ends[:-1], ends[1:], strict=True):
        np.dot(mesh.vertices, pose, out=points[first:last])
    depth = np.maximum(points[:, 2], np.float32(NEAR_M))
    pixels = np.empty((len(points), 2), dtype=np.float32)
    for axis, center in enumerate(view.camera.center_xy):  # by columns, which numpy does faster
        pixels[:, axis] = points[:, axis] / depth + np.float32(center)
    limit = np.float32(_LIMIT_PX)
    return np.asarray(np.clip(pixels, -limit, limit, out=pixels), dtype=np.float32)


def _draw_in(
    points: Float32Array, parts: _Parts
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Shrink each part towards its middle by half a pixel on every side.

    cv2 paints each pixel that an edge passes through up to half a pixel beyond it; after the
    shrinking that is the pixels whose centre lies inside. Round outlines need less where they
    run aslant.
    """
    inwards = np.where(parts.blob, np.float32(0.42), np.float32(0.5))[:, None]
    middle, half = (parts.low + parts.high) / 2, (parts.high - parts.low) / 2
    less = np.maximum(half - inwards, 0, dtype=np.float32)
    factor = less / np.maximum(half, np.float32(1e-6))
    drawn = points * np.repeat(factor, parts.vertex_counts, axis=0)
    drawn += np.repeat(middle - middle * factor, parts.vertex_counts, axis=0)
    return drawn, np.asarray(middle - less, np.float32), np.asarray(middle + less, np.float32)


def _areas(corners: Float32Array) -> Float32Array:
    """Return (F,) signed pixel areas of quadrilaterals, positive for faces towards the camera."""
    first = corners[:, 2] - corners[:, 0]
    second = corners[:, 3] - corners[:, 1]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.asarray(area * np.float32(0.5), dtype=np.float32)


def _inside(parts: _Parts, size_wh: Size) -> npt.NDArray[np.bool_]:
    """Tell which parts touch the picture."""
    (left, top), (right, foot) = parts.low.T, parts.high.T
    inside = (right > 0) & (foot > 0) & (left < size_wh[0]) & (top < size_wh[1])
    return np.asarray(inside, dtype=np.bool_)


def _select(
    area: Float32Array, parts: _Parts
) -> tuple[IntArray, npt.NDArray[np.bool_], Float32Array]:
    """Choose the faces to paint.

    Returns:
        Indices of the faces kept; which of them stand for their whole part, as its box: tiny and
        thin parts; and (P,) each part's share of the pixels it touches.
    """
    counts, firsts, blob = parts.face_counts, parts.first_faces, parts.blob
    small = (parts.longer_px < _SMALL_PX) | (parts.shorter_px < _THIN_PX)
    cover = np.minimum(parts.longer_px, 1) * np.minimum(parts.shorter_px, 1)
    layers = firsts[blob, None] + np.arange(BLOB_LAYERS)
    area[layers] = np.where(parts.longer_px[blob, None] < _BLOB_PX, (0, 99, 0), (98, 99, 98))
    filled = counts > 0
    largest = np.zeros(len(counts), dtype=np.float32)
    largest[filled] = np.maximum.reduceat(area, firsts[filled])
    least = np.where(parts.detail, np.float32(_DETAIL_PX2), np.float32(_FACE_PX2))
    least[small & ~parts.detail] = np.inf
    ok = area > np.repeat(least, counts)
    alone = small & ~parts.detail & (cover >= _LEAST_COVER) & (largest > 0)
    largest[~alone] = np.inf
    only = area >= np.repeat(largest, counts)
    kept = np.flatnonzero(ok | only)
    return kept, only[kept], cover
