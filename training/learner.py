"""One step of learning from groups: advantages, packed forward passes, an update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from drivegrid.errors import ModelError
from drivegrid.inference.sampling import LegalMasks

from .groups import Group, Looked, PackedGroups, pack, together
from .grpo_config import GrpoConfig, LossConfig
from .grpo_loss import Scale, Totals, log_probabilities, objective, token_advantages, totals_of
from .policy import Policy

EVEN = 1e-6
"""Rewards that differ by less are alike."""


@dataclass(frozen=True)
class Learnt:
    """What an update was like; means over chosen tokens.

    Args:
        loss: Of the step.
        kl: To the reference (k3 estimate).
        entropy: Of the choice among legal tokens.
        clipped: Share of tokens whose ratio was cut.
        grad_norm: Before it was cut.
    """

    loss: float = 0.0
    kl: float = 0.0
    entropy: float = 0.0
    clipped: float = 0.0
    grad_norm: float = 0.0


@dataclass(frozen=True)
class _Batch:
    """Some groups in one forward pass."""

    looked: Looked
    packed: PackedGroups
    legal: Tensor
    advantage: Tensor
    reference: Tensor | None = None
    old: Tensor | None = None


class Learner:
    """Updates a policy.

    Args:
        policy: The model.
        config: Settings.
        accelerator: Knows the other processes.
        masks: What the numbers of legal masks stand for.
    """

    def __init__(
        self, policy: Policy, config: GrpoConfig, accelerator: Accelerator, masks: LegalMasks
    ) -> None:
        self.policy, self.config, self.accelerator = policy, config, accelerator
        self.masks = masks
        optim = config.optim
        # Not wrapped for distributed training: see `_add_up`.
        self.model = accelerator.prepare_model(policy.model, evaluation_mode=True)
        groups = policy.parameter_groups()
        optimizer = torch.optim.AdamW(groups, lr=optim.learning_rate, betas=(0.9, 0.95))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / (optim.warmup_steps + 1))
        )
        self.optimizer = accelerator.prepare_optimizer(optimizer)
        # Prepared, it would go on by as many steps at a time as there are processes.
        accelerator.register_for_checkpointing(self.schedule)

    def learn(self, groups: Sequence[Group]) -> Learnt:
        """Learn from groups; those whose answers are all worth the same teach nothing.

        Every process calls this, also one that has no group.

        Raises:
            ModelError: If the loss or its gradient is not finite. Nothing is changed then.
        """
        kept = [group for group in groups if teaches(group, self.config.loss)]
        totals = self._everywhere(totals_of(kept))
        if not totals.tokens:
            return Learnt()
        self.model.train()  # sampling left it in evaluation mode, which keeps all activations
        batches = list(self._batches(kept))
        for _ in range(self.config.optim.epochs):
            learnt = self._update(batches, totals)
        return learnt

    def _everywhere(self, totals: Totals) -> Totals:
        counts = torch.tensor([totals.answers, totals.tokens], device=self.accelerator.device)
        answers, tokens = self.accelerator.reduce(counts, "sum").tolist()
        return Totals(answers, tokens)

    def _batches(self, groups: Sequence[Group]) -> Iterator[_Batch]:
        """Yield groups in few forward passes, those of like length together."""
        config = self.config
        ordered = sorted(groups, key=lambda group: sum(len(said.ids) for said in group.answers))
        for start in range(0, len(ordered), config.optim.rows_at_once):
            some = ordered[start : start + config.optim.rows_at_once]
            packed = pack(some)
            looked = together([group.looked for group in some])
            found = [token_advantages(group, config.loss, self._weights(group)) for group in some]
            worth = torch.from_numpy(np.concatenate(found)).float()
            legal = torch.from_numpy(self.masks.masks(packed.legal.numpy()))
            batch = _Batch(looked, packed, legal, worth)
            if config.loss.kl:
                scores = self.policy.reference_scores(looked, packed)
                batch = replace(batch, reference=self._logs(scores, batch)[0])
            if config.optim.epochs > 1:
                with torch.no_grad():
                    scores = self.policy.scores(self.model, looked, packed)
                    batch = replace(batch, old=self._logs(scores, batch)[0])
            yield batch

    def _weights(self, group: Group) -> dict[str, float]:
        rewards = self.config.rewards
        weights = rewards.weights if group.turn == "grid" else rewards.offset_weights
        return {name: weights.get(name, 0.0) for name in group.rewards.components}

    def _logs(self, scores: Tensor, batch: _Batch) -> tuple[Tensor, Tensor]:
        device, temperature = scores.device, self.config.rollout.temperature
        legal, token = batch.legal.to(device), batch.packed.token.to(device)
        return log_probabilities(scores, legal, token, temperature)

    def _update(self, batches: Sequence[_Batch], totals: Totals) -> Learnt:
        sums = torch.zeros(5, device=self.accelerator.device)
        for batch in batches:
            sums += self._backward(batch, totals)
        self._add_up()
        loss, kl, entropy, clipped, tokens = self.accelerator.reduce(sums, "sum").tolist()
        norm = float(
            self.accelerator.clip_grad_norm_(
                self.model.parameters(), self.config.optim.max_grad_norm
            )
        )
        if not np.isfinite([loss, norm]).all():
            self.optimizer.zero_grad()
            raise ModelError(
                f"loss must be finite and have a finite gradient, got {loss}, {norm}. Lower "
                "optim.learning_rate."
            )
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        return Learnt(loss, kl / tokens, entropy / tokens, clipped / tokens, norm)

    def _add_up(self) -> None:
        """Add up the gradients of all processes; one that had nothing to learn adds nothing.

        A wrapper for distributed training would average them, and wait for ever for a process
        without a group, or for a parameter that no answer of a step depends on.
        """
        if self.accelerator.num_processes == 1:
            return
        learnt = [p for group in self.optimizer.param_groups for p in group["params"]]
        met = torch.tensor([float(p.grad is not None) for p in learnt])
        met = self.accelerator.reduce(met.to(self.accelerator.device), "sum")
        for parameter, processes in zip(learnt, met.tolist(), strict=True):
            if processes:
                mine = parameter.grad
                mine = torch.zeros_like(parameter) if mine is None else mine
                parameter.grad = self.accelerator.reduce(mine, "sum")

    def _backward(self, batch: _Batch, totals: Totals) -> Tensor:
        """Go forth and back; return loss, KL, entropy, clipped and tokens, summed."""
        packed, config = batch.packed, self.config
        scores = self.policy.scores(self.model, batch.looked, packed)
        device = scores.device
        new, entropy = self._logs(scores, batch)
        scale = Scale(config.loss, totals, config.rollout.most_tokens)
        part = objective(
            new,
            new.detach() if batch.old is None else batch.old,
            batch.reference,
            batch.advantage.to(device),
            packed.answer.to(device),
            scale,
        )
        self.accelerator.backward(part.loss)
        told = [part.loss.detach(), part.kl, entropy.sum(), part.clipped]
        told.append(torch.tensor(len(packed.token), device=device))
        return torch.stack([value.float() for value in told])


def teaches(group: Group, config: LossConfig) -> bool:
    """Tell whether the answers of a group are worth different amounts."""
    credits = group.rewards.credits
    if config.credit == "answer" or credits is None:
        return bool(np.ptp(group.rewards.total) > EVEN)
    return bool(np.ptp(credits, axis=0).max() > EVEN)
