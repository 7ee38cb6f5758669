"""What a step of reinforcement learning samples: questions, and groups of answers to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from accelerate import Accelerator

from drivegrid.errors import FormatError
from drivegrid.tokens.answer import AnswerItem

from .decoder import work_of
from .groups import Group
from .grpo_config import GrpoConfig, Stage
from .grpo_log import over_processes
from .learner import teaches
from .questions import Question, QuestionDrawer
from .rollouts import Asked, Chances, Draws, Rollouts

SAMPLING = 1
"""Sets the chances of answers apart from those of questions."""


class StepGroups:
    """Samples the groups of each step; a step's number decides what is asked and drawn.

    Args:
        config: Settings.
        stage: What learns.
        rollouts: The policy, how it answers and what answers are worth.
        drawer: Draws questions.
        accelerator: Knows the other processes.
    """

    def __init__(
        self,
        config: GrpoConfig,
        stage: Stage,
        rollouts: Rollouts,
        drawer: QuestionDrawer,
        accelerator: Accelerator,
    ) -> None:
        self.config, self.stage, self.rollouts = config, stage, rollouts
        self.drawer, self.accelerator = drawer, accelerator

    def of(self, step: int) -> tuple[list[Group], list[str], dict[str, float]]:
        """Sample the groups of a step.

        Returns:
            The groups of this process, what failed in it by name, and counts over all processes.
        """
        self.rollouts.masks.forget()
        work = work_of(self.rollouts.segmenter)
        questions, rngs, failures = self._questions(step)
        found = self._draws(questions, rngs) if questions else []
        failures += [line for draws in found for line in draws.failures]
        groups = [group for draws in found for _, group in draws.groups]
        counts = {
            "groups": len(groups),
            "dropped": sum(not teaches(group, self.config.loss) for group in groups),
            "failed": len(failures),
            "nothing_to_refine": sum(draws.nothing for draws in found),
        }
        counts |= {
            name: done - work[name] for name, done in work_of(self.rollouts.segmenter).items()
        }
        return groups, failures, over_processes(counts, self.accelerator)

    def _draws(self, questions: Sequence[Question], rngs: Chances) -> list[Draws]:
        """Sample the groups of at least one question."""
        looked = self.rollouts.policy.look([question.visual for question in questions])
        asked = Asked(questions, looked)
        if self.stage == "2":
            return [self.rollouts.refinements(asked, self._proposals(asked, rngs), rngs)]
        proposed = self.rollouts.proposals(asked, rngs)
        return [proposed, *(self._branches(asked, proposed, rngs) if self.stage == "joint" else ())]

    def _questions(self, step: int) -> tuple[list[Question], Chances, list[str]]:
        """Return the questions of a step; pictures that cannot be read are named and replaced.

        Questions are numbered through all processes, and a number is all that chance depends on.
        """
        config, processes = self.config, self.accelerator.num_processes
        count, seed = config.rollout.questions, config.optim.seed
        first = (step * processes + self.accelerator.process_index) * count
        questions, rngs, failures = [], [], []
        for number in range(first, first + count):
            for again in range(config.optim.most_failures + 1):
                try:
                    # Numbers of replacements are far from those of all steps.
                    questions.append(self.drawer.draw(number + (again << 40)))
                    rngs.append(np.random.default_rng((seed, number, SAMPLING)))
                    break
                except FormatError as error:
                    failures.append(str(error))
        return questions, rngs, failures

    def _proposals(self, asked: Asked, rngs: Chances) -> list[list[AnswerItem]]:
        """Return a proposal for each question: by the model, or with simulated mistakes."""
        rollout, rollouts = self.config.rollout, self.rollouts
        own = [place for place, rng in enumerate(rngs) if rng.random() < rollout.on_policy]
        proposals = [
            [] if place in own else rollouts.simulated(question, rngs[place])
            for place, question in enumerate(asked.questions)
        ]
        if own:
            drawn = rollouts.answers(
                asked.some(own), [rngs[p] for p in own], 1, rollout.temperature
            )
            for place, samples in zip(own, drawn, strict=True):
                proposals[place] = rollouts.named(rollouts.text_of(samples[0].ids))
        return proposals

    def _branches(self, asked: Asked, draws: Draws, rngs: Chances) -> list[Draws]:
        """Refine some answers of each group, a group of refinements each."""
        found, processor = [], self.rollouts.policy.processor
        for _ in range(self.config.rollout.refined):
            proposals: list[list[AnswerItem]] = [[] for _ in asked.questions]
            for place, group in draws.groups:
                said = group.answers[int(rngs[place].integers(len(group.answers)))]
                proposals[place] = self.rollouts.named(processor.text_of(said.ids.tolist()))
            found.append(self.rollouts.refinements(asked, proposals, rngs))
        return found
