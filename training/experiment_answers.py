"""How a trained model is asked for an experiment: in any representation, or by the predictor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drivegrid.data.scene import Scene
from drivegrid.inference.predictor import Predictor
from drivegrid.inference.written import Writer
from drivegrid.tasks.representation import WITH_CELLS
from drivegrid.tokens.grammar import parse_answer

from .config import TrainingConfig
from .grpo_config import GrpoConfig

Images = Sequence[npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, and the tokens it took with all its rounds, ends left out."""

    scene: Scene
    num_tokens: int


class Answers(Protocol):
    """A trained model.

    Attributes:
        predictor: The same model as a predictor; None if it writes no cells.
    """

    predictor: Predictor | None

    def ask(self, images: Images, query: str) -> list[Given]:
        """Answer one question about each picture, constrained and with all rounds."""

    def well_formed(self, images: Images, query: str) -> list[bool]:
        """Return whether the answers keep to the grammar where nothing makes them."""


def load_answers(checkpoint: Path) -> Answers:
    """Load what a run has trained.

    Raises:
        ModelError: If weights are missing or do not fit their manifest.
    """
    record = json.loads((checkpoint / "training.json").read_text())
    form = GrpoConfig if "stage" in record else TrainingConfig
    config = form.model_validate(record["config"])
    if config.qwen is None:
        writer = Writer.from_pretrained(checkpoint)
        if config.representation not in WITH_CELLS:
            return Written(writer, None)
        predictor = Predictor(writer.model, writer.processor)
        rounds = writer.way.rounds
        return Predicted(predictor, rounds) if rounds else Written(writer, predictor)
    predictor = Predictor.from_pretrained(checkpoint, config.adapter and config.adapter.base)
    return Predicted(predictor, config.written(predictor.processor.grid).rounds)


class Written:
    """A nano in any representation without offsets."""

    def __init__(self, writer: Writer, predictor: Predictor | None) -> None:
        self.writer, self.predictor = writer, predictor

    def ask(self, images: Images, query: str) -> list[Given]:
        """See `Answers`."""
        return [Given(one.scene, one.num_tokens) for one in self.writer.ask(images, query)]

    def well_formed(self, images: Images, query: str) -> list[bool]:
        """See `Answers`."""
        found = self.writer.ask(images, query, constrained=False)
        return [not one.diagnostics for one in found]


class Predicted:
    """Any model whose answers are cells, with rounds of offsets.

    Args:
        predictor: The model.
        rounds: Of offsets.
    """

    def __init__(self, predictor: Predictor, rounds: int) -> None:
        self.predictor, self.rounds = predictor, rounds

    def ask(self, images: Images, query: str) -> list[Given]:
        """See `Answers`."""
        count = self.predictor.processor.reply_ids
        return [
            Given(one.to_scene(), sum(len(count(text)) - 1 for text in one.texts))
            for one in self.predictor.ask_batch(images, [query] * len(images), self.rounds)
        ]

    def well_formed(self, images: Images, query: str) -> list[bool]:
        """See `Answers`."""
        queries = [query] * len(images)
        found = self.predictor.ask_batch(images, queries, rounds=0, constrained=False)
        grid = self.predictor.processor.grid
        return [not parse_answer(one.texts[0], grid).diagnostics for one in found]
