"""Tokenizers that were learnt, whose codes are words of a vocabulary."""

from __future__ import annotations

from abc import abstractmethod

from torch import nn

from drivegrid.geometry import IntArray
from drivegrid.masks.network_files import fingerprint
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tokens.mask_words import MaskWords


class WordTokenizer(MaskTokenizer):
    """A learnt tokenizer: its codes are the words that a vocabulary may have for masks.

    Attributes:
        network: What has learnt them.
    """

    network: nn.Module

    @property
    def weights(self) -> str:
        """Fingerprint of the network: the same codes of another one are other masks."""
        return fingerprint(self.network)

    @property
    @abstractmethod
    def words(self) -> MaskWords:
        """Its words, and which of them make a mask."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """Names of all its words; the place of a name is its code."""
        return self.words.tokens

    def fault(self, codes: IntArray) -> str:
        """Return what codes must do to be a mask, see `MaskTokenizer.fault`."""
        return self.words.fault([self.tokens[code] for code in codes.tolist()])
