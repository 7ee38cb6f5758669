"""Which faces of a mesh the rest of it hides, for a camera on one of a ring of sides.

The compositor has no depth buffer. Faces that other solids of the same mesh hide altogether are
found once per side and left out, so that a front lamp never shines through to the back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Mesh, Part

TURNS = 24
"""Sides of the ring; side k is at azimuth 2 pi k / TURNS from the mesh's front to its right."""

_EYE_M = 1.5
_BACK = -0.4
_DEEP_M = 0.01
_INSET = 0.12


def hidden_faces(mesh: Mesh, turn: int) -> list[npt.NDArray[np.bool_]]:
    """Return for each part which of its (F,) faces nobody sees from a side.

    A face counts as hidden if from both edges and the middle of the side's sector it looks well
    away from the camera, or its corners and middle all lie behind or inside other solids.
    """
    everything = np.concatenate([part.vertices for part in mesh.parts])
    distance = 12 + 2 * float(np.abs(everything).max())
    solids = [(index, planes(p)) for index, p in enumerate(mesh.parts) if not p.detail]
    hidden = [np.ones(len(part.faces), dtype=bool) for part in mesh.parts]
    for shift in (-0.5, 0.0, 0.5):
        angle = 2 * np.pi * (turn + shift) / TURNS
        eye = np.array([np.sin(angle) * distance, _EYE_M, np.cos(angle) * distance])
        for index, part in enumerate(mesh.parts):
            others = [solid for number, solid in solids if number != index]
            hidden[index] &= _unseen(part, others, eye)
    return hidden


def _unseen(part: Part, solids: list[FloatArray], eye: FloatArray) -> npt.NDArray[np.bool_]:
    outward = planes(part)
    middles = np.array([part.vertices[list(face)].mean(axis=0) for face in part.faces])
    towards = eye - middles
    facing = np.einsum("ij,ij->i", outward[:, :3], towards) / np.linalg.norm(towards, axis=1)
    away = facing < _BACK
    inset = _INSET if part.detail else 0.0
    samples, owner = [], []
    for index, face in enumerate(part.faces):
        corners = part.vertices[list(face)]
        samples.append(corners + inset * (middles[index] - corners))
        samples.append(middles[index][None])
        owner += [index] * (len(face) + 1)
    points = np.concatenate(samples)
    covered = np.zeros(len(points), dtype=bool)
    for solid in solids:
        covered |= _blocked(points, eye, solid)
    seen = np.bincount(np.array(owner), weights=~covered, minlength=len(part.faces))
    return np.asarray(away | (seen == 0))


def _blocked(points: FloatArray, eye: FloatArray, solid: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which points the eye sees only through more than a centimetre of a convex solid."""
    ray = eye - points
    start = points @ solid[:, :3].T + solid[:, 3]
    rate = ray @ solid[:, :3].T
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = -start / rate
    enter = np.where(rate < 0, cross, -np.inf).max(axis=1)
    leave = np.where(rate > 0, cross, np.inf).min(axis=1)
    outside = ((rate == 0) & (start > 0)).any(axis=1)
    length = np.minimum(leave, 1) - np.maximum(enter, 0)
    return np.asarray((length * np.linalg.norm(ray, axis=1) > _DEEP_M) & ~outside)


def planes(part: Part) -> FloatArray:
    """Return (F, 4) outward unit normals and offsets of a convex solid's faces.

    A point p lies inside where normal · p + offset < 0 for all of them.
    """
    rows = []
    for face in part.faces:
        corners = part.vertices[list(face)]
        total = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
        normal = total / max(float(np.linalg.norm(total)), 1e-12)
        rows.append([*normal, -float(normal @ corners.mean(axis=0))])
    return np.array(rows)
