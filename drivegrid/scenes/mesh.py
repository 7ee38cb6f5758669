"""Meshes are unions of convex solids, so that an outline is a union of convex hulls.

That makes silhouettes exact and cheap on any machine: the picture of a convex solid is the convex
hull of its projected vertices. Labels use the hulls, renderers draw the faces.

Model frame: metres, x right, y up, z forward (the way a thing faces); the origin lies on the
ground in the middle of the footprint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray

Color = tuple[float, float, float]
"""Red, green, blue in [0, 255]."""


@dataclass(frozen=True, slots=True)
class Material:
    """How a face looks.

    Args:
        color: Albedo; ignored where ``tint`` is set.
        gloss: Share of mirrored sky in [0, 1].
        tint: Index into a body's ``tints``, or None.
        glow: Which lamps it belongs to, ``""`` for none: ``front`` and ``rear`` shine by a body's
            ``lamps``; ``always`` shines by day and night.
        rough: Strength of grain in [0, 1].
    """

    color: Color
    gloss: float = 0.0
    tint: int | None = None
    glow: str = ""
    rough: float = 0.0


MATERIALS: dict[str, Material] = {
    "paint": Material((128, 128, 128), gloss=0.35, tint=0),
    "trim": Material((128, 128, 128), gloss=0.1, tint=1),
    "cloth": Material((128, 128, 128), tint=0, rough=0.2),
    "trousers": Material((128, 128, 128), tint=1, rough=0.2),
    "glass": Material((38, 44, 50), gloss=0.6),
    "tyre": Material((24, 24, 25)),
    "rim": Material((140, 142, 146), gloss=0.3),
    "dark": Material((30, 30, 32)),
    "chrome": Material((170, 172, 176), gloss=0.5),
    "plate": Material((215, 215, 205)),
    "front lamp": Material((205, 208, 210), gloss=0.3, glow="front"),
    "rear lamp": Material((150, 22, 22), gloss=0.2, glow="rear"),
    "amber lamp": Material((255, 160, 30), glow="always"),
    "skin": Material((190, 145, 120)),
    "hair": Material((50, 38, 30)),
    "vest": Material((215, 235, 40)),
    "orange": Material((235, 88, 22)),
    "red": Material((190, 28, 30)),
    "white": Material((232, 232, 228)),
    "yellow": Material((240, 190, 30)),
    "black": Material((22, 22, 24)),
    "green": Material((40, 90, 50)),
    "blue": Material((30, 70, 150)),
    "wood": Material((120, 90, 60), rough=0.4),
    "bark": Material((84, 68, 54), rough=0.5),
    "foliage": Material((70, 98, 44), tint=0, rough=0.9),
    "stone": Material((140, 134, 124), rough=0.6),
    "concrete": Material((165, 163, 156), rough=0.3),
    "brick": Material((150, 90, 70), tint=0, rough=0.4),
    "facade": Material((170, 160, 145), tint=0, rough=0.2),
    "roof tiles": Material((120, 70, 55), tint=1, rough=0.4),
    "steel": Material((150, 153, 156), gloss=0.2),
    "hole": Material((34, 32, 31), rough=0.5),
    "blue lamp": Material((40, 90, 255), glow="always"),
    "spokes": Material((98, 99, 100)),
    "brown fur": Material((122, 86, 56), rough=0.4),
    "dark fur": Material((50, 40, 34), rough=0.4),
    "pale fur": Material((206, 192, 168), rough=0.4),
    "face": Material((255, 255, 255)),
    "plaster": Material((205, 198, 184), tint=0, rough=0.2),
    "sheet metal": Material((165, 170, 174), gloss=0.1, tint=0, rough=0.2),
    "reflective": Material((238, 238, 234), gloss=0.1),
    "shadow": Material((86, 84, 80)),
    "dark red": Material((132, 18, 20)),
    "pale gray": Material((182, 182, 178)),
    "cardboard": Material((176, 138, 96), rough=0.2),
    "iron": Material((74, 72, 70), gloss=0.1, rough=0.4),
    "grass": Material((92, 104, 60), rough=0.8),
    "asphalt edge": Material((124, 121, 116), rough=0.8),
    "strip lamp": Material((255, 232, 190), glow="always"),
    "lamp red lit": Material((255, 60, 45), glow="always"),
    "lamp yellow lit": Material((255, 190, 50), glow="always"),
    "lamp green lit": Material((60, 255, 180), glow="always"),
    "lamp red off": Material((66, 20, 18), gloss=0.2),
    "lamp yellow off": Material((68, 52, 18), gloss=0.2),
    "lamp green off": Material((16, 50, 40), gloss=0.2),
}
"""Material name -> look. ``face`` shows the body's sign face, ``facade`` rows of windows."""


