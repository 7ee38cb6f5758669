"""The mask decoder that rewards are measured by, as a config names it."""

from __future__ import annotations

from typing import Any

import torch

from drivegrid.masks.cache import CachedSegmenter
from drivegrid.masks.sam2 import Sam2Segmenter
from drivegrid.masks.tokenizer import MaskTokenizer
from drivegrid.tokens.grid import GridSpec

from .grpo_config import GrpoConfig
from .masked import MaskWriter


def make_decoder(config: GrpoConfig, device: torch.device) -> CachedSegmenter[Any] | None:
    """Return SAM2 with room for the pictures of a step; None where masks are not rewarded.

    Raises:
        ModelError: If its weights are missing or do not fit.
    """
    if config.segmenter is None:
        return None
    segmenter = Sam2Segmenter.from_pretrained(config.segmenter, str(device))
    return CachedSegmenter(segmenter, config.rollout.questions)


def make_reader(config: GrpoConfig, grid: GridSpec) -> MaskTokenizer | None:
    """Return what reads words for masks; None where masks are not rewarded by what they show.

    Raises:
        ModelError: If its weights are missing or do not fit.
    """
    masks = config.data.masks
    if masks is None or masks.words is None or not config.rewards.weighs_masks:
        return None
    return MaskWriter(masks, grid).tokenizer


def work_of(decoder: CachedSegmenter[Any] | None) -> dict[str, float]:
    """Return what a decoder has done so far, by name in the log."""
    if decoder is None:
        return {}
    return {
        "segmenter/encodes": float(decoder.num_encodes),
        "segmenter/decodes": float(decoder.num_decodes),
        "segmenter/prompts": float(decoder.num_prompts),
    }
