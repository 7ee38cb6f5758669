"""Which token may come next where points are spelt by bins or digits (`drivegrid.tokens.spelling`).

The grammar around the points is that of `AnswerAutomaton`, which runs on a lattice of one cell:
where it allows that cell, a point may be spelt. Every answer that ends parses strictly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from drivegrid.errors import ConfigError, TokenError
from drivegrid.geometry import BoolArray, GeometryKind
from drivegrid.tokens.automaton import AnswerAutomaton, Limits, TokenClasses
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.spelling import NUM_BINS
from drivegrid.tokens.vocabulary import KINDS, Vocabulary

_TOP = NUM_BINS - 1


@dataclass(frozen=True)
class PointForm:
    """The ids that spell a point.

    Args:
        slots: Ids in order, None where a number stands.
        numbers: Ids of 0 to 999, or of the ten digits.
    """

    slots: tuple[int | None, ...]
    numbers: range | tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.numbers) not in (10, NUM_BINS) or self.slots.count(None) != 2:
            raise ConfigError(
                f"a point must be two numbers of 10 digits or {NUM_BINS} bins, got "
                f"{self.slots.count(None)} of {len(self.numbers)}."
            )

    @property
    def digits(self) -> bool:
        """Whether numbers are spelt digit by digit."""
        return len(self.numbers) == 10


class _State(NamedTuple):
    """``slot`` counts the slots of a point that are filled; ``prefix`` is an unfinished number."""

    grammar: int
    slot: int = 0
    prefix: int | None = None
    found: tuple[int, ...] = ()
    box: bool = False
    least: tuple[int, int] = (0, 0)


class CoordinateAutomaton:
    """Legal next tokens of an answer; states are plain tuples, the object itself never changes.

    Args:
        classes: The model's vocabulary, with any lattice.
        form: How a point is spelt.
        kinds: Kinds of shape that may open.
        limits: Bounds that make every decoding end; anchors are points.
    """

    def __init__(
        self,
        classes: TokenClasses,
        form: PointForm,
        kinds: Sequence[GeometryKind] = KINDS,
        limits: Limits | None = None,
    ) -> None:
        # The last cell of the model's lattice, which no such answer names, stands for a point.
        self._cell = classes.vocabulary.cell_range[-1]
        one = Vocabulary(GridSpec(1, 1), self._cell)
        self._grammar = AnswerAutomaton(replace(classes, vocabulary=one), kinds, limits)
        self.classes, self.form = classes, form
        self._box, self._tags = one.id_of("<box>"), range(self._cell + 1, one.base_id + len(one))
        self._number_of = {token: number for number, token in enumerate(form.numbers)}

    def start_state(self) -> _State:
        """Return the state before the first token of the answer."""
        return _State(self._grammar.start_state())

    def is_final(self, state: _State) -> bool:
        """Return whether the answer has ended."""
        return self._grammar.is_final(state.grammar)

    def allowed(self, state: _State) -> BoolArray:
        """Return (V,) bool, True for tokens that may come next."""
        if state.slot or state.prefix is not None:
            mask = np.zeros(self.classes.size, dtype=bool)
            mask[self._point_ids(state)] = True
            return mask
        mask = self._grammar.allowed(state.grammar)
        if mask[self._cell]:
            mask = mask.copy()
            mask[self._cell] = False
            mask[self._point_ids(state)] = True
        return mask

    def step(self, state: _State, token_id: int) -> _State:
        """Return the state after a token.

        Raises:
            TokenError: If the token is not allowed here.
        """
        if not 0 <= token_id < self.classes.size or not self.allowed(state)[token_id]:
            raise TokenError(
                f"token must be allowed here, got id {token_id} (slot {state.slot} of a point). "
                "Mask the logits with allowed()."
            )
        inside = state.slot or state.prefix is not None
        if not inside and not self._grammar.allowed(state.grammar)[self._cell]:
            box = token_id == self._box if token_id in self._tags else state.box
            return _State(self._grammar.step(state.grammar, token_id), box=box)
        if not inside and token_id not in self._point_ids(state):  # the shape ends, or a ring does
            return _State(self._grammar.step(state.grammar, token_id))
        return self._spell(state, token_id)

    def _point_ids(self, state: _State) -> list[int]:
        """Return the ids that may go on with a point."""
        wanted = self.form.slots[state.slot]
        if wanted is not None:
            return [wanted]
        least = state.least[len(state.found)]
        if not self.form.digits:
            return list(self.form.numbers[least:])
        prefix = state.prefix
        ids = [
            token
            for digit, token in enumerate(self.form.numbers)
            if (number := _appended(prefix, digit)) is not None and _largest(number) >= least
        ]
        follower = self.form.slots[state.slot + 1]
        if prefix is not None and prefix >= least and follower is not None:
            ids.append(follower)
        return ids

    def _spell(self, state: _State, token_id: int) -> _State:
        number = self._number_of.get(token_id)
        if self.form.slots[state.slot] is None and number is not None:
            if self.form.digits:
                return state._replace(prefix=_appended(state.prefix, number))
            return self._filled(state._replace(found=(*state.found, number), slot=state.slot + 1))
        if state.prefix is not None:  # what follows a number ends it
            found = (*state.found, state.prefix)
            state = state._replace(found=found, prefix=None, slot=state.slot + 1)
        return self._filled(state._replace(slot=state.slot + 1))

    def _filled(self, state: _State) -> _State:
        """Hand a whole point to the grammar; the second corner of a box is bound by the first."""
        if state.slot < len(self.form.slots):
            return state
        grammar = self._grammar.step(state.grammar, self._cell)
        first, second = state.found
        return _State(grammar, box=state.box, least=(first, second) if state.box else (0, 0))


def _appended(prefix: int | None, digit: int) -> int | None:
    """Return a number with one more digit; None past 999 and after a leading zero."""
    if prefix is None:
        return digit
    number = 10 * prefix + digit
    return number if 0 < prefix and number <= _TOP else None


def _largest(number: int) -> int:
    """Return the largest number that further digits make of one."""
    while 0 < number <= _TOP // 10:
        number = 10 * number + 9
    return number
