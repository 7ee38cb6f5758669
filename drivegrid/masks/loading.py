"""Mask tokenizers by name."""

from __future__ import annotations

from pathlib import Path

from drivegrid.errors import ModelError
from drivegrid.masks.grid_tokenizer import GridMaskTokenizer
from drivegrid.masks.himtok.tokenizer import HimTokenizer
from drivegrid.masks.names import TokenizerName
from drivegrid.masks.samtok.tokenizer import SamTokenizer
from drivegrid.masks.seg.segmenter import SmallSegmenter
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords


def load_tokenizer(
    name: TokenizerName,
    weights: str | Path | None = None,
    seg: str | Path | None = None,
    grid: GridSpec | None = None,
) -> MaskTokenizer:
    """Return a mask tokenizer.

    Args:
        name: Which.
        weights: Folder of its network; by default the shipped one. That of anchors has none.
        seg: Folder of drivegrid-seg, which draws for anchors and SAMTok; likewise.
        grid: Lattice of anchors; 32 x 32 by default.

    Raises:
        ModelError: If weights are missing, damaged, or of another network.
    """
    match name:
        case "grid":
            return GridMaskTokenizer(SmallSegmenter.from_pretrained(seg), grid)
        case "samtok":
            return SamTokenizer.from_pretrained(weights, seg)
        case "himtok":
            return HimTokenizer.from_pretrained(weights)


def check_words(tokenizer: MaskTokenizer, words: MaskWords) -> None:
    """Raise unless a tokenizer writes the words that a vocabulary has.

    Raises:
        ModelError: If it has others, or another number of them.
    """
    if tokenizer.tokens != words.tokens:
        raise ModelError(
            f"mask tokenizer must have the {words.count} words of {words.name}, got "
            f"{tokenizer.num_tokens} of {tokenizer.name}. Name the one that wrote the masks the "
            "model learnt from."
        )
