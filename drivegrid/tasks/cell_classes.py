"""What each lattice cell shows: dense labels that teach the nano model's cells to see.

An answer names a few cells, so a sign is a handful of supervised tokens in a scene. These planes
say something about all cells at once; they are used in training only.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import FloatArray, Geometry, Size
from drivegrid.tasks.table import SCORED
from drivegrid.tokens.grid import GridSpec

_CLASSES = (
    ("passenger car", "object/vehicle/car"),
    ("vehicle", "object/vehicle"),
    ("person", "object/person"),
    ("obstacle", "obstacle"),
    ("light", "light"),
)
CELL_CLASSES = (
    "drivable",
    "lane",
    "sign",
    "top left corner",
    "bottom right corner",
    *(name for name, _ in _CLASSES),
)
"""Planes of `cell_classes`, in order; a cell may be several."""
_PLANE = {name: k for k, name in enumerate(CELL_CLASSES)}

Planes = npt.NDArray[np.uint8]


def cell_classes(scene: Scene, grid: GridSpec) -> Planes:
    """Return (len(CELL_CLASSES), rows, cols) 0 or 1 for what the tasks ask about a scene.

    Args:
        scene: Labels in pixels of its frame.
        grid: Lattice.
    """
    planes = np.zeros((len(CELL_CLASSES), grid.rows, grid.cols), dtype=np.uint8)
    size_wh = scene.frame.size_wh
    for task in SCORED.values():
        for instance in task.instances(scene):
            _mark(planes, instance, grid, size_wh)
    return planes


def _mark(planes: Planes, instance: Instance, grid: GridSpec, size_wh: Size) -> None:
    match instance.geometry.kind:
        case "poly":
            planes[_PLANE["drivable"]] |= _covered(instance.geometry, grid, size_wh)
        case "line":
            points = _dense(instance.geometry.vertices(), grid.cell_size(size_wh) / 2)
            _set(planes, "lane", points, grid, size_wh)
        case "point":
            _set(planes, "sign", instance.geometry.vertices(), grid, size_wh)
        case "box":
            corners = instance.geometry.vertices()
            _set(planes, "top left corner", corners[:1], grid, size_wh)
            _set(planes, "bottom right corner", corners[1:], grid, size_wh)
            (left, top), (right, bottom) = grid.cells_of(corners, size_wh)
            for name, root in _CLASSES:
                if instance.label == root or instance.label.startswith(f"{root}/"):
                    planes[_PLANE[name], top : bottom + 1, left : right + 1] = 1


def _set(planes: Planes, name: str, points: FloatArray, grid: GridSpec, size_wh: Size) -> None:
    cells = grid.cells_of(points, size_wh)
    planes[_PLANE[name], cells[:, 1], cells[:, 0]] = 1


def _dense(line: FloatArray, gap: FloatArray) -> FloatArray:
    """Return points on a polyline, on neither axis further apart than ``gap`` pixels."""
    steps = np.abs(np.diff(line, axis=0)) / gap
    counts = np.ceil(steps.max(axis=1)).astype(int) + 1
    runs = [
        np.linspace(a, b, count)
        for a, b, count in zip(line[:-1], line[1:], counts.tolist(), strict=True)
    ]
    return np.concatenate(runs)


def _covered(polygon: Geometry, grid: GridSpec, size_wh: Size) -> Planes:
    """Return (rows, cols) 1 where a cell touches the polygon."""
    plane = np.zeros((grid.rows, grid.cols), dtype=np.uint8)
    rings = [np.floor(r / grid.cell_size(size_wh)).astype(np.int32) for r in polygon.parts()]
    cv2.fillPoly(plane, rings, 1)
    return plane
