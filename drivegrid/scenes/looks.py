"""Which colour of the taxonomy a model has: that of most of its surface."""

from __future__ import annotations

from functools import cache

import numpy as np

from drivegrid.scenes.body import Body
from drivegrid.scenes.mesh import MATERIALS, Color
from drivegrid.scenes.meshes import CATALOGUE

_MAIN = 0.4
"""A colour that covers less of a model is not its colour."""

_STRIPES = 0.2
"""Red and white that cover as much each make ``red-white``."""


def color_of(body: Body) -> str:
    """Return a value of the taxonomy's ``color`` of obstacles.

    >>> from drivegrid.scenes.body import Body
    >>> color_of(Body("cone", (0, 0, 10))), color_of(Body("barrier board", (0, 0, 10)))
    ('orange', 'red-white')
    """
    shares: dict[str, float] = {}
    for (color, tint), share in _surfaces(body.mesh):
        name = color_name(color if tint is None else body.tints[tint])
        shares[name] = shares.get(name, 0.0) + share
    if min(shares.get("red", 0.0), shares.get("white", 0.0)) >= _STRIPES:
        return "red-white"
    name, share = max(shares.items(), key=lambda pair: pair[1])
    return name if share >= _MAIN else "other"


def color_name(color: Color) -> str:
    """Name a colour.

    >>> [color_name(c) for c in ((20, 20, 22), (235, 88, 22), (120, 90, 60), (30, 50, 95))]
    ['black', 'orange', 'brown', 'blue']
    """
    red, green, blue = color
    most, least = max(color), min(color)
    if most < 48 and most - least < 24:
        return "black"
    if most - least < 0.16 * most + 8:
        return "white" if least > 195 else "black" if most < 55 else "gray"
    if blue >= most:
        return "blue" if red < 0.85 * blue else "other"
    if green >= most:
        return "green" if red < 0.92 * green else "yellow"
    share = (green - blue) / max(red - blue, 1e-6)  # 0 red, 1 yellow
    if blue > green:
        return "red" if blue < 0.6 * red else "other"
    if share < 0.22:
        return "red"
    if red < 185:
        return "brown"
    return "orange" if share < 0.6 else "yellow"


@cache
def _surfaces(mesh: str) -> tuple[tuple[tuple[Color, int | None], float], ...]:
    """Return colour and tint of a model's materials with the share of its surface they cover.

    Details lie on the surface of other parts and count twice, once for what they hide.
    """
    areas: dict[tuple[Color, int | None], float] = {}
    for part in CATALOGUE[mesh].mesh.parts:
        for face, name in zip(part.faces, part.materials, strict=True):
            corners = part.vertices[list(face)]
            cross = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
            material = MATERIALS[name]
            key = (material.color, material.tint)
            area = float(np.linalg.norm(cross)) / 2 * (2.0 if part.detail else 1.0)
            areas[key] = areas.get(key, 0.0) + area
    total = sum(areas.values())
    return tuple((key, area / total) for key, area in areas.items())
