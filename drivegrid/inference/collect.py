"""From items in tokens to instances in pixels, each with what the model thought of its anchors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import (
    BoolArray,
    FloatArray,
    Geometry,
    IntArray,
    Size,
    from_parts,
)
from drivegrid.inference.confidence import AnchorBelief, anchor_belief, expected_place
from drivegrid.inference.results import Found
from drivegrid.labels import default_label_space
from drivegrid.masks.drawing import outline_of
from drivegrid.plotting.trace import AnchorTrace
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import format_geometry, format_offsets
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.mask_words import WORD
from drivegrid.tokens.offsets import decode_points


@dataclass(frozen=True, slots=True, eq=False)
class WordMask:
    """A mask that words tell.

    Args:
        inside: (H, W) of the frame's size; may be empty.
        confidence: Mean probability in [0, 1] of its words.
    """

    inside: BoolArray
    confidence: float


Places: TypeAlias = Literal["cells", "expected"]
"""Where an anchor stands: in the middle of its cell and where offsets take it from there, or
where the probabilities of the cell and those around it expect it."""
_CELL = re.compile(r"<grid_(\d+)_(\d+)>")


class Collector:
    """Builds the instances of one answer.

    Args:
        codec: Turns tokens into shapes.
        size_wh: Frame size in pixels.
        source: Name of the model.
        places: Where anchors stand.
    """

    def __init__(self, codec: Codec, size_wh: Size, source: str, places: Places = "cells") -> None:
        self.codec, self.size_wh, self.source, self.places = codec, size_wh, source, places

    def found(
        self,
        items: Sequence[AnswerItem],
        geometries: Sequence[GridGeometry],
        chances: Sequence[Sequence[FloatArray]],
        masks: Sequence[WordMask | None] | None = None,
    ) -> list[Found]:
        """Return the instances; deleted ones and empty masks fall out.

        Args:
            items: What the proposal says.
            geometries: The shape of each with its offsets.
            chances: For each item the (num_cells,) distribution of each of its anchors.
            masks: For each item what its words tell, if it has any.
        """
        found, number = [], -1
        for i, (item, geometry, mine) in enumerate(zip(items, geometries, chances, strict=True)):
            number += not item.same_instance
            mask = masks[i] if masks else None
            shape = self._shape(geometry, mine) if mask is None else outline_of(mask.inside)
            if shape is None:
                continue
            beliefs = self._beliefs(geometry, mine)
            sure = [mask.confidence] if mask else [belief.confidence for belief in beliefs]
            instance = Instance(
                label=default_label_space().path_or_words(item.label),
                geometry=shape,
                attributes=dict(item.attributes),
                confidence=float(np.mean(sure)),
                source=self.source,
            )
            tokens = (
                format_geometry(geometry),
                *(format_offsets([geometry], r + 1) for r in range(len(geometry.offsets))),
            )
            trace, inside = self._trace(geometry, beliefs), mask.inside if mask else None
            found.append(Found(instance, tokens, trace, mask=inside, number=number))
        return found

    def _beliefs(self, geometry: GridGeometry, chances: Sequence[FloatArray]) -> list[AnchorBelief]:
        grid = self.codec.grid
        return [
            anchor_belief(mine, number, grid, self.size_wh)
            for mine, number in zip(chances, _cell_numbers(geometry, grid).tolist(), strict=True)
        ]

    def _shape(self, geometry: GridGeometry, chances: Sequence[FloatArray]) -> Geometry | None:
        if self.places == "cells" or geometry.words:
            return self.codec.decode(geometry, self.size_wh, smooth=geometry.kind == "line")
        grid = self.codec.grid
        numbers = _cell_numbers(geometry, grid).tolist()
        points = np.array(
            [
                expected_place(mine, number, grid, self.size_wh)
                for mine, number in zip(chances, numbers, strict=True)
            ]
        )
        if geometry.kind == "box":
            points = np.sort(points, axis=0)
        ends = np.cumsum([len(part) for part in geometry.cells])[:-1]
        return from_parts(geometry.kind, tuple(np.split(points, ends)))

    def _trace(self, geometry: GridGeometry, beliefs: Sequence[AnchorBelief]) -> AnchorTrace:
        grid = self.codec.grid
        cells = np.concatenate(geometry.cells)
        offsets = [np.concatenate(round_) for round_ in geometry.offsets]
        moved, kept = decode_points(cells, offsets, grid, self.size_wh)
        earlier = tuple(
            decode_points(cells, offsets[:num], grid, self.size_wh)[0]
            for num in range(1, len(offsets))
        )
        covariance = np.array([belief.covariance for belief in beliefs]).reshape(-1, 2, 2)
        return AnchorTrace(grid.centers_of(cells, self.size_wh), moved, ~kept, covariance, earlier)


def chances_of(
    text: str, items: Sequence[AnswerItem], cells: Sequence[FloatArray], grid: GridSpec
) -> list[list[FloatArray]]:
    """Return for each item the distribution behind each of its anchors.

    A constrained answer has them one to one. Of any other the parser may have cut or sorted
    anchors: each takes the distribution of the first tag of its item that names its cell, and is
    certain of itself without one.

    Args:
        text: The answer.
        items: What it says.
        cells: For each grid token of the answer the (num_cells,) distribution it came from.
        grid: Lattice.
    """
    tags = list(_CELL.finditer(text))
    if len(tags) != len(cells):
        tags = []  # some were spelt letter by letter
    found = []
    for item in items:
        start, end = item.span or (0, len(text))
        named: dict[int, list[FloatArray]] = {}
        for tag, mine in zip(tags, cells, strict=False):
            if start <= tag.start() < end:
                number = int(tag[2]) * grid.cols + int(tag[1])
                named.setdefault(number, []).append(mine)
        found.append(
            [
                named[number].pop(0) if named.get(number) else _certain(number, grid)
                for number in _cell_numbers(item.geometry, grid).tolist()
            ]
        )
    return found


def word_chances(
    text: str, items: Sequence[AnswerItem], chances: Sequence[float]
) -> list[list[float]]:
    """Return for each item the probability of each of its words.

    Args:
        text: The answer.
        items: What it says.
        chances: For each word of the answer its probability.
    """
    places = [match.start() for match in re.finditer(WORD, text)]
    told = chances if len(places) == len(chances) else [1.0] * len(places)
    spans = [item.span or (0, 0) for item in items]
    return [
        [chance for at, chance in zip(places, told, strict=True) if start <= at < end]
        for start, end in spans
    ]


def _certain(number: int, grid: GridSpec) -> FloatArray:
    chances = np.zeros(grid.num_cells)
    chances[number] = 1.0
    return chances


def _cell_numbers(geometry: GridGeometry, grid: GridSpec) -> IntArray:
    """Return (N,) row-major numbers of a shape's cells."""
    cells = np.concatenate(geometry.cells)
    numbers: IntArray = cells[:, 1] * grid.cols + cells[:, 0]
    return numbers
