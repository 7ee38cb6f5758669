"""Training rows: one image and a few packed conversations about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from drivegrid.model.anchor_hints import NO_ANCHOR
from drivegrid.model.pixels import to_pixel_values
from drivegrid.scenes.render import render_scene
from drivegrid.tasks.cell_classes import cell_classes

from .examples import IGNORE_INDEX, Conversation, ExampleBuilder
from .features import FeatureCache

Row = dict[str, Any]


class _Scenes(Dataset[Row]):
    """A virtual data set: item i shows scene ``i % num_scenes`` with questions drawn for i."""

    def __init__(self, builder: ExampleBuilder, length: int, seed: int) -> None:
        self.builder, self.length, self.seed = builder, length, seed

    def __len__(self) -> int:
        return self.length

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, index))


class CachedScenes(_Scenes):
    """Scenes whose trunk features are on disk; an item holds ``pyramid``, ``conversations`` and
    ``cell_planes``.
    """

    def __init__(
        self, builder: ExampleBuilder, cache: FeatureCache, length: int, seed: int
    ) -> None:
        super().__init__(builder, length, seed)
        self.cache = cache

    def __getitem__(self, index: int) -> Row:
        pyramid, scene = self.cache[index % len(self.cache)]
        return {
            "pyramid": {s: torch.from_numpy(np.array(m)) for s, m in pyramid.items()},
            "conversations": self.builder.conversations(scene, self._rng(index)),
            "cell_planes": torch.from_numpy(cell_classes(scene, self.builder.codec.grid)),
        }


class LiveScenes(_Scenes):
    """Scenes rendered when asked for; an item holds ``pixel_values``, ``conversations`` and
    ``cell_planes``.
    """

    def __init__(self, builder: ExampleBuilder, seeds: range, length: int, seed: int) -> None:
        super().__init__(builder, length, seed)
        self.seeds = seeds

    def __getitem__(self, index: int) -> Row:
        size_wh = self.builder.processor.image_size_wh
        rendered = render_scene(self.seeds[index % len(self.seeds)], size_wh)
        return {
            "pixel_values": to_pixel_values(rendered.image, size_wh),
            "conversations": self.builder.conversations(rendered.scene, self._rng(index)),
            "cell_planes": torch.from_numpy(cell_classes(rendered.scene, self.builder.codec.grid)),
        }


class PackingCollator:
    """Packs the conversations about one image into one row and pads the rows.

    Args:
        pad_id: Token that fills the rest of a row.
    """

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: list[Row]) -> dict[str, Any]:
        """Return model inputs: (B, T) tensors, and (B, ..) pixels or pyramid."""
        packed = [self._pack(row["conversations"]) for row in rows]
        longest = max(len(row["input_ids"]) for row in packed)
        fills = {
            "input_ids": self.pad_id,
            "labels": IGNORE_INDEX,
            "position_ids": 0,
            "segment_ids": -1,
            "anchor_xyr": NO_ANCHOR,
        }
        batch: dict[str, Any] = {
            name: torch.stack([_fill(row[name], longest, fill) for row in packed])
            for name, fill in fills.items()
        }
        batch["cell_planes"] = torch.stack([row["cell_planes"] for row in rows])
        if "pixel_values" in rows[0]:
            batch["pixel_values"] = torch.stack([row["pixel_values"] for row in rows])
        else:
            strides = rows[0]["pyramid"]
            batch["pyramid"] = {
                s: torch.stack([row["pyramid"][s] for row in rows]).float() for s in strides
            }
        return batch

    def _pack(self, conversations: Iterable[Conversation]) -> dict[str, Tensor]:
        parts = list(conversations)
        lengths = [len(part.ids) for part in parts]
        return {
            "input_ids": torch.from_numpy(np.concatenate([part.ids for part in parts])),
            "labels": torch.from_numpy(np.concatenate([part.labels for part in parts])),
            "position_ids": torch.cat([torch.arange(n) for n in lengths]),
            "segment_ids": torch.cat([torch.full((n,), i) for i, n in enumerate(lengths)]),
            "anchor_xyr": torch.from_numpy(np.concatenate([p.hints for p in parts])).float(),
        }


def _fill(values: Tensor, length: int, fill: float) -> Tensor:
    padding = values.new_full((length - len(values), *values.shape[1:]), fill)
    return torch.cat([values, padding])
