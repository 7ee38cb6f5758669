"""Extend, train two steps, save, merge and reload at the widths of Qwen2.5-VL 3B and 7B.

Run by hand: python tests/benchmarks/bench_true_geometry.py tied|untied [bfloat16]

Random fp32 weights and two layers in body and vision tower, everything else as in the real
checkpoints, their tokenizer included. The base is held in fp32 or bfloat16 while it trains; the
logits are compared in fp32. Prints seconds for each stage, the peak memory of the process and how
far the merged logits are from those of base and adapter. Needs 20 GB of disk for the untied one.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from drivegrid.model.adapter import (
    adapter_groups,
    add_adapter,
    load_adapter,
    load_base,
    save_adapter,
)
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.info import describe
from drivegrid.model.manifest import Manifest
from drivegrid.model.merge import merge_adapter
from drivegrid.model.processor import Message, QwenProcessor
from drivegrid.tokens.grid import GridSpec
from tests.model.tiny_qwen import copy_qwen_tokenizer

SIZES = {
    "tied": {
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 11_008,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
    },
    "untied": {
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
}
NUM_LAYERS = 2
PICTURE_WH = (448, 448)
ROW_RATE, LORA_RATE = 1e-3, 1e-4


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Print how long a stage took and the most memory so far."""
    start = time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name:8} {time.perf_counter() - start:6.1f} s, peak so far {peak:.1f} GB", flush=True)


def make_base(folder: Path, kind: str) -> None:
    text = SIZES[kind] | {
        "num_hidden_layers": NUM_LAYERS,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [16, 24, 24],
            "rope_theta": 1e6,
        },
    }
    vision = {"depth": NUM_LAYERS, "hidden_size": 1280, "num_heads": 16, "intermediate_size": 3420}
    vision |= {"out_hidden_size": text["hidden_size"], "fullatt_block_indexes": [1]}
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        tie_word_embeddings=kind == "tied",
        vision_start_token_id=151_652,
        vision_end_token_id=151_653,
        image_token_id=151_655,
        video_token_id=151_656,
    )
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder, max_shard_size="2GB")
    copy_qwen_tokenizer(folder)


def make_batch(folder: Path, manifest: Manifest) -> dict[str, torch.Tensor]:
    processor = QwenProcessor.from_pretrained(folder, PICTURE_WH)
    frame = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    answer = "".join(manifest.vocabulary.tokens[::40])
    turns: list[Message] = [
        {"role": "user", "content": "all lanes"},
        {"role": "assistant", "content": f"lane line: <line>{answer}</line>"},
    ]
    return processor([frame], [turns], add_generation_prompt=False)


def train(model: torch.nn.Module, batch: dict[str, torch.Tensor], num_steps: int = 2) -> None:
    groups, parameters = adapter_groups(model), dict(model.named_parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [parameters[name] for name in groups[kind]], "lr": rate}
            for kind, rate in (("rows", ROW_RATE), ("lora", LORA_RATE))
        ],
        weight_decay=0.0,
    )
    labels = batch["input_ids"].masked_fill(batch["mm_token_type_ids"] == 1, -100)
    for _ in range(num_steps):
        loss = model(**batch, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"loss {loss.item():.4f}", flush=True)


def logits_of(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(**batch).logits[0, -64:]
    return logits.float()


def main() -> None:
    kind = sys.argv[1]
    dtype = getattr(torch, sys.argv[2]) if len(sys.argv) > 2 else torch.float32
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with stage("build"):
            make_base(folder / "plain", kind)
        with stage("extend"):
            extend_checkpoint(folder / "plain", folder / "base", GridSpec())
        with stage("load"):
            model, _, manifest = load_base(folder / "base", dtype)
            model = add_adapter(model, manifest)
            batch = make_batch(folder / "base", manifest)
        with stage("train"):
            train(model, batch)
        with stage("save"):
            save_adapter(model, folder / "base", folder / "adapter")
            del model
            model, _, _ = load_adapter(folder / "base", folder / "adapter")
            before = logits_of(model, batch)
            del model
        with stage("merge"):
            merge_adapter(folder / "base", folder / "adapter", folder / "merged")
        with stage("reload"):
            merged = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder / "merged")
            after = logits_of(merged, batch)
        print(describe(folder / "base"), describe(folder / "adapter"), sep="\n")
        print(f"logits: largest difference {(after - before).abs().max():.2e}")
        print(f"logits: largest {before.abs().max():.2f}, {len(batch['input_ids'][0])} tokens")


if __name__ == "__main__":
    main()
