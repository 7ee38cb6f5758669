"""Cars, vans and small carts."""

from __future__ import annotations

from drivegrid.scenes.meshes.model import Model

VEHICLES: dict[str, Model] = {}
"""Model name -> model."""
