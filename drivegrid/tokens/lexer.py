"""Cuts model text into tags, runs of cells, runs of offsets, words and the text between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from drivegrid.tokens.answer import Reporter, Span
from drivegrid.tokens.grid import DELETE
from drivegrid.tokens.mask_words import WORD, MaskWords, plain_word
from drivegrid.tokens.vocabulary import KINDS, RING, TAG_TAIL

LexemeType: TypeAlias = Literal[
    "text", "shape", "open", "close", "ring", "cells", "offsets", "word"
]
WRAPPERS = ("offset", "think", "answer")
_ALIASES = {"bbox": "box"}  # in a published sample of the paper

_NUMBER = "(?:0|[1-9][0-9]{0,3})"
_SIGN = "(?:-1|0|1)"
# No possessive repeats: Python 3.11.2 takes half a cell at the end of a text for a whole one.
_RUN = f"(?:<grid_{_NUMBER}_{_NUMBER}>)+"
# A well-formed shape is one match and a run of cells is one match: this is what makes it fast.
_LEXEME = re.compile(
    rf"(?P<shape><poly>{_RUN}(?:<ring>{_RUN})*</poly>"
    rf"|<(?P<kind>point|box|line|seg)>{_RUN}</(?P=kind)>)"
    rf"|(?P<cells>{_RUN})"
    rf"|(?P<offsets>(?:<OFF_{_SIGN}_{_SIGN}>|<DELETE>)+)"
    rf"|(?P<word>{WORD})"
    rf"|(?P<open><(?:{'|'.join((*KINDS, *WRAPPERS))})>)"
    rf"|(?P<close></(?:{'|'.join((*KINDS, *WRAPPERS))})>)"
    r"|(?P<ring><ring>)"
    rf"|(?P<other><{TAG_TAIL})"
)
_DIGITS = re.compile("[0-9]+")
_OFFSETS = re.compile("<OFF_(-1|0|1)_(-1|0|1)>|<DELETE>")
# Forgiven spellings: any case, the paper's braces and "gird", leading zeros, minus signs.
_LOOSE_PAIR = re.compile(
    r"<(grid|gird|off)_(?:\{ *)?(-?[0-9]{1,9}) *[,_] *(-?[0-9]{1,9})(?: *\})?>"
)
_PLAIN_CELL = re.compile("<grid_(?:0|-?[1-9][0-9]*)_(?:0|-?[1-9][0-9]*)>")


class Lexeme(NamedTuple):
    """One piece of text.

    ``name`` is the tag of "open", "close" and "shape", which is everything from tag to closing
    tag with nothing but cells and rings inside; of a "word" for masks it is the word. ``parts``
    holds one run of "cells", the rings of a "shape", each as x, y, x, y, .. not yet checked against
    a lattice, or one run of offset indices. Lists, not arrays: on a dozen numbers plain Python is
    faster than numpy.
    """

    type: LexemeType
    span: Span
    name: str = ""
    parts: tuple[list[int], ...] = ()


def lex(
    text: str, span: Span, report: Reporter, words: MaskWords | None = None
) -> Iterator[Lexeme]:
    """Yield the pieces of text inside a span; forgiven spellings and unknown tags are reported.

    Unknown tags are dropped, so that no piece of "text" holds one. So are words for masks that are
    not among ``words``.
    """
    known = words.code_of if words else {}
    position, end = span
    for match in _LEXEME.finditer(text, position, end):
        start, stop = match.span()
        if start > position:
            yield Lexeme("text", (position, start))
        position = stop
        match match.lastgroup:
            case "shape":
                parts = (_numbers(ring) for ring in match[0].split(RING))
                yield Lexeme("shape", (start, stop), match["kind"] or "poly", tuple(parts))
            case "cells":
                yield Lexeme("cells", (start, stop), "", (_numbers(match[0]),))
            case "offsets":
                yield Lexeme("offsets", (start, stop), "", (_offset_indices(match[0]),))
            case "open":
                yield Lexeme("open", (start, stop), match[0][1:-1])
            case "close":
                yield Lexeme("close", (start, stop), match[0][2:-1])
            case "ring":
                yield Lexeme("ring", (start, stop))
            case "word" if match[0] in known:
                yield Lexeme("word", (start, stop), match[0])
            case _ if plain_word(match[0]) in known:
                report.add("spelling", (start, stop), "spell words as the vocabulary does")
                yield Lexeme("word", (start, stop), plain_word(match[0]))
            case _:
                yield from _forgiven(match[0], (start, stop), report)
    if end > position:
        yield Lexeme("text", (position, end))


def _numbers(run: str) -> list[int]:
    return [*map(int, _DIGITS.findall(run))]


def _offset_indices(run: str) -> list[int]:
    return [_offset_index(int(u), int(v)) if u else DELETE for u, v in _OFFSETS.findall(run)]


def _offset_index(u: int, v: int) -> int:
    return 3 * (v + 1) + u + 1


def _forgiven(tag: str, span: Span, report: Reporter) -> Iterator[Lexeme]:
    pair = _LOOSE_PAIR.fullmatch(tag.lower())
    name = tag[1:-1].lower()
    slash, name = name.startswith("/"), name.removeprefix("/")
    name = _ALIASES.get(name, name)
    if pair and pair[1] == "off":
        move = int(pair[2]), int(pair[3])
        u, v = (max(-1, min(1, value)) for value in move)
        if (u, v) != move:
            report.add("out_of_range", span, "move by -1, 0 or 1 on each axis")
        else:
            report.add("spelling", span, "spell offsets <OFF_u_v>")
        yield Lexeme("offsets", span, "", ([_offset_index(u, v)],))
    elif pair:
        if not _PLAIN_CELL.fullmatch(tag):
            report.add("spelling", span, "spell cells <grid_x_y>")
        yield Lexeme("cells", span, "", ([int(pair[2]), int(pair[3])],))
    elif name == "delete" and not slash:
        report.add("spelling", span, "spell it <DELETE>")
        yield Lexeme("offsets", span, "", ([DELETE],))
    elif name in (*KINDS, *WRAPPERS, "ring") and not (slash and name == "ring"):
        report.add("spelling", span, f"spell the tag <{'/' * slash}{name}>")
        sort: LexemeType = "ring" if name == "ring" else "close" if slash else "open"
        yield Lexeme(sort, span, name)
    else:
        report.add("unknown_tag", span, "hold no other tags")
