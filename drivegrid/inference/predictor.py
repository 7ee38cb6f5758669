"""Ask a model about a frame: propose with grid tokens, refine with offset tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from drivegrid.data.images import load_image
from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError, GeometryError
from drivegrid.geometry import FloatArray, IntArray, Size
from drivegrid.inference.confidence import AnchorBelief, anchor_belief
from drivegrid.inference.decoding import Dialogue, propose, refine
from drivegrid.inference.repeats import drop_repeats
from drivegrid.inference.results import Answer, Found
from drivegrid.labels import default_label_space
from drivegrid.model.checkpoint import load_nano, shipped_checkpoint
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.vision import ImageFeatures
from drivegrid.plotting.trace import AnchorTrace
from drivegrid.tasks.corpus import unfamiliar_words
from drivegrid.tasks.refine import QUESTION as REFINE
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.answer import AnswerItem, Diagnostic
from drivegrid.tokens.automaton import AnswerAutomaton, Limits
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import (
    format_geometry,
    format_offsets,
    parse_answer,
    parse_offsets,
)
from drivegrid.tokens.grid import GridGeometry, GridSpec
from drivegrid.tokens.offsets import decode_points
from drivegrid.tokens.template import offset_template

Image = npt.NDArray[np.uint8] | str | Path
CACHED_IMAGES = 4
LIMITS = Limits(items=24, anchors=40, text=24)
"""More than any frame holds; they end the babble of a model that never stops."""
MAX_QUERY = 500
"""Longest question, in characters."""
MODEL_NAME = "drivegrid-nano"
DEFAULT_TASKS = ("drivable", "lanes", "objects", "signs")


class Predictor:
    """A model that answers queries about frames.

    The image is encoded once for any number of queries (the last few frames are kept), and a
    refine turn goes on from its proposal's key-value cache.

    Args:
        model: A nano model.
        processor: Its processor.
    """

    def __init__(self, model: NanoForGrounding, processor: NanoProcessor) -> None:
        self.model, self.processor = model.eval(), processor
        self.codec = Codec(processor.grid)
        self._encoded: OrderedDict[bytes, ImageFeatures] = OrderedDict()

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None) -> Predictor:
        """Load a checkpoint folder; by default the model that the package ships.

        Raises:
            ModelError: If weights are missing or do not fit their manifest.
        """
        return cls(*load_nano(Path(folder) if folder is not None else shipped_checkpoint()))

    def encode(self, image: npt.NDArray[np.uint8]) -> ImageFeatures:
        """Return the encoded image, from the cache where it was seen lately.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        shape = str(image.shape).encode()
        key = blake2b(np.ascontiguousarray(image), digest_size=16, key=shape).digest()
        if key not in self._encoded:
            with torch.inference_mode():
                pixels = self.processor.pixel_values(image)
                pixels = pixels.contiguous(memory_format=torch.channels_last)
                self._encoded[key] = self.model.encode_image(pixels)
            while len(self._encoded) > CACHED_IMAGES:
                self._encoded.popitem(last=False)
        self._encoded.move_to_end(key)
        return self._encoded[key]

    def ask(self, image: Image, query: str, rounds: int = 1) -> Answer:
        """Answer one query in words.

        Args:
            image: (H, W, 3) uint8 RGB, or a path.
            query: For example "all lanes from left to right" or "the nearest car".
            rounds: Refine turns; 0 returns the bare proposal.

        Raises:
            FormatError: If the path does not hold a readable image.
            GeometryError: If the array is no RGB picture.
            ConfigError: If the query is empty or endless, or ``rounds`` is negative.
        """
        check_query(query)
        if rounds < 0:
            raise ConfigError(f"rounds must be at least 0, got {rounds}.")
        frame, name = _open(image)
        size_wh = (frame.shape[1], frame.shape[0])
        dialogue = Dialogue(self.model, self.encode(frame))
        automaton = AnswerAutomaton(self.processor.token_classes, limits=LIMITS)
        first = propose(dialogue, self.processor.prompt_ids(query), automaton, self._end)
        text = self.processor.text_of(first.ids)
        parsed = parse_answer(text, self.processor.grid)
        texts, moves = [text], []
        geometries = tuple(item.geometry for item in parsed.items)
        for _ in range(rounds if geometries else 0):
            template = offset_template(geometries, self.processor.vocabulary)
            turn = refine(dialogue, self.processor.prompt_ids(REFINE), template, self._end)
            texts.append(self.processor.text_of(template.fill(turn.offsets).tolist()))
            geometries = parse_offsets(texts[-1], geometries).geometries
            moves.append(turn)
        collected = self._collect(parsed.items, geometries, first.cells, size_wh)
        found, repeats = drop_repeats([replace(one, query=query) for one in collected])
        diagnostics = (
            *unfamiliar_query(query),
            *parsed.diagnostics,
            *unknown_labels(parsed.items),
            *repeats,
        )
        return Answer((query,), size_wh, found, tuple(texts), diagnostics, name)

    def detect(self, image: Image, tasks: Sequence[str] = DEFAULT_TASKS, rounds: int = 1) -> Answer:
        """Answer the plain question of several tasks and join the answers.

        Args:
            image: (H, W, 3) uint8 RGB, or a path.
            tasks: Names out of ``TASKS``: lanes, objects, signs, drivable.
            rounds: Refine turns.

        Raises:
            ConfigError: If a task is unknown.
        """
        unknown = sorted(set(tasks) - set(TASKS))
        if unknown or not tasks:
            raise ConfigError(f"tasks must be some of {sorted(TASKS)}, got {list(tasks)}.")
        frame, name = _open(image)
        answers = [self.ask(frame, TASKS[task].question, rounds) for task in tasks]
        joined = answers[0]
        for answer in answers[1:]:
            joined = joined + answer
        return replace(joined, image=name)

    @property
    def _end(self) -> int:
        return self.processor.special_ids["end"]

    def _collect(
        self,
        items: Sequence[AnswerItem],
        geometries: Sequence[GridGeometry],
        cells: Sequence[FloatArray],
        size_wh: Size,
    ) -> tuple[Found, ...]:
        """Turn items in tokens into instances in pixels; deleted ones fall out."""
        grid = self.processor.grid
        found, at = [], 0
        for item, geometry in zip(items, geometries, strict=True):
            mine = cells[at : at + geometry.num_anchors]
            at += geometry.num_anchors
            numbers = _cell_numbers(geometry, grid).tolist()
            beliefs = [
                anchor_belief(chances, number, grid, size_wh)
                for chances, number in zip(mine, numbers, strict=True)
            ]
            shape = self.codec.decode(geometry, size_wh, smooth=geometry.kind == "line")
            if shape is None:
                continue
            instance = Instance(
                label=default_label_space().path_or_words(item.label),
                geometry=shape,
                attributes=dict(item.attributes),
                confidence=float(np.mean([belief.confidence for belief in beliefs])),
                source=MODEL_NAME,
            )
            tokens = (
                format_geometry(geometry),
                *(format_offsets([geometry], r + 1) for r in range(len(geometry.offsets))),
            )
            found.append(Found(instance, tokens, self._trace(geometry, beliefs, size_wh)))
        return tuple(found)

    def _trace(
        self, geometry: GridGeometry, beliefs: Sequence[AnchorBelief], size_wh: Size
    ) -> AnchorTrace:
        grid = self.processor.grid
        cells = np.concatenate(geometry.cells)
        offsets = [np.concatenate(round_) for round_ in geometry.offsets]
        moved, kept = decode_points(cells, offsets, grid, size_wh)
        covariance = np.stack([belief.covariance for belief in beliefs])
        return AnchorTrace(grid.centers_of(cells, size_wh), moved, ~kept, covariance)


