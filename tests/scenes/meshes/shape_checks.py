"""Slow, plain checks of a model's geometry."""

import numpy as np
from scipy.spatial import ConvexHull

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Mesh, Part


def newell(corners: FloatArray) -> FloatArray:
    """Return a polygon's unit normal from all its corners."""
    after = np.roll(corners, -1, axis=0)
    normal = np.cross(corners, after).sum(axis=0)
    return np.asarray(normal / np.linalg.norm(normal))


def bulge_m(part: Part) -> float:
    """Return how far a vertex stands out over the plane of a face: 0 where a part is convex.

    Faces that look inwards have the rest of the part before them and make it large.
    """
    worst = 0.0
    for face in part.faces:
        corners = part.vertices[list(face)]
        normal = newell(corners)
        worst = max(worst, float(((part.vertices - corners.mean(axis=0)) @ normal).max()))
    return worst


def first_corners_agree(part: Part) -> bool:
    """Return whether each face's first three corners turn as the whole face does."""
    for face in part.faces:
        corners = part.vertices[list(face)]
        first = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        if first @ newell(corners) <= 1e-9:
            return False
    return True


def _planes(points: FloatArray) -> FloatArray:
    return np.asarray(ConvexHull(points).equations)


def stands_out_m(mesh: Mesh) -> float:
    """Return how far details leave the hulls of the parts that make the outline."""
    hulls = [_planes(points) for points in mesh.outline_vertices()]
    details = [p.vertices[sorted({i for f in p.faces for i in f})] for p in mesh.parts if p.detail]
    if not details:
        return 0.0
    points = np.concatenate(details)
    over = [(points @ planes[:, :3].T + planes[:, 3]).max(axis=1) for planes in hulls]
    return float(np.min(over, axis=0).max())
