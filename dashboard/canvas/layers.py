"""What the canvas shows: a picture, layers of shapes over it, and how tokens led to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.errors import DriveGridError
from drivegrid.geometry import BoolArray, FloatArray, Geometry, Size, as_points
from drivegrid.plotting.palette import ORANGE, PURPLE, SKY, YELLOW, Color
from drivegrid.plotting.trace import AnchorTrace

DECIMALS = 2
"""Digits of a pixel that the browser sees and sends."""

Role: TypeAlias = Literal["label", "model", "other", "review"]
"""Whose shapes a layer holds: labels, a model run, the run it is compared with, reviewers."""


class CanvasError(DriveGridError, ValueError):
    """The canvas was given, or the browser sent, something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a layer is drawn: colour, dash pattern in screen pixels and marker all differ."""

    color: Color
    dash: str
    marker: str


STYLES: dict[Role, Style] = {
    "label": Style(SKY, "", "circle"),
    "model": Style(ORANGE, "9 4", "square"),
    "other": Style(PURPLE, "2 4", "diamond"),
    "review": Style(YELLOW, "", "triangle"),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture that is shown.

    Args:
        id: Name of the frame; edits and verdicts belong to it, however the address changes.
        url: Where the browser loads it.
        size_wh: Width and height in pixels.
        next_url: The picture that comes next, loaded ahead of time; must be the very address
            that it is shown with later.
    """

    id: str
    url: str
    size_wh: Size
    next_url: str | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form for the browser."""
        return {
            "id": self.id,
            "url": self.url,
            "size": list(self.size_wh),
            "nextUrl": self.next_url,
        }


@dataclass(frozen=True, slots=True, eq=False)
class TokenTrace:
    """How tokens led to a shape: proposed, moved round by round, some deleted.

    Args:
        proposed: (N, 2) x, y of the proposed cell centres, in pixels.
        rounds: For each round the (N, 2) vectors that the offsets move by, in pixels.
        deleted: (N,) True where the anchor was deleted.

    Raises:
        CanvasError: If the shapes do not fit each other.
        GeometryError: If a number is not finite.
    """

    proposed: FloatArray
    rounds: tuple[FloatArray, ...]
    deleted: BoolArray

    def __post_init__(self) -> None:
        proposed = as_points(self.proposed, "proposed")
        rounds = tuple(as_points(vectors, "offsets") for vectors in self.rounds)
        deleted = np.asarray(self.deleted, dtype=np.bool_)
        if deleted.shape != (len(proposed),) or any(r.shape != proposed.shape for r in rounds):
            found = [deleted.shape, *(r.shape for r in rounds)]
            raise CanvasError(
                f"trace must have one delete and one offset a round for each of "
                f"{len(proposed)} anchors, got shapes {found}."
            )
        object.__setattr__(self, "proposed", proposed)
        object.__setattr__(self, "rounds", rounds)
        object.__setattr__(self, "deleted", deleted)

    @classmethod
    def of_anchors(cls, trace: AnchorTrace) -> TokenTrace:
        """Return the trace of a prediction, each round as it happened."""
        places = (trace.proposed, *trace.earlier, trace.moved)
        rounds = tuple(after - before for before, after in pairwise(places))
        return cls(trace.proposed, rounds, trace.deleted)

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form for the browser."""
        return {
            "proposed": self.proposed.round(DECIMALS).tolist(),
            "rounds": [vectors.round(DECIMALS).tolist() for vectors in self.rounds],
            "deleted": self.deleted.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Shape:
    """One instance on the canvas.

    Args:
        id: Name that no other shape on the canvas has.
        instance: Label, geometry in pixels, attributes and confidence.
        trace: How tokens led to it, for predictions.
    """

    id: str
    instance: Instance
    trace: TokenTrace | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form for the browser."""
        return {
            "id": self.id,
            "kind": self.instance.geometry.kind,
            "parts": parts_to_data(self.instance.geometry),
            "label": self.instance.label,
            "attributes": dict(self.instance.attributes),
            "confidence": self.instance.confidence,
            "trace": None if self.trace is None else self.trace.to_data(),
        }


@dataclass(frozen=True, slots=True)
class Layer:
    """Shapes that are shown and hidden together.

    Args:
        name: What the legend calls it.
        role: Whose shapes these are; gives colour, dash and marker.
        shapes: What is in it.
        editable: Whether a person may change it; of one layer at most.
        visible: Whether it is shown at first.
    """

    name: str
    role: Role
    shapes: Sequence[Shape] = field(default=())
    editable: bool = False
    visible: bool = True

    def to_data(self) -> dict[str, Any]:
        """Return the JSON form for the browser."""
        style = STYLES[self.role]
        return {
            "name": self.name,
            "color": "#{:02x}{:02x}{:02x}".format(*style.color),
            "dash": style.dash,
            "marker": style.marker,
            "editable": self.editable,
            "visible": self.visible,
            "shapes": [shape.to_data() for shape in self.shapes],
        }


def parts_to_data(geometry: Geometry) -> list[list[list[float]]]:
    """Return the vertex lists of a shape, rounded as the browser sees them."""
    return [part.round(DECIMALS).tolist() for part in geometry.parts()]


def check_layers(layers: Iterable[Layer]) -> Layer | None:
    """Return the editable layer, if there is one.

    Raises:
        CanvasError: If there are several, or an id stands twice.
    """
    layers = list(layers)
    ids = [shape.id for layer in layers for shape in layer.shapes]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise CanvasError(f"ids of shapes must differ, got {twice!r:.100} twice.")
    editable = [layer for layer in layers if layer.editable]
    if len(editable) > 1:
        names = [layer.name for layer in editable]
        raise CanvasError(f"one layer at most must be editable, got {names!r:.200}.")
    return editable[0] if editable else None