def _open(image: Image) -> tuple[npt.NDArray[np.uint8], str]:
    """Return an RGB picture and its name; arrays have none."""
    if isinstance(image, str | Path):
        return load_image(image), str(image)
    if not isinstance(image, np.ndarray):
        raise GeometryError(f"image must be a path or an array, got {type(image).__name__}.")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise GeometryError(f"image must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}.")
    return image, ""


def check_query(query: str) -> None:
    """Refuse what is no question.

    Raises:
        ConfigError: If the query holds no words, is too long, or is not valid text.
    """
    if not query.strip():
        raise ConfigError(f"query must hold words, got {query!r}.")
    if len(query) > MAX_QUERY:
        raise ConfigError(f"query must have at most {MAX_QUERY} characters, got {len(query)}.")
    if not query.isascii() and any("\ud800" <= letter <= "\udfff" for letter in query):
        raise ConfigError(f"query must be valid text, got {query!r}.")


def unfamiliar_query(query: str) -> tuple[Diagnostic, ...]:
    """Return a diagnostic if the model has never been asked with some of the words."""
    words = unfamiliar_words(query)
    if not words:
        return ()
    message = f"query must use words the model was trained on, got {', '.join(words[:5])}."
    return (Diagnostic("unfamiliar_query", (0, 0), message),)


def unknown_labels(items: Sequence[AnswerItem]) -> tuple[Diagnostic, ...]:
    """Return a diagnostic for every label that the taxonomy does not know."""
    space = default_label_space()
    return tuple(
        Diagnostic(
            "unknown_label",
            item.span or (0, 0),
            f"label must be in the taxonomy, got {item.label!r}.",
        )
        for item in items
        if space.path_or_words(item.label) not in space.paths
    )


def _cell_numbers(geometry: GridGeometry, grid: GridSpec) -> IntArray:
    """Return (N,) row-major numbers of a shape's cells."""
    cells = np.concatenate(geometry.cells)
    numbers: IntArray = cells[:, 1] * grid.cols + cells[:, 0]
    return numbers
