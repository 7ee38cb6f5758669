"""Tiny random Qwen2.5-VL checkpoints with a small tokenizer, built in a temporary folder."""

import json
import os
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)

from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.manifest import Manifest
from drivegrid.tokens.grid import GridSpec

torch.set_num_threads(1)

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
)
NUM_TEXT_IDS = 256 + len(SPECIAL)
VOCAB_SIZE = 300
"""Rows of the tiny matrices: more than ids, as in the real checkpoints, and no multiple of 128."""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Bytes as ids 0 to 255, then the control tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        clean_up_tokenization_spaces=False,
    )


def make_config(tied: bool, vocab_size: int = VOCAB_SIZE) -> Qwen2_5_VLConfig:
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": vocab_size,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "bos_token_id": 256,
            "eos_token_id": 258,
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [1, 1, 2],
                "rope_theta": 10000.0,
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "intermediate_size": 64,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [1],
            "window_size": 56,
        },
        tie_word_embeddings=tied,
        vision_start_token_id=259,
        vision_end_token_id=260,
        image_token_id=261,
    )


def make_model(
    tied: bool, dtype: torch.dtype = torch.float32, vocab_size: int = VOCAB_SIZE
) -> Qwen2_5_VLForConditionalGeneration:
    torch.manual_seed(0)
    return Qwen2_5_VLForConditionalGeneration(make_config(tied, vocab_size)).to(dtype).eval()


def make_checkpoint(
    folder: Path,
    tied: bool,
    dtype: torch.dtype = torch.float32,
    shard_size: str = "5GB",
    vocab_size: int = VOCAB_SIZE,
) -> Path:
    """Save a tiny checkpoint and return its folder."""
    make_model(tied, dtype, vocab_size).save_pretrained(folder, max_shard_size=shard_size)
    make_tokenizer().save_pretrained(folder)
    return folder


def copy_qwen_tokenizer(target: Path) -> Path:
    """Put the real Qwen2.5 tokenizer into a folder, or skip the test where it is not at hand."""
    beside = Path(__file__).parents[3] / "shared" / "weights"
    source = Path(os.environ.get("DRIVEGRID_WEIGHTS", beside)) / "qwen_tokenizer"
    if not (source / "tokenizer.json").is_file():
        pytest.skip("the real Qwen tokenizer is not at hand: set DRIVEGRID_WEIGHTS")
    target.mkdir(exist_ok=True)
    # The file is Qwen3's; Qwen2.5 ends before <tool_response> and <think>.
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if t["id"] < 151_665]
    (target / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    added = config["added_tokens_decoder"]
    config["added_tokens_decoder"] = {k: v for k, v in added.items() if int(k) < 151_665}
    (target / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return target


def make_extended(folder: Path, tied: bool, dtype: torch.dtype = torch.float32, **kwargs) -> Path:
    """Extend a tiny checkpoint by a 4 x 3 lattice and return its folder."""
    base = make_checkpoint(folder / "plain", tied, dtype, **kwargs)
    extend_checkpoint(base, folder / "base", GridSpec(cols=4, rows=3))
    return folder / "base"


def make_batch(manifest: Manifest) -> dict[str, torch.Tensor]:
    """Return a picture of 56 x 56 and a text with old and new tokens, as model input."""
    grid_thw = torch.tensor([[1, 4, 4]])
    ids = [72, 105, 259, *[261] * 4, 260, 65, *list(manifest.token_ids)[::3], 66]
    input_ids = torch.tensor([ids])
    generator = torch.Generator().manual_seed(3)
    return {
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "mm_token_type_ids": (input_ids == 261).long(),
        "pixel_values": torch.randn(16, 1176, generator=generator),
        "image_grid_thw": grid_thw,
    }
