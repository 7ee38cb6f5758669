"""Meshes as flat arrays of quadrilaterals, ready to be projected and shaded in one batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.camera import Float32Array
from drivegrid.scenes.mesh import MATERIALS, Part
from drivegrid.scenes.mesh_views import TURNS, Survey, face_normal, hidden_faces, survey
from drivegrid.scenes.meshes import CATALOGUE

IntArray = npt.NDArray[np.int32]

NORMAL, ALBEDO = slice(0, 3), slice(3, 6)
TINT, GLOSS, GLOW, ROUGH, HEIGHT, CHANCE = range(6, 12)
"""Rows of ``MeshFaces.looks``."""

VERTICES, FACES, DETAIL, BLOB = range(4)
"""Columns of ``MeshFaces.parts``."""

GLOWS = ("", "front", "rear", "always", "window")
"""What shines: lamps by name, and window panes, some of which are lit at night."""

BLOB_LAYERS = 3
"""Faces that stand for a blob: its outline in shade, then two smaller, brighter ones."""

_BLOB_NORMALS = ((0.0, -0.35, 0.0), (0.0, 0.3, -0.15), (0.0, 0.85, -0.1))
_COARSE_VERTICES = 18
_STOREY_M = 3.1
_BAY_M = 2.6


@dataclass(frozen=True, slots=True)
class MeshFaces:
    """A mesh for the compositor, as seen from about one side.

    Args:
        vertices: (V, 4) float32 homogeneous, model frame, part after part.
        quads: (F, 4) int32 vertex indices, part after part; triangles repeat the last corner.
            Blobs have ``BLOB_LAYERS`` quads of no area.
        looks: (12, F) float32: normal, albedo, tint (0 none, else its index + 1), gloss, index
            into ``GLOWS``, roughness, height of the middle in metres, a fixed chance in [-1, 1].
        parts: (P, 4) int32 number of vertices and of faces; 1 for a detail; 1 for a blob, a part
            painted as a rounded heap by its outline: leaves, and all that is round in a coarse
            mesh.
        panel: Vertex indices of the face that shows a sign's picture, None without one.
        reach: Greatest abs(x) and abs(z), and the height in metres.
        leafy: Whether the mesh has leaves.
    """

    vertices: Float32Array
    quads: IntArray
    looks: Float32Array
    parts: IntArray
    panel: IntArray | None
    reach: tuple[float, float, float]
    leafy: bool


@cache
def coarse_faces(name: str) -> MeshFaces:
    """Return a catalogue model without details, for bodies far away.

    >>> coarse_faces("crate").quads.shape
    (6, 4)
    """
    mesh = CATALOGUE[name].mesh
    parts = [part for part in mesh.parts if not part.detail]
    parts = [_outlined(part) if _is_blob(part, True) else part for part in parts]
    gone = [np.zeros(len(part.faces), dtype=bool) for part in parts]
    return _flatten(parts, gone, round_parts=True)


@lru_cache(maxsize=4096)
def fine_faces(name: str, turn: int, round_parts: bool) -> MeshFaces:
    """Return a catalogue model with its details, without what is hidden from one side.

    Args:
        name: Key of ``CATALOGUE``.
        turn: The side that the camera is on, 0 to ``TURNS`` - 1; see ``mesh_views``.
        round_parts: Whether round parts become blobs, for bodies of middling size.
    """
    mesh = CATALOGUE[name].mesh
    seen = _survey(name)
    unseen_faces = hidden_faces(seen, turn % TURNS)
    hidden = [unseen_faces[seen.face_part == index] for index in range(len(mesh.parts))]
    parts: list[Part] = []
    gone: list[npt.NDArray[np.bool_]] = []
    for part, unseen in zip(mesh.parts, hidden, strict=True):
        if not part.detail or not unseen.all():
            parts.append(part)
            gone.append(unseen)
        for panes in _windows(part, unseen):
            parts.append(panes)
            gone.append(np.zeros(len(panes.faces), bool))
    return _flatten(parts, gone, round_parts=round_parts)


@cache
def _survey(name: str) -> Survey:
    return survey(CATALOGUE[name].mesh)


def _flatten(
    parts: list[Part], hidden: list[npt.NDArray[np.bool_]], *, round_parts: bool
) -> MeshFaces:
    rng = np.random.default_rng(len(parts))
    quads: list[tuple[int, ...]] = []
    looks: list[list[float]] = []
    counts: list[int] = []
    blob = [_is_blob(part, round_parts) for part in parts]
    panel = None
    used = {name for part in parts for name in part.materials}
    window = GLOWS.index("window") if used & {"facade", "brick"} else 0
    start = 0
    for part, unseen, heap in zip(parts, hidden, blob, strict=True):
        before = len(quads)
        if heap:
            quads += [(start,) * 4] * BLOB_LAYERS
            looks += _blob_looks(part, float(rng.uniform(-1, 1)))
        for number, face in enumerate(part.faces):
            if heap or unseen[number]:
                continue
            material = part.materials[number]
            look = _look(part.vertices[list(face)], material, float(rng.uniform(-1, 1)))
            look[GLOW] = window if material == "glass" else look[GLOW]
            if material == "face":
                panel = np.array(face, dtype=np.int32) + start
            pieces = _split(face)
            quads += [tuple(v + start for v in quad) for quad in pieces]
            looks += [look] * len(pieces)
        counts.append(len(quads) - before)
        start += len(part.vertices)
    everything = np.concatenate([part.vertices for part in parts])
    across, _, along = np.abs(everything).max(axis=0).tolist()
    sizes = [len(part.vertices) for part in parts]
    return MeshFaces(
        np.concatenate([everything, np.ones((len(everything), 1))], axis=1).astype(np.float32),
        np.array(quads, dtype=np.int32).reshape(-1, 4),
        np.ascontiguousarray(np.array(looks, dtype=np.float32).reshape(-1, 12).T),
        np.column_stack([sizes, counts, [part.detail for part in parts], blob]).astype(np.int32),
        panel,
        (across, along, float(np.ptp(everything[:, 1]))),
        any(map(_is_leafy, parts)),
    )


def _is_leafy(part: Part) -> bool:
    return all(MATERIALS[name].rough >= 0.8 for name in part.materials)


def _is_blob(part: Part, round_parts: bool) -> bool:
    smooth = round_parts and part.smooth and not part.detail
    return len(part.faces) > 6 and (_is_leafy(part) or smooth)


def _outlined(part: Part) -> Part:
    """Return a blob with few vertices that span about the same hull: each far from the rest."""
    points = part.vertices
    kept = [int(np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    nearest = np.linalg.norm(points - points[kept[0]], axis=1)
    while len(kept) < min(_COARSE_VERTICES, len(points)):
        kept.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[kept[-1]], axis=1))
    return replace(part, vertices=points[kept])


def _blob_looks(part: Part, chance: float) -> list[list[float]]:
    """Return the looks of a blob's layers: the part's first material under three normals."""
    base = _look(part.vertices, part.materials[0], chance)
    return [[*normal, *base[3:]] for normal in _BLOB_NORMALS]


def _look(corners: FloatArray, material: str, chance: float) -> list[float]:
    m = MATERIALS[material]
    tint = 0 if m.tint is None else m.tint + 1
    glow = GLOWS.index(m.glow)
    height = float(corners[:, 1].mean())
    return [*face_normal(corners), *m.color, tint, m.gloss, glow, m.rough, height, chance]


def _split(face: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Cut a convex polygon into quadrilaterals that share its first corner."""
    ring = [*face, face[-1]] if len(face) % 2 else list(face)
    return [(ring[0], ring[i], ring[i + 1], ring[i + 2]) for i in range(1, len(ring) - 2, 2)]


