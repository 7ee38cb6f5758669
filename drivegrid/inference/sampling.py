"""Many answers to the same question: the prompt is read once, then its cache is shared out.

Each answer keeps which tokens were legal at each of its steps, so that a trainer can weigh its
tokens among the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from drivegrid.geometry import BoolArray, FloatArray, IntArray
from drivegrid.inference.decoding import Grammar
from drivegrid.inference.talks import Talks


@dataclass
class LegalMasks:
    """Which tokens were legal, each different set kept once.

    Args:
        size: Tokens of the vocabulary, V.
    """

    size: int
    packed: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    _places: dict[bytes, int] = field(default_factory=dict)
    _met: dict[int, tuple[BoolArray, int]] = field(default_factory=dict)

    def place(self, legal: BoolArray) -> int:
        """Return the number of a (V,) mask, which must not change afterwards."""
        met = self._met.get(id(legal))
        if met is not None:
            return met[1]
        packed = np.packbits(legal)
        place = self._places.setdefault(packed.tobytes(), len(self.packed))
        if place == len(self.packed):
            self.packed.append(packed)
        self._met[id(legal)] = (legal, place)  # held, or another array might get its id
        return place

    def forget(self) -> None:
        """Give up all masks, and the memory they hold; numbers begin at 0 again."""
        self.packed.clear()
        self._places.clear()
        self._met.clear()

    def masks(self, places: IntArray) -> BoolArray:
        """Return (N, V) the masks of (N,) numbers."""
        rows = np.stack([self.packed[place] for place in places.tolist()])
        return np.unpackbits(rows, axis=1, count=self.size).astype(np.bool_)


@dataclass(frozen=True)
class Sample:
    """One answer by chance.

    Args:
        ids: (T,) its tokens, the end included.
        legal: (T,) number of the mask (see `LegalMasks`) each was drawn under.
        ended: False if it was cut off.
    """

    ids: list[int]
    legal: list[int]
    ended: bool


@dataclass
class _Row:
    grammar: Grammar
    state: Any
    ids: list[int] = field(default_factory=list)
    legal: list[int] = field(default_factory=list)
    ended: bool = False

    def take(self, token: int) -> None:
        """Go on by a token."""
        self.ids.append(token)
        self.ended = token == self.grammar.classes.end
        if not self.ended:
            self.state = self.grammar.step(self.state, token)


def sample_answers(  # noqa: PLR0913 - what is said, how, and how long
    talks: Talks,
    prompts: Sequence[Sequence[int]],
    grammars: Sequence[Grammar],
    masks: LegalMasks,
    rngs: Sequence[np.random.Generator],
    *,
    copies: int,
    temperature: float = 1.0,
    most: int = 512,
) -> list[list[Sample]]:
    """Draw several answers to each question.

    The answers to a question do not depend on which others are asked beside it, rounding aside.

    Args:
        talks: Conversations; used up.
        prompts: What each is asked.
        grammars: What may be answered to each.
        masks: Takes what was legal.
        rngs: Source of chance of each question; none at temperature 0.
        copies: Answers to each question.
        temperature: Scores are divided by it; 0 takes the likeliest token.
        most: Longest answer in tokens.
    """
    scores = talks.feed(prompts, scored=1)[:, -1].repeat_interleave(copies, 0)
    talks.repeat(copies)
    groups = [[_Row(one, one.start_state()) for _ in range(copies)] for one in grammars]
    active = list(range(len(groups)))
    for _ in range(most):
        rows = [row for place in active for row in groups[place]]
        heights = [rngs[place].random(copies) for place in active] if temperature else []
        tokens = _draw(scores, rows, masks, heights, temperature)
        # Conversations of a question end together: all of them look at one picture.
        going = [n for n, place in enumerate(active) if not all(r.ended for r in groups[place])]
        if not going:
            break
        kept = [n * copies + i for n in going for i in range(copies)]
        talks.keep(kept)
        active = [active[n] for n in going]
        scores = talks.feed([[tokens[place]] for place in kept])[:, -1]
    return [[Sample(row.ids, row.legal, row.ended) for row in group] for group in groups]


def _draw(
    scores: Tensor,
    rows: Sequence[_Row],
    masks: LegalMasks,
    heights: Sequence[FloatArray],
    temperature: float,
) -> list[int]:
    """Give every row that goes on a token; return what is fed to each, the end to the others.

    Chances stand on one another like bricks; the token is drawn whose brick lies at a height.
    """
    open_rows = [place for place, row in enumerate(rows) if not row.ended]
    legal = [rows[place].grammar.allowed(rows[place].state) for place in open_rows]
    size = rows[0].grammar.classes.size
    open_scores = scores.cpu()[open_rows, :size].float()
    open_scores = open_scores.masked_fill(~torch.from_numpy(np.stack(legal)), -torch.inf)
    if temperature:
        tops = (open_scores.double() / temperature).softmax(-1).cumsum(-1)
        height = torch.from_numpy(np.concatenate(heights)[open_rows])[:, None] * tops[:, -1:]
        drawn = torch.searchsorted(tops, height, right=True).squeeze(1)
    else:
        drawn = open_scores.argmax(-1)
    fed = [row.grammar.classes.end for row in rows]
    for place, mask, token in zip(open_rows, legal, drawn.tolist(), strict=True):
        rows[place].legal.append(masks.place(mask))
        rows[place].take(token)
        fed[place] = token
    return fed


class ChanceOffsets:
    """Picks offsets by chance: the likeliest after Gumbel noise, which is an exact draw.

    The noise is drawn once, so that the picks of a turn can be found together (see `refine`): of
    the same distributions the same offsets are picked.

    Args:
        count: Anchors of the turn.
        rng: Source of chance.
        temperature: Log-probabilities are divided by it; above 0.

    >>> pick = ChanceOffsets(1, np.random.default_rng(0))
    >>> pick(np.eye(10)[[7]]).tolist()
    [7]
    """

    def __init__(self, count: int, rng: np.random.Generator, temperature: float = 1.0) -> None:
        self.noise = rng.gumbel(size=(count, 10)) * temperature

    def __call__(self, chances: FloatArray) -> IntArray:
        """Return (N,) offset indices of (N, 10) distributions."""
        with np.errstate(divide="ignore"):
            picked: IntArray = (np.log(chances) + self.noise).argmax(1)
        return picked
