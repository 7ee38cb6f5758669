"""A small head on frozen EfficientNet-Lite0 features: what pictures teach, apart from the net."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivegrid.trunk.efficientnet import EfficientNetLite0
from realism.frames import IGNORE, UInt8Array

STRIDE = 4
"""Cells in which features are classified, pixels."""

HIDDEN, STEPS, BATCH, RATE = 64, 1200, 2048, 3e-3
SAMPLES, RARE_SAMPLES = 700, 150
"""Cells kept of each training picture: drawn evenly, and at most this many more of each class."""


@torch.inference_mode()
def features(trunk: EfficientNetLite0, image: UInt8Array) -> Tensor:
    """Return (496, ceil(H/4), ceil(W/4)) features: one map per stride, brought to stride 4."""
    height, width = image.shape[:2]
    pads = (-height % 32, -width % 32)
    padded = cv2.copyMakeBorder(image, 0, pads[0], 0, pads[1], cv2.BORDER_REFLECT_101)
    x = (torch.from_numpy(padded).permute(2, 0, 1)[None].float() - 127) / 128
    maps = list(trunk(x).values())
    size = maps[0].shape[-2:]
    wide = [F.interpolate(m, size=size, mode="bilinear") for m in maps]
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    return torch.cat(wide, dim=1)[0, :, :rows, :columns]


def cells(labels: UInt8Array) -> UInt8Array:
    """Return the label at the centre of each cell, (ceil(H/4), ceil(W/4))."""
    return labels[np.minimum(np.arange(2, labels.shape[0] + 2, STRIDE), labels.shape[0] - 1)][
        :, np.minimum(np.arange(2, labels.shape[1] + 2, STRIDE), labels.shape[1] - 1)
    ]


def marked_cells(marking: npt.NDArray[np.bool_]) -> UInt8Array:
    """Return 1 where paint covers a fifth of a cell or more, else 0; sides divide by 4."""
    height, width = marking.shape
    grid = (width // STRIDE, height // STRIDE)
    share = cv2.resize(marking.astype(np.float32), grid, interpolation=cv2.INTER_AREA)
    return (share >= 0.2).astype(np.uint8)


@dataclass(slots=True)
class Samples:
    """Features and classes of the cells kept from training pictures."""

    x: list[Tensor]
    y: list[Tensor]

    def add(self, found: Tensor, classes: UInt8Array, rng: np.random.Generator) -> None:
        """Keep some cells of a picture: evenly drawn ones, and more of every class."""
        flat = classes.ravel()
        known = np.flatnonzero(flat != IGNORE)
        chosen = [rng.choice(known, min(SAMPLES, len(known)), replace=False)]
        for index in np.unique(flat[known]):
            members = np.flatnonzero(flat == index)
            chosen.append(rng.choice(members, min(RARE_SAMPLES, len(members)), replace=False))
        kept = np.concatenate(chosen)
        self.x.append(found.flatten(1)[:, kept].T.half())
        self.y.append(torch.from_numpy(flat[kept].astype(np.int64)))


class Head(nn.Module):
    """Standardise, one hidden layer, classes."""

    def __init__(self, mean: Tensor, deviation: Tensor, number: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.layers = nn.Sequential(
            nn.Linear(len(mean), HIDDEN), nn.ReLU(), nn.Dropout(0.2), nn.Linear(HIDDEN, number)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, classes) logits of (N, channels) features."""
        return self.layers((x - self.mean) / self.deviation)


def train_head(samples: Samples, number: int) -> Head:
    """Train a head by Adam; the same budget whatever the pictures."""
    torch.manual_seed(0)
    x, y = torch.cat(samples.x), torch.cat(samples.y)
    head = Head(x.float().mean(0), x.float().std(0) + 1e-3, number)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        batch = torch.randint(len(x), (BATCH,), generator=generator)
        loss = F.cross_entropy(head(x[batch].float()), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return head.eval()


@torch.inference_mode()
def probabilities(head: Head, found: Tensor, size_wh: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return (classes, H, W) probabilities of a picture from its features."""
    rows, columns = found.shape[1:]
    scores = head(found.flatten(1).T).softmax(1).T.reshape(1, -1, rows, columns)
    size = (rows * STRIDE, columns * STRIDE)
    wide = F.interpolate(scores, size=size, mode="bilinear")
    return wide[0, :, : size_wh[1], : size_wh[0]].numpy()


def confusion(truth: UInt8Array, guess: UInt8Array, number: int) -> npt.NDArray[np.int64]:
    """Return (number, number) pixel counts, truth by guess, where the truth is known."""
    known = truth != IGNORE
    pairs = truth[known].astype(np.int64) * number + guess[known]
    return np.bincount(pairs, minlength=number * number).reshape(number, number)


def class_ious(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the IoU of each class from a confusion matrix."""
    hit = np.diag(counts)
    return hit / np.maximum(counts.sum(0) + counts.sum(1) - hit, 1)
