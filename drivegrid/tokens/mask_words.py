"""Words for masks: what a mask tokenizer adds to a vocabulary, and which of them make a mask.

A learnt mask tokenizer (`drivegrid.masks`) writes a mask as a few codes. In text each code is a
word of the tokenizer's own namespace, and the words of one mask stand in ``<seg>``. Only names are
known here: what a word looks like is the tokenizer's affair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

import numpy as np

from drivegrid.errors import TokenError
from drivegrid.tokens.grid import GridGeometry

MaskWordsName: TypeAlias = Literal["samtok", "himtok"]
LEVELS = 2
"""A mask of SAMTok has one word of each level, in order."""
MOST_WORDS = 32
"""Most words in a mask of HiMTok; any number from the front is a coarser mask."""
MOST_COUNT = 4096
WORD = r"<(?:sam_[12]|him)_(?:0|[1-9][0-9]{0,3})>"
"""How words are spelt."""
_WORD = re.compile(WORD)
_LOOSE_WORD = re.compile(r"<(sam_[12]|him)_([0-9]{1,9})>", re.IGNORECASE)


@dataclass(frozen=True)
class MaskWords:
    """The words of one mask tokenizer.

    Args:
        name: Of the tokenizer.
        count: How many words it has; SAMTok's are shared equally by its two levels.

    Raises:
        TokenError: If there is no such tokenizer, or it cannot have so many words.

    >>> words = MaskWords("samtok", 4)
    >>> words.tokens
    ('<sam_1_0>', '<sam_1_1>', '<sam_2_0>', '<sam_2_1>')
    >>> words.fault(["<sam_2_0>", "<sam_1_0>"])
    'have one word of each level in order'
    """

    name: MaskWordsName
    count: int

    def __post_init__(self) -> None:
        if self.name not in get_args(MaskWordsName):
            known = ", ".join(get_args(MaskWordsName))
            raise TokenError(f"mask words must be of {known}, got {self.name!r}.")
        step = LEVELS if self.name == "samtok" else 1
        if type(self.count) is not int or not step <= self.count <= MOST_COUNT or self.count % step:
            raise TokenError(
                f"mask words of {self.name} must number {step} to {MOST_COUNT} in steps of {step}, "
                f"got {self.count!r}."
            )

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """All names; the place of a name is its code."""
        if self.name == "himtok":
            return tuple(f"<him_{code}>" for code in range(self.count))
        levels, codes = range(1, LEVELS + 1), range(self.count // LEVELS)
        return tuple(f"<sam_{level}_{code}>" for level in levels for code in codes)

    @cached_property
    def code_of(self) -> Mapping[str, int]:
        """Name to code."""
        return MappingProxyType({name: code for code, name in enumerate(self.tokens)})

    def fault(self, words: Sequence[str]) -> str:
        """Return what words must do to be a mask, as "have one .."; nothing if they are one.

        Args:
            words: At least one, of `tokens`.
        """
        if self.name == "himtok":
            return f"have at most {MOST_WORDS} words" if len(words) > MOST_WORDS else ""
        size = self.count // LEVELS
        levels = [self.code_of[word] // size for word in words]
        return "" if levels == [*range(LEVELS)] else "have one word of each level in order"


ALL_MASK_WORDS: Mapping[MaskWordsName, MaskWords] = MappingProxyType(
    {"samtok": MaskWords("samtok", 512), "himtok": MaskWords("himtok", 1024)}
)
"""The words of the tokenizers as the package trains them."""


def mask_geometry(words: Sequence[str]) -> GridGeometry:
    """Return the shape that words tell: a ``<seg>`` without anchors.

    >>> mask_geometry(["<him_4>"]).words, mask_geometry(["<him_4>"]).num_anchors
    (('<him_4>',), 0)
    """
    return GridGeometry("seg", (np.zeros((0, 2), dtype=np.int64),), words=tuple(words))


def plain_word(tag: str) -> str:
    """Return how a tag is spelt if it is meant to be a word; else nothing.

    >>> plain_word("<SAM_1_007>"), plain_word("<sum_1_7>")
    ('<sam_1_7>', '')
    """
    match = _LOOSE_WORD.fullmatch(tag)
    return f"<{match[1].lower()}_{int(match[2])}>" if match else ""


def is_word(name: str) -> bool:
    """Tell whether a name is spelt as words are."""
    return _WORD.fullmatch(name) is not None
