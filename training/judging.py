"""Held-out questions: what a policy's answers are worth while it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from drivegrid.errors import ModelError, RewardError
from drivegrid.geometry import FloatArray
from drivegrid.inference.decoding import refine
from drivegrid.inference.talks import Talks
from drivegrid.tasks.conversations.refining import can_move
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.template import offset_template

from .groups import Turn
from .grpo_config import Stage
from .questions import Question
from .rewards import Rewards, offset_rewards, proposal_rewards
from .rollouts import Asked, Draws, Rollouts
from .trivial_policies import trivial_offsets, trivial_proposals

Shown: TypeAlias = Callable[[Sequence[Any]], Iterator[Any]]
BATCH = 8
CHANCE_SEED = 5


@dataclass(frozen=True)
class Judgement:
    """What held-out answers are worth.

    Args:
        mean: What checkpoints are chosen by: the mean reward of the likeliest answers, summed over
            the turns that learn.
        parts: Mean reward of the likeliest answers by turn and component.
        likeliest: Number of a question to the reward of its likeliest answer, in the turn that the
            stage teaches (of the joint mode the proposal).
        sampled: The same for answers drawn as in training, the mean of a group; refinements are of
            simulated mistakes, always the same.
        failures: Why some answers have no reward, by the name of the picture.
    """

    mean: float
    parts: dict[str, float]
    likeliest: dict[int, float]
    sampled: dict[int, float]
    failures: list[str]


class Judge:
    """Asks a policy held-out questions.

    Args:
        rollouts: The policy, how it answers and what answers are worth.
        questions: What is asked.
        stage: Which turns learn.
    """

    def __init__(self, rollouts: Rollouts, questions: Sequence[Question], stage: Stage) -> None:
        self.rollouts, self.questions, self.stage = rollouts, list(questions), stage

    def judge(self, shown: Shown = iter) -> Judgement:
        """Return what the likeliest answers are worth, and the likeliest moves after them.

        Args:
            shown: Passes things on and shows how many are done.
        """
        found = _Found()
        for first, asked in self._asked(shown):
            said = _Said(first, asked, self._answers(asked))
            self._judge_proposals(said, found)
            if self.stage != "1":
                self._judge_refinements(said, found)
        turns = ("grid",) if self.stage == "1" else ("grid", "offset")
        parts = found.means.means()
        told = [parts[f"{turn}/reward"] for turn in turns if f"{turn}/reward" in parts]
        return Judgement(float(np.sum(told)), parts, found.likeliest, found.sampled, found.failures)

    def _judge_proposals(self, said: _Said, found: _Found) -> None:
        taught = self.stage != "2"
        for place, text in enumerate(said.texts):
            question = said.asked.questions[place]
            with found.unless_it_fails(question):
                worth = self._proposal(question, [text])
                found.add("grid", said.first + place, worth, taught)
        if taught:
            found.add_samples(said.first, self.rollouts.proposals(said.asked, said.rngs()))

    def _judge_refinements(self, said: _Said, found: _Found) -> None:
        taught = self.stage == "2"
        proposals = [self.rollouts.named(text) for text in said.texts]
        for place, text in self._refined(said.asked, proposals):
            question = said.asked.questions[place]
            with found.unless_it_fails(question):
                worth = self._refinement(question, proposals[place], [text])
                found.add("offset", said.first + place, worth, taught)
        if taught:
            # Of mistakes that stay the same: the model's own proposals change while it learns.
            questions = zip(said.asked.questions, said.rngs(), strict=True)
            mistaken = [self.rollouts.simulated(question, rng) for question, rng in questions]
            drawn = self.rollouts.refinements(said.asked, mistaken, said.rngs())
            found.add_samples(said.first, drawn)

    def baselines(self, shown: Shown = iter) -> dict[str, dict[str, float]]:
        """Return what answers are worth that need no looking, by turn and name of the policy."""
        rng, means = np.random.default_rng(CHANCE_SEED), {"grid": _Means(), "offset": _Means()}
        codec, regions = self.rollouts.way.codec, self.rollouts.rewards.regions
        for question in shown(self.questions):
            goal, turn = question.goal, question.turn
            texts = trivial_proposals(goal, turn.prompt, codec, rng, regions=regions)
            for name, text in texts.items():
                means["grid"].add(name, self._proposal(question, [text]))
            items = self.rollouts.simulated(question, rng)
            if self.stage == "1" or not can_move(items):
                continue
            for name, text in trivial_offsets(items, goal, codec, rng).items():
                means["offset"].add(name, self._refinement(question, items, [text]))
        return {
            turn: {
                name.removesuffix("/reward"): value
                for name, value in found.means().items()
                if name.endswith("/reward")
            }
            for turn, found in means.items()
        }

    def _asked(self, shown: Shown) -> Iterator[tuple[int, Asked]]:
        """Yield some questions after others, with the number of the first."""
        look = self.rollouts.policy.look
        for start in shown(range(0, len(self.questions), BATCH)):
            some = self.questions[start : start + BATCH]
            yield start, Asked(some, look([question.visual for question in some]))

    def _answers(self, asked: Asked) -> list[str]:
        drawn = self.rollouts.answers(asked, (), copies=1, temperature=0.0)
        return [self.rollouts.text_of(samples[0].ids) for samples in drawn]

    def _refined(
        self, asked: Asked, proposals: Sequence[Sequence[AnswerItem]]
    ) -> Iterator[tuple[int, str]]:
        """Yield the likeliest refinement of each proposal that has an anchor."""
        policy = self.rollouts.policy
        places = [place for place, items in enumerate(proposals) if can_move(items)]
        if not places:
            return
        views, vocabulary = policy.views(asked.looked), policy.processor.vocabulary
        before = [self.rollouts.before(asked.questions[p], proposals[p]) for p in places]
        forms = [offset_template([i.geometry for i in proposals[p]], vocabulary) for p in places]
        talks = Talks.about(policy.speaker(), [views[p] for p in places])
        for place, form, moves in zip(places, forms, refine(talks, before, forms), strict=True):
            yield place, policy.processor.text_of(form.fill(moves.offsets).tolist())

    def _proposal(self, question: Question, texts: Sequence[str]) -> Rewards:
        rollouts, masks = self.rollouts, self.rollouts.drawer_of(question)
        return proposal_rewards(question.goal, texts, rollouts.way.codec, rollouts.rewards, masks)

    def _refinement(
        self, question: Question, items: Sequence[AnswerItem], texts: Sequence[str]
    ) -> Rewards:
        rollouts, masks = self.rollouts, self.rollouts.masks_of(question)
        codec, rewards = rollouts.way.codec, rollouts.rewards
        return offset_rewards(question.goal, items, texts, codec, rewards, masks)


@dataclass(frozen=True)
class _Said:
    """The likeliest answers to some questions that follow one another.

    Args:
        first: Number of the first question.
        asked: The questions.
        texts: An answer to each.
    """

    first: int
    asked: Asked
    texts: Sequence[str]

    def rngs(self) -> list[np.random.Generator]:
        """Return the chance of each question: the same whenever it is judged."""
        numbers = range(self.first, self.first + len(self.texts))
        return [np.random.default_rng((CHANCE_SEED, number)) for number in numbers]


class _Means:
    def __init__(self) -> None:
        self.values: dict[str, list[FloatArray]] = {}

    def add(self, name: str, rewards: Rewards) -> None:
        for told, values in rewards.told().items():
            self.values.setdefault(f"{name}/{told}", []).append(values)

    def means(self) -> dict[str, float]:
        every = {name: np.concatenate(found) for name, found in self.values.items()}
        return {name: float(found.mean()) for name, found in every.items() if len(found)}


@dataclass
class _Found:
    """What was found of all questions so far; see `Judgement`."""

    means: _Means = field(default_factory=_Means)
    likeliest: dict[int, float] = field(default_factory=dict)
    sampled: dict[int, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def unless_it_fails(self, question: Question) -> Iterator[None]:
        """Take note of a reward that cannot be told, and go on."""
        try:
            yield
        except (RewardError, ModelError) as error:
            self.failures.append(f"{question.name}: {error}")

    def add(self, turn: Turn, number: int, rewards: Rewards, taught: bool) -> None:
        """Add the likeliest answer to a question."""
        self.means.add(turn, rewards)
        if taught:
            self.likeliest[number] = float(rewards.total.mean())

    def add_samples(self, first: int, draws: Draws) -> None:
        """Add the groups that were drawn about questions from a number on."""
        for place, group in draws.groups:
            self.sampled[first + place] = float(group.rewards.total.mean())
        self.failures += draws.failures
