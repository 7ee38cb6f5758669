"""Groups of answers, sampled from the model as it is: proposals, and refinements of proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from drivegrid.errors import ConfigError, ModelError, RewardError
from drivegrid.geometry import FloatArray
from drivegrid.inference.decoding import Anything, Grammar, refine
from drivegrid.inference.enumeration import Enumeration
from drivegrid.inference.sampling import ChanceOffsets, LegalMasks, Sample, sample_answers
from drivegrid.inference.talks import Talks
from drivegrid.inference.written import automaton_of
from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.tasks.conversations.refining import can_move, mask_mistakes, mistakes
from drivegrid.tasks.refine import QUESTION as REFINE
from drivegrid.tasks.refine import refine_prompt
from drivegrid.tasks.representation import Representation
from drivegrid.tasks.rewards.goal import true_words
from drivegrid.tasks.rewards.masks import MaskDecoder, masks_apply
from drivegrid.tasks.rewards.words import WordDecoder
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.automaton import AnswerAutomaton, Limits
from drivegrid.tokens.grammar import format_answer, parse_answer
from drivegrid.tokens.template import OffsetTemplate, offset_template

from .groups import NO_CHOICE, Group, Looked, Said, Turn, one_of, together
from .grpo_config import RolloutConfig
from .policy import Policy
from .questions import Question
from .rewards import Rewards, RewardSettings, offset_rewards, proposal_rewards

LIMITS = Limits(items=24, anchors=40, text=24)
"""As in prediction."""
Chances: TypeAlias = Sequence[np.random.Generator]
"""A source of chance for each question: what is drawn depends on no other question."""
MOST_WORDS = 24
"""Longest answer in words, in tokens."""


@dataclass(frozen=True)
class Asked:
    """Questions of a step, with what is seen of their pictures."""

    questions: Sequence[Question]
    looked: Looked

    def some(self, places: Sequence[int]) -> Asked:
        """Return some of the questions, at least one."""
        looked = together([one_of(self.looked, place) for place in places])
        return Asked([self.questions[place] for place in places], looked)


@dataclass(frozen=True)
class Draws:
    """What a step's sampling came to.

    Args:
        groups: With the place of the question of each.
        failures: Why others have no rewards, by the name of the picture.
        nothing: Questions that had no proposal to refine.
    """

    groups: list[tuple[int, Group]]
    failures: list[str]
    nothing: int = 0


class Rollouts:
    """Samples groups.

    Args:
        policy: The model.
        way: How it writes shapes.
        config: How many answers, how.
        rewards: What they are worth.
        segmenter: Draws the masks that they are rewarded by; None where they are not.
        tokenizer: Reads those that words tell, likewise.
    """

    def __init__(
        self,
        policy: Policy,
        way: Representation,
        config: RolloutConfig,
        rewards: RewardSettings,
        segmenter: CachedSegmenter[Any] | None = None,
        tokenizer: MaskTokenizer | None = None,
    ) -> None:
        self.policy, self.way, self.config, self.rewards = policy, way, config, rewards
        self.segmenter, self.tokenizer = segmenter, tokenizer
        classes = policy.processor.token_classes
        self.masks = LegalMasks(classes.size)
        self._shapes = _grammar(policy, way)
        self._words = Anything(classes, MOST_WORDS)
        self._offsets = np.zeros(classes.size, dtype=np.bool_)
        self._offsets[list(policy.processor.vocabulary.offset_range)] = True

    def answers(
        self, asked: Asked, rngs: Chances, copies: int, temperature: float
    ) -> list[list[Sample]]:
        """Draw answers to each question; temperature 0 gives the likeliest."""
        return sample_answers(
            Talks.about(self.policy.speaker(), self.policy.views(asked.looked)),
            [self._prompt(question) for question in asked.questions],
            [
                self._shapes if question.goal.words is None else self._words
                for question in asked.questions
            ],
            self.masks,
            rngs,
            copies=copies,
            temperature=temperature,
            most=self.config.most_tokens,
        )

    def _prompt(self, question: Question) -> list[int]:
        prompt = self.way.spelling.spell(question.turn.prompt)
        return self.policy.processor.turn_ids(prompt)

    def text_of(self, ids: list[int]) -> str:
        """Return an answer in final text, its points as cells however they are spelt."""
        return self.way.spelling.in_cells(self.policy.processor.text_of(ids))

    def proposals(self, asked: Asked, rngs: Chances) -> Draws:
        """Draw a group of answers to each question."""
        config = self.config
        drawn = self.answers(asked, rngs, config.group, config.temperature)
        draws = Draws([], [])
        for place, (question, samples) in enumerate(zip(asked.questions, drawn, strict=True)):
            prefix = [*self.policy.opening_ids, *self._prompt(question)]
            said = [
                Said(np.array(sample.ids), np.array(sample.legal), sample.ended)
                for sample in samples
            ]
            texts = [self.text_of(sample.ids) for sample in samples]
            self._add(draws, asked, place, ("grid", prefix, said, texts, ()))
        return draws

    def refinements(
        self, asked: Asked, proposals: Sequence[Sequence[AnswerItem]], rngs: Chances
    ) -> Draws:
        """Draw a group of refinements of one proposal for each question.

        Args:
            asked: The questions.
            proposals: To each; where it has no anchor there is nothing to refine.
            rngs: Source of chance of each question.
        """
        open_places = [place for place, items in enumerate(proposals) if can_move(items)]
        draws = Draws([], [], len(proposals) - len(open_places))
        if not open_places:
            return draws
        views = self.policy.views(asked.looked)
        prefixes = [self.before(asked.questions[p], proposals[p]) for p in open_places]
        templates = [
            offset_template([i.geometry for i in proposals[p]], self.policy.processor.vocabulary)
            for p in open_places
        ]
        talks = Talks.about(self.policy.speaker(), [views[p] for p in open_places])
        talks.feed([prefix[:-1] for prefix in prefixes], scored=1)
        mine = [rngs[place] for place in open_places]
        found = self._refine(talks, [prefix[-1:] for prefix in prefixes], templates, mine)
        for number, place in enumerate(open_places):
            said, texts = self._mended(templates[number], found[number])
            prefix = [*self.policy.opening_ids, *prefixes[number]]
            self._add(draws, asked, place, ("offset", prefix, said, texts, proposals[place]))
        return draws

    def _refine(
        self,
        talks: Talks,
        lasts: Sequence[Sequence[int]],
        templates: Sequence[OffsetTemplate],
        rngs: Chances,
    ) -> list[list[FloatArray]]:
        """Return for each proposal the offsets of each refinement."""
        copies, temperature = self.config.group, self.config.temperature
        talks.repeat(copies)
        picks = [
            ChanceOffsets(len(template.slots), rng, temperature)
            for template, rng in zip(templates, rngs, strict=True)
            for _ in range(copies)
        ]
        each = [last for last in lasts for _ in range(copies)]
        forms = [template for template in templates for _ in range(copies)]
        moves = refine(talks, each, forms, picks, copies)
        return [
            [move.offsets for move in moves[first : first + copies]]
            for first in range(0, len(moves), copies)
        ]

    def _mended(
        self, template: OffsetTemplate, offsets: Sequence[FloatArray]
    ) -> tuple[list[Said], list[str]]:
        legal = np.full(len(template.ids), NO_CHOICE)
        legal[template.slots] = self.masks.place(self._offsets)
        filled = [template.fill(one) for one in offsets]
        texts = [self.text_of(ids.tolist()) for ids in filled]
        return [Said(ids, legal) for ids in filled], texts

    def before(self, question: Question, items: Sequence[AnswerItem]) -> list[int]:
        """Return the tokens before a refinement, from behind what opens a conversation."""
        processor = self.policy.processor
        if not self.policy.speaker().in_context:
            return processor.turn_ids(refine_prompt(question.turn.query, items))
        return [
            *processor.turn_ids(question.turn.prompt),
            *processor.reply_ids(format_answer(items)),
            *processor.turn_ids(REFINE),
        ]

    def named(self, text: str) -> list[AnswerItem]:
        """Return what an answer proposes."""
        return list(parse_answer(text, self.policy.grid, words=self.way.codec.words).items)

    def simulated(self, question: Question, rng: np.random.Generator) -> list[AnswerItem]:
        """Return the right answer with simulated mistakes, without the offsets that mend it."""
        if not question.turn.items:
            return []
        if self.rewards.regions == "seg":
            items = mask_mistakes(question.talk, question.turn, rng)
        else:
            items, _ = mistakes(question.talk, question.turn, rng)
        return [replace(item, geometry=replace(item.geometry, offsets=())) for item in items]

    def _add(
        self,
        draws: Draws,
        asked: Asked,
        place: int,
        said: tuple[Turn, list[int], list[Said], list[str], Sequence[AnswerItem]],
    ) -> None:
        """Reward a group and take it in; one that cannot be rewarded is a failure by name."""
        turn, prefix, answers, texts, proposal = said
        question = asked.questions[place]
        try:
            rewards = self._worth(question, texts, proposal, turn)
        except (RewardError, ModelError) as error:  # the latter by the mask decoder
            draws.failures.append(f"{question.name}: {error}")
            return
        looked = one_of(asked.looked, place)
        group = Group(question.name, question.kind, turn, looked, prefix, answers, rewards)
        draws.groups.append((place, group))

    def _worth(
        self, question: Question, texts: list[str], proposal: Sequence[AnswerItem], turn: Turn
    ) -> Rewards:
        codec = self.way.codec
        if turn == "grid":
            return proposal_rewards(
                question.goal, texts, codec, self.rewards, self.drawer_of(question)
            )
        masks = self.masks_of(question)
        return offset_rewards(question.goal, proposal, texts, codec, self.rewards, masks)

    def drawer_of(self, question: Question) -> WordDecoder | MaskDecoder[Any] | None:
        """Return what draws the masks of answers: their words, if the right answer has words.

        Raises:
            ModelError: If it cannot look at the picture.
        """
        words = self.way.codec.words
        worded = any(map(true_words, question.goal.instances))
        if self.tokenizer is None or words is None or not worded:
            return self.masks_of(question)
        return WordDecoder(self.tokenizer, words, question.visual["image"], question.name)

    def masks_of(self, question: Question) -> MaskDecoder[Any] | None:
        """Return what draws masks in the picture of a question; None where none are rewarded.

        Raises:
            ModelError: If it cannot look at the picture.
        """
        if self.segmenter is None or not masks_apply(question.goal, self.rewards):
            return None
        return MaskDecoder.of(self.segmenter, question.visual["image"], question.name)


def _grammar(policy: Policy, way: Representation) -> Grammar:
    """Return what may be answered in shapes."""
    processor = policy.processor
    if way.spelling.name == "grid":
        return Enumeration(AnswerAutomaton(processor.token_classes, limits=LIMITS))
    if not isinstance(processor, NanoProcessor):
        raise ConfigError(
            f"representation of a Qwen2.5-VL must be of grid tokens, got {way.name!r}."
        )
    return automaton_of(processor, way)
