"""Rewards that look at the text: form, repetition, the right words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from drivegrid.tokens.answer import AnswerItem, ParsedAnswer, squeeze
from drivegrid.tokens.vocabulary import unescape

Key: TypeAlias = tuple[str, str, tuple[bytes, ...], tuple[str, ...]]
"""Label, kind, cells and words of an item: two of one key say the same."""

_ENDS = re.compile(r"[.!?]+(?=\s|$)|\n")
_ABBREVIATIONS = frozenset(
    "e.g i.e etc vs approx ca cf fig no nr st mr mrs dr a.m p.m resp incl max min".split()
)
_LONGEST = 40
"""Characters before a full stop that are looked at: two words, one of them an abbreviation."""
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_WRAPPER = re.compile(r"</?answer>")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, lower case, without the sign at their end.

    A full stop inside a number or word, after a single letter or an abbreviation ends nothing.

    >>> sentences("A cone, e.g. at 3.5 m. It is red.")
    ['a cone, e.g. at 3.5 m', 'it is red']
    """
    found, start = [], 0
    for end in _ENDS.finditer(text):
        words = text[max(start, end.start() - _LONGEST) : end.start()].split()
        last = words[-1].lower().strip("(\"'") if words else ""
        short = last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha() and len(words) > 1)
        if end[0] == "." and short and not _is_unit(words):
            continue
        found.append(text[start : end.start()])
        start = end.end()
    found.append(text[start:])
    return [squeezed for one in found if (squeezed := squeeze(one).lower())]


def _is_unit(words: Sequence[str]) -> bool:
    """Tell whether the last word is a unit after a number: "3.5 m" may well end a sentence."""
    return len(words) > 1 and words[-2][-1].isdigit()


def item_key(item: AnswerItem) -> Key:
    """Return what makes an item the same as another."""
    shape = item.geometry
    return item.label, shape.kind, tuple(part.tobytes() for part in shape.cells), shape.words


def repeats_itself(thought: str | None) -> bool:
    """Tell whether two sentences of a thought are the same."""
    said = sentences(thought or "")
    return len(set(said)) < len(said)


def repeated_items(items: Sequence[AnswerItem]) -> dict[Key, int]:
    """Return how often each item stands in an answer that stands there more than once."""
    if len(items) < 2:
        return {}
    return {key: count for key, count in Counter(map(item_key, items)).items() if count > 1}


def words_of(text: str) -> str:
    """Return the answer without its thought and tags.

    >>> words_of("<think>It shines.</think><answer> wet  road</answer>")
    'wet road'
    """
    return squeeze(unescape(_WRAPPER.sub("", _THOUGHT.sub("", text))))


def is_plain_words(text: str, parsed: ParsedAnswer) -> bool:
    """Tell whether an answer in words holds one line of words and no tag within."""
    body = _WRAPPER.sub("", _THOUGHT.sub("", text)).strip()
    clean = all(note.code == "stray_text" for note in parsed.diagnostics)
    return bool(body) and "\n" not in body and clean and not parsed.items
