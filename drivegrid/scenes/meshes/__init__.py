"""Everything that can stand in a scene, as meshes of convex parts."""

from drivegrid.scenes.meshes.catalogue import CATALOGUE, size_of
from drivegrid.scenes.meshes.model import Model

__all__ = ["CATALOGUE", "Model", "size_of"]
