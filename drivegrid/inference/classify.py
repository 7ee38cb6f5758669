"""Attributes of a marked place: each option is scored by what the model thinks of its tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import torch

from drivegrid.data.attributes import AttributeQuestion
from drivegrid.data.files import parse_json
from drivegrid.errors import ConfigError, FormatError, GeometryError, TokenError
from drivegrid.geometry import FloatArray, Geometry, Polygon
from drivegrid.inference.asked import Image, check_query, open_image
from drivegrid.inference.calibration import load_temperatures, log_shares
from drivegrid.inference.predictor import ROWS, Predictor
from drivegrid.inference.speaker import Pixels, Speaker, View
from drivegrid.inference.talks import Talks
from drivegrid.labels import default_label_space
from drivegrid.plotting.marking import mark_region
from drivegrid.tasks.regions import ClosedQuestion, attribute_prompt, mask_text, region_text
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
    frame, _ = open_image(image)
    return _choices(predictor, [_pose(predictor, frame, region, asked, settings)], settings)[0]


def classify_all(
    predictor: Predictor,
    image: Image,
    asked: Sequence[tuple[Geometry, str | ClosedQuestion | AttributeQuestion]],
    settings: ClassifySettings | None = None,
) -> list[Choice | None]:
    """Answer many questions about marked places of one image, side by side.

    Args:
        predictor: The model.
        image: As for `classify`.
        asked: Places in pixels, each with its question.
        settings: As for `classify`.

    Returns:
        What `classify` returns of each; None where a place cannot be pointed at.

    Raises:
        ConfigError: If a question cannot be asked.
        FormatError: If the path does not hold a readable image.
    """
    settings = settings or ClassifySettings()
    frame, _ = open_image(image)
    choices: list[Choice | None] = [None] * len(asked)
    posed: dict[int, _Posed] = {}
    for i, (region, question) in enumerate(asked):
        with suppress(GeometryError, TokenError):
            posed[i] = _pose(predictor, frame, region, question, settings)
    for i, choice in zip(posed, _choices(predictor, [*posed.values()], settings), strict=True):
        choices[i] = choice
    return choices


@dataclass(frozen=True)
class _Posed:
    """A question in the ids of a model, and the picture it is about."""

    question: ClosedQuestion
    frame: Pixels
    prompt: list[int]
    replies: list[list[int]]


def _pose(
    predictor: Predictor,
    frame: Pixels,
    region: Geometry,
    asked: str | ClosedQuestion | AttributeQuestion,
    settings: ClassifySettings,
) -> _Posed:
    question, processor = _question(asked), predictor.processor
    if settings.regions == "drawn":
        frame, place = mark_region(frame, region), ""
    elif isinstance(region, Polygon) and predictor.reader.words is not None:
        place = mask_text(region, frame, predictor.reader.tokenizer)
    else:
        size_wh = (frame.shape[1], frame.shape[0])
        place = region_text(region, settings.codec(processor.grid), size_wh)
    said = tuple(map(escape_text, question.options))
    told = replace(question, question=escape_text(question.question), options=said)
    prompt = processor.turn_ids(attribute_prompt(told, place))
    return _Posed(question, frame, prompt, [processor.reply_ids(option) for option in said])


def _choices(
    predictor: Predictor, posed: Sequence[_Posed], settings: ClassifySettings
) -> list[Choice]:
    """Answer some questions, those of like length together: little is padded."""
    order = sorted(range(len(posed)), key=lambda i: len(posed[i].prompt))
    choices: dict[int, Choice] = {}
    for start in range(0, len(order), ROWS):
        some = order[start : start + ROWS]
        views = [predictor.encode(posed[i].frame) for i in some]
        prompts, replies = [posed[i].prompt for i in some], [posed[i].replies for i in some]
        found = reply_scores(predictor.speaker, views, prompts, replies)
        for i, scores in zip(some, found, strict=True):
            asked = posed[i].question
            shares = np.exp(log_shares(scores, settings.temperatures.get(asked.task, 1.0)))
            best = asked.options[int(scores.argmax())]
            choices[i] = Choice(asked.options, shares, best, scores)
    return [choices[i] for i in range(len(posed))]


def reply_scores(
    speaker: Speaker,
    views: Sequence[View],
    prompts: Sequence[Sequence[int]],
    replies: Sequence[Sequence[Sequence[int]]],
) -> list[FloatArray]:
    """Return the log-probability of each of several replies to each of some prompts.

    Args:
        speaker: The model.
        views: The encoded image of each prompt; at least one.
        prompts: Ids of each user's turn, up to where the reply begins.
        replies: For each prompt the ids of its replies, their ends among them; at least one each.

    Returns:
        For each prompt (K,) sums over the tokens of each reply.
    """
    talks = Talks.about(speaker, views)
    first = talks.feed(prompts, scored=1)[:, -1].double().log_softmax(-1).cpu()
    scores = [first[i, [ids[0] for ids in mine]].numpy() for i, mine in enumerate(replies)]
    begun = [[ids[:-1] for ids in mine] for mine in replies]
    if not any(ids for mine in begun for ids in mine):
        return scores
    found = talks.branch(begun).double().log_softmax(-1).cpu()
    for mine, told, row in zip(replies, scores, found, strict=True):
        rest = torch.tensor([token for ids in mine for token in ids[1:]])
        counts = [len(ids) - 1 for ids in mine]
        gained = row[len(row) - len(rest) :].gather(1, rest.long()[:, None])[:, 0]
        told += [float(part.sum()) for part in gained.split(counts)]
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
