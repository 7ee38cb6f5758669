"""Whether a segmenter works here: what it draws on a rendered scene."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from drivegrid.inference.mask_frames import rendered_frames
from drivegrid.masks.segmenter import Prompt, Segmenter
from drivegrid.masks.shapes import box_of, deepest_point, inside_of
from drivegrid.metrics.masks import mask_iou

FRAME_WH = (896, 504)


def check_segmenter(segmenter: Segmenter[Any]) -> dict[str, float | int]:
    """Return mean IoUs of a click and of a box on a rendered scene, and seconds.

    Rendered scenes look simpler than real ones: working weights reach an IoU far above that of
    untrained ones, about .1.

    Args:
        segmenter: What is checked.
    """
    [frame] = rendered_frames(1, FRAME_WH)
    truth = frame.masks.unpack()
    start = time.perf_counter()
    handle = segmenter.encode(frame.image)
    looked = time.perf_counter()
    clicks = [Prompt(deepest_point(mask)[None], np.ones(1, np.bool_)) for mask in truth]
    boxes = [Prompt(box=box_of(mask)) for mask in truth]
    logits, _ = segmenter.decode(handle, [*clicks, *boxes])
    done = time.perf_counter()
    drawn = [inside_of(one, segmenter.threshold, FRAME_WH) for one in logits]
    count = len(truth)
    clicked = [mask_iou(*pair) for pair in zip(drawn[:count], truth, strict=True)]
    boxed = [mask_iou(*pair) for pair in zip(drawn[count:], truth, strict=True)]
    return {
        "masks": count,
        "click_iou": round(sum(clicked) / count, 4),
        "box_iou": round(sum(boxed) / count, 4),
        "encode_s": round(looked - start, 3),
        "decode_s_a_mask": round((done - looked) / (2 * count), 4),
    }
