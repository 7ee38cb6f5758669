r"""What an answer holds, and the text before a shape: ``label (name: value, name: value):``.

Labels, names and values are free text. White space runs become one space. A backslash keeps
``( )`` and itself literal in a label, and also ``: ,`` in names and values; a tag written as
plain text is escaped as in `drivegrid.tokens.vocabulary.escape`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from drivegrid.errors import TokenError
from drivegrid.tokens.grid import GridGeometry
from drivegrid.tokens.vocabulary import escape, unescape

Span: TypeAlias = tuple[int, int]
"""Start and end (exclusive) in characters of the text given."""

Code: TypeAlias = Literal[
    "count_mismatch",
    "empty",
    "empty_mask",
    "misplaced_tag",
    "missing_colon",
    "missing_tag",
    "out_of_range",
    "repeated",
    "revived_anchor",
    "spelling",
    "stray_text",
    "swapped_corners",
    "truncated",
    "unfamiliar_query",
    "unknown_label",
    "unknown_tag",
]
"""What can be wrong with model text; docs/spec.md section 7 says what is done about each."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One departure of model text from the grammar, and where it is."""

    code: Code
    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class AnswerItem:
    """One shape of an answer.

    Args:
        label: Free text, may be empty.
        attributes: Name to value.
        geometry: The shape in cells.
        same_instance: True if it shares line, label and attributes with the item before it,
            as the ``<seg>`` of ``cone: <box>..</box><seg>..</seg>`` does.
        span: Where the shape stands in the parsed text; not part of equality.
    """

    label: str
    attributes: Mapping[str, str]
    geometry: GridGeometry
    same_instance: bool = False
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """What model text says.

    Args:
        items: The shapes, in order.
        diagnostics: Every departure from the grammar, in order of discovery.
        says_none: True if the answer is the word "none": nothing there, and that is an answer.
        think: Text inside ``<think>``, None without such a tag.
        wrapped: True if the answer stands in ``<answer>``.
    """

    items: tuple[AnswerItem, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    says_none: bool = False
    think: str | None = None
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class ParsedOffsets:
    """The proposal with one more round of offsets, and what was wrong with the text."""

    geometries: tuple[GridGeometry, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


class Reporter:
    """Collects diagnostics, or raises the first one when strict."""

    def __init__(self, text: str, strict: bool) -> None:
        self.text, self.strict = text, strict
        self.diagnostics: list[Diagnostic] = []

    def add(self, code: Code, span: Span, rule: str) -> None:
        """Note that the text at ``span`` breaks ``rule``, which ends the phrase "must ..."."""
        got = self.text[span[0] : span[1]]
        shown = repr(got if len(got) <= 40 else got[:37] + "...")
        message = f"text must {rule}, got {shown} (characters {span[0]}-{span[1]})."
        if self.strict:
            raise TokenError(f"{message} [{code}]")
        self.diagnostics.append(Diagnostic(code, span, message))


def squeeze(text: str) -> str:
    """Return text with every run of white space as one space and none at the ends."""
    return " ".join(text.split())


def format_head(label: str, attributes: Mapping[str, str]) -> str:
    r"""Return the text before a shape, or nothing for an instance without label and attributes.

    Raises:
        TokenError: If an attribute name is empty.

    >>> format_head("sign (old)", {"color": "red"})
    'sign \\(old\\) (color: red): '
    """
    head = _protect(label, r"[\\()]")
    if attributes:
        pairs = [f"{_attribute_name(k)}: {_protect(v, _SPECIAL)}" for k, v in attributes.items()]
        head = f"{head} ({', '.join(pairs)})".lstrip()
    return f"{head}: " if head else ""


def parse_head(head: str) -> tuple[str, dict[str, str]]:
    """Return label and attributes of a head without its last colon; any text has a reading.

    A closing bracket group that is not a list of ``name: value`` belongs to the label. Of equal
    names the last counts.
    """
    head = squeeze(unescape(head))
    # Same length, but escaped characters cannot be mistaken for structure.
    masked = re.sub(r"\\.", "__", head) if "\\" in head else head
    start = masked.rfind("(")
    if start >= 0 and masked.find(")", start) == len(masked) - 1:
        attributes, position = {}, start + 1
        for pair in masked[position:-1].split(","):
            name = _plain(head[position : position + max(0, pair.find(":"))])
            end = position + len(pair)
            attributes[name] = _plain(head[position + pair.find(":") + 1 : end])
            position = end + 1
        if "" not in attributes:
            return _plain(head[:start]), attributes
    return _plain(head), {}


_SPECIAL = r"[\\():,]"


@lru_cache(maxsize=4096)  # a few labels and attributes are written over and over
def _protect(text: str, special: str) -> str:
    return escape(re.sub(special, r"\\\g<0>", squeeze(text)))


def _plain(text: str) -> str:
    return re.sub(r"\\([\\():,])", r"\1", text.strip()) if "\\" in text else text.strip()


def _attribute_name(name: str) -> str:
    if not name.strip():
        raise TokenError(f"attribute name must not be empty, got {name!r}.")
    return _protect(name, _SPECIAL)
