"""Dialogues about one picture in one row: the picture is read once for all of them.

In Qwen2.5-VL each dialogue sees system turn and picture, and itself; never another dialogue. Its
tokens have the places they would have alone, so that a row gives the losses of its dialogues, each
in a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

OPENING, PADDING = 0, -1
"""Segments of what every dialogue sees, and of what none does."""


@dataclass(frozen=True)
class Piece:
    """A dialogue in tokens, without the opening it shares with others.

    Args:
        ids: (T,) tokens.
        learnt: (T,) which of them are learnt.
        kind: What is asked, see `Dialogue.kind_id`.
    """

    ids: npt.NDArray[np.int64]
    learnt: npt.NDArray[np.bool_]
    kind: int = 0


class _InTokens(Protocol):
    @property
    def ids(self) -> npt.NDArray[np.int64]:
        """(T,) tokens."""


_Said = TypeVar("_Said", bound=_InTokens)


def take(pieces: Iterable[_Said], room: int, most: int | None = None) -> list[_Said]:
    """Return the first dialogues of a draw.

    Args:
        pieces: At least one.
        room: Dialogues are taken until they hold so many tokens. The one that reaches over the
            end is taken too: left out, long answers would be learnt less often than they are drawn.
        most: So many dialogues in place of a length.
    """
    taken: list[_Said] = []
    for piece in pieces:
        taken.append(piece)
        room -= len(piece.ids)
        if len(taken) == most or (most is None and room <= 0):
            break
    return taken


def segments_of(opening: int, pieces: Iterable[Piece]) -> npt.NDArray[np.int64]:
    """Return (T,) the number of the dialogue of each token, from 1; of the opening 0.

    >>> segments_of(2, [Piece(np.array([7]), np.array([True]))] * 2).tolist()
    [0, 0, 1, 2]
    """
    lengths = [opening, *(len(piece.ids) for piece in pieces)]
    return np.repeat(np.arange(len(lengths)), lengths)


def places_of(segments: Tensor, opening: Tensor) -> Tensor:
    """Return (3, T) places for Qwen2.5-VL's rotary embedding.

    Args:
        segments: (T,) as `segments_of` gives them.
        opening: (3, P) places of the opening, whose visual tokens have a row and a column.

    Every dialogue begins at the place behind the opening's greatest.
    """
    count = opening.shape[1]
    numbers = torch.arange(len(segments) - count)
    starts = torch.searchsorted(segments[count:], segments[count:])
    after = opening.max() + 1 + numbers - starts
    return torch.cat([opening, after.expand(3, -1)], dim=1)


def attention_mask(segments: Tensor) -> Tensor:
    """Return (B, 1, T, T) bool, True where a token (third axis) looks at another.

    Args:
        segments: (B, T) as `segments_of` gives them, `PADDING` behind the end.

    Padding looks at padding alone, so that no row of scores is empty.
    """
    length = segments.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    own = segments[:, :, None] == segments[:, None, :]
    shared = (segments == OPENING)[:, None, :] & (segments != PADDING)[:, :, None]
    return (before & (own | shared))[:, None]
