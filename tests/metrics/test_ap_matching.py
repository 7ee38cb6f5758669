"""Matches of boxes and AP of resampled frames, against the package on the frames themselves."""

import numpy as np
import pytest

from drivegrid.metrics.ap_matching import match_class, weighted_ap
from drivegrid.metrics.average_precision import FrameBoxes, score_ap
from drivegrid.metrics.tally import weighted_intervals

pytest.importorskip("faster_coco_eval")

CLASSES = ("car", "cone", "bus")


def random_frames(seed, count):
    """Frames of boxes of all sizes; predictions beside true ones, false ones, some crowds."""
    rng = np.random.default_rng(seed)
    sides = [], []
    for _ in range(count):
        true = rng.integers(0, 6)
        corner = rng.uniform(0, 300, (true, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(10, 140, (true, 2))], axis=1)
        moved = boxes + rng.normal(0, 6, boxes.shape)
        false = np.concatenate([corner, corner + 30], axis=1)[: rng.integers(0, 3)]
        labels = [str(rng.choice(CLASSES)) for _ in range(true)]
        found = np.concatenate([moved, false])
        sides[0].append(
            FrameBoxes(found, labels + ["car"] * len(false), rng.random(len(found)).tolist())
        )
        sides[1].append(FrameBoxes(boxes, labels, (), (rng.random(true) < 0.15).tolist()))
    return sides


def matched(pred, gt):
    return [
        {label: match_class(p, g, label) for label in {*p.labels, *g.labels}}
        for p, g in zip(pred, gt, strict=True)
    ]


def same(found, figures):
    return all(
        found[name] == pytest.approx(value, abs=1e-9, nan_ok=True)
        for name, value in figures.items()
    )


def test_no_frames():
    assert all(np.isnan(value) for value in weighted_ap([])(np.zeros(0)).values())
    empty = FrameBoxes(np.zeros((0, 4)), [])
    assert match_class(empty, empty, "car").hits.shape == (4, 10, 0)


@pytest.mark.parametrize("seed", range(6))
def test_frames_drawn_so_often_give_what_the_package_gives_them(seed):
    pred, gt = random_frames(seed, 12)
    ap = weighted_ap(matched(pred, gt))
    assert same(ap(np.ones(12)), score_ap(pred, gt).figures)
    drawn = np.random.default_rng(seed).integers(12, size=12)
    often = np.bincount(drawn, minlength=12).astype(float)
    again = score_ap([pred[i] for i in sorted(drawn)], [gt[i] for i in sorted(drawn)])
    assert same(ap(often), again.figures)


def test_only_the_hundred_surest_take_part():
    box = np.array([[0.0, 0, 40, 40]])
    far = np.tile([[500.0, 500, 540, 540]], (100, 1))
    pred = FrameBoxes(np.concatenate([far, box]), ["car"] * 101, [0.9] * 100 + [0.1])
    found = match_class(pred, FrameBoxes(box, ["car"]), "car")
    assert (len(found.pred), found.hits.any()) == (100, False)


def test_intervals_hold_the_figure_and_clips_are_drawn_whole():
    pred, gt = random_frames(9, 30)
    ap = weighted_ap(matched(pred, gt))
    whole = ap(np.ones(30))["ap"]
    by_frame = weighted_intervals(ap, [str(i) for i in range(30)], resamples=60)["ap"]
    assert by_frame.low < whole < by_frame.high
    one_clip = weighted_intervals(ap, ["clip"] * 30, resamples=5)["ap"]
    assert one_clip.low == one_clip.high == pytest.approx(whole)
    assert weighted_intervals(ap, ["a"] * 30, resamples=3, seed=1)["ap"] == one_clip
