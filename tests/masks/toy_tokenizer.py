"""A mask tokenizer that anyone can follow: two words for a cell of 4 x 4, no network."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from drivegrid.masks.tokenizer import MaskTokenizer, checked_masks
from drivegrid.tokens.mask_words import MaskWords

WORDS = MaskWords("samtok", 8)


class ToyTokenizer(MaskTokenizer):
    """Column and row of the quarter that holds a mask's middle; ``calls`` counts pictures written.

    Codes 0 to 3 are columns, 4 to 7 rows.
    """

    name: ClassVar[str] = "samtok"
    needs_image: ClassVar[bool] = False
    tokens = WORDS.tokens

    def __init__(self) -> None:
        self.calls = 0

    def fault(self, codes):
        return WORDS.fault([self.tokens[code] for code in codes])

    def encode_all(self, image, masks):
        self.calls += 1
        found = []
        for mask in checked_masks(masks, image):
            rows, cols = np.nonzero(mask)
            height, width = mask.shape
            col, row = int(cols.mean() * 4 / width), int(rows.mean() * 4 / height)
            found.append(np.array([col, 4 + row]))
        return found

    def decode_all(self, image, codes: Sequence[np.ndarray]):
        del image
        logits = np.full((len(codes), 4, 4), -1.0, np.float32)
        for mine, code in zip(logits, codes, strict=True):
            col, row = self.checked(code)
            mine[row - 4, col] = 1.0
        return logits
