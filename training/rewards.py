"""Rewards of sampled answers and refinements: the components, and their weighted sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drivegrid.errors import RewardError
from drivegrid.geometry import FloatArray
from drivegrid.tasks.rewards.goal import Goal
from drivegrid.tasks.rewards.masks import MaskDecoder
from drivegrid.tasks.rewards.proposal import proposal_components
from drivegrid.tasks.rewards.refinement import Refined, offset_worth
from drivegrid.tasks.rewards.settings import PRESETS, RewardSettings, preset
from drivegrid.tasks.rewards.words import WordDecoder
from drivegrid.tokens.answer import AnswerItem
from drivegrid.tokens.codec import Codec

__all__ = [
    "PRESETS",
    "Goal",
    "MaskDecoder",
    "RewardSettings",
    "Rewards",
    "WordDecoder",
    "offset_rewards",
    "preset",
    "proposal_rewards",
    "weighted",
]


@dataclass(frozen=True)
class Rewards:
    """What N samples are worth.

    Args:
        components: Name to (N,) unweighted values; only what applies to the goal.
        total: (N,) weighted sum.
        credits: (N, A) of refinements: for each anchor that has an offset the total, its own worth
            in place of the mean over anchors.
        refined: What refinements did to the shapes; None of proposals.
    """

    components: dict[str, FloatArray]
    total: FloatArray
    credits: FloatArray | None = None
    refined: Refined | None = None

    def told(self) -> dict[str, FloatArray]:
        """Return by name the values whose means are told: the total, its parts, what changed."""
        found = {"reward": self.total, **self.components}
        return found | (self.refined.told() if self.refined is not None else {})


def proposal_rewards(
    goal: Goal,
    texts: Sequence[str],
    codec: Codec,
    settings: RewardSettings,
    masks: MaskDecoder[Any] | WordDecoder | None = None,
) -> Rewards:
    """Reward sampled answers to one question (stage 1).

    Args:
        goal: The right answer.
        texts: N answers as the model wrote them; anything is an answer.
        codec: Lattice, and how true shapes are written.
        settings: Constants and weights.
        masks: A mask decoder that has looked at the image, or what draws words; without one there
            is no `mask`.

    Raises:
        RewardError: If a reward is not finite.
        ModelError: If the decoder fails.

    >>> from drivegrid.data.scene import Instance
    >>> from drivegrid.geometry import Box
    >>> goal = Goal((Instance("cone", Box(np.array([30.0, 30.0, 70.0, 90.0]))),), (640, 640))
    >>> texts = ["cone: <box><grid_1_1><grid_3_3></box>", "none"]
    >>> rewards = proposal_rewards(goal, texts, Codec(), preset("no-decoder"))
    >>> rewards.components["box"].round(3).tolist()
    [0.651, 0.0]
    """
    components = proposal_components(goal, texts, codec, settings, masks)
    return weighted(components, settings.weights)


def offset_rewards(
    goal: Goal,
    proposal: Sequence[AnswerItem],
    texts: Sequence[str],
    codec: Codec,
    settings: RewardSettings,
    masks: MaskDecoder[Any] | None = None,
) -> Rewards:
    """Reward sampled refinements of one proposal (stage 2).

    Args:
        goal: The right answer.
        proposal: What is refined, with the rounds of offsets it was given already.
        texts: N refinements as `format_offsets` writes them; anything is one.
        codec: Lattice, and how true shapes are written.
        settings: Constants and weights.
        masks: A mask decoder that has looked at the image; without one there is no `mask_gain`.

    Raises:
        RewardError: If a reward is not finite.
        ModelError: If the decoder fails.
    """
    found = offset_worth(goal, proposal, texts, codec, settings, masks)
    rewards = weighted(found.components, settings.offset_weights)
    own = [
        settings.offset_weights.get(name, 0.0) * (found.anchors[:, place] - found.components[name])
        for place, name in enumerate(found.parts)
    ]
    credits = rewards.total[:, None] + np.array(own).T if own else None
    return replace(rewards, credits=credits, refined=found.refined)


def weighted(components: dict[str, FloatArray], weights: Mapping[str, float]) -> Rewards:
    """Sum components by their weights; those without a weight are only told.

    Raises:
        RewardError: If a value is not finite.
    """
    for name, values in components.items():
        if not np.isfinite(values).all():
            sample = int(np.flatnonzero(~np.isfinite(values))[0])
            raise RewardError(
                f"a reward must be finite, got {values[sample]} ({name}, sample {sample})."
            )
    parts = [weights.get(name, 0.0) * values for name, values in components.items()]
    return Rewards(components, np.sum(parts, axis=0))
