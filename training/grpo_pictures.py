"""Pictures of one group over time: one held-out question, answered by chance as in training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivegrid.data.images import Picture, save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.plotting.overlay import draw_scene
from drivegrid.plotting.sheet import contact_sheet

from .groups import Group
from .grpo_config import Stage
from .questions import Question
from .rollouts import Asked, Rollouts

FOLDER = "pictures"
PICTURE_WH = (384, 216)
COLUMNS = 3
SEED = 3


class GroupPictures:
    """Draws a sheet of a group: the right answer, what is refined, each answer over its reward.

    Args:
        rollouts: The policy, how it answers and what answers are worth.
        question: About a picture that is at hand as an image.
        stage: Which turn is drawn; the joint mode shows answers.
        folder: Where the sheets go, as ``step-000020.png``.
    """

    def __init__(self, rollouts: Rollouts, question: Question, stage: Stage, folder: Path) -> None:
        self.rollouts, self.question, self.stage = rollouts, question, stage
        self.folder = folder

    def draw(self, step: int) -> None:
        """Draw what the policy says now; the same chance each time."""
        save_image(self.folder / f"step-{step:06}.png", self.sheet())

    def sheet(self) -> Picture:
        """Return the sheet of the policy as it is."""
        question, asked = self.question, self._asked()
        pictures = [self._drawn(question.goal.instances)]
        captions = [f"truth: {question.turn.prompt}"]
        for group, before in self._groups(asked):
            if before:
                pictures.append(self._drawn(self._read(before)))
                captions.append("proposal")
            texts = [self.rollouts.text_of(said.ids.tolist()) for said in group.answers]
            for text, reward in zip(texts, group.rewards.total.tolist(), strict=True):
                pictures.append(self._drawn(self._read([*before, text])))
                captions.append(f"reward {reward:.2f}")
        return contact_sheet(pictures, captions, COLUMNS)

    def _asked(self) -> Asked:
        return Asked([self.question], self.rollouts.policy.look([self.question.visual]))

    def _groups(self, asked: Asked) -> list[tuple[Group, Sequence[str]]]:
        """Return the group of the turn that learns, with the texts before its answers."""
        rollouts, rngs = self.rollouts, [np.random.default_rng(SEED)]
        if self.stage != "2":
            return [(group, ()) for _, group in rollouts.proposals(asked, rngs).groups]
        [[likeliest]] = rollouts.answers(asked, (), 1, 0.0)
        text = rollouts.text_of(likeliest.ids)
        draws = rollouts.refinements(asked, [rollouts.named(text)], rngs)
        return [(group, (text,)) for _, group in draws.groups]

    def _read(self, texts: Sequence[str]) -> Sequence[Instance]:
        found, _ = self.rollouts.way.read(texts, self.question.goal.size_wh)
        return found

    def _drawn(self, instances: Sequence[Instance]) -> Picture:
        image = self.question.visual["image"]
        small = cv2.resize(image, PICTURE_WH, interpolation=cv2.INTER_AREA)
        scene = Scene(Frame("", self.question.goal.size_wh), tuple(instances))
        return draw_scene(small.astype(np.uint8), scene)
