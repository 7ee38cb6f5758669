"""Text and pictures in and out of the nano model."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from drivegrid.errors import ModelError
from drivegrid.model.manifest import load_tokenizer_file
from drivegrid.model.nano_files import SPECIAL_TOKENS
from drivegrid.model.nano_tokenizer import wrap_tokenizer
from drivegrid.tokens.automaton import TokenClasses
from drivegrid.tokens.grammar import NONE
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.vocabulary import Vocabulary, escape_text
from drivegrid.trunk.pixels import to_pixel_values


class NanoProcessor:
    """Tokenizer and image scaling of a nano checkpoint.

    Args:
        tokenizer: As `build_tokenizer` makes it.
        grid: Lattice the spatial tokens stand for.
        image_size_wh: Model input in pixels.
        words: Those for masks that the tokenizer knows.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        grid: GridSpec,
        image_size_wh: tuple[int, int],
        words: MaskWords | None = None,
    ) -> None:
        self.tokenizer, self.grid, self.image_size_wh = tokenizer, grid, image_size_wh
        self.base_id = self._id(Vocabulary(grid).tokens[0])
        self.vocabulary = Vocabulary(grid, self.base_id, words)
        self.special_ids = {role: self._id(token) for role, token in SPECIAL_TOKENS.items()}

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        grid: GridSpec,
        image_size_wh: tuple[int, int],
        words: MaskWords | None = None,
    ) -> NanoProcessor:
        """Load the tokenizer of a checkpoint folder.

        Only ``tokenizer.json`` is read, which the manifest vouches for: the settings that stand
        beside it are the same for every nano model.

        Raises:
            ModelError: If the file is missing or no such tokenizer.
        """
        tokenizer = wrap_tokenizer(load_tokenizer_file(Path(folder)))
        return cls(tokenizer, grid, image_size_wh, words)

    def _id(self, token: str) -> int:
        found: int | None = self.tokenizer.convert_tokens_to_ids(token)
        if found is None:
            raise ModelError(f"tokenizer must know {token}.")
        return found

    @cached_property
    def token_classes(self) -> TokenClasses:
        """What constrained decoding must know of the tokenizer."""
        texts = [self.tokenizer.decode([i]) for i in range(len(self.tokenizer))]
        for special in self.special_ids.values():
            texts[special] = ""
        newline = self.tokenizer.encode("\n", add_special_tokens=False)
        none = self.tokenizer.encode(NONE, add_special_tokens=False)
        return TokenClasses.from_texts(
            texts,
            self.vocabulary,
            newline=newline[0],
            end=self.special_ids["end"],
            none=tuple(none),
        )

    def prompt_ids(self, query: str) -> list[int]:
        """Return the ids of a user turn, up to where the answer begins; the query is escaped."""
        return self.turn_ids(escape_text(query))

    def turn_ids(self, prompt: str) -> list[int]:
        """Return the ids of a user turn in final text, which may hold spatial tokens.

        It is asked as in training: words in lower case, without a full stop.
        """
        pieces = re.split(r"(<[^<>]*>)", prompt.strip().rstrip("."))
        plain = "".join(p if p in self.vocabulary.local_index else p.lower() for p in pieces)
        text = self.tokenizer.encode(plain, add_special_tokens=False)
        return [self.special_ids["user"], *text, self.special_ids["assistant"]]

    def reply_ids(self, answer: str) -> list[int]:
        """Return the ids of an answer with its end."""
        text: list[int] = self.tokenizer.encode(answer, add_special_tokens=False)
        return [*text, self.special_ids["end"]]

    def text_of(self, ids: list[int]) -> str:
        """Return the text of answer ids, spatial tokens included, chat tokens left out."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def pixel_values(self, image: npt.NDArray[np.uint8]) -> Tensor:
        """Return (1, 3, H, W) model input of an (H, W, 3) uint8 RGB frame."""
        return to_pixel_values(image, self.image_size_wh)[None]
