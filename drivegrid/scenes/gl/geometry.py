"""All models as triangles, in the order in which they are drawn."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import MATERIALS, Part
from drivegrid.scenes.meshes import Model

PASSES = ("PLAIN", "GRAIN", "FACADE", "FACE")
"""Ways to colour a surface; each is a program of its own, so that plain ones stay cheap."""

VERTEX = np.dtype(
    [
        ("vertex", "f4", 3),
        ("normal", "f4", 3),
        ("rank", "f4"),
        ("look", "u1", 4),
        ("kind", "u1", 4),
    ]
)
"""``rank`` numbers details: later ones lie on earlier ones, often in one plane with them."""

Triangles = tuple[npt.NDArray[np.void], npt.NDArray[np.uint32]]

_LAMP = {"": 0, "front": 1, "rear": 2, "always": 3}
_NEUTRAL = 128
"""Colour of tinted surfaces, a factor of the tint."""

_ROUND = 3
"""Code of surfaces whose grain runs over edges; 0 to 2 is the axis a flat one faces."""


@dataclass(frozen=True, slots=True)
class Range:
    """The triangles of a model that one pass draws.

    Args:
        index: Of the pass in ``PASSES``.
        first: Place of the first index.
        ends: Numbers of indices after 1, 2, .. of its parts: those of the outline, then details
            from large to small.
        details_m: Negated extents in metres of the details, rising.
    """

    index: int
    first: int
    ends: tuple[int, ...]
    details_m: tuple[float, ...]

    def count(self, least_m: float) -> int:
        """Return how many indices to draw, leaving out details smaller than this."""
        drawn = len(self.ends) - len(self.details_m) + bisect_right(self.details_m, -least_m)
        return self.ends[drawn - 1] if drawn else 0


@dataclass(frozen=True, slots=True)
class Drawable:
    """Where a model's triangles lie in the index buffer.

    Args:
        ranges: One for each pass that the model needs.
        lamps: (L, 4) centres of lamps in the model frame and the lamp's code.
        radius_m: Of a sphere around the origin.
    """

    ranges: tuple[Range, ...]
    lamps: FloatArray
    radius_m: float


@dataclass(frozen=True, slots=True)
class Geometry:
    """Vertices and indices of all models.

    Args:
        vertices: (V,) of ``VERTEX``.
        indices: (I,) uint32, three a triangle.
        drawables: Model name -> where it lies.
    """

    vertices: npt.NDArray[np.void]
    indices: npt.NDArray[np.uint32]
    drawables: dict[str, Drawable]


class _Builder:
    """Collects vertices and indices of all models."""

    def __init__(self) -> None:
        self.vertices: list[npt.NDArray[np.void]] = []
        self.indices: list[npt.NDArray[np.uint32]] = []
        self.num_vertices = self.num_indices = 0

    def add(self, index: int, parts: list[tuple[Part, dict[str, Triangles]]]) -> Range | None:
        """Append what one pass draws of a model's parts."""
        first, ends, details = self.num_indices, [], []
        for part, passes in parts:
            if PASSES[index] not in passes:
                continue
            corners, triangles = passes[PASSES[index]]
            self.vertices.append(corners)
            self.indices.append(triangles + np.uint32(self.num_vertices))
            self.num_vertices += len(corners)
            self.num_indices += len(triangles)
            ends.append(self.num_indices - first)
            details += [-_extent(part)] if part.detail else []
        return Range(index, first, tuple(ends), tuple(details)) if ends else None


def build_geometry(models: Mapping[str, Model]) -> Geometry:
    """Return the triangles of all models."""
    builder, drawables = _Builder(), {}
    for name, model in models.items():
        ranked = enumerate(model.mesh.parts, start=1)
        parts = [(part, _triangles(part, rank * part.detail)) for rank, part in ranked]
        parts.sort(key=lambda pair: (pair[0].detail, -_extent(pair[0])))
        ranges = [builder.add(index, parts) for index in range(len(PASSES))]
        corners = np.concatenate([part.vertices for part in model.mesh.parts])
        drawables[name] = Drawable(
            ranges=tuple(found for found in ranges if found is not None),
            lamps=_lamps(model.mesh.parts),
            radius_m=float(np.linalg.norm(corners, axis=1).max()),
        )
    return Geometry(np.concatenate(builder.vertices), np.concatenate(builder.indices), drawables)


def _extent(part: Part) -> float:
    return float(max(max(axis) - min(axis) for axis in part.vertices.T.tolist()))


