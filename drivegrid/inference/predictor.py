"""Ask a model about a frame: propose with grid tokens, refine with offset tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from transformers import Qwen2_5_VLForConditionalGeneration

from drivegrid.errors import ConfigError, ModelError
from drivegrid.geometry import FloatArray, Size
from drivegrid.inference.asked import (
    Image,
    check_query,
    open_image,
    unfamiliar_query,
    unknown_labels,
)
from drivegrid.inference.checkpoints import load_checkpoint
from drivegrid.inference.choosing import Choose
from drivegrid.inference.collect import Collector, chances_of, word_chances
from drivegrid.inference.consistency import medoid
from drivegrid.inference.decoding import Anything, propose, refine
from drivegrid.inference.enumeration import Enumeration
from drivegrid.inference.masks import MaskReader, draw_masks, empty_masks
from drivegrid.inference.options import DecodingOptions, Options
from drivegrid.inference.qwen_speaker import QwenSpeaker
from drivegrid.inference.repeats import drop_repeats
from drivegrid.inference.results import Answer
from drivegrid.inference.speaker import NanoSpeaker, Pixels, Speaker, View
from drivegrid.inference.talks import Talk, Talks
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.seg.segmenter import SmallSegmenter
from drivegrid.masks.segmenter import Segmenter
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.processor import QwenProcessor
from drivegrid.tasks.representation import WITH_CELLS
from drivegrid.tasks.table import DEFAULT_TASKS, TASKS
from drivegrid.tokens.answer import AnswerItem, ParsedAnswer
from drivegrid.tokens.automaton import AnswerAutomaton, Limits
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grammar import parse_answer, parse_offsets
from drivegrid.tokens.grid import GridGeometry
from drivegrid.tokens.template import offset_template

CACHED_IMAGES = 4
ROWS = 16
"""Most conversations that run side by side; more wait for their turn."""
LIMITS = Limits(items=24, anchors=40, text=24)
"""More than any frame holds; they end the babble of a model that never stops."""


class Predictor:
    """A model that answers queries about frames.

    The image is encoded once for any number of queries (the last few frames are kept), and a
    refine turn goes on from what the model has in its cache.

    Args:
        model: A nano model, or an extended Qwen2.5-VL with or without an adapter in it.
        processor: Its processor.
        tokenizer: Reads the words for masks, if the model knows any; the shipped one by default.
    """

    def __init__(
        self,
        model: NanoForGrounding | Qwen2_5_VLForConditionalGeneration,
        processor: NanoProcessor | QwenProcessor,
        tokenizer: MaskTokenizer | None = None,
    ) -> None:
        self.model, self.processor = model, processor
        self.speaker: Speaker = _speaker(model, processor)
        self.codec = Codec(processor.grid)
        self.reader = MaskReader(processor.vocabulary.words, tokenizer)
        self._encoded: OrderedDict[bytes, View] = OrderedDict()

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path | None = None,
        base: str | Path | None = None,
        tokenizer: MaskTokenizer | None = None,
    ) -> Predictor:
        """Load a checkpoint folder; by default the model that the package ships.

        Args:
            folder: A nano checkpoint, an extended Qwen2.5-VL checkpoint, or an adapter of one.
            base: The checkpoint that an adapter was trained on.
            tokenizer: Reads the words for masks, if the model knows any.

        Raises:
            ModelError: If weights are missing or do not fit their manifest, or base and folder
                do not go together.
        """
        return cls(*load_checkpoint(folder, base), tokenizer)

    def encode(self, image: Pixels) -> View:
        """Return the encoded image, from the cache where it was seen lately.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        shape = str(image.shape).encode()
        key = blake2b(np.ascontiguousarray(image), digest_size=16, key=shape).digest()
        if key not in self._encoded:
            self._encoded[key] = self.speaker.encode(image)
            while len(self._encoded) > CACHED_IMAGES:
                self._encoded.popitem(last=False)
        self._encoded.move_to_end(key)
        return self._encoded[key]

    def ask(self, image: Image, query: str, rounds: int = 1, **options: Unpack[Options]) -> Answer:
        """Answer one query in words.

        Args:
            image: (H, W, 3) uint8 RGB, or a path.
            query: For example "all lanes from left to right" or "the nearest car".
            rounds: Refine turns; 0 returns the bare proposal.
            **options: Fields of `DecodingOptions`: how the answer is chosen.

        Raises:
            FormatError: If the path does not hold a readable image.
            GeometryError: If the array is no RGB picture.
            ConfigError: If the query is empty or endless, or an option is out of range.
        """
        return self.ask_batch([image], [query], rounds, **options)[0]

    def ask_batch(
        self,
        images: Sequence[Image],
        queries: Sequence[str],
        rounds: int = 1,
        **options: Unpack[Options],
    ) -> list[Answer]:
        """Answer a query about each of some images; the answers are those of `ask`.

        Args:
            images: As for `ask`; an image may come several times.
            queries: One for each image.
            rounds: Refine turns.
            **options: Fields of `DecodingOptions`.

        Raises:
            ConfigError: If there is not one query for each image; and as `ask` raises.
        """
        if len(images) != len(queries):
            raise ConfigError(
                f"queries must be one for each image, got {len(queries)} for {len(images)}."
            )
        for query in queries:
            check_query(query)
        how = DecodingOptions(rounds=rounds, **options)
        answers: list[Answer] = []
        per_turn = max(1, ROWS // how.samples)
        for start in range(0, len(images), per_turn):
            turn = slice(start, start + per_turn)
            pairs = zip(images[turn], queries[turn], strict=True)
            answers += self._answers([_Asked(q, *open_image(image)) for image, q in pairs], how)
        return answers

    def segment(
        self,
        image: Image,
        query: str,
        rounds: int = 1,
        *,
        segmenter: Segmenter[Any] | None = None,
        **options: Unpack[Options],
    ) -> Answer:
        """Answer one query in words by masks.

        Words for masks are read by their tokenizer and outlines filled; boxes, points and anchors
        are prompts of a segmenter. Lines have no area and no mask.

        Args:
            image: (H, W, 3) uint8 RGB, or a path.
            query: As for `ask`.
            rounds: Refine turns.
            segmenter: Draws; drivegrid-seg as shipped by default.
            **options: Fields of `DecodingOptions`.

        Returns:
            The answer; `Found.mask` of each instance is (H, W).

        Raises:
            ModelError: If the shipped weights are missing; and as `ask` raises.
        """
        frame, name = open_image(image)
        answer = replace(self.ask(frame, query, rounds, **options), image=name)
        return draw_masks(answer, frame, lambda: segmenter or self._segmenter)

    @cached_property
    def _segmenter(self) -> Segmenter[Any]:
        """The shipped segmenter; it remembers as many pictures as the predictor does."""
        return CachedSegmenter(SmallSegmenter.from_pretrained(), CACHED_IMAGES)

    def detect(self, image: Image, tasks: Sequence[str] = DEFAULT_TASKS, rounds: int = 1) -> Answer:
        """Answer the plain question of several tasks and join the answers.

        Args:
            image: (H, W, 3) uint8 RGB, or a path.
            tasks: Names out of ``TASKS``: lanes, objects, signs, drivable.
            rounds: Refine turns.

        Raises:
            ConfigError: If a task is unknown.
        """
        return self.detect_batch([image], tasks, rounds)[0]

    def detect_batch(
        self, images: Sequence[Image], tasks: Sequence[str] = DEFAULT_TASKS, rounds: int = 1
    ) -> list[Answer]:
        """Do as `detect` for each of some images.

        Raises:
            ConfigError: If a task is unknown.
        """
        unknown = sorted(set(tasks) - set(TASKS))
        if unknown or not tasks:
            raise ConfigError(f"tasks must be some of {sorted(TASKS)}, got {list(tasks)}.")
        return self.ask_all(images, [TASKS[task].question for task in tasks], rounds)

    def ask_all(
        self, images: Sequence[Image], queries: Sequence[str], rounds: int = 1
    ) -> list[Answer]:
        """Ask all queries about each image and join the answers of each.

        Args:
            images: As for `ask`.
            queries: At least one.
            rounds: Refine turns.
        """
        opened = [open_image(image) for image in images]
        # Queries about one image stand together: it is encoded once, and only a few are kept.
        frames = [frame for frame, _ in opened for _ in queries]
        answers = self.ask_batch(frames, list(queries) * len(opened), rounds)
        joined = []
        for i, (_, name) in enumerate(opened):
            first, *more = answers[i * len(queries) : (i + 1) * len(queries)]
            joined.append(replace(sum(more, first), image=name))
        return joined

    def _answers(self, asked: Sequence[_Asked], how: DecodingOptions) -> list[Answer]:
        """Answer some questions side by side, each as often as there are samples."""
        views = [self.encode(question.frame) for question in asked]
        rows = [
            (question, view)
            for question, view in zip(asked, views, strict=True)
            for _ in range(how.samples)
        ]
        choices = [choose for _ in asked for choose in how.choices()]
        drafts = self._drafts(rows, choices, how)
        answers = [
            self._answer(question, draft, how)
            for (question, _), draft in zip(rows, drafts, strict=True)
        ]
        groups = [answers[i : i + how.samples] for i in range(0, len(answers), how.samples)]
        return [
            group[medoid([answer.instances for answer in group], group[0].size_wh)]
            for group in groups
        ]

    def _drafts(
        self, rows: Sequence[tuple[_Asked, View]], choices: Sequence[Choose], how: DecodingOptions
    ) -> list[_Draft]:
        """Let the model write: proposals, then offsets for those that name something."""
        processor, speaker = self.processor, self.speaker
        classes = processor.token_classes
        legal = AnswerAutomaton(classes, limits=LIMITS)
        grammar = Enumeration(legal) if how.constrained else Anything(classes)
        prompts = [processor.prompt_ids(question.query) for question, _ in rows]
        talks = Talks.about(speaker, [view for _, view in rows])
        drafts = []
        for found in propose(talks, prompts, grammar, choices):
            text = processor.text_of(found.ids)
            parsed = parse_answer(text, processor.grid, words=processor.vocabulary.words)
            words = found.probabilities[
                [token in processor.vocabulary.word_range for token in found.ids]
            ]
            drafts.append(
                _Draft(
                    parsed=parsed,
                    chances=chances_of(text, parsed.items, found.cells, processor.grid),
                    words=word_chances(text, parsed.items, words.tolist()),
                    geometries=tuple(item.geometry for item in parsed.items),
                    texts=[text],
                    talk=found.talk,
                )
            )
        going = [
            (question, draft)
            for (question, _), draft in zip(rows, drafts, strict=True)
            if any(geometry.num_anchors for geometry in draft.geometries)
        ]
        for done in range(how.rounds if going else 0):
            self._refine(going, done)
        return drafts

    def _refine(self, going: Sequence[tuple[_Asked, _Draft]], done: int) -> None:
        """Give every draft one more round of offsets."""
        processor, speaker = self.processor, self.speaker
        if speaker.in_context:
            talks = Talks(speaker, [draft.talk for _, draft in going])
        else:
            talks = Talks.about(speaker, [draft.talk.view for _, draft in going])
        prompts = [
            speaker.refine_ids(question.query, draft.items, done) for question, draft in going
        ]
        templates = [offset_template(draft.geometries, processor.vocabulary) for _, draft in going]
        turns = refine(talks, prompts, templates)
        for (_, draft), template, turn in zip(going, templates, turns, strict=True):
            draft.texts.append(processor.text_of(template.fill(turn.offsets).tolist()))
            draft.geometries = parse_offsets(draft.texts[-1], draft.geometries).geometries
            draft.talk = turn.talk

    def _answer(self, question: _Asked, draft: _Draft, how: DecodingOptions) -> Answer:
        collector = Collector(self.codec, question.size_wh, self.speaker.name, how.places)
        masks = self.reader.read(question.frame, draft.geometries, draft.words)
        collected = collector.found(draft.parsed.items, draft.geometries, draft.chances, masks)
        query = question.query
        found, repeats = drop_repeats([replace(one, query=query) for one in collected])
        diagnostics = (
            *(unfamiliar_query(query) if self.speaker.few_words else ()),
            *draft.parsed.diagnostics,
            *unknown_labels(draft.parsed.items),
            *empty_masks(draft.parsed.items, masks),
            *repeats,
        )
        texts = tuple(draft.texts)
        return Answer((query,), question.size_wh, found, texts, diagnostics, question.name)


@dataclass(frozen=True)
class _Asked:
    """A question about an RGB picture, which may have a name."""

    query: str
    frame: Pixels
    name: str

    @property
    def size_wh(self) -> Size:
        return self.frame.shape[1], self.frame.shape[0]


@dataclass
class _Draft:
    """What the model has written so far."""

    parsed: ParsedAnswer
    chances: list[list[FloatArray]]
    words: list[list[float]]
    geometries: tuple[GridGeometry, ...]
    texts: list[str]
    talk: Talk

    @property
    def items(self) -> list[AnswerItem]:
        """The items with the offsets they have by now."""
        pairs = zip(self.parsed.items, self.geometries, strict=True)
        return [replace(item, geometry=geometry) for item, geometry in pairs]


def _speaker(
    model: NanoForGrounding | Qwen2_5_VLForConditionalGeneration,
    processor: NanoProcessor | QwenProcessor,
) -> Speaker:
    if isinstance(model, NanoForGrounding) and isinstance(processor, NanoProcessor):
        way = model.config.representation
        if way not in WITH_CELLS:
            raise ModelError(
                f"model must write shapes with grid tokens, got one of representation {way!r}. "
                "Ask it with drivegrid.inference.written.Writer."
            )
        return NanoSpeaker(model, processor)
    assert isinstance(model, Qwen2_5_VLForConditionalGeneration)
    assert isinstance(processor, QwenProcessor)
    return QwenSpeaker(model, processor)
