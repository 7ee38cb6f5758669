"""Which token may come next: constrained decoding of answers.

The automaton is a table over classes of tokens plus two counters, so it needs no look at the
text and its masks are few. Every answer it lets end parses strictly; every formatted answer
within its limits passes. A refinement needs none: see `drivegrid.tokens.template`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

import numpy as np

from drivegrid.errors import ConfigError, TokenError
from drivegrid.geometry import BoolArray, GeometryKind, IntArray
from drivegrid.tokens.mask_words import LEVELS, MOST_WORDS
from drivegrid.tokens.vocabulary import KINDS, RING, Vocabulary


@dataclass(frozen=True)
class TokenClasses:
    """What the automaton must know about a model's vocabulary.

    Args:
        size: Number of ids, V.
        vocabulary: The spatial tokens and their base id.
        text: Ids allowed in labels and attributes. Their text holds no ``<`` and no line break.
            May be empty: then answers are shapes without labels.
        colon: Those of ``text`` that end in a colon; a shape may follow only these.
        space: Those of ``text`` that are nothing but white space.
        newline: Id of the line break.
        end: Id that ends the answer: end of sequence, or ``</answer>``.
        none: Ids that spell the answer "none"; empty forbids it.
    """

    size: int
    vocabulary: Vocabulary
    text: frozenset[int]
    colon: frozenset[int]
    space: frozenset[int]
    newline: int
    end: int
    none: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.text) != bool(self.colon) or not self.text >= self.colon | self.space:
            raise ConfigError(
                "text must hold colon and space, and colon must not be empty unless text is, got "
                f"{len(self.text)} text, {len(self.colon)} colon, {len(self.space)} space ids."
            )
        top = max(self.newline, self.end, *self.text, *self.none, self.vocabulary.base_id)
        if max(top + 1, self.vocabulary.base_id + len(self.vocabulary)) > self.size:
            raise ConfigError(f"size must exceed every id, got {self.size} (largest id {top}).")

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str],
        vocabulary: Vocabulary,
        *,
        newline: int,
        end: int,
        none: tuple[int, ...] = (),
    ) -> TokenClasses:
        """Sort the ids of a tokenizer by the text each decodes to.

        Args:
            texts: Decoded text of id 0, 1, ..; ids with ``<``, line breaks, undecodable bytes
                or no text cannot stand in labels.
            vocabulary: The spatial tokens.
            newline: Id of the line break.
            end: Id that ends the answer.
            none: Ids that spell the answer "none".
        """
        bad = ("<", "\n", "�")
        reserved = {newline, end}
        text = frozenset(
            i
            for i, piece in enumerate(texts)
            if piece and i not in reserved and not any(character in piece for character in bad)
        )
        colon = frozenset(i for i in text if texts[i].rstrip().endswith(":"))
        space = frozenset(i for i in text if texts[i].isspace())
        return cls(len(texts), vocabulary, text, colon, space, newline, end, none)


@dataclass(frozen=True)
class Limits:
    """Bounds that make every decoding end.

    Args:
        items: Most shapes in an answer.
        anchors: Most grid tokens of one shape, over all rings; at least 3.
        text: Most tokens of text before one shape.
    """

    items: int = 64
    anchors: int = 64
    text: int = 48

    def __post_init__(self) -> None:
        if self.items < 1 or self.anchors < 3 or self.text < 2:
            raise ConfigError(f"limits must be at least 1, 3 and 2, got {self}.")


class _Class(IntEnum):
    """Classes of token ids; exactly one for each id."""

    OTHER = 0
    CELL = auto()
    RING = auto()
    TEXT = auto()
    COLON = auto()
    SPACE = auto()
    NEWLINE = auto()
    END = auto()
    OPEN = 8  # to 12, one class for each kind in the order of KINDS
    CLOSE = 13  # to 17, likewise
    WORD = 18  # of a mask that has any number of them
    FIRST_WORD = auto()  # of a mask that has one of each level
    SECOND_WORD = auto()


class _Phase(IntEnum):
    """Where in an answer we are."""

    START = 0  # of a line
    NONE = auto()  # inside or after the word "none" at the very start
    LABEL = auto()
    HEAD = auto()  # after a colon: a shape may open
    POINT = auto()
    POINT_1 = auto()
    BOX = auto()
    BOX_1 = auto()
    BOX_2 = auto()
    LINE = auto()
    LINE_1 = auto()
    LINE_2 = auto()
    POLY = auto()
    POLY_1 = auto()
    POLY_2 = auto()
    POLY_3 = auto()
    SEG = auto()
    SEG_1 = auto()
    PAIR_1 = auto()
    PAIR_2 = auto()
    WORDS = auto()
    AFTER = auto()  # a closing tag
    DONE = auto()


_P, _C = _Phase, _Class
_FIRST = (_P.POINT, _P.BOX, _P.LINE, _P.POLY, _P.SEG)
_RESET = {_P.START, _P.DONE, _P.BOX_2, *_FIRST}
_LAST = (_P.POINT_1, _P.BOX_2, _P.LINE_2, _P.POLY_3, _P.SEG_1)
_OPENINGS = {int(_C.OPEN) + k: phase for k, phase in enumerate(_FIRST)}
_WORDS = {int(_C.TEXT): _P.LABEL, int(_C.SPACE): _P.LABEL, int(_C.COLON): _P.HEAD}
# Phase -> class of the next token -> next phase. Counters only ever forbid, see _guard.
_TABLE: dict[_Phase, dict[int, _Phase]] = {
    _P.START: {**_WORDS, **_OPENINGS},
    _P.NONE: _WORDS,
    _P.LABEL: _WORDS,
    _P.HEAD: {**_WORDS, int(_C.SPACE): _P.HEAD, **_OPENINGS},
    _P.POINT: {_C.CELL: _P.POINT_1},
    _P.POINT_1: {},
    _P.BOX: {_C.CELL: _P.BOX_1},
    _P.BOX_1: {_C.CELL: _P.BOX_2},
    _P.BOX_2: {},
    _P.LINE: {_C.CELL: _P.LINE_1},
    _P.LINE_1: {_C.CELL: _P.LINE_2},
    _P.LINE_2: {_C.CELL: _P.LINE_2},
    _P.POLY: {_C.CELL: _P.POLY_1},
    _P.POLY_1: {_C.CELL: _P.POLY_2},
    _P.POLY_2: {_C.CELL: _P.POLY_3},
    _P.POLY_3: {_C.CELL: _P.POLY_3, _C.RING: _P.POLY},
    _P.SEG: {_C.CELL: _P.SEG_1, _C.FIRST_WORD: _P.PAIR_1, _C.WORD: _P.WORDS},
    _P.SEG_1: {_C.CELL: _P.SEG_1},
    _P.PAIR_1: {_C.SECOND_WORD: _P.PAIR_2},
    _P.PAIR_2: {int(_C.CLOSE) + KINDS.index("seg"): _P.AFTER},
    _P.WORDS: {_C.WORD: _P.WORDS, int(_C.CLOSE) + KINDS.index("seg"): _P.AFTER},
    _P.AFTER: {_C.NEWLINE: _P.START, **_OPENINGS, _C.END: _P.DONE},
    _P.DONE: {_C.END: _P.DONE},
}
for _k, _phase in enumerate(_LAST):
    _TABLE[_phase] = {**_TABLE[_phase], int(_C.CLOSE) + _k: _P.AFTER}


class _State(NamedTuple):
    """``counter`` is of text tokens or anchors; in BOX_1 it is the first corner's cell number."""

    phase: _Phase
    items: int
    counter: int


