"""The predictor as commands use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from drivegrid.inference.predictor import Predictor

ModelOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="checkpoint folder; default: the shipped nano")
]

BaseOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="checkpoint that the adapter given as --model was trained on")
]


def load_predictor(model: Path | None, base: Path | None = None) -> Predictor:
    """Load a checkpoint, by default the shipped one, for decoding in one thread.

    Single tokens are too little work to share: with a second busy process beside it, two threads
    were several times slower than one.
    """
    import torch

    from drivegrid.inference.predictor import Predictor

    torch.set_num_threads(1)
    return Predictor.from_pretrained(model, base)
