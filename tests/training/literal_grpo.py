"""GRPO as its papers write it down: one answer after another, nothing shared, nothing packed."""

import math

import torch
from drivegrid.training.groups import NO_CHOICE

from drivegrid.model.anchor_hints import anchor_hints


def literal_logs(policy, model, group, said, masks, temperature):
    """Return the log-probabilities of an answer's chosen tokens, from a pass of its own."""
    ids = [*group.prefix, *said.ids.tolist()]
    processor = policy.processor
    hints = anchor_hints(ids, policy.grid, processor.base_id, processor.special_ids)
    output = model(
        input_ids=torch.tensor([ids]),
        pyramid=dict(group.looked),
        anchor_xyr=torch.tensor(hints, dtype=torch.float32)[None],
    )
    logs = []
    for place, (token, mask) in enumerate(zip(said.ids, said.legal, strict=True)):
        if mask == NO_CHOICE:
            continue
        scores = output.logits[0, len(group.prefix) + place - 1] / temperature
        legal = torch.from_numpy(masks.masks(said.legal[place : place + 1])[0])
        legal_scores = torch.where(legal, scores[: len(legal)], torch.tensor(-math.inf))
        logs.append(scores[token] - legal_scores.logsumexp(0))
    return torch.stack(logs)


def literal_advantages(rewards, variant):
    mean = sum(rewards) / len(rewards)
    if variant == "dr-grpo":
        return [reward - mean for reward in rewards]
    spread = math.sqrt(sum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1))
    return [(reward - mean) / (spread + 1e-4) for reward in rewards]


def literal_worth(group, loss):
    """Return the advantage of each chosen token of each answer."""
    if loss.credit == "answer" or group.turn == "grid":
        worth = literal_advantages(group.rewards.total.tolist(), loss.variant)
        return [[one] * said.num_chosen for one, said in zip(worth, group.answers, strict=True)]
    columns = group.rewards.credits.T.tolist()  # an anchor each
    centred = [[one - sum(column) / len(column) for one in column] for column in columns]
    spread = 1.0
    if loss.variant != "dr-grpo":
        squares = sum(one**2 for column in centred for one in column)
        spread = math.sqrt(squares / ((len(centred[0]) - 1) * len(centred))) + 1e-4
    return [[column[n] / spread for column in centred] for n in range(len(group.answers))]


def literal_loss(policy, model, groups, masks, config):
    """Return the loss of some groups whose answers were just drawn (the ratio is 1)."""
    answers, temperature, loss = [], config.rollout.temperature, config.loss
    for group in groups:
        worth = literal_worth(group, loss)
        for said, advantages in zip(group.answers, worth, strict=True):
            new = literal_logs(policy, model, group, said, masks, temperature)
            with torch.no_grad():
                ref = literal_logs(policy, policy.reference, group, said, masks, temperature)
            parts = []
            for mine, other, advantage in zip(new, ref, advantages, strict=True):
                ratio = torch.exp(mine - mine.detach())
                cut = torch.clamp(ratio, 1 - loss.clip_low, 1 + loss.clip_high)
                gap = other - mine
                kl = torch.exp(gap) - gap - 1
                parts.append(-torch.min(ratio * advantage, cut * advantage) + loss.kl * kl)
            answers.append(parts)
    tokens = [part for parts in answers for part in parts]
    if loss.variant == "dapo":
        return sum(tokens) / len(tokens)
    if loss.variant == "dr-grpo":
        return sum(tokens) / (len(answers) * config.rollout.most_tokens)
    return sum(sum(parts) / len(parts) for parts in answers) / len(answers)
