"""All models by name."""

from __future__ import annotations

from drivegrid.scenes.meshes.animals import ANIMALS
from drivegrid.scenes.meshes.buses import BUSES
from drivegrid.scenes.meshes.machines import MACHINES
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.obstacles import OBSTACLES
from drivegrid.scenes.meshes.people import PEOPLE
from drivegrid.scenes.meshes.trucks import TRUCKS
from drivegrid.scenes.meshes.two_wheelers import TWO_WHEELERS
from drivegrid.scenes.meshes.vehicles import VEHICLES

CATALOGUE: dict[str, Model] = {
    **VEHICLES,
    **TRUCKS,
    **BUSES,
    **MACHINES,
    **TWO_WHEELERS,
    **PEOPLE,
    **ANIMALS,
    **OBSTACLES,
}
"""Model name -> model; the names are unique over all files."""
