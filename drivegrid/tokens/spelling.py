r"""How the points of a shape are spelt: by one grid token, by two bins, or by digits.

All three write the same answer grammar (labels, tags, rings); only what stands for a point
differs, so a spelling is a map between text with grid tokens and text of its own:

    grid    ``<grid_412_733>``        a token for each cell of a lattice
    bins    ``<loc_412><loc_733>``    1-D location tokens, shared by x and y, as Pix2Seq has them
    text    ``(412, 733)``            plain digits

Bins and digits are integers from 0 to 999 relative to width and height: cells of a lattice of
1000 x 1000. Model text is not an error; see `drivegrid.tokens.grammar`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from drivegrid.tokens.answer import Code, ParsedAnswer, Reporter, Span
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.vocabulary import TAGS, Vocabulary

SpellingName: TypeAlias = Literal["grid", "bins", "text"]
NUM_BINS = 1000
BIN_GRID = GridSpec(NUM_BINS, NUM_BINS, 2 * NUM_BINS, 2 * NUM_BINS)
"""Bins and digits name its cells."""
BIN_TOKENS = tuple(f"<loc_{number}>" for number in range(NUM_BINS))

_CELL = re.compile(r"<grid_([0-9]+)_([0-9]+)>")
_TOKEN = re.compile(r"<[^<>\s]*>|.", re.DOTALL)
_FORMS = {"bins": "<loc_{}><loc_{}>", "text": "({}, {})"}
_NUMBER = "(-?[0-9]{1,9})"
_POINTS = {
    "bins": re.compile(rf"<loc_{_NUMBER}><loc_{_NUMBER}>|<(?i:grid|gird)_[^<>]*>"),
    "text": re.compile(rf"\( *{_NUMBER} *, *{_NUMBER} *\)|<(?i:grid|gird)_[^<>]*>"),
}
_FOREIGN = "<grid>"  # what the parser calls an unknown tag


@dataclass(frozen=True)
class Spelling:
    """One way to spell points.

    Args:
        name: Which.
        grid: The lattice whose cells it names; 1000 x 1000 for bins and text.
        words: Those for masks, which all spellings write alike.

    >>> Spelling("text").spell("<point><grid_412_733></point>")
    '<point>(412, 733)</point>'
    """

    name: SpellingName
    grid: GridSpec = BIN_GRID
    words: MaskWords | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        """Names that a tokenizer must know; the tags are common to all spellings."""
        if self.name == "grid":
            return Vocabulary(self.grid, words=self.words).tokens
        words = self.words.tokens if self.words else ()
        return (*BIN_TOKENS, *TAGS, *words) if self.name == "bins" else (*TAGS, *words)

    def spell(self, text: str) -> str:
        """Return text whose grid tokens are spelt this way; escaped ones are words and stay."""
        if self.name == "grid":
            return text
        form = _FORMS[self.name]
        return _CELL.sub(lambda match: form.format(match[1], match[2]), text)

    def in_cells(self, text: str) -> str:
        """Return text with grid tokens (of `grid`) for the points that are spelt this way.

        What is spelt oddly stays odd; `spell` undoes the rest.

        >>> Spelling("text").in_cells("sign: <point>(4, 7)</point>")
        'sign: <point><grid_4_7></point>'
        """
        return text if self.name == "grid" else _SpeltReporter(text, False, self.name).in_cells()

    def parse(self, text: str, strict: bool = False) -> ParsedAnswer:
        """Read an answer; never raises on model text unless strict.

        Args:
            text: What the model wrote, decoded.
            strict: Raise at the first departure from the grammar.

        Returns:
            Items in cells of `grid`; spans are those of the text.

        Raises:
            TokenError: Only if strict; the message holds the position.

        >>> Spelling("bins").parse("sign: <point><loc_4><loc_7></point>").items[0].geometry.cells
        (array([[4, 7]]),)
        """
        if self.name == "grid":
            return parse_answer(text, self.grid, strict, words=self.words)
        report = _SpeltReporter(text, strict, self.name)
        parsed = parse_answer(report.in_cells(), self.grid, words=self.words, report=report)
        items = (
            replace(item, span=item.span and report.original(item.span)) for item in parsed.items
        )
        return replace(parsed, items=tuple(items))


def count_tokens(text: str) -> int:
    """Return the tokens of a shape: a tag is one, and so is each character outside of tags.

    Digits are read one by one, as by Qwen2.5-VL and by the nano.

    >>> count_tokens("<point>(412, 733)</point>"), count_tokens("<point><grid_3_4></point>")
    (12, 3)
    """
    return len(_TOKEN.findall(text))


@dataclass
class _Stretch:
    """Where the rewritten pieces of a text start and end, before and after."""

    old: list[int] = field(default_factory=lambda: [0])
    new: list[int] = field(default_factory=lambda: [0])


class _SpeltReporter(Reporter):
    """Speaks of the text as the model spelt it, while the parser reads it in cells."""

    def __init__(self, text: str, strict: bool, name: SpellingName) -> None:
        super().__init__(text, strict)
        self.name, self.places = name, _Stretch()

    def in_cells(self) -> str:
        """Return the text with grid tokens for points; thoughts are left alone."""
        start = max(self.text.find("</think>"), 0)
        pieces, last, length = [], 0, 0
        for match in _POINTS[self.name].finditer(self.text, start):
            cell = _FOREIGN if match[1] is None else self._cell(match)
            before = self.text[last : match.start()]
            pieces += [before, cell]
            length += len(before)
            self._note(match.start(), length)
            length += len(cell)
            self._note(match.end(), length)
            last = match.end()
        return "".join([*pieces, self.text[last:]])

    def _cell(self, match: re.Match[str]) -> str:
        """Return the grid token of a point; odd spelling stays odd, so that it is reported."""
        if match[0] == _FORMS[self.name].format(match[1], match[2]):
            return f"<grid_{match[1]}_{match[2]}>"
        return f"<GRID_{match[1]}_{match[2]}>"

    def _note(self, old: int, new: int) -> None:
        self.places.old.append(old)
        self.places.new.append(new)

    def original(self, span: Span) -> Span:
        """Return the span in the model's text of a span in the rewritten one."""
        return self._place(span[0]), self._place(span[1])

    def _place(self, at: int) -> int:
        last = bisect_right(self.places.new, at) - 1
        old, new = self.places.old[last], self.places.new[last]
        following = self.places.old[last + 1 : last + 2]
        return min(old + at - new, *following) if following else old + at - new

    def add(self, code: Code, span: Span, rule: str) -> None:
        """Note that the model's text at the place of ``span`` breaks ``rule``."""
        form = _FORMS[self.name].format("x", "y")
        super().add(code, self.original(span), rule.replace("cells <grid_x_y>", f"points {form}"))
