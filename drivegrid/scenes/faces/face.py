"""A sign face and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from drivegrid.errors import ConfigError
from drivegrid.scenes.faces.marks import Layer, Ring, circle

UInt8Array: TypeAlias = npt.NDArray[np.uint8]

_OVERSAMPLING = 4
_SHIFT = 6
"""Binary digits behind the point of coordinates given to cv2."""

_OUTLINES: dict[str, Ring] = {
    "circle": circle(1.0),
    "triangle": ((-1.0, -0.87), (1.0, -0.87), (0.0, 0.87)),
    "inverted triangle": ((-1.0, 0.87), (0.0, -0.87), (1.0, 0.87)),
    "octagon": tuple(
        (float(np.cos(a) / np.cos(np.pi / 8)), float(np.sin(a) / np.cos(np.pi / 8)))
        for a in np.pi / 8 + np.arange(8) * np.pi / 4
    ),
    "diamond": ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)),
    "square": ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)),
    "rectangle": ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)),
}


@dataclass(frozen=True, slots=True)
class Face:
    """The front of a sign.

    Args:
        label: Taxonomy path.
        shape: Value of the taxonomy's sign attribute ``shape``; decides the plate.
        color: Value of the sign attribute ``color`` by the rules of the task ``sign_color``.
        layers: From the back to the front; the first one fills the whole plate with its rim.
        attributes: Further attributes of the label, for example ``{"limit": "50"}``.
        aspect: Width / height of the plate.
        region: Where it is common: ``eu``, ``us``, ``cn`` or ``any``.
        held_out: Whether only test scenes may show it.
    """

    label: str
    shape: str
    color: str
    layers: tuple[Layer, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    aspect: float = 1.0
    region: str = "any"
    held_out: bool = False

    def picture(self, side: int) -> UInt8Array:
        """Draw it as a (side, side, 3) RGB square that stretches over the plate's [-1, 1]².

        Row 0 is the top. Corners outside the plate's outline show the rim's colour.
        """
        size = side * _OVERSAMPLING
        canvas = np.empty((size, size, 3), dtype=np.uint8)
        cv2.rectangle(canvas, (0, 0), (size, size), self.layers[0].color, cv2.FILLED)
        scale = np.array([size / 2 / self.aspect, -size / 2]) * (1 << _SHIFT)
        middle = (size - 1) / 2 * (1 << _SHIFT)
        for layer in self.layers:
            for mark in layer.marks:
                for group in mark.polygons():
                    rings = [np.rint(ring * scale + middle).astype(np.int32) for ring in group]
                    cv2.fillPoly(canvas, rings, layer.color, cv2.LINE_8, _SHIFT)
        return np.asarray(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA))


def face_outline(shape: str) -> list[tuple[float, float]]:
    """Return the plate's corners in [-1, 1]², counter-clockwise with x right and y up.

    Args:
        shape: Value of the sign attribute ``shape``, ``other`` excepted.

    Raises:
        ConfigError: If the shape is unknown.

    >>> face_outline("diamond")
    [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)]
    """
    if shape not in _OUTLINES:
        raise ConfigError(f"shape must be one of {', '.join(_OUTLINES)}, got {shape!r}.")
    return list(_OUTLINES[shape])


def outline_mask(shape: str, side: int, scale: float = 1.0) -> npt.NDArray[np.bool_]:
    """Return (side, side) which pixels of a face's picture lie in the plate's outline.

    Args:
        shape: As for ``face_outline``.
        side: Pixels.
        scale: The outline grows or shrinks by this about its middle.
    """
    corners = np.array(face_outline(shape))
    middle = corners.mean(axis=0)
    corners = middle + (corners - middle) * scale
    pixels = np.stack([corners[:, 0] + 1, 1 - corners[:, 1]], axis=1) / 2 * side
    mask = np.zeros((side, side), dtype=np.uint8)
    return np.asarray(cv2.fillPoly(mask, [np.rint(pixels).astype(np.int32)], 1)).astype(bool)
