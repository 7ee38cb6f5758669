"""A group: several answers to one question, the rewards they got, and what that makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .packing import OPENING, PADDING
from .rewards import Rewards

Turn = Literal["grid", "offset"]
Looked = Mapping[Any, Tensor]
"""What a frozen trunk or processor makes of some pictures: tensors, a picture a row."""
NO_CHOICE = -1


@dataclass(frozen=True)
class Said:
    """One answer of a group in tokens.

    Args:
        ids: (T,) tokens.
        legal: (T,) number of the mask of legal tokens each was chosen under; `NO_CHOICE` where it
            was forced, so that nothing is learnt from it.
        ended: False if it was cut off.
    """

    ids: npt.NDArray[np.int64]
    legal: npt.NDArray[np.int64]
    ended: bool = True

    @property
    def num_chosen(self) -> int:
        """Tokens that were chosen."""
        return int((self.legal != NO_CHOICE).sum())


@dataclass(frozen=True)
class Group:
    """Some answers to one question.

    Args:
        name: Of the picture, for messages.
        kind: Of the question.
        turn: Which turn the answers are.
        looked: The picture, a batch of one.
        prefix: Tokens before the answers, the same for all.
        answers: At least two.
        rewards: Of each.
    """

    name: str
    kind: str
    turn: Turn
    looked: Looked
    prefix: Sequence[int]
    answers: Sequence[Said]
    rewards: Rewards


@dataclass(frozen=True)
class PackedGroups:
    """Groups as model input: each a row, its prefix once, then its answers one after another.

    Args:
        ids: (B, T) tokens, padded on the right.
        segments: (B, T) 0 for the prefix, then the number of the answer; `PADDING` behind.
        places: (B, T) place of each token in its own conversation: every answer begins where the
            prefix ends.
        row: (N,) row of each chosen token, of all groups.
        source: (N,) column whose scores it was chosen by.
        token: (N,) its id.
        legal: (N,) number of the mask it was chosen under.
        answer: (N,) number of the answer it belongs to, counted through all groups.
    """

    ids: Tensor
    segments: Tensor
    places: Tensor
    row: Tensor
    source: Tensor
    token: Tensor
    legal: Tensor
    answer: Tensor


def one_of(looked: Looked, place: int) -> Looked:
    """Return one picture of several."""
    return {name: tensor[place : place + 1] for name, tensor in looked.items()}


def together(looked: Sequence[Looked]) -> Looked:
    """Return pictures as one batch."""
    return {name: torch.cat([one[name] for one in looked]) for name in looked[0]}


def pack(groups: Sequence[Group]) -> PackedGroups:
    """Pack groups; the tokens that were chosen stand in the order of groups and answers."""
    rows = [_row(group) for group in groups]
    longest = max(len(row[0]) for row in rows)
    fills = (0, PADDING, 0)
    ids, segments, places = (
        torch.from_numpy(np.stack([_padded(row[part], longest, fill) for row in rows]))
        for part, fill in enumerate(fills)
    )
    row, source, token, legal, answer = [], [], [], [], []
    first = 0
    for number, group in enumerate(groups):
        start = len(group.prefix)
        for place, said in enumerate(group.answers):
            chosen = np.flatnonzero(said.legal != NO_CHOICE)
            # The first token of each answer is chosen by the scores of the prefix's last.
            source.append(np.where(chosen > 0, start + chosen - 1, len(group.prefix) - 1))
            row.append(np.full(len(chosen), number))
            token.append(said.ids[chosen])
            legal.append(said.legal[chosen])
            answer.append(np.full(len(chosen), first + place))
            start += len(said.ids)
        first += len(group.answers)
    flat = (torch.from_numpy(np.concatenate(part)) for part in (row, source, token, legal, answer))
    return PackedGroups(ids, segments, places, *flat)


def _row(group: Group) -> tuple[npt.NDArray[np.int64], ...]:
    """Return tokens, segments and places of a group."""
    lengths = [len(said.ids) for said in group.answers]
    ids = np.concatenate([np.asarray(group.prefix), *(said.ids for said in group.answers)])
    opening = len(group.prefix)
    numbers = np.repeat(np.arange(len(lengths) + 1), [opening, *lengths])
    places = np.concatenate([np.arange(opening), *(opening + np.arange(n) for n in lengths)])
    assert numbers[0] == OPENING
    return ids, numbers, places


def _padded(values: npt.NDArray[np.int64], length: int, fill: int) -> npt.NDArray[np.int64]:
    return np.pad(values, (0, length - len(values)), constant_values=fill)


def alone(group: Group) -> list[Group]:
    """Return a group for each answer, with the prefix repeated: what sharing it saves."""
    return [
        Group(group.name, group.kind, group.turn, group.looked, group.prefix, [said], group.rewards)
        for said in group.answers
    ]
