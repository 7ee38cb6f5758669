"""Questions with known answers about pictures, for reinforcement learning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from drivegrid.data.augment import AugmentConfig, augment
from drivegrid.data.scene import Scene
from drivegrid.errors import ConfigError
from drivegrid.tasks.conversations.convert import TRIES, draw_turns
from drivegrid.tasks.conversations.talk import Talk, Turn
from drivegrid.tasks.representation import Representation
from drivegrid.tasks.rewards.goal import Goal, as_answered
from drivegrid.tasks.rewards.settings import Regions
from drivegrid.tasks.settings import ConversationConfig

from .student import PictureSource, Visual

MOST_SILENT = 100
"""Pictures in a row that allow no question, before the data are refused."""


@dataclass(frozen=True)
class Question:
    """A question about a picture.

    Args:
        name: Of the picture, for messages.
        kind: What is asked, see ``REWARDED_KINDS``.
        visual: The picture.
        turn: The question in final text, with the right answer in tokens.
        goal: The right answer in pixels.
        talk: The scene it is about, from which mistakes are simulated.
    """

    name: str
    kind: str
    visual: Visual
    turn: Turn
    goal: Goal
    talk: Talk


class QuestionDrawer:
    """Draws a question for every number; the same number gives the same question.

    Args:
        source: Pictures.
        tasks: How often each kind is asked, relative to the others.
        way: How shapes are written.
        seed: Another seed draws other questions.
        changes: How pictures are augmented; None leaves them as they are.
        regions: How regions are answered, as in the settings of the reward.
    """

    def __init__(
        self,
        source: PictureSource,
        tasks: dict[str, float],
        way: Representation,
        seed: int,
        changes: AugmentConfig | None = None,
        regions: Regions = "poly",
    ) -> None:
        self.regions = regions
        self.source, self.seed, self.changes = source, seed, changes
        self.kinds = [kind for kind, weight in tasks.items() if weight]
        weights = np.array([tasks[kind] for kind in self.kinds], dtype=np.float64)
        self.shares = weights / weights.sum()
        self.codec = replace(way.codec, rounds=0)

    def draw(self, number: int) -> Question:
        """Return a question: a kind is drawn, then a picture that allows one of it.

        Raises:
            ConfigError: If no picture allows a question of the kind.
            FormatError: If a picture cannot be read.
        """
        rng = np.random.default_rng((self.seed, number))
        kind = str(rng.choice(self.kinds, p=self.shares))
        for attempt in range(MOST_SILENT):
            place = self._place(number + attempt, rng)
            visual, scene = self.source[place]
            if self.changes is not None:
                image, scene = augment(visual["image"], scene, self.changes, rng)
                visual = {"image": image}
            found = self._ask(scene, kind, rng)
            if found is not None:
                talk, turn = found
                name = scene.frame.image or f"picture {place}"
                return Question(name, kind, visual, turn, goal_of(talk, turn, self.regions), talk)
        raise ConfigError(
            f"data.tasks must hold kinds that the pictures allow, got {kind} for {MOST_SILENT} "
            "pictures. Leave it out."
        )

    def _place(self, number: int, rng: np.random.Generator) -> int:
        """Return which picture is asked about."""
        del number
        return int(rng.integers(len(self.source)))

    def _ask(self, scene: Scene, kind: str, rng: np.random.Generator) -> tuple[Talk, Turn] | None:
        config = ConversationConfig(seed=int(rng.integers(2**31)), tasks={kind: 1})
        talk = Talk(scene, config, self.codec)
        turns = islice(draw_turns(talk, kind, rng), TRIES)
        turn = next((turn for turn in turns if turn is not None), None)
        return None if turn is None else (talk, turn)


class HeldOutDrawer(QuestionDrawer):
    """Asks about each picture before it asks about one again: repeats tell nothing new."""

    def _place(self, number: int, rng: np.random.Generator) -> int:
        del rng
        order = np.random.default_rng(self.seed).permutation(len(self.source))
        return int(order[number % len(order)])


def goal_of(talk: Talk, turn: Turn, regions: Regions = "poly") -> Goal:
    """Return the right answer of a turn in pixels, its labels in the words of the answer.

    Args:
        talk: The picture.
        turn: Question and right answer.
        regions: ``"seg"``: things whose boxes stand for outlines are given by these, as they are
            to be answered by box and mask anchors.
    """
    if turn.targets and not turn.items:
        return Goal((), talk.size_wh, turn.answer)
    places = [talk.place[index] for index in turn.targets]
    seg = regions == "seg"
    shown = [talk.outlined(place) if seg else talk.scene.instances[place] for place in places]
    named = tuple(
        as_answered(instance, item) for instance, item in zip(shown, turn.items, strict=True)
    )
    return Goal(named, talk.size_wh)
