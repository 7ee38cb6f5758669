"""Shapes in cells to text and back: the answer grammar and the offset grammar of spec v1.

Model text is not an error: the parsers read what can be read and list the rest as diagnostics.
``strict=True`` turns the first diagnostic into a TokenError; use it when building data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from drivegrid.errors import TokenError
from drivegrid.geometry import GeometryKind
from drivegrid.tokens.answer import (
    AnswerItem,
    ParsedAnswer,
    ParsedOffsets,
    Reporter,
    Span,
    format_head,
    parse_head,
)
from drivegrid.tokens.grid import DELETE, STAY, GridGeometry, GridSpec
from drivegrid.tokens.lexer import Lexeme, lex
from drivegrid.tokens.mask_words import MaskWords, mask_geometry
from drivegrid.tokens.vocabulary import ANCHOR_COUNTS, OFFSET_TOKENS, RING, check_geometry

NONE = "none"
"""The answer that nothing fits the question."""


def format_geometry(geometry: GridGeometry) -> str:
    """Return the proposal of a shape as tokens.

    Raises:
        TokenError: If the shape cannot be written (`check_geometry`).

    >>> format_geometry(GridGeometry("point", (np.array([[3, 4]]),)))
    '<point><grid_3_4></point>'
    """
    check_geometry(geometry)
    if geometry.words:
        return f"<{geometry.kind}>{''.join(geometry.words)}</{geometry.kind}>"
    parts = ("".join(f"<grid_{x}_{y}>" for x, y in part.tolist()) for part in geometry.cells)
    return f"<{geometry.kind}>{RING.join(parts)}</{geometry.kind}>"


def format_answer(items: Iterable[AnswerItem], think: str | None = None) -> str:
    """Return one line for each instance, or "none" without items.

    Args:
        items: What the answer says; ``same_instance`` puts a shape on the line before it.
        think: If given, the answer is wrapped: ``<think>..</think><answer>..</answer>``.

    Raises:
        TokenError: If a shape cannot be written, an attribute name is empty, or ``think`` holds
            ``</think>``.

    >>> cells = np.array([[3, 4], [6, 9]])
    >>> format_answer([AnswerItem("cone", {"color": "red"}, GridGeometry("box", (cells,)))])
    'cone (color: red): <box><grid_3_4><grid_6_9></box>'
    """
    pieces: list[str] = []
    for item in items:
        if not (pieces and item.same_instance):
            pieces += ["\n"] if pieces else []
            pieces.append(format_head(item.label, item.attributes))
        pieces.append(format_geometry(item.geometry))
    answer = "".join(pieces) or NONE
    if think is None:
        return answer
    if "</think>" in think:
        raise TokenError("think must not hold </think>. Pass it through escape().")
    return f"<think>{think}</think><answer>{answer}</answer>"


def parse_answer(
    text: str,
    grid: GridSpec,
    strict: bool = False,
    *,
    words: MaskWords | None = None,
    report: Reporter | None = None,
) -> ParsedAnswer:
    """Read an answer; never raises on model text unless strict.

    Args:
        text: What the model wrote, decoded.
        grid: The lattice; cells outside it move to its border, with a diagnostic.
        strict: Raise at the first departure from the grammar.
        words: Those for masks that the model knows; of others none is read.
        report: Collects the diagnostics in place of a plain one, with its own strictness.

    Raises:
        TokenError: Only if strict; the message holds the position.

    >>> parse_answer("cone: <bbox><grid_6_9><grid_3_4>", GridSpec()).items[0].geometry.cells[0]
    array([[3, 4],
           [6, 9]])
    """
    report = report or Reporter(text, strict)
    body, think, wrapped = _unwrap(text, report)
    parser = _AnswerParser(text, grid, report, words)
    for lexeme in lex(text, body, report, words):
        parser.feed(lexeme)
    parser.finish(body[1])
    if not (parser.items or parser.says_none or report.diagnostics):
        report.add("empty", body, f"hold a shape or the word {NONE!r}")
    items, notes = tuple(parser.items), tuple(report.diagnostics)
    return ParsedAnswer(items, notes, parser.says_none, think, wrapped)


def _unwrap(text: str, report: Reporter) -> tuple[Span, str | None, bool]:
    """Return the span of the answer itself, the thought, and whether <answer> was there."""
    start, end = 0, len(text)
    thought = _thought(text, report)
    think = None
    if thought is not None:
        think = text[slice(*thought)]
        start = thought[1] + len("</think>") * text.startswith("</think>", thought[1])
    answer = text.find("<answer>", start)
    if answer < 0:
        return (start, end), think, False
    _only_space(text, (start, answer), report)
    start = answer + len("<answer>")
    close = text.find("</answer>", start)
    if close < 0:
        report.add("truncated", (end, end), "close its answer with </answer>")
    else:
        _only_space(text, (close + len("</answer>"), end), report)
        end = close
    return (start, end), think, True


def _thought(text: str, report: Reporter) -> Span | None:
    """Return the span of the text in <think>, which must come before <answer>."""
    opened, closed = text.find("<think>"), text.find("</think>")
    answer = text.find("<answer>")
    limit = answer if answer >= 0 else len(text)
    if 0 <= opened < limit:
        _only_space(text, (0, opened), report)
        start = opened + len("<think>")
        if closed < start:
            report.add("truncated", (start, limit), "close its thought with </think>")
        return start, (closed if closed >= start else limit)
    if opened < 0 <= closed < limit:
        # Chat templates may put <think> at the end of the prompt.
        report.add("missing_tag", (0, 0), "open its thought with <think>")
        return 0, closed
    return None


def _only_space(text: str, span: Span, report: Reporter) -> None:
    if text[span[0] : span[1]].strip():
        report.add("stray_text", span, "stand inside the answer")


class _AnswerParser:
    """Builds items from lexemes. Text waits until the next tag says what it was."""

    def __init__(
        self, text: str, grid: GridSpec, report: Reporter, known: MaskWords | None
    ) -> None:
        self.text, self.grid, self.report, self.known = text, grid, report, known
        self.items: list[AnswerItem] = []
        self.says_none = False
        self.waiting: list[Span] = []
        self.head: tuple[str, dict[str, str]] = ("", {})
        self.fresh = True  # no item of this instance yet
        self.kind: GeometryKind | None = None
        self.opened = 0
        self.parts: list[list[int]] = []  # x, y, x, y, .. of each ring
        self.words: list[str] = []
        self.noted = 0  # diagnostics before the open shape

    def feed(self, lexeme: Lexeme) -> None:
        if lexeme.type == "text":
            self.waiting.append(lexeme.span)
        elif lexeme.type == "shape":
            self._open(lexeme)
            self.parts = list(lexeme.parts)
            self._close(lexeme.span[1])
        elif lexeme.type == "open" and lexeme.name in ANCHOR_COUNTS:
            self._open(lexeme)
        elif self.kind is None:
            self.report.add("misplaced_tag", lexeme.span, "put this inside a shape")
        elif lexeme.type == "close" and lexeme.name in ANCHOR_COUNTS:
            self._stray_waiting()
            if lexeme.name != self.kind:
                self.report.add("misplaced_tag", lexeme.span, f"close with </{self.kind}>")
            self._close(lexeme.span[1])
        elif lexeme.type == "cells" and not self.words:
            self._stray_waiting()
            self.parts[-1] += lexeme.parts[0]
        elif lexeme.type == "word" and self.kind == "seg" and not self.parts[0]:
            self._stray_waiting()
            self.words.append(lexeme.name)
        elif lexeme.type == "ring" and self.kind == "poly":
            self._stray_waiting()
            self.parts.append([])
        else:
            self.report.add("misplaced_tag", lexeme.span, f"hold no such token in <{self.kind}>")

    def finish(self, end: int) -> None:
        if self.kind is not None:
            self.report.add("truncated", (end, end), f"close <{self.kind}>")
            self._close(end)
        last = self._waiting_text().strip()
        if not self.items and last.strip(" .").lower() == NONE:
            self.says_none = True
            if last != NONE:
                self.report.add("spelling", self.waiting[0], f"spell it {NONE}")
            self.waiting = []
        self._stray_waiting()

    def _open(self, lexeme: Lexeme) -> None:
        if self.kind is not None:
            self.report.add("truncated", lexeme.span, f"close <{self.kind}> before this")
            self._close(lexeme.span[0])
        self._read_head()
        self.kind = next(kind for kind in ANCHOR_COUNTS if kind == lexeme.name)
        self.opened, self.parts, self.words = lexeme.span[0], [[]], []
        self.noted = len(self.report.diagnostics)

    def _read_head(self) -> None:
        """Take the last written line as the head; without any text the instance goes on."""
        text = self._waiting_text()
        head = text.strip()
        if not head and self.items and "\n" not in text:
            self.waiting = []
            return
        if "\n" in head:
            span = (self.waiting[0][0], self.waiting[-1][1])
            self.report.add("stray_text", span, "have one line before a shape")
            head = head.rpartition("\n")[2].lstrip()
        if head and not head.endswith(":"):
            self.report.add("missing_colon", self.waiting[-1], "end with a colon before a shape")
        self.head, self.fresh, self.waiting = parse_head(head.removesuffix(":")), True, []

    def _close(self, end: int) -> None:
        assert self.kind is not None
        span = (self.opened, end)
        geometry = self._mask(span) if self.words else self._in_cells(self.kind, span)
        if geometry is not None:
            self.items.append(AnswerItem(*self.head, geometry, not self.fresh, span))
            self.fresh = False
        self.kind = None

    def _mask(self, span: Span) -> GridGeometry | None:
        """Return the mask that the words of the open shape tell; what is left of one is none."""
        assert self.known is not None
        if why := self.known.fault(self.words):
            self.report.add("count_mismatch", span, why)
        notes = self.report.diagnostics[self.noted :]
        whole = all(note.code == "spelling" for note in notes)
        return mask_geometry(self.words) if whole else None

    def _in_cells(self, kind: GeometryKind, span: Span) -> GridGeometry | None:
        """Return the usable parts of the open shape, brought into range and order."""
        low, high = ANCHOR_COUNTS[kind]
        parts = [part[: high and 2 * high] for part in self.parts if len(part) >= 2 * low]
        if parts != self.parts:
            rule = f"exactly {low}" if high == low else f"at least {low}"
            self.report.add("count_mismatch", span, f"have {rule} anchors in <{kind}>")
        cols, rows = self.grid.cols, self.grid.rows
        if any(min(p) < 0 or max(p[::2]) >= cols or max(p[1::2]) >= rows for p in parts):
            self.report.add("out_of_range", span, f"name cells of the {cols}x{rows} lattice")
        cells = [np.array(part, dtype=np.int64).reshape(-1, 2) for part in parts]
        if self.report.diagnostics:
            cells = [np.clip(part, 0, (cols - 1, rows - 1)) for part in cells]
        if kind == "box" and parts and (cells[0][0] > cells[0][1]).any():
            self.report.add("swapped_corners", span, "list top left before bottom right")
            cells = [np.sort(cells[0], axis=0)]
        return GridGeometry(kind, tuple(cells)) if cells else None

    def _waiting_text(self) -> str:
        return "".join(self.text[start:end] for start, end in self.waiting)

    def _stray_waiting(self) -> None:
        if self.waiting and self._waiting_text().strip():
            span = (self.waiting[0][0], self.waiting[-1][1])
            self.report.add("stray_text", span, "hold no text here")
        self.waiting = []


def format_offsets(geometries: Sequence[GridGeometry], round_: int | None = None) -> str:
    """Return one round of offsets, mirroring the shapes one to one.

    Args:
        geometries: Shapes that hold offsets.
        round_: From 1; the last round of each by default.

    Raises:
        TokenError: If a shape lacks that round or its offsets do not mirror its cells.

    >>> line = GridGeometry("line", (np.array([[0, 3], [0, 2]]),), ((np.array([7, 9]),),))
    >>> format_offsets([line])
    '<offset><line><OFF_0_1><DELETE></line></offset>'
    """
    pieces = []
    for number, geometry in enumerate(geometries):
        rounds = len(geometry.offsets)
        wanted = rounds if round_ is None else round_
        if not 1 <= wanted <= rounds:
            where = f"{geometry.kind}, shape {number}"
            raise TokenError(f"round must lie in [1, {rounds}], got {wanted} ({where}).")
        parts = geometry.offsets[wanted - 1]
        if [len(part) for part in parts] != [len(part) for part in geometry.cells]:
            raise TokenError(f"offsets must mirror the cells (shape {number}, round {wanted}).")
        texts = ("".join(OFFSET_TOKENS[i] for i in part.tolist()) for part in parts)
        pieces.append(f"<{geometry.kind}>{RING.join(texts)}</{geometry.kind}>")
    return f"<offset>{''.join(pieces)}</offset>"


def parse_offsets(
    text: str, proposal: Sequence[GridGeometry], strict: bool = False
) -> ParsedOffsets:
    """Return the proposal with the round of offsets that the text holds.

    The k-th shape of the text belongs to the k-th of the proposal, whatever its tag. Missing
    offsets are ``<OFF_0_0>``, surplus ones are cut, a deleted anchor stays deleted.

    Args:
        text: What the model wrote, decoded.
        proposal: The shapes it refines, with the offsets of earlier rounds.
        strict: Raise at the first departure from the grammar.

    Raises:
        TokenError: Only if strict; the message holds the position.
    """
    report = Reporter(text, strict)
    shapes = _read_shapes(text, report)
    if len(shapes) != len(proposal):
        rule = f"refine all {len(proposal)} shapes of the proposal"
        report.add("count_mismatch", (0, len(text)), rule)
    shapes = shapes[: len(proposal)]
    shapes += [_OffsetShape("", (len(text), len(text)))] * (len(proposal) - len(shapes))
    refined = (_refine(old, new, report) for old, new in zip(proposal, shapes, strict=True))
    return ParsedOffsets(tuple(refined), tuple(report.diagnostics))


class _OffsetShape:
    """The offsets between two tags; ``parts`` as the text separates them."""

    def __init__(self, name: str, span: Span) -> None:
        self.name, self.span = name, span
        self.parts: list[list[int]] = [[]]


def _read_shapes(text: str, report: Reporter) -> list[_OffsetShape]:
    shapes: list[_OffsetShape] = []
    inside = False  # a shape
    wrapper = [tag for tag in ("<offset>", "</offset>") if tag not in text]
    for lexeme in lex(text, (0, len(text)), report):
        if lexeme.type == "open" and lexeme.name in ANCHOR_COUNTS:
            if inside:
                report.add("truncated", lexeme.span, f"close <{shapes[-1].name}> before this")
            shapes.append(_OffsetShape(lexeme.name, lexeme.span))
            inside = True
        elif lexeme.type == "close" and lexeme.name in ANCHOR_COUNTS and inside:
            if lexeme.name != shapes[-1].name:
                report.add("misplaced_tag", lexeme.span, f"close with </{shapes[-1].name}>")
            inside = False
        elif lexeme.type == "offsets" and inside:
            shapes[-1].parts[-1] += lexeme.parts[0]
        elif lexeme.type == "ring" and inside:
            shapes[-1].parts.append([])
        elif lexeme.type == "text":
            _only_space(text, lexeme.span, report)
        elif lexeme.name != "offset" or inside:
            report.add("misplaced_tag", lexeme.span, "hold no such token here")
        if inside:
            shapes[-1].span = (shapes[-1].span[0], lexeme.span[1])
    if inside:
        report.add("truncated", (len(text), len(text)), f"close <{shapes[-1].name}>")
    if wrapper:
        report.add("missing_tag", (len(text), len(text)), f"hold {' and '.join(wrapper)}")
    return shapes


def _refine(old: GridGeometry, new: _OffsetShape, report: Reporter) -> GridGeometry:
    lengths = [len(part) for part in old.cells]
    if new.name and new.name != old.kind:
        report.add("misplaced_tag", new.span, f"be <{old.kind}> as in the proposal")
    if [len(part) for part in new.parts] != lengths:
        report.add("count_mismatch", new.span, f"hold {lengths} offsets as in the proposal")
    flat = [index for part in new.parts for index in part][: sum(lengths)]
    flat += [STAY] * (sum(lengths) - len(flat))
    if old.offsets:
        last = [index for part in old.offsets[-1] for index in part.tolist()]
        kept = [DELETE if was == DELETE else now for was, now in zip(last, flat, strict=True)]
        if kept != flat:
            report.add("revived_anchor", new.span, "keep deleted anchors deleted")
        flat = kept
    ends = zip(lengths, accumulate(lengths), strict=True)
    round_ = tuple(np.array(flat[end - n : end], dtype=np.int64) for n, end in ends)
    return replace(old, offsets=(*old.offsets, round_))