class AnswerAutomaton:
    """Legal next tokens of an answer. States are plain ints; the object itself never changes.

    Args:
        classes: The model's vocabulary.
        kinds: Kinds of shape that may open.
        limits: Bounds that make every decoding end.

    >>> from drivegrid.tokens.grid import GridSpec
    >>> vocabulary = Vocabulary(GridSpec(cols=4, rows=4), base_id=2)
    >>> empty = frozenset[int]()
    >>> classes = TokenClasses(64, vocabulary, empty, empty, empty, newline=0, end=1)
    >>> automaton = AnswerAutomaton(classes, kinds=("point",))
    >>> state = automaton.start_state()
    >>> [vocabulary.token_of(i) for i in np.flatnonzero(automaton.allowed(state))]
    ['<point>']
    """

    def __init__(
        self,
        classes: TokenClasses,
        kinds: Sequence[GeometryKind] = KINDS,
        limits: Limits | None = None,
    ) -> None:
        if not kinds or not set(kinds) <= set(KINDS):
            raise ConfigError(f"kinds must be some of {', '.join(KINDS)}, got {list(kinds)}.")
        self.classes, self.limits = classes, limits or Limits()
        if len(classes.none) > self.limits.text:
            raise ConfigError(f"none must fit {self.limits.text} tokens, got {classes.none}.")
        self._class_of = _classify(classes)
        self._closed = frozenset(_C.OPEN + k for k, kind in enumerate(KINDS) if kind not in kinds)
        self._radix = 1 + max(
            self.limits.anchors, self.limits.text, classes.vocabulary.grid.num_cells, MOST_WORDS
        )
        self._masks: dict[tuple[int, int], BoolArray] = {}

    def start_state(self) -> int:
        """Return the state before the first token of the answer."""
        return self._pack(_State(_P.START, 0, 0))

    def is_final(self, state: int) -> bool:
        """Return whether the answer has ended."""
        return self._unpack(state).phase == _P.DONE

    def step(self, state: int, token_id: int) -> int:
        """Return the state after a token.

        Raises:
            TokenError: If the token is not allowed here.
        """
        old = self._unpack(state)
        if not self._allows(old, token_id):
            raise TokenError(
                f"token must be allowed in phase {old.phase.name}, got id {token_id} "
                f"(after {old.items} shapes). Mask the logits with allowed()."
            )
        if self._continues_none(old, token_id):
            return self._pack(_State(_P.NONE, 0, old.counter + 1))
        if old.phase == _P.NONE and token_id == self.classes.end:
            return self._pack(_State(_P.DONE, 0, 0))
        phase = _TABLE[old.phase][int(self._class_of[token_id])]
        return self._pack(self._advance(old, phase, token_id))

    def allowed(self, state: int) -> BoolArray:
        """Return (V,) bool, True for tokens that may come next; read-only.

        Masks are shared between states that allow the same, about twenty in all. Only after the
        first corner of a box is one made for the occasion.
        """
        old = self._unpack(state)
        if old.phase == _P.BOX_1:
            return self._second_corners(old.counter)
        legal = self._legal_classes(old)
        extra = self._none_token(old)
        key = (sum(1 << c for c in legal), extra)
        if key not in self._masks:
            table = np.zeros(1 + max(_C), dtype=bool)
            table[legal] = True
            mask = table[self._class_of]
            if extra >= 0:
                mask[extra] = True
            mask.flags.writeable = False
            self._masks[key] = mask
        return self._masks[key]

    def _advance(self, old: _State, phase: _Phase, token_id: int) -> _State:
        if phase == _P.BOX_1:
            return _State(phase, old.items, token_id - self.classes.vocabulary.base_id)
        if phase == _P.AFTER:
            return _State(phase, old.items + 1, 0)
        if phase == _P.POLY and old.phase == _P.POLY_3:
            # A new ring starts over in the table, but its anchors count with the shape's.
            return _State(phase, old.items, old.counter)
        return _State(phase, old.items, 0 if phase in _RESET else old.counter + 1)

    def _legal_classes(self, state: _State) -> list[int]:
        return [c for c in _TABLE[state.phase] if c not in self._closed and self._guard(state, c)]

    def _guard(self, state: _State, token_class: int) -> bool:
        """Return whether the counters leave room for what the table allows."""
        if token_class in (_C.TEXT, _C.SPACE):
            # One more token must be left for the colon, unless it is behind us.
            behind = state.phase == _P.HEAD and token_class == _C.SPACE
            return state.counter + (not behind) < self.limits.text
        if token_class == _C.COLON:
            return state.counter < self.limits.text
        if token_class == _C.CELL:
            return state.counter < self.limits.anchors
        if token_class == _C.WORD:
            return state.counter < MOST_WORDS
        if token_class == _C.RING:
            return state.counter + 3 <= self.limits.anchors
        if state.phase == _P.AFTER and token_class != _C.END:
            return state.items < self.limits.items
        return True

    def _allows(self, state: _State, token_id: int) -> bool:
        if not 0 <= token_id < self.classes.size:
            return False
        if state.phase == _P.BOX_1:
            return bool(self._second_corners(state.counter)[token_id])
        if token_id == self._none_token(state):
            return True
        return int(self._class_of[token_id]) in self._legal_classes(state)

    def _none_token(self, state: _State) -> int:
        """Return the token that spells "none" on, ends the answer after it, or -1."""
        none = self.classes.none
        at_start = state.phase == _P.START and state.items == 0 and len(none) > 0
        if not (at_start or state.phase == _P.NONE):
            return -1
        return none[state.counter] if state.counter < len(none) else self.classes.end

    def _continues_none(self, state: _State, token_id: int) -> bool:
        return state.counter < len(self.classes.none) and token_id == self._none_token(state)

    def _second_corners(self, first: int) -> BoolArray:
        """Return (V,) the cells right of and below a cell, itself included."""
        vocabulary = self.classes.vocabulary
        row, col = divmod(first, vocabulary.grid.cols)
        mask = np.zeros(self.classes.size, dtype=bool)
        cells = vocabulary.cell_range
        lattice = mask[cells.start : cells.stop].reshape(vocabulary.grid.rows, -1)
        lattice[row:, col:] = True
        mask.flags.writeable = False
        return mask

    def _pack(self, state: _State) -> int:
        return (state.items * len(_Phase) + state.phase) * self._radix + state.counter

    def _unpack(self, state: int) -> _State:
        rest, counter = divmod(state, self._radix)
        items, phase = divmod(rest, len(_Phase))
        return _State(_Phase(phase), items, counter)


