"""Meshes as flat arrays of quadrilaterals, ready to be projected and shaded in one batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.mesh import MATERIALS, Mesh, Part
from drivegrid.scenes.meshes import CATALOGUE

IntArray = npt.NDArray[np.int32]

NORMAL, ALBEDO = slice(0, 3), slice(3, 6)
TINT, GLOSS, GLOW, ROUGH, HEIGHT, CHANCE = range(6, 12)
"""Columns of ``MeshFaces.looks``."""

GLOWS = ("", "front", "rear", "always")
_INSIDE_M = 0.002
_STOREY_M = 3.1
_BAY_M = 2.6


@dataclass(frozen=True, slots=True)
class MeshFaces:
    """A mesh for the compositor.

    Args:
        vertices: (V, 4) float32 homogeneous, model frame, part after part.
        quads: (F, 4) int32 vertex indices, part after part; triangles repeat the last corner.
        looks: (F, 12) float32: normal, albedo, tint (0 none, else its index + 1), gloss, index
            into ``GLOWS``, roughness, height of the middle in metres, a fixed chance in [-1, 1].
        vertex_counts: (P,) vertices of each part.
        face_counts: (P,) faces of each part.
        detail: (P,) bool.
        panels: Part index and vertex indices of each face that shows a sign's picture.
        low: (3,) least x, y, z.
        high: (3,) greatest x, y, z.
        textured: Whether the mesh is rough enough to get a texture.
    """

    vertices: Float32Array
    quads: IntArray
    looks: Float32Array
    vertex_counts: IntArray
    face_counts: IntArray
    detail: npt.NDArray[np.bool_]
    panels: tuple[tuple[int, IntArray], ...]
    low: FloatArray
    high: FloatArray
    textured: bool


@lru_cache(maxsize=1024)
def mesh_faces(name: str, detailed: bool) -> MeshFaces:
    """Return a catalogue model's faces, with or without its detail parts.

    >>> mesh_faces("crate", True).quads.shape
    (6, 4)
    """
    return build_faces(CATALOGUE[name].mesh, detailed)


def build_faces(mesh: Mesh, detailed: bool) -> MeshFaces:
    """Flatten a mesh; faces that lie inside another solid of it are never seen and left out."""
    parts = [p for p in mesh.parts if detailed or not p.detail]
    if detailed:
        parts = [piece for part in parts for piece in (part, *_windows(part))]
    solids = [_planes(part) for part in mesh.parts if not part.detail]
    rng = np.random.default_rng(len(mesh.name))
    quads: list[tuple[int, ...]] = []
    looks: list[list[float]] = []
    counts: list[int] = []
    panels: list[tuple[int, IntArray]] = []
    start = 0
    for index, part in enumerate(parts):
        kept = 0
        others = [s for s in solids if part.detail or s is not solids[_rank(mesh, part)]]
        for face, material in zip(part.faces, part.materials, strict=True):
            corners = part.vertices[list(face)]
            if any(_inside(corners, solid) for solid in others):
                continue
            look = _look(corners, material, float(rng.uniform(-1, 1)))
            if material == "face":
                panels.append((index, np.array(face, dtype=np.int32) + start))
            for quad in _split(face):
                quads.append(tuple(v + start for v in quad))
                looks.append(look)
                kept += 1
        counts.append(kept)
        start += len(part.vertices)
    points = np.concatenate([part.vertices for part in parts])
    return MeshFaces(
        np.concatenate([points, np.ones((len(points), 1))], axis=1).astype(np.float32),
        np.array(quads, dtype=np.int32).reshape(-1, 4),
        np.array(looks, dtype=np.float32).reshape(-1, 12),
        np.array([len(part.vertices) for part in parts], dtype=np.int32),
        np.array(counts, dtype=np.int32),
        np.array([part.detail for part in parts]),
        tuple(panels),
        points.min(axis=0),
        points.max(axis=0),
        any(MATERIALS[name].rough >= 0.8 for part in parts for name in part.materials),
    )


def _rank(mesh: Mesh, part: Part) -> int:
    """Return the place of a part among the mesh's solids."""
    return next(i for i, p in enumerate([q for q in mesh.parts if not q.detail]) if p is part)


def _planes(part: Part) -> FloatArray:
    """Return (F, 4) outward unit normals and distances of a convex solid's faces."""
    rows = []
    for face in part.faces:
        corners = part.vertices[list(face)]
        normal = _normal(corners)
        rows.append([*normal, -float(normal @ corners.mean(axis=0))])
    return np.array(rows)


def _inside(corners: FloatArray, planes: FloatArray) -> bool:
    distance = corners @ planes[:, :3].T + planes[:, 3]
    return bool((distance < -_INSIDE_M).all())


def _normal(corners: FloatArray) -> FloatArray:
    """Return a polygon's unit normal by Newell's sum; zero where it has no area."""
    total = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12))


def _look(corners: FloatArray, material: str, chance: float) -> list[float]:
    m = MATERIALS[material]
    tint = 0 if m.tint is None else m.tint + 1
    glow = GLOWS.index(m.glow)
    height = float(corners[:, 1].mean())
    return [*_normal(corners), *m.color, tint, m.gloss, glow, m.rough, height, chance]


def _split(face: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Cut a convex polygon into quadrilaterals that share its first corner."""
    ring = [*face, face[-1]] if len(face) % 2 else list(face)
    return [(ring[0], ring[i], ring[i + 1], ring[i + 2]) for i in range(1, len(ring) - 2, 2)]


def _windows(part: Part) -> list[Part]:
    """Return rows of windows, one part for each upright quadrilateral of facade."""
    found = []
    for face, material in zip(part.faces, part.materials, strict=True):
        corners = part.vertices[list(face)]
        if material == "facade" and len(face) == 4 and abs(_normal(corners)[1]) < 0.1:
            found.append(_window_rows(corners))
    return found


def _window_rows(corners: FloatArray) -> Part:
    """Lay a lattice of panes 2 cm over a wall; bays and storeys follow its size."""
    turn = int(np.argmin(corners[:, 1] + np.roll(corners[:, 1], -1)))
    a, b, c, d = np.roll(corners, -turn, axis=0)  # a and b at the foot
    columns = max(1, int(np.linalg.norm(b - a) / _BAY_M))
    rows = max(1, int(np.linalg.norm(d - a) / _STOREY_M))
    out = _normal(corners) * 0.02
    vertices, faces = [], []
    for row in range(rows):
        for column in range(columns):
            for u, v in ((0.25, 0.3), (0.75, 0.3), (0.75, 0.8), (0.25, 0.8)):
                s, t = (column + u) / columns, (row + v) / rows
                foot, head = a + s * (b - a), d + s * (c - d)
                vertices.append(foot + t * (head - foot) + out)
            faces.append(tuple(range(len(vertices) - 4, len(vertices))))
    return Part(np.array(vertices), tuple(faces), ("glass",) * len(faces), detail=True)
