"""Which faces of a mesh the rest of it hides, for a camera on one of a ring of sides.

The compositor has no depth buffer. Faces that other solids of the same mesh hide altogether are
found once per side and left out, so that a front lamp never shines through to the back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Mesh

TURNS = 16
"""Sides of the ring; side k is at azimuth 2 pi k / TURNS from the mesh's front to its right."""

_EYE_M = 1.5
_BACK = -0.4
_DEEP_M = 0.01
_INSET = 0.12


@dataclass(frozen=True, slots=True)
class Survey:
    """A mesh's faces and solids, whatever side they are seen from.

    Args:
        normals: (F, 3) outward unit normals of all parts' faces in a row; zero without area.
        middles: (F, 3) means of their corners.
        samples: (S, 3) corners and middles of all faces; corners of details a little inside.
        sample_face: (S,) face of each sample.
        sample_part: (S,) part of each sample.
        face_part: (F,) part of each face.
        solids: Index of each part of the outline that is not flat, and the (N, 4) outward planes
            of its hull. Parts may leave faces out where others cover them, so it is the hull.
        reach_m: Greatest coordinate of a vertex.
    """

    normals: FloatArray
    middles: FloatArray
    samples: FloatArray
    sample_face: npt.NDArray[np.intp]
    sample_part: npt.NDArray[np.intp]
    face_part: npt.NDArray[np.intp]
    solids: tuple[tuple[int, FloatArray], ...]
    reach_m: float


def survey(mesh: Mesh) -> Survey:
    """Return what ``hidden_faces`` asks about a mesh."""
    normals: list[FloatArray] = []
    middles: list[FloatArray] = []
    samples: list[FloatArray] = []
    owners: list[int] = []
    face_part: list[int] = []
    solids: list[tuple[int, FloatArray]] = []
    for index, part in enumerate(mesh.parts):
        inset = _INSET if part.detail else 0.0
        for face in part.faces:
            corners = part.vertices[list(face)]
            middle = corners.mean(axis=0)
            normals.append(face_normal(corners))
            samples += [corners + inset * (middle - corners), middle[None]]
            owners += [len(middles)] * (len(face) + 1)
            middles.append(middle)
            face_part.append(index)
        spread = np.linalg.svd(part.vertices - part.vertices.mean(axis=0), compute_uv=False)
        if not part.detail and spread[-1] > 1e-4:
            solids.append((index, np.asarray(ConvexHull(part.vertices).equations)))
    faces = np.array(face_part)
    return Survey(
        normals=np.array(normals),
        middles=np.array(middles),
        samples=np.concatenate(samples),
        sample_face=np.array(owners),
        sample_part=faces[owners],
        face_part=faces,
        solids=tuple(solids),
        reach_m=max(float(np.abs(part.vertices).max()) for part in mesh.parts),
    )


def hidden_faces(seen: Survey, turn: int) -> npt.NDArray[np.bool_]:
    """Return (F,) which faces nobody sees from a side.

    A face counts as hidden if from both edges and the middle of the side's sector it looks well
    away from the camera, or its corners and middle all lie behind or inside other solids.
    """
    hidden = np.ones(len(seen.middles), dtype=bool)
    for shift in (-0.5, 0.0, 0.5):
        angle = 2 * np.pi * (turn + shift) / TURNS
        far = 12 + 2 * seen.reach_m
        eye = np.array([np.sin(angle) * far, _EYE_M, np.cos(angle) * far])
        towards = eye - seen.middles
        facing = np.einsum("ij,ij->i", seen.normals, towards) / np.linalg.norm(towards, axis=1)
        covered = np.zeros(len(seen.samples), dtype=bool)
        for index, planes in seen.solids:
            covered |= _blocked(seen.samples, eye, planes) & (seen.sample_part != index)
        open_ = np.bincount(seen.sample_face, weights=~covered, minlength=len(hidden))
        hidden &= (facing < _BACK) | (open_ == 0)
    return hidden


def face_normal(corners: FloatArray) -> FloatArray:
    """Return a polygon's unit normal by Newell's sum; zero where it has no area."""
    after = corners[[*range(1, len(corners)), 0]]
    x, y, z = corners.T
    u, v, w = after.T
    total = np.array([(y * w - z * v).sum(), (z * u - x * w).sum(), (x * v - y * u).sum()])
    return np.asarray(total / max(float(np.sqrt(total @ total)), 1e-12))


def _blocked(points: FloatArray, eye: FloatArray, planes: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which points the eye sees only through more than a centimetre of a convex solid."""
    start = points @ planes[:, :3].T + planes[:, 3]
    rate = (eye @ planes[:, :3].T + planes[:, 3]) - start
    rate[rate == 0] = 1e-12
    cross = -start / rate
    inwards = rate < 0
    enter = np.where(inwards, cross, 0).max(axis=1, initial=0)
    leave = np.where(inwards, 1, cross).min(axis=1, initial=1)
    return np.asarray((leave - enter) * np.linalg.norm(eye - points, axis=1) > _DEEP_M)
