"""Frames and chat in, tensors out, for Qwen2.5-VL: without torchvision and without templates.

transformers' own processor for these models needs torchvision (for video) and picks the input
size by area. Here the frame is resized to one exact size, so that the model's visual tokens lie
on the lattice: at 896x896 the 32x32 visual tokens are the cells of the default lattice. GETok
uses 840x840, whose 30x30 visual tokens are not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from drivegrid.errors import ConfigError, ModelError
from drivegrid.geometry import Size
from drivegrid.model.manifest import verify
from drivegrid.model.stored import read_json
from drivegrid.tokens.automaton import TokenClasses
from drivegrid.tokens.grammar import NONE
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary, escape_text

RGBImage: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

ALIGNED_SIZE_WH: Size = (896, 896)
PAPER_SIZE_WH: Size = (840, 840)
PATCH, MERGE, FRAMES = 14, 2, 2
"""Qwen2.5-VL: pixels per patch side, patches per visual token side, copies of a still image."""
VISUAL_PITCH = PATCH * MERGE
IMAGE_PAD = "<|image_pad|>"
VISION_END = "<|vision_end|>"
END_OF_TURN = "<|im_end|>"
DEFAULT_SYSTEM = "You are a helpful assistant."
"""What Qwen2.5-VL's chat template puts first where there is no system turn."""
# CLIP's statistics, in transformers' OPENAI_CLIP_MEAN and OPENAI_CLIP_STD.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)


PICTURE_FILE = "preprocessor_config.json"
_SIZE_KEY = "drivegrid_size_wh"


class Part(TypedDict):
    """A piece of a turn: ``"text"`` is plain words, ``"tokens"`` may hold spatial tokens."""

    type: Literal["text", "tokens"]
    text: str


class Message(TypedDict):
    """A turn. A plain string counts as text from a user and as tokens from anyone else."""

    role: Literal["system", "user", "assistant"]
    content: str | Sequence[Part]


def chat_text(
    messages: Sequence[Message], num_image_tokens: int, add_generation_prompt: bool = True
) -> str:
    r"""Return a conversation in ChatML, its image at the start of the first user turn.

    Args:
        messages: Turns in order. Text is escaped (`escape_text`); tokens stand as they are.
        num_image_tokens: Visual tokens of the image; 0 for no image.
        add_generation_prompt: Open the assistant's turn at the end.

    Raises:
        ConfigError: If there is an image and no user turn.

    >>> turn: Message = {"role": "user", "content": "left lane?"}
    >>> chat_text([turn], 1).splitlines()[3]
    '<|vision_start|><|image_pad|><|vision_end|>left lane?<|im_end|>'
    """
    image = f"<|vision_start|>{IMAGE_PAD * num_image_tokens}{VISION_END}"
    lines = []
    if not messages or messages[0]["role"] != "system":
        lines.append(f"<|im_start|>system\n{DEFAULT_SYSTEM}<|im_end|>\n")
    to_place = num_image_tokens > 0
    for message in messages:
        here = image if to_place and message["role"] == "user" else ""
        to_place = to_place and not here
        lines.append(f"<|im_start|>{message['role']}\n{here}{_content_text(message)}<|im_end|>\n")
    if to_place:
        raise ConfigError(f"conversation must have a user turn for its image, got {messages!r}.")
    if add_generation_prompt:
        lines.append("<|im_start|>assistant\n")
    return "".join(lines)


def _content_text(message: Message) -> str:
    content = message["content"]
    if isinstance(content, str):
        return escape_text(content) if message["role"] == "user" else content
    parts = (escape_text(p["text"]) if p["type"] == "text" else p["text"] for p in content)
    return "".join(parts)


def to_patches(image: RGBImage, size_wh: Size) -> Tensor:
    """Resize a frame plainly, normalise it and cut it into Qwen2.5-VL's patches.

    The same numbers as transformers' ``Qwen2VLImageProcessorPil`` at this size.

    Args:
        image: (H, W, 3) uint8 RGB.
        size_wh: Model input in pixels, multiples of 28.

    Returns:
        (num_patches, 1176) float32; the four patches of a visual token stand together.
    """
    picture = Image.fromarray(image)
    if picture.size != size_wh:
        picture = picture.resize(size_wh, Image.Resampling.BICUBIC)
    pixels = np.asarray(picture, dtype=np.float32) * np.float32(1 / 255)
    cols, rows = size_wh[0] // VISUAL_PITCH, size_wh[1] // VISUAL_PITCH
    blocks = ((pixels - MEAN) / STD).reshape(rows, MERGE, PATCH, cols, MERGE, PATCH, 3)
    # (rows, cols, merge_y, merge_x, channel, y, x), then the still image as two equal frames.
    patches = blocks.transpose(0, 3, 1, 4, 6, 2, 5)[:, :, :, :, :, None]
    patches = np.repeat(patches, FRAMES, axis=5)
    return torch.from_numpy(patches.reshape(rows * cols * MERGE**2, -1))


