"""Things that lie or stand on the road."""

from __future__ import annotations

from drivegrid.scenes.mesh import Mesh, box
from drivegrid.scenes.meshes.model import Model

_CRATE = Mesh("crate", (box((-0.4, 0.0, -0.4), (0.4, 0.7, 0.4), "wood"),))

OBSTACLES: dict[str, Model] = {
    "crate": Model(_CRATE, "obstacle", "obstacle/debris"),
}
"""Model name -> model."""
