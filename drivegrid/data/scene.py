"""Scene: a frame and what is in it. Every reader, task, model, metric and picture meets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drivegrid.errors import GeometryError
from drivegrid.geometry import Geometry, Size

SCHEMA_VERSION = 1
MAX_SIDE_PX = 100_000
"""Longest side of a frame."""
MAX_COORDINATE_PX = 1e7
"""Furthest a coordinate that is read may lie from the image's corner."""

KEY_OBJECTS = "key_objects_only"
"""Flag among a scene's extras, see `Scene`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One image.

    Args:
        image: Path as the data set writes it, relative to its root; may be empty.
        size_wh: Width and height in pixels, 1 to ``MAX_SIDE_PX``.
        attributes: Frame-wide facts by attribute task, for example ``{"surface": "wet"}``.
        clip: Clip or drive it belongs to; splits never tear a clip apart.
    """

    image: str
    size_wh: Size
    attributes: Mapping[str, str] = field(default_factory=dict)
    clip: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= min(self.size_wh) <= max(self.size_wh) <= MAX_SIDE_PX:
            raise GeometryError(
                f"size_wh must be 1 to {MAX_SIDE_PX}, got {self.size_wh!s:.100} ({self.image})."
            )


@dataclass(frozen=True, slots=True)
class Instance:
    """One thing in a frame.

    Args:
        label: Taxonomy path, for example ``"obstacle/cone"`` (see ``drivegrid.labels``).
        geometry: Shape in pixels of the frame; may leave the image.
        attributes: Attribute name to value, for example ``{"color": "yellow"}``.
        visibility: Visible share in [0, 1]; None where unknown.
        confidence: Score in [0, 1] of a prediction; None for labels.
        source: Provenance: ``"label"``, ``"rendered"``, or the model's name.
        extra: What the source format held beyond this, for lossless round trips (JSON values).
    """

    label: str
    geometry: Geometry
    attributes: Mapping[str, str] = field(default_factory=dict)
    visibility: float | None = None
    confidence: float | None = None
    source: str = "label"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame with its instances; ``extra`` keeps format fields of the frame (JSON values).

    ``extra["assumed_size"]`` is True where a reader found no picture and took its format's size.
    ``extra[KEY_OBJECTS]`` is True where the data set marks what it speaks of and leaves
    other things of the same kind unmarked: nothing can be counted, ranked or denied there.
    """

    frame: Frame
    instances: tuple[Instance, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
