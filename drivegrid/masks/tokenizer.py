"""What every mask tokenizer offers: a mask to a few codes, codes to a mask, both as text.

    codes = tokenizer.encode(image, mask)
    logits = tokenizer.decode(image, codes)

A mask is told by codes, whole numbers that stand for tokens of the tokenizer's own namespace
(``<sam_1_17>``, ``<him_513>``). The same codes and image always give the same mask: codes are
hard, and there is one way to decode them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from drivegrid.data.images import Picture, check_picture
from drivegrid.errors import GeometryError, TokenError
from drivegrid.geometry import BoolArray, IntArray, as_flags
from drivegrid.masks.mask_text import CLOSE, OPEN, plain_name, read_groups
from drivegrid.masks.segmenter import LogitArray
from drivegrid.tokens.answer import Diagnostic


@dataclass(frozen=True, slots=True, eq=False)
class ParsedMasks:
    """Masks that a text tells of.

    Args:
        codes: Those of each whole mask, in the order of the text.
        diagnostics: What was dropped: groups with missing, foreign or misplaced tokens.
    """

    codes: tuple[IntArray, ...]
    diagnostics: tuple[Diagnostic, ...]


class MaskTokenizer(ABC):
    """Writes masks as tokens and reads them.

    Attributes:
        name: Of the kind: grid, samtok or himtok.
        threshold: Logits above it are inside.
        needs_image: Whether encoding and decoding look at the picture.
    """

    name: ClassVar[str]
    threshold: ClassVar[float] = 0.0
    needs_image: ClassVar[bool]

    @property
    @abstractmethod
    def tokens(self) -> tuple[str, ...]:
        """Names of all its tokens; the place of a name is its code."""

    @property
    def weights(self) -> str:
        """Fingerprint of the weights that give codes their meaning; nothing where none do."""
        return ""

    @property
    def num_tokens(self) -> int:
        """How many tokens a vocabulary must have for it."""
        return len(self.tokens)

    @abstractmethod
    def encode_all(self, image: Picture | None, masks: BoolArray) -> list[IntArray]:
        """Write masks of one picture.

        Args:
            image: (H, W, 3) uint8 RGB; may be None where no image is needed.
            masks: (N, H, W), none empty, of the picture's size.

        Returns:
            The codes of each, (T,) in [0, `num_tokens`).

        Raises:
            GeometryError: If masks are no flags, one is empty, or has not the size of the picture.
        """

    @abstractmethod
    def decode_all(self, image: Picture | None, codes: Sequence[IntArray]) -> LogitArray:
        """Read masks of one picture.

        Args:
            image: As for `encode_all`.
            codes: Those of each of N masks.

        Returns:
            (N, h, w) finite logits over the whole picture, h and w the tokenizer's own.

        Raises:
            TokenError: If codes do not make a mask.
            GeometryError: If the image is needed and missing.
        """

    @abstractmethod
    def fault(self, codes: IntArray) -> str:
        """Return what codes must do to be a mask, as "have two codes"; nothing if they are one.

        Args:
            codes: (T,) at least one, in [0, `num_tokens`).
        """

    def parse(self, text: str) -> ParsedMasks:
        """Read the masks that a model's text tells of; never raises.

        Words and tokens of other kinds outside of masks are passed over. What is broken is dropped
        and told, and never read as other codes.
        """
        names = {plain_name(name): code for code, name in enumerate(self.tokens)}
        return ParsedMasks(*read_groups(text, names, self.fault))

    def encode(self, image: Picture | None, mask: BoolArray) -> IntArray:
        """Write one mask, (H, W); see `encode_all`."""
        return self.encode_all(image, np.asarray(mask)[None])[0]

    def decode(self, image: Picture | None, codes: IntArray) -> LogitArray:
        """Read one mask, (h, w) logits; see `decode_all`."""
        logits: LogitArray = self.decode_all(image, [codes])[0]
        return logits

    def text_of(self, codes: IntArray) -> str:
        """Return the codes of a mask as text, the inverse of `parse`.

        Raises:
            TokenError: If they are not a mask.
        """
        names = (self.tokens[code] for code in self.checked(codes).tolist())
        return f"{OPEN}{''.join(names)}{CLOSE}"

    def checked(self, codes: IntArray) -> IntArray:
        """Return the codes of a mask as (T,) int64.

        Raises:
            TokenError: If they are not a mask.
        """
        values = checked_codes(codes, self.num_tokens)
        rule = self.fault(values) if len(values) else "have at least one code"
        if rule:
            raise TokenError(f"mask of {self.name} must {rule}, got {values.tolist()!s:.60}.")
        return values


def checked_codes(codes: IntArray, num_tokens: int) -> IntArray:
    """Return codes as (T,) int64.

    Raises:
        TokenError: If they are no whole numbers in [0, ``num_tokens``).
    """
    values = np.asarray(codes)
    if values.ndim != 1 or not (np.issubdtype(values.dtype, np.integer) or not values.size):
        raise TokenError(
            f"codes of a mask must be (T,) whole numbers, got {values.shape} {values.dtype}."
        )
    wrong = values[(values < 0) | (values >= num_tokens)]
    if wrong.size:
        raise TokenError(f"codes must lie in [0, {num_tokens}), got {wrong[0]}.")
    return values.astype(np.int64)


def checked_masks(masks: BoolArray, image: Picture | None) -> BoolArray:
    """Return masks as (N, H, W) flags.

    Args:
        masks: To be written.
        image: If given, they must have its size.

    Raises:
        GeometryError: If they are no flags, have another shape or size, or one of them is empty.
    """
    flags = as_flags(masks, "masks")
    if flags.ndim != 3 or not flags.shape[1] * flags.shape[2]:
        raise GeometryError(f"masks must have shape (N, H, W) with pixels, got {flags.shape}.")
    if image is not None and image.shape[:2] != flags.shape[1:]:
        raise GeometryError(
            f"masks must have the size of their image, {image.shape[1]} x {image.shape[0]}, "
            f"got {flags.shape[2]} x {flags.shape[1]}."
        )
    empty = np.flatnonzero(~flags.any(axis=(1, 2)))
    if len(empty):
        raise GeometryError(
            f"mask must have a pixel inside, got none (mask {empty[0]}). Answer that nothing is "
            "there instead."
        )
    return flags


def needed_image(image: Picture | None, name: str) -> Picture:
    """Return an image that a tokenizer cannot do without.

    Raises:
        GeometryError: If there is none, or it is not (H, W, 3) uint8.
    """
    if image is None:
        raise GeometryError(f"image must be given to {name}, which looks at it, got None.")
    check_picture(image)
    return image
