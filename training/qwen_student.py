"""Qwen2.5-VL as a student: a dialogue a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from drivegrid.data.files import write_text
from drivegrid.data.scene import Scene
from drivegrid.model.adapter import load_base
from drivegrid.model.processor import Message, QwenProcessor, chat_text, save_size_wh, to_patches
from drivegrid.model.soft_targets import spatial_cross_entropy

from .config import AdapterSettings, FullSettings, OptimConfig
from .examples import Dialogue, Exchange
from .learning import learning
from .student import IGNORE_INDEX, Losses, Row, Visual

END_OF_TURN = "<|im_end|>\n"


class QwenStudent:
    """An extended Qwen2.5-VL; what of it learns see `drivegrid.training.learning`.

    Args:
        settings: Base checkpoint, picture size, adapter or not.
        optim: Rates and decay.
    """

    in_context = False

    def __init__(self, settings: AdapterSettings | FullSettings, optim: OptimConfig) -> None:
        dtype = torch.bfloat16 if optim.precision == "bf16" else torch.float32
        base, tokenizer, manifest = load_base(settings.base, dtype)
        self.learning = learning(base, manifest, settings, optim)
        self.model = self.learning.model
        self.processor = QwenProcessor(tokenizer, manifest.vocabulary, settings.size_wh)
        self.target_sigma = settings.target_sigma
        self.grid, self.size_wh = manifest.grid, settings.rendered_wh

    def row(self, visual: Visual, scene: Scene, dialogues: Iterable[Dialogue]) -> Row:
        """Return the row of the first dialogue; see `Student`."""
        del scene
        dialogue = next(iter(dialogues))
        ids, learnt = self.write(dialogue)
        return {
            "ids": ids,
            "labels": np.where(learnt, ids, IGNORE_INDEX),
            "kind_id": dialogue.kind_id,
            "patches": to_patches(visual["image"], self.processor.size_wh),
        }

    def write(self, dialogue: Dialogue) -> tuple[np.ndarray, np.ndarray]:
        """Return (T,) token ids of a dialogue in ChatML, and which of them are learnt."""
        ids: list[int] = []
        learnt: list[bool] = []
        for number, exchange in enumerate(dialogue.exchanges):
            for text, learn in self._pieces(exchange, first=number == 0):
                piece = self.processor.tokenizer.encode(text, add_special_tokens=False)
                ids += piece
                learnt += [learn] * len(piece)
        return np.array(ids), np.array(learnt)

    def _pieces(self, exchange: Exchange, *, first: bool) -> list[tuple[str, bool]]:
        """Return the text of an exchange, cut where learning starts and stops."""
        turn: Message = {
            "role": "user",
            "content": [{"type": "tokens", "text": exchange.prompt}],
        }
        if first:
            asked = chat_text([turn], self.processor.num_image_tokens)
        else:
            asked = f"<|im_start|>user\n{exchange.prompt}{END_OF_TURN}<|im_start|>assistant\n"
        end = END_OF_TURN.removesuffix("\n")
        return [(asked, False), (f"{exchange.answer}{end}", exchange.learnt), ("\n", False)]

    def collate(self, rows: list[Row]) -> dict[str, Any]:
        """Return model inputs: (B, T) tensors padded on the right, and the pictures' patches."""
        longest = max(len(row["ids"]) for row in rows)
        pad = self.processor.tokenizer.pad_token_id
        ids = torch.stack([_fill(row["ids"], longest, pad) for row in rows])
        lengths = torch.tensor([len(row["ids"]) for row in rows])
        grid_thw = torch.tensor([self.processor.grid_thw] * len(rows))
        kinds = torch.tensor([row["kind_id"] for row in rows])
        return {
            "input_ids": ids,
            "labels": torch.stack([_fill(row["labels"], longest, IGNORE_INDEX) for row in rows]),
            "kinds": kinds[:, None].expand_as(ids),
            "attention_mask": (torch.arange(longest) < lengths[:, None]).long(),
            "mm_token_type_ids": (ids == self.processor.image_token_id).long(),
            "pixel_values": torch.cat([row["patches"] for row in rows]),
            "image_grid_thw": grid_thw,
        }

    def losses(self, model: nn.Module, batch: Mapping[str, Any]) -> Losses:
        """Return the cross-entropies of the answers, scored where something is learnt only."""
        inputs = {name: batch[name] for name in batch.keys() - {"labels", "kinds"}}
        targets = batch["labels"][:, 1:]
        # A column that no row learns from needs no scores over 150,000 tokens.
        columns = (targets != IGNORE_INDEX).any(dim=0).nonzero().squeeze(1)
        logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits.float()
        wanted = targets[:, columns]
        taught = wanted != IGNORE_INDEX
        tokens = spatial_cross_entropy(
            logits[taught],
            wanted[taught],
            self.grid,
            self.processor.vocabulary.base_id,
            self.target_sigma,
        )
        return Losses(tokens, tokens.new_zeros(()))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""
        return self.learning.parameter_groups()

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write the adapter or the checkpoint."""
        self.learning.save(folder, weights)
        save_size_wh(folder, self.processor.size_wh)
        write_text(folder / "training.json", json.dumps(facts, indent=1) + "\n")


def _fill(values: np.ndarray, length: int, fill: int) -> Tensor:
    filled = np.full(length, fill, dtype=np.int64)
    filled[: len(values)] = values
    return torch.from_numpy(filled)
