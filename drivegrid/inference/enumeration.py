"""Lists that go on instead of going round: no shape starts where one of its kind did.

A model that lists many things forgets which it has named and names the near ones again; the list
is full before the far ones come. Its second choice of a place is often a thing not yet named.
"""

from __future__ import annotations

from typing import NamedTuple

from drivegrid.geometry import BoolArray
from drivegrid.tokens.automaton import AnswerAutomaton

KINDS = ("<box>", "<point>")
"""Tags of the shapes that stand apart. Lines may start at one place and part later, areas and masks
overlap. On 24 validation scenes box F1 is 36.7 % so, 36.2 without a rule, and 32.3 where boxes must
start two cells apart."""


class Listing(NamedTuple):
    """Where an answer is.

    Args:
        state: Of the grammar.
        starts: Kind's tag and first cell (its id) of every shape so far.
        opened: Tag of a shape that has no cell yet.
    """

    state: int
    starts: tuple[tuple[str, int], ...] = ()
    opened: str | None = None


class Enumeration:
    """The answer grammar without repeated starts; see `AnswerAutomaton` for what it allows.

    Args:
        grammar: What may be written at all.
    """

    def __init__(self, grammar: AnswerAutomaton) -> None:
        self.grammar, self.classes = grammar, grammar.classes
        self._vocabulary = grammar.classes.vocabulary
        self._tags = {self._vocabulary.id_of(tag): tag for tag in KINDS}

    def start_state(self) -> Listing:
        """Return the state before the first token."""
        return Listing(self.grammar.start_state())

    def step(self, state: Listing, token_id: int) -> Listing:
        """Return the state after a token."""
        starts = state.starts
        if state.opened is not None and token_id in self._vocabulary.cell_range:
            starts = (*starts, (state.opened, token_id))
        after = self.grammar.step(state.state, token_id)
        return Listing(after, starts, self._tags.get(token_id))

    def allowed(self, state: Listing) -> BoolArray:
        """Return (V,) True for tokens that may come next."""
        legal = self.grammar.allowed(state.state)
        taken = [cell for tag, cell in state.starts if tag == state.opened]
        if state.opened is None or not taken:
            return legal
        left = legal.copy()
        left[taken] = False
        return left if left.any() else legal
