"""One click and one box: how well drivegrid-seg, or SAM2 from a folder, draws what they mean.

    python -m tests.benchmarks.bench_segmenter [--data DIR] [--limit N] [--sam2 FOLDER]

Prints mean IoUs by class on rendered test scenes, or on a data set with polygons or masks, and
milliseconds for an image and for a prompt.
"""

import argparse
import time
from itertools import islice
from pathlib import Path

import torch
from drivegrid.training.masks.seg_judging import judge_segmenter

from drivegrid.data.quarantine import Quarantine
from drivegrid.data.sources import find_source
from drivegrid.inference.mask_frames import labelled_frames, rendered_frames, without_specks
from drivegrid.masks.sam2 import Sam2Segmenter
from drivegrid.masks.seg.segmenter import SmallSegmenter
from drivegrid.masks.segmenter import Prompt
from drivegrid.masks.shapes import box_of


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--limit", type=int, default=40)
    parser.add_argument("--sam2", type=Path)
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    segmenter = (
        Sam2Segmenter.from_pretrained(given.sam2)
        if given.sam2
        else SmallSegmenter.from_pretrained(given.weights)
    )
    if given.data is None:
        frames = list(rendered_frames(given.limit))
    else:
        read = labelled_frames(find_source(given.data), None, Quarantine())
        frames = [labelled for _, labelled in islice(read, given.limit)]
    frames = [without_specks(frame) for frame in frames if len(frame.labels)]
    masks = sum(len(frame.labels) for frame in frames)
    print(f"{masks} masks of {len(frames)} frames")
    for name, value in judge_segmenter(segmenter, frames).items():
        print(f"{name:20} {100 * value:5.1f}")
    seen = time.perf_counter()
    handle = segmenter.encode(frames[0].image)
    looked = time.perf_counter()
    prompts = [Prompt(box=box_of(mask)) for mask in frames[0].masks.unpack()]
    segmenter.decode(handle, prompts)
    drawn = time.perf_counter()
    image_ms, prompt_ms = 1000 * (looked - seen), 1000 * (drawn - looked) / len(prompts)
    print(f"image {image_ms:.0f} ms, prompt {prompt_ms:.1f} ms")


if __name__ == "__main__":
    main()
