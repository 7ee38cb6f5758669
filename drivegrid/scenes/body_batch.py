"""All bodies of a view, projected and sorted out in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.body import Body
from drivegrid.scenes.body_faces import BLOB_LAYERS, MeshFaces, coarse_faces, fine_faces
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

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Batch:
    """Visible faces of the bodies in the picture, in the order of painting.

    Args:
        bodies: (B,) those that may be seen, far to near.
        meshes: (B,) their meshes at the level of detail in use.
        params: (B, 8) x, y, z, yaw, scale x, y, z, grade.
        corners: (F, 4, 2) float32 pixels, drawn in by half a pixel so that cv2's raster rule
            comes to pixel centres.
        owner: (F,) index of each face's body.
        looks: (F, 12) float32 rows of ``MeshFaces.looks``.
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

    vertex_counts: npt.NDArray[np.int32]
    face_counts: npt.NDArray[np.int32]
    detail: npt.NDArray[np.bool_]
    blob: npt.NDArray[np.bool_]
    low: Float32Array
    high: Float32Array


def gather(view: View, faces: FaceImage = face_image) -> Batch | None:
    """Project every body that may be seen; None where there is none."""
    bodies, meshes, params = _choose(view)
    if not bodies:
        return None
    starts = np.concatenate([[0], np.cumsum([len(m.vertices) for m in meshes])])
    points = _project(view, meshes, params, starts)
    parts, boxes = _parts(meshes, points)
    drawn, low, high = _draw_in(points, parts)
    per_body = np.array([len(m.quads) for m in meshes])
    quads = np.concatenate([m.quads for m in meshes]) + np.repeat(starts[:-1], per_body)[:, None]
    kept, boxed, cover = _select(_areas(points[quads]), parts)
    part_of_face = np.repeat(np.arange(len(parts.blob)), parts.face_counts)[kept]
    corners = drawn[quads[kept]]
    if boxed.any():
        a, b = low[part_of_face[boxed]], high[part_of_face[boxed]]
        sides = [a, np.stack([b[:, 0], a[:, 1]], 1), b, np.stack([a[:, 0], b[:, 1]], 1)]
        corners[boxed] = np.stack(sides, axis=1)
    owner = np.repeat(np.arange(len(bodies)), per_body)[kept]
    return Batch(
        bodies=bodies,
        meshes=meshes,
        params=params,
        corners=corners,
        owner=owner,
        looks=np.concatenate([m.looks for m in meshes])[kept],
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
    vertex_counts = np.concatenate([m.vertex_counts for m in meshes])
    firsts = np.cumsum(vertex_counts) - vertex_counts
    low = np.minimum.reduceat(points, firsts)
    high = np.maximum.reduceat(points, firsts)
    part_counts = np.array([len(m.vertex_counts) for m in meshes])
    part_firsts = np.cumsum(part_counts) - part_counts
    boxes = np.concatenate(
        [np.minimum.reduceat(low, part_firsts), np.maximum.reduceat(high, part_firsts)], axis=1
    )
    face_counts = np.concatenate([m.face_counts for m in meshes])
    detail = np.concatenate([m.detail for m in meshes])
    blob = np.concatenate([m.blob for m in meshes])
    return _Parts(vertex_counts, face_counts, detail, blob, low, high), boxes


def _blobs(
    parts: _Parts, part_of_face: IntArray, kept: IntArray, boxed: npt.NDArray[np.bool_]
) -> IntArray:
    """Return (K, 4) face, layer, first and last vertex of the blobs' layers."""
    faces = np.flatnonzero(parts.blob[part_of_face] & ~boxed)
    owner = part_of_face[faces]
    last = np.cumsum(parts.vertex_counts)[owner]
    layer = kept[faces] - (np.cumsum(parts.face_counts) - parts.face_counts)[owner]
    layer[(parts.high - parts.low).max(axis=1)[owner] < _BLOB_PX] = 0  # one layer: the outline
    return np.stack([faces, layer, last - parts.vertex_counts[owner], last], axis=1)


def _choose(view: View) -> tuple[list[Body], list[MeshFaces], FloatArray]:
    """Return the bodies before the camera and near the picture, with meshes and parameters."""
    camera = view.camera
    if not view.bodies:
        return [], [], np.empty((0, 8))
    params = np.array([(*b.position_m, b.yaw_rad, *b.scale, b.grade) for b in view.bodies])
    whole = [coarse_faces(body.mesh) for body in view.bodies]
    extent = np.array([(m.high, m.low) for m in whole])
    reach = np.abs(extent).max(axis=1) * params[:, 4:7]
    radius = np.hypot(reach[:, 0], reach[:, 2])
    depth = np.maximum(params[:, 2], NEAR_M)
    near = np.maximum(params[:, 2] - radius, NEAR_M)
    fx, fy = camera.focal_xy
    tilt = abs(camera.roll_rad) * camera.size_wh[1]
    spread = (radius * fx + np.abs(params[:, 0]) * fx * (1 - near / depth)) / near + tilt + 2
    x = params[:, 0] * fx / depth + camera.center_xy[0]
    seen = (params[:, 2] + radius > NEAR_M) & (x + spread > 0) & (x - spread < camera.size_wh[0])
    tall = (extent[:, 0, 1] - extent[:, 1, 1]) * params[:, 5] * fy / depth
    bearing = np.arctan2(-params[:, 0], -params[:, 2]) - params[:, 3]
    turns = np.rint(bearing * (TURNS / (2 * np.pi))).astype(int) % TURNS
    bodies, meshes = [], []
    for index in np.flatnonzero(seen).tolist():
        body = view.bodies[index]
        bodies.append(body)
        if tall[index] < DETAIL_PX:
            meshes.append(whole[index])
        else:
            near = bool(tall[index] < ROUND_PX)
            meshes.append(fine_faces(body.mesh, int(turns[index]), near))
    return bodies, meshes, params[seen]


def _project(
    view: View, meshes: list[MeshFaces], params: FloatArray, starts: IntArray
) -> Float32Array:
    """Return (V, 2) pixels of all vertices, like ``Body.to_world`` and ``Camera.project``."""
    x, y, z, yaw, sx, sy, sz, grade = params.T
    cos, sin = np.cos(yaw), np.sin(yaw)
    world = np.zeros((len(params), 4, 4))
    world[:, 0, 0], world[:, 0, 2], world[:, 0, 3] = sx * cos, sz * sin, x
    world[:, 1, 0], world[:, 1, 1], world[:, 1, 2] = -grade * sx * sin, sy, grade * sz * cos
    world[:, 1, 3] = y
    world[:, 2, 0], world[:, 2, 2], world[:, 2, 3] = -sx * sin, sz * cos, z
    world[:, 3, 3] = 1
    lens = view.camera.matrix()
    center = np.array(view.camera.center_xy, dtype=np.float32)
    lens[:2, 2] = 0  # the centre is added after the division, since near depths are clamped
    pose = np.ascontiguousarray((lens @ world).transpose(0, 2, 1), dtype=np.float32)
    points = np.empty((int(starts[-1]), 3), dtype=np.float32)
    ends = starts.tolist()
    for index, mesh in enumerate(meshes):
        np.dot(mesh.vertices, pose[index], out=points[ends[index] : ends[index + 1]])
    pixels = points[:, :2] / np.maximum(points[:, 2:], np.float32(NEAR_M)) + center
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


def _select(
    area: Float32Array, parts: _Parts
) -> tuple[IntArray, npt.NDArray[np.bool_], Float32Array]:
    """Choose the faces to paint.

    Returns:
        Indices of the faces kept; which of them stand for their whole part, as its box: tiny and
        thin parts; and (P,) each part's share of the pixels it touches.
    """
    counts = parts.face_counts
    size = parts.high - parts.low
    largest_px = size.max(axis=1)
    small = (largest_px < _SMALL_PX) | (size.min(axis=1) < _THIN_PX)
    cover = np.minimum(size, 1).prod(axis=1)
    firsts = np.cumsum(counts) - counts
    layers = firsts[parts.blob, None] + np.arange(BLOB_LAYERS)
    area[layers] = np.where(largest_px[parts.blob, None] < _BLOB_PX, (0, 99, 0), (98, 99, 98))
    filled = counts > 0
    largest = np.zeros(len(counts), dtype=np.float32)
    largest[filled] = np.maximum.reduceat(area, firsts[filled])
    least = np.where(parts.detail, np.float32(_DETAIL_PX2), np.float32(_FACE_PX2))
    least[small & ~parts.detail] = np.inf
    ok = area > np.repeat(least, counts)
    largest[~small | parts.detail | (cover < _LEAST_COVER) | (largest <= 0)] = np.inf
    only = area >= np.repeat(largest, counts)
    kept = np.flatnonzero(ok | only)
    return kept, only[kept], cover
