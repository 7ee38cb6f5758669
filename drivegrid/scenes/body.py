"""A mesh placed in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.scenes.mesh import Color


@dataclass(frozen=True, slots=True)
class Body:
    """A mesh with a place, a pose and a look.

    Args:
        mesh: Name in ``meshes.CATALOGUE``.
        position_m: World x, y, z of the mesh's origin.
        yaw_rad: 0 faces +Z (away from the camera); positive turns to the right.
        scale: Factors of the model's x, y, z.
        grade: Rise of the ground in metres per metre of world Z.
        tints: Colours of the materials with ``tint`` 0 and 1.
        lamps: Brightness of front and rear lamps in [0, 1].
        face: Key in ``faces.FACES`` shown by parts of material ``face``; None shows plain white.
        part_of: Instance id: 0 for scenery, else the number of a labelled thing, from 1.
        segment: Index into ``segments.SEGMENTS``.
    """

    mesh: str
    position_m: tuple[float, float, float]
    yaw_rad: float = 0.0
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    grade: float = 0.0
    tints: tuple[Color, Color] = ((128.0, 128.0, 128.0), (128.0, 128.0, 128.0))
    lamps: float = 0.0
    face: str | None = None
    part_of: int = 0
    segment: int = 0

    def numbered(self, part_of: int, lamps: float) -> Body:
        """Return the body as part of a labelled thing, its lamps at least as bright as told."""
        return Body(
            self.mesh,
            self.position_m,
            self.yaw_rad,
            self.scale,
            self.grade,
            self.tints,
            max(self.lamps, lamps),
            self.face,
            part_of,
            self.segment,
        )

    def to_world(self, points: FloatArray) -> FloatArray:
        """Map (N, 3) points of the model frame to world metres.

        Scaled, then turned about the vertical, then sheared along the ground's grade.
        """
        x, y, z = (points * np.asarray(self.scale)).T
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        world = np.empty_like(points)
        world[:, 0] = self.position_m[0] + x * cos + z * sin
        ahead = z * cos - x * sin
        world[:, 1] = self.position_m[1] + y + self.grade * ahead
        world[:, 2] = self.position_m[2] + ahead
        return world
