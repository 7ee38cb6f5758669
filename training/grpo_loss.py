"""Advantages and the objective of GRPO and its variants, over chosen tokens in a flat row.

A token's part is ``-min(r A, clip(r, 1 - low, 1 + high) A) + beta (exp(d) - d - 1)`` with r the
ratio of its probabilities now and when it was drawn, A its advantage and d its reference
log-probability minus its own (the k3 estimate of the KL divergence). The variants differ in how
parts are summed up:

    grpo      mean over the tokens of an answer, then over answers (Shao et al. 2024, eq. 3)
    dr-grpo   sum over tokens, divided by answers and the longest answer allowed; advantages are not
              divided by their spread (Liu et al. 2025)
    dapo      mean over all tokens (Yu et al. 2025, eq. 8)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from drivegrid.geometry import FloatArray

from .groups import Group
from .grpo_config import LossConfig

SPREAD_EPS = 1e-4
"""Added to a group's spread before it divides, as in TRL."""


def advantages(group: Group, config: LossConfig, weights: dict[str, float]) -> FloatArray:
    """Return (N,) how much better than its group each answer is.

    Args:
        group: With rewards.
        config: ``total`` normalises the weighted sum of the rewards; ``component`` each reward by
            itself, before they are weighted and summed.
        weights: Of the rewards.

    >>> normalised(np.array([0.0, 1.0]), divide=False).tolist()
    [-0.5, 0.5]
    """
    divide = config.variant != "dr-grpo"
    if config.advantage == "total":
        return normalised(group.rewards.total, divide=divide)
    parts = group.rewards.components.items()
    return np.sum(
        [weights[name] * normalised(values, divide=divide) for name, values in parts], axis=0
    )


def token_advantages(group: Group, config: LossConfig, weights: dict[str, float]) -> FloatArray:
    """Return (T,) the advantage of each chosen token of a group, answer after answer.

    All tokens of an answer have the answer's. With ``credit: anchor`` an offset has that of its own
    anchor: refinements of a group are of one proposal, so that each anchor has been moved N times,
    and its worth is compared with what the other N - 1 made of it. One spread divides them all.

    Args:
        group: With rewards.
        config: See `advantages`.
        weights: Of the rewards.
    """
    credits = group.rewards.credits
    if config.credit == "answer" or credits is None:
        chosen = [said.num_chosen for said in group.answers]
        return np.repeat(advantages(group, config, weights), chosen)
    centred: FloatArray = credits - credits.mean(axis=0)
    if config.variant != "dr-grpo":
        spread = np.sqrt((centred**2).sum() / ((len(centred) - 1) * centred.shape[1]))
        centred = centred / (spread + SPREAD_EPS)
    return centred.ravel()


def normalised(rewards: FloatArray, *, divide: bool) -> FloatArray:
    """Return rewards minus their mean, divided by their standard deviation if so wished.

    The deviation is that of a sample (N - 1), as in the public implementations.
    """
    centred: FloatArray = rewards - rewards.mean()
    return centred / (rewards.std(ddof=1) + SPREAD_EPS) if divide else centred


@dataclass(frozen=True)
class Totals:
    """What a step's loss is divided by: counts over all groups, batches and processes."""

    answers: int
    tokens: int


@dataclass(frozen=True)
class Objective:
    """The loss of some chosen tokens, and what is told of them.

    Args:
        loss: Scalar to go down from; parts of a step add up.
        kl: Scalar: summed k3 estimate over the tokens.
        clipped: Scalar: tokens whose ratio was cut.
    """

    loss: Tensor
    kl: Tensor
    clipped: Tensor


def log_probabilities(
    scores: Tensor, legal: Tensor, token: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return (N,) log-probabilities of tokens among the legal ones, and (N,) entropies.

    Args:
        scores: (N, V) fp32; scores beyond the mask's width are of rows without a token.
        legal: (N, V') mask, V' <= V.
        token: (N,) ids.
        temperature: Of the sampling.
    """
    shown = scores[:, : legal.shape[1]].float() / temperature
    logs = shown.masked_fill(~legal, -torch.inf).log_softmax(-1)
    chances = logs.exp()
    entropy = -(chances * logs.masked_fill(~legal, 0.0)).sum(-1).detach()
    return logs.gather(1, token[:, None]).squeeze(1), entropy


def objective(
    new: Tensor,
    old: Tensor,
    reference: Tensor | None,
    advantage: Tensor,
    answer: Tensor,
    scale: Scale,
) -> Objective:
    """Return the loss of chosen tokens.

    Args:
        new: (N,) log-probabilities with gradient.
        old: (N,) the same when they were drawn.
        reference: (N,) of the model that training started from; None without KL.
        advantage: (N,) of each token.
        answer: (N,) number of each token's answer.
        scale: Settings and divisors.
    """
    config = scale.config
    ratio = (new - old).exp()
    cut = ratio.clamp(1 - config.clip_low, 1 + config.clip_high)
    parts = -torch.minimum(ratio * advantage, cut * advantage)
    kl = torch.zeros_like(new)
    if reference is not None:
        gap = reference - new
        kl = gap.exp() - gap - 1
        parts = parts + config.kl * kl
    changed = (ratio * advantage > cut * advantage).sum()
    return Objective((parts * scale.of_tokens(answer)).sum(), kl.detach().sum(), changed)


@dataclass(frozen=True)
class Scale:
    """How much each token counts.

    Args:
        config: Which variant.
        totals: Of the whole step.
        longest: Longest answer allowed, in tokens.
    """

    config: LossConfig
    totals: Totals
    longest: int

    def of_tokens(self, answer: Tensor) -> Tensor:
        """Return (N,) weights; ``answer`` must hold all tokens of each answer it names."""
        if self.config.variant == "dapo":
            return torch.full_like(answer, 1 / self.totals.tokens, dtype=torch.float32)
        if self.config.variant == "dr-grpo":
            share = 1 / (self.totals.answers * self.longest)
            return torch.full_like(answer, share, dtype=torch.float32)
        return 1 / (answer.bincount()[answer].float() * self.totals.answers)


def totals_of(groups: Sequence[Group]) -> Totals:
    """Return the counts of some groups; answers of which nothing was chosen do not count."""
    chosen = [said.num_chosen for group in groups for said in group.answers]
    return Totals(sum(count > 0 for count in chosen), sum(chosen))
