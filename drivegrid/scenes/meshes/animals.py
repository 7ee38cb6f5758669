"""Animals on or beside the road."""

from __future__ import annotations

from drivegrid.scenes.meshes.model import Model

ANIMALS: dict[str, Model] = {}
"""Model name -> model."""
