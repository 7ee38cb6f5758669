"""All models by name."""

from __future__ import annotations

from functools import lru_cache

from drivegrid.scenes.meshes.animals import ANIMALS
from drivegrid.scenes.meshes.buildings import BUILDINGS
from drivegrid.scenes.meshes.buses import BUSES
from drivegrid.scenes.meshes.furniture import FURNITURE
from drivegrid.scenes.meshes.machines import MACHINES
from drivegrid.scenes.meshes.model import Model
from drivegrid.scenes.meshes.obstacles import OBSTACLES
from drivegrid.scenes.meshes.people import PEOPLE
from drivegrid.scenes.meshes.roadside import ROADSIDE
from drivegrid.scenes.meshes.signals import SIGNALS
from drivegrid.scenes.meshes.structures import STRUCTURES
from drivegrid.scenes.meshes.trees import TREES
from drivegrid.scenes.meshes.trucks import TRUCKS
from drivegrid.scenes.meshes.two_wheelers import TWO_WHEELERS
from drivegrid.scenes.meshes.vehicles import VEHICLES
from drivegrid.scenes.meshes.work_zone import WORK_ZONE

CATALOGUE: dict[str, Model] = {
    **VEHICLES,
    **TRUCKS,
    **BUSES,
    **MACHINES,
    **TWO_WHEELERS,
    **PEOPLE,
    **ANIMALS,
    **OBSTACLES,
    **WORK_ZONE,
    **FURNITURE,
    **TREES,
    **BUILDINGS,
    **STRUCTURES,
    **ROADSIDE,
    **SIGNALS,
}
"""Model name -> model; the names are unique over all files."""


@lru_cache(maxsize=512)
def size_of(name: str) -> tuple[float, float, float]:
    """Return width, height and length of a model in metres, as floats.

    >>> size_of("sedan")[2] > 4
    True
    """
    width, height, length = CATALOGUE[name].mesh.size_m().tolist()
    return width, height, length
