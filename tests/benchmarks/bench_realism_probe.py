"""What rendered frames teach about real ones: python tests/benchmarks/bench_realism_probe.py [N].

A head on frozen EfficientNet-Lite0 features learns five classes from N rendered frames only and is
tested on CamVid's test frames, against the same head trained on CamVid's training frames. A second
head learns lane paint and is tested on TuSimple, against the road-segmentation-adas-0001 network.
Bicyclists, bonnets aside, count as background on both sides.
"""

import sys

import cv2
import numpy as np
import torch
from realism import frames, peers, probe
from realism.frames import CLASSES

from drivegrid.model.trunk import load_pretrained_trunk

FIRST_SEED = 1_000_000
CAMVID_WH, LANES_WH = (480, 360), (640, 360)
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


def score_marks(predict):
    """Return the share of TuSimple's lane points with paint nearby, and the area of paint that
    lies near no lane as a share of the picture."""
    found = total = 0
    wrong = []
    for image, lanes in frames.tusimple_frames():
        image, scale = cv2.resize(image, LANES_WH, interpolation=cv2.INTER_AREA), 0.5
        paint = predict(image)
        reach = TOLERANCE * LANES_WH[0]
        near_paint = cv2.distanceTransform((~paint).astype(np.uint8), cv2.DIST_L2, 5) <= reach
        truth = np.ones(paint.shape, np.uint8)
        for lane in lanes:
            cv2.polylines(truth, [np.rint(lane * scale).astype(np.int32)], False, 0)
            x, y = np.rint(lane * scale).astype(int).T
            inside = (x < LANES_WH[0]) & (y < LANES_WH[1])
            found += near_paint[y[inside], x[inside]].sum()
            total += inside.sum()
        far = cv2.distanceTransform(truth, cv2.DIST_L2, 5) > reach
        wrong.append((paint & far).mean())
    return found / total, float(np.mean(wrong))


def print_classes(name, counts):
    """Print one row of IoU, and where each class's pixels went."""
    ious = probe.class_ious(counts)
    row = "".join(f"{iou:>12.3f}" for iou in ious)
    print(f"{name:<14}{row}{ious.mean():>12.3f}", flush=True)
    return ious.mean()


def main():
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    trunk = load_pretrained_trunk(frames.trunk_path())
    test = [
        (probe.features(trunk, f.image).half().float(), f.classes)
        for f in frames.camvid_frames("test")
    ]
    print(f"CamVid test, IoU\n{'trained on':<14}" + "".join(f"{c:>12}" for c in (*CLASSES, "mIoU")))
    real = score_classes(fit_classes(trunk, frames.camvid_frames("train")), test)
    upper = print_classes("CamVid train", real)
    seeds = range(FIRST_SEED, FIRST_SEED + number)
    rendered = score_classes(fit_classes(trunk, frames.rendered_frames(seeds, CAMVID_WH)), test)
    lower = print_classes(f"{number} rendered", rendered)
    print(f"ratio {lower / upper:.2f}\nrendered: share of each true class (row) given each class")
    for name, row in zip(CLASSES, rendered / rendered.sum(1, keepdims=True), strict=True):
        print(f"{name:<14}" + "".join(f"{share:>12.3f}" for share in row))
    adas = peers.road_peer("adas-0001")
    print(f"TuSimple, lane points found within {TOLERANCE * 1280:.0f} px of 1280; false paint")
    peer, peer_wrong = score_marks(lambda image: adas(image)[1])
    print(f"{'adas-0001':<14}{peer:>12.3f}{peer_wrong:>12.4f}", flush=True)
    head = fit_marking(trunk, frames.rendered_frames(seeds, LANES_WH))

    def predict(image, threshold):
        return probe.probabilities(head, probe.features(trunk, image), LANES_WH)[1] > threshold

    for threshold in (0.3, 0.5, 0.7, 0.9):
        ours, wrong = score_marks(lambda image, t=threshold: predict(image, t))
        print(f"rendered > {threshold}{ours:>12.3f}{wrong:>12.4f}   ratio {ours / peer:.2f}")


if __name__ == "__main__":
    main()
