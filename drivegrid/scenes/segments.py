"""What a pixel shows, in one byte."""

from __future__ import annotations

SEGMENTS = (
    "sky",
    "road",
    "marking",
    "sidewalk",
    "terrain",
    "building",
    "barrier",
    "pole",
    "vegetation",
    "sign",
    "light",
    "vehicle",
    "two-wheeler",
    "person",
    "obstacle",
    "animal",
    "bonnet",
)
"""Segment names; a picture's ``segments`` plane holds indices into them."""

SEGMENT = {name: index for index, name in enumerate(SEGMENTS)}
"""Segment name -> index."""
