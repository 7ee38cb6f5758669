"""Held-out questions: what the likeliest answers are worth while a policy learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drivegrid.geometry import FloatArray
from drivegrid.inference.decoding import refine
from drivegrid.inference.talks import Talks
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.template import offset_template

from .grpo_config import Stage
from .questions import Question
from .rewards import Rewards, offset_rewards, proposal_rewards
from .rollouts import Asked, Rollouts
from .trivial_policies import trivial_offsets, trivial_proposals

BATCH = 8
CHANCE_SEED = 5


@dataclass(frozen=True)
class Judgement:
    """What held-out answers are worth.

    Args:
        mean: What checkpoints are chosen by: the mean reward of the turns that learn.
        parts: Mean reward by turn and component.
    """

    mean: float
    parts: dict[str, float]


class Judge:
    """Asks a policy held-out questions.

    Args:
        rollouts: The policy, how it answers and what answers are worth.
        questions: What is asked.
        stage: Which turns learn.
    """

    def __init__(self, rollouts: Rollouts, questions: Sequence[Question], stage: Stage) -> None:
        self.rollouts, self.questions, self.stage = rollouts, list(questions), stage

    def judge(self) -> Judgement:
        """Return what the likeliest answers are worth, and the likeliest moves after them."""
        means = _Means()
        for asked in self._asked():
            texts = self._answers(asked)
            for question, text in zip(asked.questions, texts, strict=True):
                means.add("grid", self._proposal(question, [text]))
            if self.stage == "1":
                continue
            proposals = [self.rollouts.named(text) for text in texts]
            for place, text in self._refined(asked, proposals):
                question = asked.questions[place]
                means.add("offset", self._refinement(question, proposals[place], [text]))
        turns = {"1": ("grid",), "2": ("grid", "offset"), "joint": ("grid", "offset")}[self.stage]
        parts = means.means()
        told = [parts[f"{turn}/reward"] for turn in turns if f"{turn}/reward" in parts]
        return Judgement(float(np.sum(told)), parts)

    def baselines(self) -> dict[str, dict[str, float]]:
        """Return what answers are worth that need no looking, by turn and name of the policy."""
        rng, means = np.random.default_rng(CHANCE_SEED), {"grid": _Means(), "offset": _Means()}
        codec, regions = self.rollouts.way.codec, self.rollouts.rewards.regions
        for question in self.questions:
            goal, turn = question.goal, question.turn
            texts = trivial_proposals(goal, turn.prompt, codec, rng, regions=regions)
            for name, text in texts.items():
                means["grid"].add(name, self._proposal(question, [text]))
            items = self.rollouts.simulated(question, rng)
            if self.stage == "1" or not items:
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

    def _asked(self) -> Iterator[Asked]:
        look = self.rollouts.policy.look
        for start in range(0, len(self.questions), BATCH):
            some = self.questions[start : start + BATCH]
            yield Asked(some, look([question.visual for question in some]))

    def _answers(self, asked: Asked) -> list[str]:
        drawn = self.rollouts.answers(asked, (), copies=1, temperature=0.0)
        return [self.rollouts.text_of(samples[0].ids) for samples in drawn]

    def _refined(
        self, asked: Asked, proposals: Sequence[Sequence[AnswerItem]]
    ) -> Iterator[tuple[int, str]]:
        """Yield the likeliest refinement of each proposal that names something."""
        policy = self.rollouts.policy
        places = [place for place, items in enumerate(proposals) if items]
        if not places:
            return
        views, vocabulary = policy.views(asked.looked), policy.processor.vocabulary
        before = [self.rollouts.before(asked.questions[p], proposals[p]) for p in places]
        forms = [offset_template([i.geometry for i in proposals[p]], vocabulary) for p in places]
        talks = Talks.about(policy.speaker(), [views[p] for p in places])
        for place, form, moves in zip(places, forms, refine(talks, before, forms), strict=True):
            yield place, policy.processor.text_of(form.fill(moves.offsets).tolist())

    def _proposal(self, question: Question, texts: Sequence[str]) -> Rewards:
        rollouts, masks = self.rollouts, self.rollouts.masks_of(question)
        return proposal_rewards(question.goal, texts, rollouts.way.codec, rollouts.rewards, masks)

    def _refinement(
        self, question: Question, items: Sequence[AnswerItem], texts: Sequence[str]
    ) -> Rewards:
        rollouts, masks = self.rollouts, self.rollouts.masks_of(question)
        codec, rewards = rollouts.way.codec, rollouts.rewards
        return offset_rewards(question.goal, items, texts, codec, rewards, masks)


class _Means:
    def __init__(self) -> None:
        self.values: dict[str, list[FloatArray]] = {}

    def add(self, name: str, rewards: Rewards) -> None:
        self.values.setdefault(f"{name}/reward", []).append(rewards.total)
        for component, values in rewards.components.items():
            self.values.setdefault(f"{name}/{component}", []).append(values)

    def means(self) -> dict[str, float]:
        return {name: float(np.concatenate(found).mean()) for name, found in self.values.items()}
