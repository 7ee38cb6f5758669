"""A small Qwen2.5-VL with random weights and a small tokenizer, to be trained from scratch.

It is the control of drivegrid-nano: transformers' own architecture, nothing pretrained, no rows
that look at the image. In its vision tower every layer sees the whole picture, since windows save
nothing at these sizes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)

from drivegrid.errors import ConfigError
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.manifest import Manifest
from drivegrid.model.nano_tokenizer import train_bpe
from drivegrid.model.processor import (
    DEFAULT_SYSTEM,
    END_OF_TURN,
    IMAGE_PAD,
    VISION_END,
)
from drivegrid.model.weight_files import no_progress_bar
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords

PAD, START_OF_TURN, VISION_START = "<|endoftext|>", "<|im_start|>", "<|vision_start|>"
VIDEO_PAD = "<|video_pad|>"
SPECIAL = (PAD, START_OF_TURN, END_OF_TURN, VISION_START, VISION_END, IMAGE_PAD, VIDEO_PAD)
HEAD_SIZE = 32
# Sizes of a head's sixteen rotary pairs for time, height and width, in Qwen2.5-VL's proportion.
_ROTARY_SECTIONS = [4, 6, 6]
_CHAT = f"system\n{DEFAULT_SYSTEM}", "user\n", "assistant\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class QwenSizes:
    """Sizes of a new model; 7.5 million parameters by default, as many as drivegrid-nano.

    Args:
        hidden_size: Width of the language body, a multiple of 32: the size of a head.
        num_layers: Its depth.
        tower_size: Width of the vision tower, a multiple of 32.
        tower_layers: Its depth.

    Raises:
        ConfigError: If a width is no such multiple, or there is no layer.
    """

    hidden_size: int = 256
    num_layers: int = 4
    tower_size: int = 192
    tower_layers: int = 6

    def __post_init__(self) -> None:
        widths = self.hidden_size, self.tower_size
        if min(widths) < HEAD_SIZE or any(width % HEAD_SIZE for width in widths):
            raise ConfigError(f"widths must be multiples of {HEAD_SIZE}, got {widths}.")
        if min(self.num_layers, self.tower_layers) < 1:
            depths = self.num_layers, self.tower_layers
            raise ConfigError(f"depths must be at least 1, got {depths}.")


def new_qwen(
    target_dir: str | Path,
    corpus: Iterable[str],
    grid: GridSpec,
    sizes: QwenSizes = QwenSizes(),
    seed: int = 0,
    mask_words: MaskWords | None = None,
) -> Manifest:
    """Write an untrained Qwen2.5-VL that knows the spatial tokens of a lattice.

    Args:
        target_dir: Folder to create; must not exist.
        corpus: Text the tokenizer is trained on.
        grid: The lattice.
        sizes: Of the model; its head is tied.
        seed: Of the weights.
        mask_words: Those for masks, if it shall know any.

    Returns:
        The manifest, also written to the target.

    Raises:
        ConfigError: If the target exists.
    """
    target = Path(target_dir)
    if target.exists():
        raise ConfigError(f"target must not exist yet, got {target}. Choose another folder.")
    tokenizer = _tokenizer(corpus)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        plain = Path(scratch) / "plain"
        with torch.random.fork_rng(), no_progress_bar():
            torch.manual_seed(seed)
            model = Qwen2_5_VLForConditionalGeneration(_config(tokenizer, sizes))
            model.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        return extend_checkpoint(plain, target, grid, mask_words=mask_words)


def _tokenizer(corpus: Iterable[str]) -> PreTrainedTokenizerFast:
    # The chat's own words stand in every row: often enough to be merged.
    bpe = train_bpe([*corpus, *_CHAT * 20], SPECIAL)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END_OF_TURN,
        clean_up_tokenization_spaces=False,
    )


def _config(tokenizer: PreTrainedTokenizerFast, sizes: QwenSizes) -> Qwen2_5_VLConfig:
    ids = tokenizer.get_vocab()
    heads = sizes.hidden_size // HEAD_SIZE
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": sizes.hidden_size,
            "intermediate_size": _gated_width(sizes.hidden_size),
            "num_hidden_layers": sizes.num_layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "bos_token_id": ids[PAD],
            "eos_token_id": ids[END_OF_TURN],
            "pad_token_id": ids[PAD],
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": _ROTARY_SECTIONS,
                "rope_theta": 10000.0,
            },
        },
        vision_config={
            "depth": sizes.tower_layers,
            "hidden_size": sizes.tower_size,
            "num_heads": sizes.tower_size // HEAD_SIZE,
            "intermediate_size": _gated_width(sizes.tower_size),
            "out_hidden_size": sizes.hidden_size,
            "fullatt_block_indexes": list(range(sizes.tower_layers)),
        },
        tie_word_embeddings=True,
        vision_start_token_id=ids[VISION_START],
        vision_end_token_id=ids[VISION_END],
        image_token_id=ids[IMAGE_PAD],
        video_token_id=ids[VIDEO_PAD],
    )


def _gated_width(width: int) -> int:
    """Return the inner width that gives a gated layer the parameters of a plain one four wide."""
    return -(-8 * width // 3 // 64) * 64
