"""Constrained greedy decoding, turn by turn, over one key-value cache.

Proposals are decoded token by token. A refine turn is not: its shape is known from the proposal,
only the offsets are open, so all of them are guessed at once and corrected together until nothing
changes (Jacobi iteration, Santilli et al. 2023). The fixed point is exactly the greedy answer,
since every token then is the best one given the tokens before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from drivegrid.geometry import FloatArray, IntArray
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.vision import ImageFeatures
from drivegrid.tokens.automaton import AnswerAutomaton
from drivegrid.tokens.grid import STAY
from drivegrid.tokens.template import OffsetTemplate

NONE_CHANCE = 0.5
"""Probability that "none" must exceed to be the answer."""


@dataclass
class Dialogue:
    """A conversation about one image: tokens so far and the decoder's cache.

    Args:
        model: The model.
        image: The encoded image, batch size 1.
    """

    model: NanoForGrounding
    image: ImageFeatures
    ids: list[int] = field(default_factory=list)
    cache: DynamicCache = field(default_factory=DynamicCache)

    def feed(self, ids: list[int]) -> Tensor:
        """Append tokens and return (len(ids), vocab_size) scores of what follows each."""
        self.ids += ids
        inputs = self.model.prepare_inputs_for_generation(
            torch.tensor([self.ids]), past_key_values=self.cache, image_features=self.image
        )
        with torch.inference_mode():
            scores: Tensor = self.model(**inputs).logits[0]
        return scores

    def rewind(self, length: int) -> None:
        """Forget everything after the first ``length`` tokens."""
        self.cache.crop(length - len(self.ids))  # a negative number removes so many tokens
        del self.ids[length:]


@dataclass(frozen=True)
class Decoded:
    """Tokens of an answer with what the model thought of each.

    Args:
        ids: (T,) answer tokens, the end token left out.
        probabilities: (T,) probability of each among the legal tokens.
        cells: For each grid token, in order, the (num_cells,) distribution it came from.
    """

    ids: list[int]
    probabilities: FloatArray
    cells: list[FloatArray]


def propose(dialogue: Dialogue, prompt: list[int], automaton: AnswerAutomaton, end: int) -> Decoded:
    """Decode an answer greedily among the tokens that the grammar allows."""
    first_cell = dialogue.model.config.spatial_base_id
    cell_ids = range(first_cell, first_cell + dialogue.model.config.grid_spec.num_cells)
    state = automaton.start_state()
    scores = dialogue.feed(prompt)[-1]
    ids: list[int] = []
    kept: list[float] = []
    cells: list[FloatArray] = []
    while True:
        legal = torch.tensor(automaton.allowed(state))
        chances = scores.masked_fill(~legal, -torch.inf).softmax(-1)
        token = int(chances.argmax())
        if not ids:
            token = _first_token(chances, automaton.classes.none)
        if token == end:
            break
        ids.append(token)
        kept.append(float(chances[token]))
        if token in cell_ids:
            cells.append(chances[cell_ids.start : cell_ids.stop].double().numpy())
        state = automaton.step(state, token)
        scores = dialogue.feed([token])[-1]
    dialogue.feed([end])
    return Decoded(ids, np.array(kept), cells)


def _first_token(chances: Tensor, none: tuple[int, ...]) -> int:
    """Return the likeliest token, "none" only if it is likelier than all labels together.

    The labels share the chance that there is something: three signs at 0.2 each must not lose
    against "none" at 0.4.
    """
    if none and chances[none[0]] <= NONE_CHANCE:
        chances = chances.clone()
        chances[none[0]] = 0.0
    return int(chances.argmax())


@dataclass(frozen=True)
class Moves:
    """The offsets of one refine turn.

    Args:
        offsets: (N,) offset indices in the order of the anchors.
        probabilities: (N, 10) distribution over the offsets of each anchor.
        passes: Forward passes it took.
    """

    offsets: IntArray
    probabilities: FloatArray
    passes: int


def refine(dialogue: Dialogue, prompt: list[int], template: OffsetTemplate, end: int) -> Moves:
    """Decode all offsets of a refine turn together."""
    slots = template.slots
    best = np.full(len(slots), STAY)
    dialogue.feed(prompt[:-1])
    start = len(dialogue.ids)
    passes, guess = 0, None
    while guess is None or (best != guess).any():
        if guess is not None:
            dialogue.rewind(start)
        guess, passes = best, passes + 1
        scores = dialogue.feed([prompt[-1], *template.fill(guess).tolist()])
        # Place 0 is the prompt's last token, so the score of the template's token k stands at k.
        open_scores = scores[torch.from_numpy(slots)][:, torch.from_numpy(template.choices)]
        chances = open_scores.softmax(-1).double().numpy()
        best = chances.argmax(1)
    dialogue.feed([end])
    return Moves(best, chances, passes)
