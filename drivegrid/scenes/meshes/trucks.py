"""Trucks, buses, trams and machines."""

from __future__ import annotations

from drivegrid.scenes.meshes.model import Model

TRUCKS: dict[str, Model] = {}
"""Model name -> model."""