def _colouring(material: str) -> str:
    if material in ("face", "facade"):
        return material.upper()
    return "GRAIN" if MATERIALS[material].rough > 0 else "PLAIN"


def _triangles(part: Part, rank: int) -> dict[str, Triangles]:
    """Return vertices and indices of the faces that each pass draws of a part."""
    points = part.vertices.tolist()
    normals = [_normal([points[i] for i in face]) for face in part.faces]
    bent = _bent(part, normals) if part.smooth else points
    found: dict[str, tuple[list[tuple[object, ...]], list[int]]] = {}
    for face, normal, material in zip(part.faces, normals, part.materials, strict=True):
        colouring = _colouring(material)
        corners, triangles = found.setdefault(colouring, ([], []))
        base, num = len(corners), len(face)
        # The flat ends of a cylinder keep their own normal.
        rounded = part.smooth and num <= 4
        leafy = material == "foliage"
        turned = part.smooth or leafy
        flat = _unit(normal)
        sizes = [abs(value) for value in flat]
        axis = sizes.index(max(sizes))
        color, kind = _look(material, _ROUND if turned else axis)
        spots = _spots(part.vertices[list(face)]) if colouring == "FACE" else ((),) * num
        for i, spot in zip(face, spots, strict=True):
            shown = (*kind[:2], *spot) if spot else kind
            tone = (*[_clump(points[i])] * 3, color[3]) if leafy else color
            corners.append((points[i], bent[i] if rounded else flat, rank, tone, shown))
        for i in range(1, num - 1):
            triangles += [base, base + i, base + i + 1]
    return {
        colouring: (np.array(corners, VERTEX), np.array(triangles, np.uint32))
        for colouring, (corners, triangles) in found.items()
    }


def _bent(part: Part, normals: list[list[float]]) -> list[list[float]]:
    """Return normals of vertices: the mean of their faces', the large ones counting more."""
    total = [[0.0, 0.0, 0.0] for _ in part.vertices]
    for face, (x, y, z) in zip(part.faces, normals, strict=True):
        for i in face:
            at = total[i]
            at[0] += x
            at[1] += y
            at[2] += z
    return [_unit(normal) for normal in total]


def _unit(vector: list[float]) -> list[float]:
    length = max(math.hypot(*vector), 1e-12)
    return [value / length for value in vector]


def _normal(corners: list[list[float]]) -> list[float]:
    """Return the normal times twice the area, by Newell's sum: it stands for any planar face."""
    a = b = c = 0.0
    x, y, z = corners[-1]
    for u, v, w in corners:
        a += y * w - z * v
        b += z * u - x * w
        c += x * v - y * u
        x, y, z = u, v, w
    return [a, b, c]


def _spots(corners: FloatArray) -> list[tuple[int, ...]]:
    """Return where a sign face's corners lie in its picture, as shares of 255.

    The picture fills the square [-1, 1]², or what a larger panel takes up.
    """
    flat = corners[:, :2] * (1, -1)
    if np.abs(flat).max() > 1 + 1e-6:
        low, high = flat.min(axis=0), flat.max(axis=0)
        flat = 2 * (flat - low) / np.maximum(high - low, 1e-6) - 1
    return [tuple(round(share * 127.5 + 127.5) for share in row) for row in flat.tolist()]


def _clump(point: list[float]) -> int:
    """Return the tone of leaves at a vertex: clumps show where their grain is too small to see."""
    x, y, z = point
    chance = math.fmod(abs(math.sin(12.99 * x + 78.23 * y + 37.72 * z)) * 43758.5, 1.0)
    return round(_NEUTRAL * (0.62 + 0.66 * chance))


@cache
def _look(name: str, axis: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    material = MATERIALS[name]
    plain = (_NEUTRAL,) * 3 if material.tint is not None else material.color
    color = tuple(int(channel) for channel in plain)
    tint = 0 if material.tint is None else material.tint + 1
    grain = round(255 * material.rough)
    return (*color, round(255 * material.gloss)), (tint, _LAMP[material.glow], grain, axis)


def _lamps(parts: tuple[Part, ...]) -> FloatArray:
    found = []
    for part in parts:
        codes = {_LAMP[MATERIALS[name].glow] for name in part.materials} - {0}
        found += [(*part.vertices.mean(axis=0), code) for code in sorted(codes)]
    return np.array(found, dtype=np.float64).reshape(-1, 4)
