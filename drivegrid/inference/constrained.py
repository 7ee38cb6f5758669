"""The answer grammar for ``generate`` of transformers."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LogitsProcessor

from drivegrid.inference.choosing import NONE_CHANCE
from drivegrid.tokens.automaton import AnswerAutomaton


class GrammarLogits(LogitsProcessor):
    """Leaves only tokens that the grammar allows, and "none" only if likelier than all else.

    With it, greedy ``model.generate`` writes what ``Predictor`` proposes.

    Args:
        automaton: The grammar, with the model's vocabulary.
        prompt_length: Tokens before the answer, padding included.
    """

    def __init__(self, automaton: AnswerAutomaton, prompt_length: int) -> None:
        self.automaton, self.prompt_length = automaton, prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return (B, V) scores, minus infinity where a token may not come next.

        Args:
            input_ids: (B, T) tokens so far.
            scores: (B, V) of the next one.
        """
        legal = torch.zeros(scores.shape, dtype=torch.bool)
        for row, ids in enumerate(input_ids[:, self.prompt_length :].tolist()):
            mask = self.automaton.allowed(self._state(ids))
            legal[row, : len(mask)] = torch.from_numpy(mask.copy())
        scores = scores.masked_fill(~legal.to(scores.device), -torch.inf)
        none = self.automaton.classes.none
        if none and input_ids.shape[1] == self.prompt_length:
            unlikely = scores.softmax(-1)[:, none[0]] <= NONE_CHANCE
            scores[unlikely, none[0]] = -torch.inf
        return scores

    def _state(self, ids: list[int]) -> int:
        """Return where in the grammar an answer is; what follows its end is padding."""
        state = self.automaton.start_state()
        for token in ids:
            state = self.automaton.step(state, token)
            if self.automaton.is_final(state):
                break
        return state
