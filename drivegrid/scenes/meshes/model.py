"""What every file of models is made of."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.scenes.mesh import Mesh


@dataclass(frozen=True, slots=True)
class Model:
    """A mesh and what it stands for.

    Args:
        mesh: Its shape.
        segment: Name in ``segments.SEGMENTS``.
        label: Taxonomy path, None for scenery without a label of its own.
        held_out: Whether only test scenes may show it.
    """

    mesh: Mesh
    segment: str
    label: str | None = None
    held_out: bool = False

    @property
    def num_triangles(self) -> int:
        """Triangles that a renderer draws for it, each face cut into a fan."""
        return sum(len(face) - 2 for part in self.mesh.parts for face in part.faces)
