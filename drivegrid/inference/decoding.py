"""Constrained decoding of answers, many conversations at once.

Proposals are decoded token by token. A refine turn is not: its shape is known from the proposal,
only the offsets are open, so all of them are guessed at once and corrected together until nothing
changes (Jacobi iteration, Santilli et al. 2023). The fixed point is exactly what token by token
would be written, since every token then is the best one (`best_offsets`) given those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from drivegrid.geometry import BoolArray, FloatArray, IntArray
from drivegrid.inference.choosing import Choose
from drivegrid.inference.talks import Talk, Talks
from drivegrid.tokens.automaton import TokenClasses
from drivegrid.tokens.grid import DELETE, STAY
from drivegrid.tokens.template import OffsetTemplate


class Grammar(Protocol):
    """Which token may come next; `AnswerAutomaton`, `Enumeration` or `Anything`."""

    classes: TokenClasses

    def start_state(self) -> Any:
        """Return the state before the first token."""

    def allowed(self, state: Any) -> BoolArray:
        """Return (V,) True for tokens that may come next."""

    def step(self, state: Any, token_id: int) -> Any:
        """Return the state after a token."""


class Anything:
    """No grammar at all: any token may come, and after some number only the end.

    Args:
        classes: The model's vocabulary.
        most: Longest answer in tokens.
    """

    def __init__(self, classes: TokenClasses, most: int = 768) -> None:
        self.classes, self.most = classes, most

    def start_state(self) -> int:
        """Return 0: states count tokens."""
        return 0

    def allowed(self, state: int) -> BoolArray:
        """Return (V,) True everywhere, or for the end alone."""
        mask = np.full(self.classes.size, state < self.most)
        mask[self.classes.end] = True
        return mask

    def step(self, state: int, token_id: int) -> int:
        """Count a token."""
        del token_id
        return state + 1


@dataclass(frozen=True)
class Decoded:
    """Tokens of an answer with what the model thought of each.

    Args:
        ids: (T,) answer tokens, the end token left out.
        probabilities: (T,) probability of each among the legal tokens.
        cells: For each grid token, in order, the (num_cells,) distribution it came from.
        talk: The conversation up to there.
    """

    ids: list[int]
    probabilities: FloatArray
    cells: list[FloatArray]
    talk: Talk


@dataclass
class _Writer:
    """One answer in the making."""

    row: int
    choose: Choose
    state: Any
    ids: list[int] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    cells: list[FloatArray] = field(default_factory=list)


def propose(
    talks: Talks, prompts: Sequence[Sequence[int]], grammar: Grammar, choices: Sequence[Choose]
) -> list[Decoded]:
    """Decode an answer in every conversation, among the tokens that the grammar allows.

    Args:
        talks: The conversations; used up.
        prompts: What each is asked.
        grammar: Of the answers.
        choices: How each picks its tokens.
    """
    writers = [_Writer(i, choose, grammar.start_state()) for i, choose in enumerate(choices)]
    answers: dict[int, Decoded] = {}
    scores = talks.feed(prompts, scored=1)[:, -1]
    while True:
        chances = _legal_chances(scores, grammar, writers)
        going, tokens = [], []
        for place, (writer, mine) in enumerate(zip(writers, chances, strict=True)):
            token = writer.choose(mine, None if writer.ids else grammar.classes)
            if token == grammar.classes.end:
                kept = np.array(writer.kept)
                talk = talks.talk(place)
                answers[writer.row] = Decoded(writer.ids, kept, writer.cells, talk)
                continue
            _write(writer, token, mine, grammar)
            going.append(place)
            tokens.append([token])
        if not going:
            return [answers[row] for row in range(len(choices))]
        talks.keep(going)
        writers = [writers[place] for place in going]
        scores = talks.feed(tokens)[:, -1]


def _legal_chances(scores: Tensor, grammar: Grammar, writers: Sequence[_Writer]) -> FloatArray:
    """Return (B, V) the distribution over the legal tokens of each answer."""
    legal = torch.from_numpy(np.stack([grammar.allowed(writer.state) for writer in writers]))
    scores = scores[:, : grammar.classes.size].cpu().masked_fill(~legal, -torch.inf)
    chances: FloatArray = scores.softmax(-1).double().numpy()
    return chances


def _write(writer: _Writer, token: int, chances: FloatArray, grammar: Grammar) -> None:
    cells = grammar.classes.vocabulary.cell_range
    writer.ids.append(token)
    writer.kept.append(float(chances[token]))
    if token in cells:
        writer.cells.append(chances[cells.start : cells.stop].copy())
    writer.state = grammar.step(writer.state, token)


@dataclass(frozen=True)
class Moves:
    """The offsets of one refine turn.

    Args:
        offsets: (N,) offset indices in the order of the anchors.
        probabilities: (N, 10) distribution over the offsets of each anchor.
        passes: Forward passes it took.
        talk: The conversation up to there.
    """

    offsets: IntArray
    probabilities: FloatArray
    passes: int
    talk: Talk


class Pick(Protocol):
    """Picks the offsets of a turn, each by its own distribution."""

    def __call__(self, chances: FloatArray) -> IntArray:
        """Return (N,) offset indices of (N, 10) distributions."""


def refine(
    talks: Talks,
    prompts: Sequence[Sequence[int]],
    templates: Sequence[OffsetTemplate],
    picks: Sequence[Pick] | None = None,
    copies: int = 1,
) -> list[Moves]:
    """Decode all offsets of a refine turn together, in every conversation.

    Args:
        talks: The conversations; used up.
        prompts: What each is asked.
        templates: The form of each answer.
        picks: How each picks its offsets; `best_offsets` by default.
        copies: So many conversations in a row look at one picture and are dropped together.
    """
    if any(len(prompt) > 1 for prompt in prompts):
        talks.feed([prompt[:-1] for prompt in prompts], scored=1)
    picks = picks or [best_offsets] * len(templates)
    best = [np.full(len(template.slots), STAY) for template in templates]
    active, passes = list(range(len(templates))), 0
    found: dict[int, Moves] = {}
    while True:
        guesses, passes = [best[i] for i in active], passes + 1
        filled = [
            [prompts[i][-1], *templates[i].fill(guess).tolist()]
            for i, guess in zip(active, guesses, strict=True)
        ]
        scores = talks.feed(filled)
        for place, (i, guess) in enumerate(zip(active, guesses, strict=True)):
            chances = _offset_chances(scores[place, -len(filled[place]) :], templates[i])
            best[i] = picks[i](chances)
            if i not in found and (best[i] == guess).all():
                found[i] = Moves(best[i], chances, passes, talks.talk(place))
        open_groups = {i // copies for i in active if i not in found}
        if not open_groups:
            return [found[i] for i in range(len(templates))]
        talks.rewind(max(map(len, filled)))
        going = [place for place, i in enumerate(active) if i // copies in open_groups]
        talks.keep(going)
        active = [active[place] for place in going]


def best_offsets(chances: FloatArray) -> IntArray:
    """Return (N,) offset indices: the likeliest move, or delete where no move is as likely as not.

    Nine moves share what speaks for a place. Were deleting weighed against each of them alone,
    the less sure of the right move, the sooner a true place would go.

    Args:
        chances: (N, 10) distribution over the offsets of each anchor.

    >>> even = [0.15, 0.15, 0.15, 0.15, 0, 0, 0, 0, 0, 0.4]
    >>> best_offsets(np.array([even, [0.05, 0, 0, 0, 0, 0, 0, 0, 0.3, 0.65]])).tolist()
    [0, 9]
    """
    moves = chances[:, :DELETE].argmax(1)
    return np.where(chances[:, DELETE] > 0.5, DELETE, moves)


def _offset_chances(scores: Tensor, template: OffsetTemplate) -> FloatArray:
    """Return (N, 10) what the model thinks of each slot, given scores from the prompt's end on."""
    # Place 0 is the prompt's last token, so the score of the template's token k stands at k.
    slots = torch.from_numpy(template.slots).to(scores.device)
    choices = torch.from_numpy(template.choices).to(scores.device)
    chances: FloatArray = scores[slots][:, choices].softmax(-1).double().cpu().numpy()
    return chances
