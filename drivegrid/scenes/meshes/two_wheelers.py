"""Motorcycles and bicycles."""

from __future__ import annotations

from drivegrid.scenes.meshes.model import Model

TWO_WHEELERS: dict[str, Model] = {}
"""Model name -> model."""
