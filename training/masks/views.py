"""Masks as HiMTok sees them: the view of each, ready in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from drivegrid.masks.himtok.view import boxes_of, boxes_told, look, view_codes, views_of
from drivegrid.masks.labelled import LabelledMasks, by_class

from .corpus import load_masks

CHUNK = 16


@dataclass(frozen=True, eq=False)
class Views:
    """N masks.

    Args:
        shown: (N, view, view) uint8, how much of each cell of its view a mask covers, of 255.
        codes: (N, 4) the view of each.
        classes: (N,) class of each.
    """

    shown: Tensor
    codes: Tensor
    classes: tuple[str, ...]

    @classmethod
    def of(cls, labelled: LabelledMasks, size: int) -> Views:
        """Look at the masks of a picture, none of them empty."""
        masks = torch.from_numpy(labelled.masks.unpack())
        codes = view_codes(boxes_of(masks))
        views = views_of(boxes_told(codes))
        parts = zip(torch.split(masks, CHUNK), torch.split(views, CHUNK), strict=True)
        shown = [(255 * look(mask, view, size)).round().byte() for mask, view in parts]
        return cls(torch.cat(shown), codes, tuple(labelled.classes))

    @classmethod
    def joined(cls, parts: Sequence[Views]) -> Views:
        """Put several together."""
        return cls(
            torch.cat([part.shown for part in parts]),
            torch.cat([part.codes for part in parts]),
            tuple(name for part in parts for name in part.classes),
        )

    @classmethod
    def load(cls, paths: Sequence[Path], size: int) -> Views:
        """Look at the masks of a corpus."""
        loaded = (load_masks(path) for path in paths)
        return cls.joined([cls.of(one, size) for one in loaded if len(one.masks)])

    def __len__(self) -> int:
        return len(self.codes)

    def even_places(self, count: int, rng: np.random.Generator) -> Tensor:
        """Return places of so many masks, each of a class at random: all classes count the same."""
        groups = [np.array(places) for places in by_class(self.classes).values()]
        chosen = rng.integers(len(groups), size=count)
        return torch.tensor([rng.choice(groups[group]) for group in chosen])