def save_size_wh(folder: str | Path, size_wh: Size) -> None:
    """Write the settings of transformers' image processor, and the size that pictures have.

    The settings bound the area of a picture but not its shape: a picture of this size passes
    unchanged, and another one is not scaled to it.

    Args:
        folder: Checkpoint or adapter.
        size_wh: Model input in pixels, multiples of 28.
    """
    area = size_wh[0] * size_wh[1]
    settings: dict[str, Any] = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
        "patch_size": PATCH,
        "temporal_patch_size": FRAMES,
        "merge_size": MERGE,
        "image_mean": [round(float(value), 8) for value in MEAN],
        "image_std": [round(float(value), 8) for value in STD],
        # Areas, not edges, whatever transformers calls them; under both of its names.
        "size": {"shortest_edge": area, "longest_edge": area},
        "min_pixels": area,
        "max_pixels": area,
        _SIZE_KEY: list(size_wh),
    }
    path = Path(folder) / PICTURE_FILE
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def stated_size_wh(folder: str | Path) -> Size | None:
    """Return the size in pixels that pictures have for a checkpoint or adapter, if it says so.

    Raises:
        ModelError: If what it says is no size.
    """
    path = Path(folder) / PICTURE_FILE
    size = read_json(path).get(_SIZE_KEY) if path.is_file() else None
    if size is None:
        return None
    if not isinstance(size, list) or len(size) != 2 or any(type(side) is not int for side in size):
        raise ModelError(f"{_SIZE_KEY} must be width and height in pixels, got {size!r} ({path}).")
    return size[0], size[1]


def check_loaded_tokens(
    tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary, folder: Path
) -> None:
    """Raise unless the spatial tokens survive decoding as the rest of the library does it.

    ``tokenizer.json`` is checked with the manifest; settings beside it can still make a token
    special, and ``skip_special_tokens`` would then erase it from every answer.

    Raises:
        ModelError: If a token is lost or changed.
    """
    ids = list(range(vocabulary.base_id, vocabulary.base_id + len(vocabulary)))
    text = tokenizer.decode(ids, skip_special_tokens=True)
    special = sorted({*tokenizer.all_special_ids} & {*ids})
    if text != "".join(vocabulary.tokens) or special:
        named = tokenizer.convert_ids_to_tokens(special[:4]) or ["other text"]
        raise ModelError(
            f"spatial tokens must not be special, got {', '.join(named)} "
            f"({folder / 'tokenizer_config.json'})."
        )


