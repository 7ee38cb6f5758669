"""All models by name."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.scenes.mesh import Mesh, box


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


_CRATE = Mesh("crate", (box((-0.4, 0.0, -0.4), (0.4, 0.7, 0.4), "wood"),))

CATALOGUE: dict[str, Model] = {
    "crate": Model(_CRATE, "obstacle", "obstacle/debris"),
}
"""Model name -> model."""
