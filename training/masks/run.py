"""A training of a mask network, from its settings to its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from drivegrid.errors import ConfigError
from drivegrid.masks.names import TokenizerName

from .himtok import HimLesson, HimSettings
from .loop import Lesson, prepare, train
from .samtok import SamTokLesson, SamTokSettings
from .seg import SegLesson, SegSettings
from .settings import MaskSettings, load_settings
from .sources import held_out, training_samples

SETTINGS: dict[TokenizerName, type[MaskSettings]] = {
    "grid": SegSettings,
    "samtok": SamTokSettings,
    "himtok": HimSettings,
}
"""Settings of the trainings; behind grid anchors it is drivegrid-seg that learns."""


def train_masks(
    tokenizer: TokenizerName, config: str | Path, changes: Sequence[str], folder: Path, resume: bool
) -> Path:
    """Train the network of a mask tokenizer; return its best checkpoint.

    It learns on a CUDA device if there is one.

    Args:
        tokenizer: Whose network.
        config: A packaged config, or a file.
        changes: Settings that replace those of the config.
        folder: Of the run.
        resume: Whether to go on from the last saved step.

    Raises:
        ConfigError: If settings are wrong, or the folder holds something else.
        FormatError: If real data cannot be read.
        ModelError: If weights to begin with are missing, or a loss is not finite.
    """
    settings = load_settings(SETTINGS[tokenizer], config, changes)
    if any(side % 32 for side in settings.data.size_wh):
        raise ConfigError(f"data.size_wh must be multiples of 32, got {settings.data.size_wh}.")
    prepare(folder, settings, resume)
    torch.set_num_threads(settings.optim.threads)
    cv2.setNumThreads(0)
    return train(_lesson(settings), settings, folder, resume)


def _lesson(settings: MaskSettings) -> Lesson:
    samples, judged = training_samples(settings.data), held_out(settings.data)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if isinstance(settings, SegSettings):
        return SegLesson(settings, samples, judged, device)
    if isinstance(settings, SamTokSettings):
        return SamTokLesson(settings, samples, judged, device)
    assert isinstance(settings, HimSettings)
    return HimLesson(settings, samples, judged, device)