class QwenProcessor:
    """Tokenizer and image scaling of an extended Qwen2.5-VL checkpoint.

    Args:
        tokenizer: Tokenizer with the spatial tokens.
        vocabulary: Spatial tokens with the tokenizer's ids.
        size_wh: Model input in pixels, multiples of 28; every frame is resized to it plainly.

    Raises:
        ConfigError: If the size is not made of multiples of 28.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        vocabulary: Vocabulary,
        size_wh: Size = ALIGNED_SIZE_WH,
    ) -> None:
        if min(size_wh) < VISUAL_PITCH or size_wh[0] % VISUAL_PITCH or size_wh[1] % VISUAL_PITCH:
            raise ConfigError(f"size_wh must be multiples of {VISUAL_PITCH}, got {size_wh}.")
        self.tokenizer, self.vocabulary, self.size_wh = tokenizer, vocabulary, size_wh
        # The stubs allow a list here and in `text_of`; one name in gives one id out.
        self.image_token_id = cast(int, tokenizer.convert_tokens_to_ids(IMAGE_PAD))
        self.grid_thw = (1, size_wh[1] // PATCH, size_wh[0] // PATCH)
        self.num_image_tokens = int(np.prod(self.grid_thw)) // MERGE**2

    @classmethod
    def from_pretrained(cls, folder: str | Path, size_wh: Size | None = None) -> QwenProcessor:
        """Load the processor of a checkpoint folder, after checking its manifest.

        Args:
            folder: The checkpoint.
            size_wh: Of the model input; None for what the folder states, else `ALIGNED_SIZE_WH`.

        Raises:
            ConfigError: If the size is not made of multiples of 28.
            ModelError: If the folder does not match its manifest.
        """
        manifest = verify(folder)
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
        check_loaded_tokens(tokenizer, manifest.vocabulary, Path(folder))
        size_wh = size_wh or stated_size_wh(folder) or ALIGNED_SIZE_WH
        processor = cls(tokenizer, manifest.vocabulary, size_wh)
        path = Path(folder) / "config.json"
        expected = read_json(path).get("image_token_id")
        if processor.image_token_id != expected:
            raise ModelError(
                f"image_token_id must be the tokenizer's {processor.image_token_id}, "
                f"got {expected} ({path})."
            )
        return processor

    def __call__(
        self,
        images: Sequence[RGBImage],
        conversations: Sequence[Sequence[Message]],
        add_generation_prompt: bool = True,
    ) -> dict[str, Tensor]:
        """Return model input of conversations about one image each.

        Args:
            images: B frames, (H, W, 3) uint8 RGB.
            conversations: B lists of turns.
            add_generation_prompt: Open the assistant's turn at the end.

        Returns:
            ``input_ids``, ``attention_mask`` and ``mm_token_type_ids`` (1 at visual tokens; without
            it the model silently falls back to 1-D positions), all (B, T) int64, padded on the
            left; ``pixel_values`` (B * num_patches, 1176) float32; ``image_grid_thw`` (B, 3) int64.

        Raises:
            ConfigError: If counts differ, or a turn holds image placeholders of its own.
        """
        if len(images) != len(conversations) or not images:
            raise ConfigError(
                "images must be one for each conversation, "
                f"got {len(images)} for {len(conversations)}."
            )
        texts = [
            chat_text(turns, self.num_image_tokens, add_generation_prompt)
            for turns in conversations
        ]
        batch = self.tokenizer(
            texts,
            add_special_tokens=False,
            padding=True,
            padding_side="left",
            return_tensors="pt",
        )
        is_image = batch["input_ids"] == self.image_token_id
        if (is_image.sum(dim=1) != self.num_image_tokens).any():
            raise ConfigError(f"turns must not hold {IMAGE_PAD}. Pass their text as a text part.")
        return {
            "input_ids": batch["input_ids"],
            "attention_mask": batch["attention_mask"],
            "mm_token_type_ids": is_image.long(),
            "pixel_values": torch.cat([to_patches(image, self.size_wh) for image in images]),
            "image_grid_thw": torch.tensor([self.grid_thw] * len(images)),
        }

    @property
    def grid(self) -> GridSpec:
        """Lattice of the spatial tokens."""
        return self.vocabulary.grid

    @cached_property
    def token_classes(self) -> TokenClasses:
        """What constrained decoding must know of the tokenizer; it takes a second or two."""
        tokenizer = self.tokenizer
        ids = sorted({*tokenizer.get_vocab().values()} - {*tokenizer.all_special_ids})
        texts = [""] * (1 + max(tokenizer.get_vocab().values()))
        for i, text in zip(ids, tokenizer.batch_decode([[i] for i in ids]), strict=True):
            texts[i] = text
        return TokenClasses.from_texts(
            texts,
            self.vocabulary,
            newline=self._encode("\n")[0],
            end=self._encode(END_OF_TURN)[0],
            none=tuple(self._encode(NONE)),
        )

    @cached_property
    def opening_ids(self) -> list[int]:
        """Ids up to the end of the picture: what all conversations begin with."""
        turn: Message = {"role": "user", "content": ""}
        before, mark, _ = chat_text([turn], self.num_image_tokens).partition(VISION_END)
        return self._encode(before + mark)

    def prompt_ids(self, query: str) -> list[int]:
        """Return the ids of a first question after `opening_ids`; the query is escaped."""
        return self.turn_ids(escape_text(query))

    def turn_ids(self, prompt: str) -> list[int]:
        """Return the same of a question in final text, which may hold spatial tokens."""
        return self._encode(f"{prompt}{END_OF_TURN}\n<|im_start|>assistant\n")

    def reply_ids(self, answer: str) -> list[int]:
        """Return the ids of an answer with its end."""
        return self._encode(f"{answer}{END_OF_TURN}")

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def text_of(self, ids: Sequence[int]) -> str:
        """Return the text of answer ids: spatial tokens kept, chat control tokens left out."""
        return cast(str, self.tokenizer.decode(list(ids), skip_special_tokens=True))
