"""People on foot, on wheels and at work."""

from __future__ import annotations

from drivegrid.scenes.meshes.model import Model

PEOPLE: dict[str, Model] = {}
"""Model name -> model."""
