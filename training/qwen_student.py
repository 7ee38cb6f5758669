"""Qwen2.5-VL as a student."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from drivegrid.data.files import write_text
from drivegrid.data.scene import Scene
from drivegrid.inference.qwen_speaker import QwenSpeaker
from drivegrid.model.adapter import load_base
from drivegrid.model.processor import END_OF_TURN, QwenProcessor, save_size_wh, to_patches
from drivegrid.model.soft_targets import spatial_cross_entropy

from .config import AdapterSettings, FullSettings, OptimConfig
from .examples import Dialogue, Exchange
from .flops import qwen_flops
from .learning import learning
from .packing import PADDING, Piece, attention_mask, places_of, segments_of, take
from .student import IGNORE_INDEX, Losses, Row, Visual


class QwenStudent:
    """An extended Qwen2.5-VL; what of it learns see `drivegrid.training.learning`.

    Args:
        settings: Base checkpoint, picture size, adapter or not.
        optim: Rates and decay.
        row_tokens: Dialogues about a picture are packed up to about this length, picture aside.
        row_dialogues: So many dialogues about a picture, however long, in place of a length.
    """

    in_context = False

    def __init__(
        self,
        settings: AdapterSettings | FullSettings,
        optim: OptimConfig,
        row_tokens: int = 256,
        row_dialogues: int | None = None,
    ) -> None:
        dtype = torch.bfloat16 if optim.precision == "bf16" else torch.float32
        base, tokenizer, manifest = load_base(settings.base, dtype)
        # An adapter is put into the layers of the base.
        self.base, self.learning = base, learning(base, manifest, settings, optim)
        self.model = self.learning.model
        self.rank = settings.rank if isinstance(settings, AdapterSettings) else None
        self.tuned_tower = self.rank is None and optim.trunk_learning_rate > 0
        self.processor = QwenProcessor(tokenizer, manifest.vocabulary, settings.size_wh)
        self.folder, self.target_sigma = settings.base, settings.target_sigma
        self.grid, self.size_wh = manifest.grid, settings.rendered_wh
        self.row_tokens, self.row_dialogues = row_tokens, row_dialogues
        ids = torch.tensor([self.processor.opening_ids])
        self.opening_places, _ = base.model.get_rope_index(
            input_ids=ids,
            image_grid_thw=torch.tensor([self.processor.grid_thw]),
            mm_token_type_ids=(ids == self.processor.image_token_id).int(),
        )

    def row(self, visual: Visual, scene: Scene, dialogues: Iterable[Dialogue]) -> Row:
        """Return a row of packed dialogues; see `Student`."""
        del scene
        opening = np.array(self.processor.opening_ids)
        pieces = take(map(self.write, dialogues), self.row_tokens, self.row_dialogues)
        ids = np.concatenate([opening, *(piece.ids for piece in pieces)])
        learnt = [np.zeros(len(opening), np.bool_), *(piece.learnt for piece in pieces)]
        segments = torch.from_numpy(segments_of(len(opening), pieces))
        return {
            "ids": torch.from_numpy(ids),
            "labels": torch.from_numpy(np.where(np.concatenate(learnt), ids, IGNORE_INDEX)),
            "kinds": torch.from_numpy(
                np.repeat([0, *(piece.kind for piece in pieces)], segments.bincount())
            ),
            "segments": segments,
            "places": places_of(segments, self.opening_places[:, 0]),
            "patches": to_patches(visual["image"], self.processor.size_wh),
        }

    def write(self, dialogue: Dialogue) -> Piece:
        """Return the tokens of a dialogue in ChatML, from behind the picture."""
        ids: list[int] = []
        learnt: list[bool] = []
        for number, exchange in enumerate(dialogue.exchanges):
            for text, learn in _turns(exchange, first=number == 0):
                piece = self.processor.tokenizer.encode(text, add_special_tokens=False)
                ids += piece
                learnt += [learn] * len(piece)
        return Piece(np.array(ids), np.array(learnt), dialogue.kind_id)

    def collate(self, rows: list[Row]) -> dict[str, Any]:
        """Return model inputs: (B, T) tensors padded on the right, and the pictures' patches."""
        pad = self.processor.tokenizer.pad_token_id
        fills = {"ids": pad, "labels": IGNORE_INDEX, "kinds": 0, "segments": PADDING}
        padded = {
            name: pad_sequence([row[name] for row in rows], batch_first=True, padding_value=fill)
            for name, fill in fills.items()
        }
        places = pad_sequence([row["places"].T for row in rows], batch_first=True)
        return {
            "input_ids": padded["ids"],
            "labels": padded["labels"],
            "kinds": padded["kinds"],
            "segment_ids": padded["segments"],
            "position_ids": places.permute(2, 0, 1),
            "mm_token_type_ids": (padded["ids"] == self.processor.image_token_id).long(),
            "pixel_values": torch.cat([row["patches"] for row in rows]),
            "image_grid_thw": torch.tensor([self.processor.grid_thw] * len(rows)),
        }

    def losses(self, model: nn.Module, batch: Mapping[str, Any]) -> Losses:
        """Return the cross-entropies of the answers, scored where something is learnt only."""
        inputs = {name: batch[name] for name in batch.keys() - {"labels", "kinds", "segment_ids"}}
        inputs["attention_mask"] = attention_mask(batch["segment_ids"])
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

    def flops(self, batch: Mapping[str, Any]) -> float:
        """Return the floating-point operations of learning from a batch."""
        return qwen_flops(self.base.config, batch, self.rank, tuned_tower=self.tuned_tower)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""
        return self.learning.parameter_groups()

    def speaker(self) -> QwenSpeaker:
        """Return the model ready to answer; see `Student`."""
        return QwenSpeaker(self.base, self.processor)

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write the adapter or the checkpoint."""
        self.learning.save(folder, weights)
        save_size_wh(folder, self.processor.size_wh)
        write_text(folder / "training.json", json.dumps(facts, indent=1) + "\n")


def _turns(exchange: Exchange, *, first: bool) -> list[tuple[str, bool]]:
    """Return the text of an exchange, cut where learning starts and stops.

    The first question follows the picture, in a turn that is open already.
    """
    opened = "" if first else "<|im_start|>user\n"
    asked = f"{opened}{exchange.prompt}{END_OF_TURN}\n<|im_start|>assistant\n"
    return [(asked, False), (f"{exchange.answer}{END_OF_TURN}", exchange.learnt), ("\n", False)]
