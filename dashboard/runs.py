"""Runs of the model over the frames of a data set, as the store keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drivegrid.data.images import Picture
from drivegrid.data.scene import Scene
from drivegrid.inference.results import Found
from drivegrid.tasks.table import DEFAULT_TASKS

if TYPE_CHECKING:
    from drivegrid.inference.predictor import Predictor

_OFFSET = re.compile(r"<OFF_-?[01]_-?[01]>|<DELETE>")


def run_of(
    predictor: Predictor, frames: Iterable[tuple[str, Picture]], rounds: int
) -> Iterator[tuple[Scene, list[dict[str, Any]]]]:
    """Yield what a model finds in each frame, and the trace of the tokens of each instance.

    Args:
        predictor: The model.
        frames: Names and pictures.
        rounds: Refine turns.
    """
    for name, picture in frames:
        answer = replace(predictor.detect(picture, DEFAULT_TASKS, rounds), image=name)
        yield answer.to_scene(), [trace_record(found) for found in answer.found]


def trace_record(found: Found) -> dict[str, Any]:
    """Return the trace of an instance as JSON values.

    ``proposed``, ``earlier``, ``moved`` and ``deleted`` are those of `AnchorTrace`; ``offsets`` has
    a list of tokens for each round.
    """
    return {
        "tokens": found.tokens[0],
        "proposed": found.trace.proposed.round(2).tolist(),
        "earlier": [places.round(2).tolist() for places in found.trace.earlier],
        "moved": found.trace.moved.round(2).tolist(),
        "deleted": found.trace.deleted.tolist(),
        "offsets": offsets_in(found.tokens[1:]),
    }


def offsets_in(texts: Sequence[str]) -> list[list[str]]:
    """Return the offset tokens of each round.

    >>> offsets_in(["<line><OFF_0_-1><DELETE></line>"])
    [['<OFF_0_-1>', '<DELETE>']]
    """
    return [_OFFSET.findall(text) for text in texts]