def _windows(part: Part, hidden: npt.NDArray[np.bool_]) -> list[Part]:
    """Return rows of windows, one part for each upright quadrilateral of facade in sight."""
    found = []
    for face, material, unseen in zip(part.faces, part.materials, hidden, strict=True):
        corners = part.vertices[list(face)]
        if material == "facade" and not unseen and len(face) == 4:
            if abs(face_normal(corners)[1]) < 0.1:
                found.append(_window_rows(corners))
    return found


def _window_rows(corners: FloatArray) -> Part:
    """Lay a lattice of panes 2 cm over a wall; bays and storeys follow its size."""
    turn = int(np.argmin(corners[:, 1] + np.roll(corners[:, 1], -1)))
    a, b, c, d = np.roll(corners, -turn, axis=0)  # a and b at the foot
    columns = max(1, int(np.linalg.norm(b - a) / _BAY_M))
    rows = max(1, int(np.linalg.norm(d - a) / _STOREY_M))
    out = face_normal(corners) * 0.02
    vertices, faces = [], []
    for row in range(rows):
        for column in range(columns):
            for u, v in ((0.25, 0.3), (0.75, 0.3), (0.75, 0.8), (0.25, 0.8)):
                s, t = (column + u) / columns, (row + v) / rows
                foot, head = a + s * (b - a), d + s * (c - d)
                vertices.append(foot + t * (head - foot) + out)
            faces.append(tuple(range(len(vertices) - 4, len(vertices))))
    return Part(np.array(vertices), tuple(faces), ("glass",) * len(faces), detail=True)
