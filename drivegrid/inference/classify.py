"""Attributes of a marked place: each option is scored by what the model thinks of its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch

from drivegrid.data.attributes import AttributeQuestion
from drivegrid.data.files import parse_json
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import FloatArray, Geometry
from drivegrid.inference.calibration import load_temperatures, log_shares
from drivegrid.inference.predictor import Image, Predictor, check_query, open_image
from drivegrid.inference.speaker import Speaker, View
from drivegrid.inference.talks import Talks
from drivegrid.labels import default_label_space
from drivegrid.plotting.marking import mark_region
from drivegrid.tasks.regions import ClosedQuestion, attribute_prompt, region_text
from drivegrid.tasks.settings import GridConfig
from drivegrid.tokens.codec import Codec, LineEncoder
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import escape_text

Regions: TypeAlias = Literal["tokens", "drawn"]
"""How a place is pointed at: by tokens in the question, or by an outline in the picture."""
TRAINING_FILE = "training.json"
MAX_OPTIONS = 64


@dataclass(frozen=True)
class ClassifySettings:
    """What a checkpoint says about its questions on places.

    Args:
        temperatures: Task to temperature; 1 for others.
        line_encoder: How outlines were written in training.
        every: Likewise, see `Codec`.
        regions: How places are pointed at.
    """

    temperatures: Mapping[str, float] = field(default_factory=dict)
    line_encoder: LineEncoder = GridConfig().line_encoder
    every: int = GridConfig().every
    regions: Regions = "tokens"

    @classmethod
    def from_checkpoint(cls, folder: Path, regions: Regions = "tokens") -> ClassifySettings:
        """Read what stands beside a checkpoint; what does not is as a config has it by default.

        Raises:
            ModelError: If the calibration is damaged.
        """
        lattice = _lattice_of(folder / TRAINING_FILE)
        encoder, every = lattice.get("line_encoder"), lattice.get("every")
        return cls(
            load_temperatures(folder),
            cast(LineEncoder, encoder) if encoder in ("rows", "fewest") else cls.line_encoder,
            every if type(every) is int and every > 0 else cls.every,
            regions,
        )

    def codec(self, grid: GridSpec) -> Codec:
        """Return the encoder of places: cells without offsets, as in training."""
        return Codec(grid, self.line_encoder, rounds=0, every=self.every)


def _lattice_of(path: Path) -> Mapping[str, Any]:
    """Return the lattice part of the training record; it is a note that any tool may change."""
    try:
        lattice = parse_json(path.read_bytes())["config"]["lattice"]
    except (FormatError, OSError, KeyError, TypeError):
        return {}
    return lattice if isinstance(lattice, dict) else {}


@dataclass(frozen=True)
class Choice:
    """The answer to a question with options.

    Args:
        options: The options as asked.
        probabilities: (K,) of each, among the options alone; they sum to 1.
        answer: The likeliest.
        scores: (K,) log-probabilities of the options as texts, before the temperature.
    """

    options: tuple[str, ...]
    probabilities: FloatArray
    answer: str
    scores: FloatArray


def classify(
    predictor: Predictor,
    image: Image,
    region: Geometry,
    asked: str | ClosedQuestion | AttributeQuestion,
    settings: ClassifySettings | None = None,
) -> Choice:
    """Choose between options about a marked place.

    The score of an option is the sum of the log-probabilities of its tokens, the end of the turn
    among them, so that "partial" does not win by being the start of "partially open". All options
    are scored together over the question's cache.

    Args:
        predictor: The model.
        image: (H, W, 3) uint8 RGB, or a path.
        region: The place in pixels: point, box, line, polygon or anchors of a mask.
        asked: Name of an attribute task of the taxonomy, or a question with its options.
        settings: Temperatures and encoder, see `ClassifySettings.from_checkpoint`.

    Raises:
        ConfigError: If the task is unknown, or question or options cannot be asked.
        FormatError: If the path does not hold a readable image.
        GeometryError: If the place lies outside the image.
        TokenError: If the place has too few or too many parts for tokens.
    """
    settings = settings or ClassifySettings()
    question = _question(asked)
    frame, _ = open_image(image)
    if settings.regions == "drawn":
        frame, place = mark_region(frame, region), ""
    else:
        size_wh = (frame.shape[1], frame.shape[0])
        place = region_text(region, settings.codec(predictor.processor.grid), size_wh)
    said = tuple(map(escape_text, question.options))
    told = replace(question, question=escape_text(question.question), options=said)
    processor = predictor.processor
    scores = reply_scores(
        predictor.speaker,
        predictor.encode(frame),
        processor.turn_ids(attribute_prompt(told, place)),
        [processor.reply_ids(option) for option in said],
    )
    shares = np.exp(log_shares(scores, settings.temperatures.get(question.task, 1.0)))
    return Choice(question.options, shares, question.options[int(scores.argmax())], scores)


def reply_scores(
    speaker: Speaker, view: View, prompt: Sequence[int], replies: Sequence[Sequence[int]]
) -> FloatArray:
    """Return the log-probability of each of several replies to one prompt.

    Args:
        speaker: The model.
        view: The encoded image.
        prompt: Ids of the user's turn, up to where the reply begins.
        replies: Ids of each reply, its end among them; at least one each.

    Returns:
        (K,) sums over the tokens of each reply.
    """
    asked = Talks.about(speaker, [view])
    first = asked.feed([prompt])[0, -1].double().log_softmax(-1)
    scores = np.array([float(first[reply[0]]) for reply in replies])
    longer = [i for i, reply in enumerate(replies) if len(reply) > 1]
    if not longer:
        return scores
    talks = Talks(speaker, [asked.talk(0)] * len(longer))
    found = talks.feed([replies[i][:-1] for i in longer]).double().log_softmax(-1)
    for row, i in enumerate(longer):
        rest = torch.tensor(replies[i][1:], device=found.device)
        told = found[row, -len(rest) :].gather(1, rest[:, None])
        scores[i] += float(told.sum())
    return scores


def _question(asked: str | ClosedQuestion | AttributeQuestion) -> ClosedQuestion:
    """Return what is asked, checked.

    Raises:
        ConfigError: If the task is unknown, or question or options cannot be asked.
    """
    if isinstance(asked, str):
        tasks = default_label_space().tasks
        if asked not in tasks:
            raise ConfigError(f"task must be one of {', '.join(tasks)}, got {asked!r}.")
        return ClosedQuestion(tasks[asked].question, tasks[asked].options, asked)
    check_query(asked.question)
    options = tuple(asked.options)
    if not 1 <= len(options) <= MAX_OPTIONS or len(set(options)) < len(options):
        raise ConfigError(f"options must be 1 to {MAX_OPTIONS} different ones, got {options}.")
    for option in options:
        check_query(option)
    return ClosedQuestion(asked.question, options, asked.task)