def _classify(classes: TokenClasses) -> IntArray:
    """Return (V,) the class of each id."""
    vocabulary = classes.vocabulary
    class_of = np.full(classes.size, int(_C.OTHER), dtype=np.int64)
    for ids, token_class in (
        (classes.text, _C.TEXT),
        (classes.colon, _C.COLON),
        (classes.space - classes.colon, _C.SPACE),
        ({classes.newline}, _C.NEWLINE),
    ):
        class_of[list(ids)] = token_class
    spatial = slice(vocabulary.base_id, vocabulary.base_id + len(vocabulary))
    class_of[spatial] = _C.OTHER
    class_of[vocabulary.cell_range.start : vocabulary.cell_range.stop] = _C.CELL
    class_of[vocabulary.id_of(RING)] = _C.RING
    for k, kind in enumerate(KINDS):
        class_of[vocabulary.id_of(f"<{kind}>")] = _C.OPEN + k
        class_of[vocabulary.id_of(f"</{kind}>")] = _C.CLOSE + k
    _classify_words(class_of, vocabulary)
    class_of[classes.end] = _C.END  # last: it may be </answer>
    return class_of


def _classify_words(class_of: IntArray, vocabulary: Vocabulary) -> None:
    if vocabulary.words is None:
        return
    ids = np.arange(vocabulary.word_range.start, vocabulary.word_range.stop)
    class_of[ids] = _C.WORD
    if vocabulary.words.name == "samtok":
        for ids_of_level, token_class in zip(
            np.split(ids, LEVELS), (_C.FIRST_WORD, _C.SECOND_WORD), strict=True
        ):
            class_of[ids_of_level] = token_class
