"""What rendered frames teach about real ones: python tests/benchmarks/bench_realism_probe.py [N].

A head on frozen EfficientNet-Lite0 features learns five classes from N rendered frames only and is
scored on CamVid, against the same head trained on CamVid's training frames: on ``val``, to choose
changes of the renderer by, and on ``test``, to report. Riders count as background on both sides;
own bonnets and what CamVid leaves unlabelled count nowhere.

A second head learns lane paint from the rendered frames and is scored on TuSimple, against the
road-segmentation-adas-0001 network: the share of labelled lane points with predicted paint within
20 px of 1280, and the share of the picture that is predicted paint farther than that from any
labelled lane. Points between dashes count as well, so 1 is out of reach. As recall is bought with
false paint, the last row takes the threshold at which both have the same amount of it.
"""

import sys

import cv2
import numpy as np
import torch
from realism import frames, peers, probe
from realism.frames import CLASSES

from drivegrid.scenes.seeds import FIRST_TRAIN_SEED
from drivegrid.trunk.efficientnet import load_pretrained_trunk

CAMVID_WIDTH, LANES_WH = 480, (640, 360)
TOLERANCE = 20 / 1280
"""A lane point is found if paint is predicted this near, in picture widths: TuSimple's 20 px."""


def fit_classes(trunk, training):
    """Return a head trained on labelled frames."""
    rng, samples = np.random.default_rng(0), probe.Samples([], [])
    for frame in training:
        samples.add(probe.features(trunk, frame.image), probe.cells(frame.classes), rng)
    return probe.train_head(samples, len(CLASSES))


def fit_marking(trunk, training):
    """Return a head for paint, trained on rendered frames."""
    rng, samples = np.random.default_rng(0), probe.Samples([], [])
    for frame in training:
        samples.add(probe.features(trunk, frame.image), probe.marked_cells(frame.marking), rng)
    return probe.train_head(samples, 2)


def score_classes(head, test):
    """Return the confusion matrix over (features, truth) pairs."""
    counts = np.zeros((len(CLASSES),) * 2, np.int64)
    for found, truth in test:
        scores = probe.probabilities(head, found, truth.shape[::-1])
        counts += probe.confusion(truth, scores.argmax(0), len(CLASSES))
    return counts


def score_marks(paints, all_lanes):
    """Return the share of lane points with paint nearby, and of the picture that is false paint."""
    found = total = 0
    wrong = []
    reach = TOLERANCE * LANES_WH[0]
    for paint, lanes in zip(paints, all_lanes, strict=True):
        near_paint = cv2.distanceTransform((~paint).astype(np.uint8), cv2.DIST_L2, 5) <= reach
        truth = np.ones(paint.shape, np.uint8)
        for lane in lanes:
            points = np.rint(lane * LANES_WH[0] / 1280).astype(np.int32)
            cv2.polylines(truth, [points], False, 0)
            x, y = points[(points < LANES_WH).all(axis=1)].T
            found += near_paint[y, x].sum()
            total += len(x)
        wrong.append((paint & (cv2.distanceTransform(truth, cv2.DIST_L2, 5) > reach)).mean())
    return found / total, float(np.mean(wrong))


def at_equal_error(scores, lanes, wrong):
    """Return (threshold, recall, false paint) at the lowest threshold with at most ``wrong``."""
    low, high = 0.0, 8.0  # in log odds
    for _ in range(8):
        middle = (low + high) / 2
        threshold = 1 / (1 + np.exp(-middle))
        over = score_marks([s > threshold for s in scores], lanes)[1] > wrong
        low, high = (middle, high) if over else (low, middle)
    threshold = 1 / (1 + np.exp(-high))
    return threshold, *score_marks([s > threshold for s in scores], lanes)


def print_classes(name, counts):
    """Print a row of IoU and return their mean."""
    ious = probe.class_ious(counts)
    row = "".join(f"{iou:>12.3f}" for iou in (*ious, ious.mean()))
    print(f"{name:<20}{row}", flush=True)
    return ious.mean()


def study_classes(trunk, seeds):
    """Print IoU on CamVid of heads trained on rendered and on real frames."""
    heads = {
        "CamVid train": fit_classes(trunk, frames.camvid_frames("train")),
        f"{len(seeds)} rendered": fit_classes(trunk, frames.rendered_frames(seeds, CAMVID_WIDTH)),
    }
    for split in ("val", "test"):
        test = [(probe.features(trunk, f.image), f.classes) for f in frames.camvid_frames(split)]
        print(f"CamVid {split}, IoU" + "".join(f"{c:>12}" for c in (*CLASSES, "mIoU")))
        counts = [score_classes(head, test) for head in heads.values()]
        means = [print_classes(*pair) for pair in zip(heads, counts, strict=True)]
        print(f"ratio {means[1] / means[0]:.2f}; share of each true class taken for each class")
        for name, row in zip(CLASSES, counts[1] / counts[1].sum(1, keepdims=True), strict=True):
            print(f"{name:<20}" + "".join(f"{share:>12.3f}" for share in row))


def study_marks(trunk, seeds):
    """Print recall of TuSimple's lane points, the peer's and ours."""
    pairs = [
        (cv2.resize(image, LANES_WH, interpolation=cv2.INTER_AREA), lanes)
        for image, lanes in frames.tusimple_frames()
    ]
    images, lanes = zip(*pairs, strict=True)
    adas = peers.road_peer("adas-0001")
    peer, peer_wrong = score_marks([adas(image)[1] for image in images], lanes)
    print(f"TuSimple{'found':>24}{'false':>12}{'ratio':>8}")
    print(f"{'adas-0001':<20}{peer:>12.3f}{peer_wrong:>12.4f}", flush=True)
    head = fit_marking(trunk, frames.rendered_frames(seeds, LANES_WH[0]))
    scores = [
        probe.probabilities(head, probe.features(trunk, image), LANES_WH)[1] for image in images
    ]
    rows = [(t, *score_marks([s > t for s in scores], lanes)) for t in (0.5, 0.9)]
    for threshold, ours, wrong in [*rows, at_equal_error(scores, lanes, peer_wrong)]:
        name = f"rendered > {threshold:.3f}"
        print(f"{name:<20}{ours:>12.3f}{wrong:>12.4f}{ours / peer:>8.2f}")


def main():
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    trunk = load_pretrained_trunk(frames.trunk_path())
    seeds = range(FIRST_TRAIN_SEED, FIRST_TRAIN_SEED + number)
    study_classes(trunk, seeds)
    study_marks(trunk, seeds)


if __name__ == "__main__":
    main()
