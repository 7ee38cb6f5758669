"""Masks in text: ``<seg>``, the tokens of one mask, ``</seg>``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from drivegrid.geometry import IntArray
from drivegrid.tokens.answer import Code, Diagnostic, Span

OPEN, CLOSE = "<seg>", "</seg>"
_GROUP = re.compile(r"<seg>(?P<inner>(?:(?!<seg>).)*?)(?P<close></seg>|(?=<seg>)|\Z)", re.DOTALL)
_NAME = re.compile(r"<[^<>]*>|[^<>\s]+|[<>]")
_ZEROS = re.compile(r"(?<=_)0+(?=[0-9])")

Fault = Callable[[IntArray], str]
"""What codes must do to be a mask, as "have two codes"; empty if they are one."""
Report = Callable[[Code, Span, str, str], None]
"""Takes a code, where, what a mask must do, and what stands there."""


def read_groups(
    text: str, code_of: Mapping[str, int], fault: Fault
) -> tuple[tuple[IntArray, ...], tuple[Diagnostic, ...]]:
    """Return the codes of each whole mask in a text, and what was dropped.

    A mask is dropped whole when one of its tokens is: what is left would be another mask. Leading
    zeros of numbers are forgiven.

    Args:
        text: What a model wrote.
        code_of: Token name, numbers without leading zeros, to code.
        fault: Tells of codes that are not a mask.
    """
    found: list[IntArray] = []
    told: list[Diagnostic] = []

    def report(code: Code, span: Span, rule: str, got: str) -> None:
        told.append(Diagnostic(code, span, f"mask must {rule}, got {got:.40}."))

    end = 0
    for match in _GROUP.finditer(text):
        _report_strays(text, (end, match.start()), code_of, report)
        end, span = match.end(), match.span()
        names = [plain_name(name) for name in _NAME.findall(match["inner"])]
        strange = [name for name in names if name not in code_of]
        if not match["close"]:
            report("truncated", span, f"end with {CLOSE}", match[0])
        elif not names:
            report("empty", span, "hold tokens", "none")
        elif strange:
            report("unknown_tag", span, "hold its tokens alone", strange[0])
        else:
            codes = np.array([code_of[name] for name in names], np.int64)
            if rule := fault(codes):
                report("count_mismatch", span, rule, "".join(names))
            else:
                found.append(codes)
    _report_strays(text, (end, len(text)), code_of, report)
    return tuple(found), tuple(told)


def plain_name(name: str) -> str:
    """Return a token's name without leading zeros in its numbers.

    >>> plain_name("<sam_1_007>")
    '<sam_1_7>'
    """
    return _ZEROS.sub("", name)


def _report_strays(
    text: str,
    span: Span,
    code_of: Mapping[str, int],
    report: Report,
) -> None:
    """Tell of tokens of masks that stand outside of one."""
    start, end = span
    for match in re.finditer(r"<[^<>]*>", text[start:end]):
        if plain_name(match[0]) in code_of:
            place = start + match.start(), start + match.end()
            report("missing_tag", place, f"begin with {OPEN}", match[0])
            return
