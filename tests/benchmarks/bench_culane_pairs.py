"""Counts of the CULane metric against the literal evaluator. Run: python THIS [FRAMES [SEED]].

Four frames of five are random: up to three lanes a side of 0 to 12 points, some out of the image,
on canvases of several sizes and widths. The fifth holds real labels of CULane or TuSimple against
themselves moved a little ($DRIVEGRID_REALDATA); without them all are random.
"""

import os
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))
import culane_oracle

from drivegrid.data.formats import load_culane, load_tusimple
from drivegrid.geometry import Polyline
from drivegrid.metrics.culane import CulaneRule, match_lanes

RULES = (
    CulaneRule(),
    CulaneRule(5, (224, 224)),
    CulaneRule(30, (820, 295)),
    CulaneRule(7, (400, 300)),
)
THRESHOLDS = (0.3, 0.5, 0.75)
BESIDE = Path(__file__).parents[2].parent / "shared" / "realdata"


def real_frames():
    root = Path(os.environ.get("DRIVEGRID_REALDATA", BESIDE))
    if not root.is_dir():
        return []
    scenes = load_culane(root / "culane_sample").scenes
    scenes += load_tusimple(root / "tusimple" / "label_data.json").scenes
    return [
        (
            [i.geometry.xy for i in scene.instances if isinstance(i.geometry, Polyline)],
            scene.frame.size_wh,
        )
        for scene in scenes
    ]


def random_lane(rng, size):
    points = rng.uniform(-0.1, 1.1, (int(rng.integers(0, 13)), 2)) * size
    if rng.random() < 0.7:  # as lanes run: from the bottom up
        points[:, 1] = np.sort(points[:, 1])[::-1]
    return np.round(points, int(rng.integers(0, 4)))


def random_frame(rng, rule):
    size = rule.canvas_wh
    gt = [random_lane(rng, size) for _ in range(rng.integers(0, 4))]
    near = [lane + rng.normal(0, 4, 2) for lane in gt if rng.random() < 0.8]
    return near + [random_lane(rng, size) for _ in range(rng.integers(0, 2))], gt, size


def real_frame(rng, rule, frames):
    lanes, size = frames[int(rng.integers(len(frames)))]
    pred = [lane + rng.normal(0, 8, 2) for lane in lanes if rng.random() < 0.9]
    return pred, lanes, size


def literal(pred, gt, size, rule):
    scale = np.array(rule.canvas_wh) / size
    sides = [[tuple(map(tuple, lane * scale)) for lane in side] for side in (pred, gt)]
    return culane_oracle.evaluate(*sides, THRESHOLDS, rule.canvas_wh, rule.width)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    culane_oracle.draw = lru_cache(16)(culane_oracle.draw)  # a lane meets several others
    frames, num_lanes, real = real_frames(), 0, 0
    for i in range(count):
        rule = RULES[int(rng.integers(len(RULES)))]
        taken = bool(frames) and i % 5 == 0
        pred, gt, size = real_frame(rng, rule, frames) if taken else random_frame(rng, rule)
        found = match_lanes(pred, gt, size, rule)
        fast = {t: (c.tp, c.fp, c.fn) for t in THRESHOLDS for c in [found.counts(t)]}
        slow = literal(pred, gt, size, rule)
        assert fast == slow, (i, rule, fast, slow)
        num_lanes, real = num_lanes + len(pred) + len(gt), real + taken
    print(f"{count} frames, {real} of them real, {num_lanes} lanes: all counts equal")


if __name__ == "__main__":
    main()
