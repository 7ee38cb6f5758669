"""The nano model as a student: dialogues about one picture are packed into one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from drivegrid.data.scene import Scene
from drivegrid.inference.speaker import NanoSpeaker
from drivegrid.model.anchor_hints import NO_ANCHOR, anchor_hints
from drivegrid.model.checkpoint import save_nano
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_config import NanoConfig
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.tasks.cell_classes import cell_classes
from drivegrid.trunk.efficientnet import FIRST_ABOVE
from drivegrid.trunk.pixels import to_pixel_values

from .config import OptimConfig
from .examples import Dialogue
from .features import cached_strides
from .flops import nano_flops
from .packing import take
from .student import IGNORE_INDEX, Losses, Row, Visual


@dataclass(frozen=True)
class Conversation:
    """One dialogue in tokens.

    Args:
        ids: (T,) input tokens.
        labels: (T,) the token that follows each, where it is to be learnt; else -100.
        hints: (T, 3) as ``anchor_hints`` returns.
        kind_id: What is asked, a place in ``KIND_NAMES``.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    hints: npt.NDArray[np.float64]
    kind_id: int


class NanoStudent:
    """drivegrid-nano in training.

    Args:
        model: The model.
        processor: Its processor.
        row_tokens: Dialogues about a picture are packed up to this length.
        optim: Rates and decay.
        row_dialogues: So many dialogues about a picture, however long, in place of a length.
        cached: Whether the trunk's maps are cached; then it is tuned above stride 8 only.

    Raises:
        ModelError: If the cached maps cannot be those of the model's trunk.
    """

    in_context = True

    def __init__(
        self,
        model: NanoForGrounding,
        processor: NanoProcessor,
        row_tokens: int,
        optim: OptimConfig,
        row_dialogues: int | None = None,
        cached: bool = False,
    ) -> None:
        self.model, self.processor, self.grid = model, processor, processor.grid
        self.cached = cached
        self._cached_strides = cached_strides(model.trunk) if cached else ()
        self.size_wh = processor.image_size_wh
        self.row_tokens, self.row_dialogues, self.optim = row_tokens, row_dialogues, optim

    def row(self, visual: Visual, scene: Scene, dialogues: Iterable[Dialogue]) -> Row:
        """Return a row of packed conversations; see `Student`."""
        said = (self.write(dialogue) for dialogue in dialogues)
        row: Row = {
            "conversations": take(said, self.row_tokens, self.row_dialogues),
            "cell_planes": torch.from_numpy(cell_classes(scene, self.grid)),
        }
        if "pyramid" in visual:
            row["pyramid"] = visual["pyramid"]
        else:
            row["pixel_values"] = to_pixel_values(visual["image"], self.processor.image_size_wh)
        return row

    def write(self, dialogue: Dialogue) -> Conversation:
        """Write a dialogue as tokens."""
        ids: list[int] = []
        learnt: list[bool] = []
        processor = self.processor
        for exchange in dialogue.exchanges:
            prompt = processor.turn_ids(exchange.prompt)
            reply = processor.reply_ids(exchange.answer)
            ids += prompt + reply
            learnt += [False] * len(prompt) + [exchange.learnt] * len(reply)
        row = np.array(ids)
        labels = np.where(learnt[1:], row[1:], IGNORE_INDEX)
        hints = anchor_hints(ids[:-1], processor.grid, processor.base_id, processor.special_ids)
        return Conversation(row[:-1], labels, hints, dialogue.kind_id)

    def collate(self, rows: list[Row]) -> dict[str, Any]:
        """Return model inputs: (B, T) tensors, and (B, ..) pixels or pyramid."""
        packed = [_pack(row["conversations"]) for row in rows]
        longest = max(len(row["input_ids"]) for row in packed)
        fills = {
            "input_ids": self.processor.special_ids["pad"],
            "labels": IGNORE_INDEX,
            "position_ids": 0,
            "segment_ids": -1,
            "anchor_xyr": NO_ANCHOR,
            "kinds": 0,
        }
        batch: dict[str, Any] = {
            name: torch.stack([_fill(row[name], longest, fill) for row in packed])
            for name, fill in fills.items()
        }
        batch["cell_planes"] = torch.stack([row["cell_planes"] for row in rows])
        if "pixel_values" in rows[0]:
            batch["pixel_values"] = torch.stack([row["pixel_values"] for row in rows])
        else:
            strides = (4, 8) if self.optim.trunk_learning_rate else self._cached_strides
            batch["pyramid"] = {
                s: torch.stack([row["pyramid"][s] for row in rows]).float() for s in strides
            }
        return batch

    def losses(self, model: nn.Module, batch: Mapping[str, Any]) -> Losses:
        """Return the losses of answers, and of cells."""
        output = model(**{name: value for name, value in batch.items() if name != "kinds"})
        return Losses(output.token_losses, output.cell_loss)

    def flops(self, batch: Mapping[str, Any]) -> float:
        """Return the floating-point operations of learning from a batch."""
        tuned = self.optim.trunk_learning_rate > 0
        config = self.model.config
        assert isinstance(config, NanoConfig)
        return nano_flops(config, batch, tuned_trunk=tuned)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups: matrices with decay, the rest without, the trunk apart."""
        optim, named = self.optim, list(self.model.named_parameters())
        rest = [(n, p) for n, p in named if not n.startswith("trunk.")]
        decayed = [p for n, p in rest if p.ndim > 1 and n != "embedding.weight"]
        plain = [p for n, p in rest if p.ndim <= 1 or n == "embedding.weight"]
        rate, decay = optim.learning_rate, optim.weight_decay
        groups = [
            {"params": decayed, "lr": rate, "weight_decay": decay},
            {"params": plain, "lr": rate, "weight_decay": 0.0},
        ]
        trunk, tuned = self.model.trunk, self._tuned_trunk()
        trunk.requires_grad_(False)
        for parameter in tuned:
            parameter.requires_grad_(True)
        if tuned:
            groups.append({"params": tuned, "lr": optim.trunk_learning_rate, "weight_decay": decay})
        return groups

    def _tuned_trunk(self) -> list[nn.Parameter]:
        """Return what of the trunk learns."""
        trunk = self.model.trunk
        if not self.optim.trunk_learning_rate:
            return []
        return list((trunk.blocks[FIRST_ABOVE:] if self.cached else trunk).parameters())

    def speaker(self) -> NanoSpeaker:
        """Return the model ready to answer; see `Student`."""
        return NanoSpeaker(self.model, self.processor)

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write a checkpoint in half precision; see ``save_nano``."""
        save_nano(self.model, self.processor, folder, facts, weights)


def _pack(parts: list[Conversation]) -> dict[str, Tensor]:
    lengths = [len(part.ids) for part in parts]
    return {
        "input_ids": torch.from_numpy(np.concatenate([part.ids for part in parts])),
        "labels": torch.from_numpy(np.concatenate([part.labels for part in parts])),
        "position_ids": torch.cat([torch.arange(n) for n in lengths]),
        "segment_ids": torch.cat([torch.full((n,), i) for i, n in enumerate(lengths)]),
        "anchor_xyr": torch.from_numpy(np.concatenate([p.hints for p in parts])).float(),
        "kinds": torch.cat([torch.full((len(part.ids),), part.kind_id) for part in parts]),
    }


def _fill(values: Tensor, length: int, fill: float) -> Tensor:
    padding = values.new_full((length - len(values), *values.shape[1:]), fill)
    return torch.cat([values, padding])