@dataclass(frozen=True, slots=True)
class Part:
    """A convex solid of a mesh.

    Args:
        vertices: (V, 3) metres in the model frame.
        faces: Vertex indices of each face, planar and convex, in the order that makes the cross
            product (b - a) x (c - a) of its first corners point outwards.
        materials: Name of each face's material, a key of ``MATERIALS``.
        smooth: Whether normals run smoothly over the edges.
        detail: Whether it lies on or inside the other parts' hulls: drawn, never in the outline.
    """

    vertices: FloatArray
    faces: tuple[tuple[int, ...], ...]
    materials: tuple[str, ...]
    smooth: bool = False
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Mesh:
    """A named union of parts, drawn in the order given where a renderer has no depth buffer."""

    name: str
    parts: tuple[Part, ...]

    def outline_vertices(self) -> list[FloatArray]:
        """Return the (V, 3) vertices of each part that makes the outline."""
        return [part.vertices for part in self.parts if not part.detail]

    def size_m(self) -> FloatArray:
        """Return (3,) width, height and length of the axis-aligned extent."""
        return np.asarray(np.ptp(np.concatenate([p.vertices for p in self.parts]), axis=0))


def box(
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    material: str | tuple[str, ...],
    *,
    detail: bool = False,
) -> Part:
    """Return an axis-aligned box.

    Args:
        low: Least x, y, z.
        high: Greatest x, y, z.
        material: One for all, or six: back (-z), front (+z), left (-x), right (+x), top, bottom.
        detail: See ``Part``.

    >>> box((-1, 0, -2), (1, 1, 2), "steel").vertices.shape
    (8, 3)
    """
    return prism(
        [(low[2], low[1]), (high[2], low[1]), (high[2], high[1]), (low[2], high[1])],
        [low[0]] * 4,
        [high[0]] * 4,
        material if isinstance(material, str) else _box_order(material),
        detail=detail,
    )


def _box_order(six: tuple[str, ...]) -> tuple[str, ...]:
    back, front, left, right, top, bottom = six
    return (bottom, front, top, back, left, right)


def prism(
    profile: list[tuple[float, float]],
    left: list[float],
    right: list[float],
    material: str | tuple[str, ...],
    *,
    detail: bool = False,
) -> Part:
    """Return a convex side profile drawn out across the width.

    Args:
        profile: (z, y) corners, counter-clockwise with z to the right and y up.
        left: Least x at each corner; with ``right`` it lets a cabin lean inwards.
        right: Greatest x at each corner.
        material: One for all; or one for each edge, from corner i to i + 1, then left and right.
        detail: See ``Part``.
    """
    count = len(profile)
    vertices = [(x, y, z) for x, (z, y) in zip(left, profile, strict=True)]
    vertices += [(x, y, z) for x, (z, y) in zip(right, profile, strict=True)]
    faces: list[tuple[int, ...]] = [
        (i, i + count, (i + 1) % count + count, (i + 1) % count) for i in range(count)
    ]
    faces.append(tuple(range(count)))
    faces.append(tuple(reversed(range(count, 2 * count))))
    names = (material,) * len(faces) if isinstance(material, str) else material
    return Part(np.array(vertices, dtype=np.float64), tuple(faces), names, detail=detail)


