"""What holds for every model of standing things, checked by brute force."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from drivegrid.labels import default_label_space
from drivegrid.scenes.mesh import MATERIALS, Part
from drivegrid.scenes.meshes import CATALOGUE, Model
from drivegrid.scenes.segments import SEGMENT

TOLERANCE_M = 0.02


def normals(part: Part) -> np.ndarray:
    """(F, 3) unit normals from the first three corners."""
    first = np.array([part.vertices[list(face[:3])] for face in part.faces])
    cross = np.cross(first[:, 1] - first[:, 0], first[:, 2] - first[:, 0])
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    assert (length > 1e-12).all(), "a face's first corners lie on one line"
    return np.asarray(cross / length)


def check_part(part: Part) -> None:
    assert len(part.materials) == len(part.faces)
    assert set(part.materials) <= set(MATERIALS)
    assert np.isfinite(part.vertices).all()
    for face, normal in zip(part.faces, normals(part), strict=True):
        height = (part.vertices - part.vertices[face[0]]) @ normal
        assert height.max() <= TOLERANCE_M, "normal points inwards or part not convex"
        assert np.abs(height[list(face)]).max() <= TOLERANCE_M, "face not planar"
        corners = part.vertices[list(face)]
        edges = np.roll(corners, -1, axis=0) - corners
        bends = np.cross(edges, np.roll(edges, -1, axis=0)) @ normal
        assert bends.min() >= -1e-6, "face not convex"
    if len(part.faces) > 1 and not part.detail:
        assert is_closed(part), "outline part has a hole"


def is_closed(part: Part) -> bool:
    """Whether each edge is run through once in either direction."""
    edges = [(a, b) for face in part.faces for a, b in zip(face, (*face[1:], face[0]), strict=True)]
    return len(set(edges)) == len(edges) and all((b, a) in set(edges) for a, b in edges)


def check_model(model: Model, budget: tuple[int, int], outline: int = 6) -> None:
    assert CATALOGUE[model.mesh.name] is model
    assert model.segment in SEGMENT
    assert model.label is None or model.label in default_label_space().paths
    for part in model.mesh.parts:
        check_part(part)
    assert budget[0] <= model.num_triangles <= budget[1]
    assert 1 <= len(model.mesh.outline_vertices()) <= outline


def check_on_ground(model: Model) -> None:
    """The lowest point lies on the ground, and the origin within the footprint."""
    points = np.concatenate([part.vertices for part in model.mesh.parts])
    assert abs(points[:, 1].min()) <= 0.03
    assert abs(np.concatenate(model.mesh.outline_vertices())[:, 1].min()) <= 0.03
    assert (points[:, [0, 2]].min(axis=0) <= 0.01).all()
    assert (points[:, [0, 2]].max(axis=0) >= -0.01).all()


def check_size(model: Model, size: tuple[float, float, float], slack: float = 0.1) -> None:
    """Width, height and length of the outline as the table says."""
    points = np.concatenate(model.mesh.outline_vertices())
    assert np.allclose(np.ptp(points, axis=0), size, rtol=slack, atol=0.03)


def check_details(model: Model, reach: float) -> None:
    """No detail strays further than ``reach`` from the outline's extent."""
    points = np.concatenate(model.mesh.outline_vertices())
    for part in model.mesh.parts:
        assert (part.vertices >= points.min(axis=0) - reach).all()
        assert (part.vertices <= points.max(axis=0) + reach).all()


@dataclass(frozen=True)
class Limits:
    """Least and most triangles, most outline parts, how far details may stray in metres."""

    triangles: tuple[int, int]
    reach: float
    outline: int = 6
    on_ground: bool = True


def check_standing(
    model: Model, kind: str, size: tuple[float, float, float], limits: Limits
) -> None:
    """A model of scenery or of an obstacle; ``kind`` is its label, its segment if it has none."""
    assert kind == (model.label or model.segment)
    check_model(model, limits.triangles, limits.outline)
    if limits.on_ground:
        check_on_ground(model)
    check_size(model, size)
    check_details(model, limits.reach)


def check_held_out(models: Mapping[str, Model]) -> None:
    """Some variants are held out, about a fifth, and never the only one of a label."""
    held = sum(model.held_out for model in models.values())
    assert 0.08 <= held / len(models) <= 0.35
    kinds = {(model.segment, model.label) for model in models.values()}
    for kind in kinds:
        assert any(
            not model.held_out for model in models.values() if (model.segment, model.label) == kind
        )
