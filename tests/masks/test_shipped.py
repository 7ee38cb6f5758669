"""What the package ships: small, readable, and better than chance on scenes that nobody saw."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.inference.mask_frames import rendered_frames
from drivegrid.masks.himtok.tokenizer import HimTokenizer
from drivegrid.masks.network_files import WEIGHTS, WEIGHTS_FILE
from drivegrid.masks.samtok.tokenizer import SamTokenizer
from drivegrid.masks.seg.network import num_parameters
from drivegrid.masks.seg.segmenter import SmallSegmenter
from drivegrid.masks.segmenter import Prompt
from drivegrid.masks.shapes import box_of, inside_of
from drivegrid.metrics.masks import mask_iou


@pytest.fixture(scope="module")
def frames():
    return list(rendered_frames(3))


def mean_iou(tokenizer, frames):
    ious = []
    for frame in frames:
        truth = frame.masks.unpack()
        logits = tokenizer.decode_all(frame.image, tokenizer.encode_all(frame.image, truth))
        drawn = [inside_of(one, tokenizer.threshold, frame.masks.size_wh) for one in logits]
        ious += [mask_iou(*pair) for pair in zip(drawn, truth, strict=True)]
    return float(np.mean(ious))


@pytest.mark.parametrize(("name", "most_mb"), [("himtok", 4), ("samtok", 4), ("seg", 8)])
def test_weights_are_small(name, most_mb) -> None:
    assert (WEIGHTS / name / WEIGHTS_FILE).stat().st_size <= most_mb * 2**20


def test_himtok_gives_masks_back_and_better_with_every_code(frames) -> None:
    ious = [
        mean_iou(HimTokenizer.from_pretrained(length=length), frames)
        for length in (1, 2, 4, 8, 16, 32)
    ]
    assert ious == sorted(ious)
    assert ious[-1] > 0.85


def test_samtok_draws_masks_from_two_words(frames) -> None:
    assert mean_iou(SamTokenizer.from_pretrained(), frames) > 0.6


def test_drivegrid_seg_draws_boxes(frames) -> None:
    segmenter = SmallSegmenter.from_pretrained()
    assert num_parameters(segmenter.network) <= 4_000_000
    ious, thought = [], []
    for frame in frames:
        truth, size_wh = frame.masks.unpack(), frame.masks.size_wh
        boxes = [Prompt(box=box_of(mask)) for mask in truth]
        logits, scores = segmenter.decode(segmenter.encode(frame.image), boxes)
        drawn = [inside_of(one, segmenter.threshold, size_wh) for one in logits]
        ious += [mask_iou(*pair) for pair in zip(drawn, truth, strict=True)]
        thought += scores.tolist()
    assert np.mean(ious) > 0.65
    # What it thinks of its masks goes with what they are.
    assert np.corrcoef(ious, thought)[0, 1] > 0.3