def cylinder(
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radii: tuple[float, float],
    material: str | tuple[str, str],
    *,
    sides: int = 10,
    detail: bool = False,
) -> Part:
    """Return a cylinder or cone frustum between two points.

    Args:
        start: Centre of the first end.
        end: Centre of the other end.
        radii: Radius at both ends in metres; 0 makes a point.
        material: Of the wall and both ends, or one for the wall and one for the ends.
        sides: Facets of the wall.
        detail: See ``Part``.
    """
    wall, cap = (material, material) if isinstance(material, str) else material
    first, last = np.array(start, dtype=np.float64), np.array(end, dtype=np.float64)
    axis = (last - first) / np.linalg.norm(last - first)
    helper = np.array([1.0, 0, 0]) if abs(axis[0]) < 0.9 else np.array([0, 1.0, 0])
    u = np.cross(axis, helper)
    u /= np.linalg.norm(u)
    v = np.cross(axis, u)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    ring = np.cos(angle) * u + np.sin(angle) * v
    vertices = np.concatenate([first + radii[0] * ring, last + radii[1] * ring])
    faces: list[tuple[int, ...]] = [
        (i, (i + 1) % sides, (i + 1) % sides + sides, i + sides) for i in range(sides)
    ]
    faces.append(tuple(reversed(range(sides))))
    faces.append(tuple(range(sides, 2 * sides)))
    return Part(vertices, tuple(faces), (wall,) * sides + (cap, cap), smooth=True, detail=detail)


def ellipsoid(
    center: tuple[float, float, float],
    radii: tuple[float, float, float],
    material: str,
    *,
    rings: int = 5,
    sides: int = 8,
    detail: bool = False,
) -> Part:
    """Return an axis-aligned ellipsoid of ``rings`` rings of ``sides`` vertices and two poles."""
    polar = np.linspace(0, np.pi, rings + 2)[1:-1]
    around = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = [
        (np.sin(p) * np.cos(a), -np.cos(p), np.sin(p) * np.sin(a)) for p in polar for a in around
    ]
    unit = np.array([(0.0, -1.0, 0.0), *ring, (0.0, 1.0, 0.0)])
    top = len(unit) - 1
    faces: list[tuple[int, ...]] = []
    for i in range(sides):
        j = (i + 1) % sides
        faces.append((0, 1 + i, 1 + j))
        for k in range(rings - 1):
            base = 1 + k * sides
            faces.append((base + i, base + sides + i, base + sides + j, base + j))
        last = 1 + (rings - 1) * sides
        faces.append((last + i, top, last + j))
    vertices = unit * np.array(radii) + np.array(center)
    return Part(vertices, tuple(faces), (material,) * len(faces), smooth=True, detail=detail)


def plate(outline: list[tuple[float, float]], material: str, back: str = "steel") -> Part:
    """Return a flat convex plate facing -z, 2 cm thick, for sign faces.

    Args:
        outline: (x, y) corners in [-1, 1], counter-clockwise with x to the right and y up, as a
            viewer standing on the -z side sees it.
        material: Of the front; ``face`` maps the square [-1, 1]² onto the face's picture.
        back: Of the back and the rim.
    """
    count = len(outline)
    vertices = [(x, y, -0.01) for x, y in outline] + [(x, y, 0.01) for x, y in outline]
    faces: list[tuple[int, ...]] = [tuple(reversed(range(count))), tuple(range(count, 2 * count))]
    faces += [(i, (i + 1) % count, (i + 1) % count + count, i + count) for i in range(count)]
    names = (material, *(back,) * (count + 1))
    return Part(np.array(vertices, dtype=np.float64), tuple(faces), names)
