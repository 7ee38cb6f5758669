"""Networks trained on real roads, on real and rendered frames side by side.

python tests/benchmarks/bench_realism_peers.py [N] prints, for N rendered frames:

- IoU of the predicted road or drivable area with the whole carriageway (road and its paint, both
  directions, nothing that stands on it), which is what CamVid labels as road; its precision and
  recall; on rendered frames also the IoU with the drivable polygons (own lane and neighbours of
  its direction, less what stands in them), which is nearer to what BDD100K taught TwinLiteNet;
- paint: share of true paint within 3 px of predicted paint, share of predicted paint within 3 px
  of true paint (at 640 px width);
- LSTR's F1@50 by the CULane rule, and YOLOX-Nano's recall of vehicles at least 40 px high.
"""

import sys
from collections import defaultdict

import cv2
import numpy as np
from realism import frames, peers

from drivegrid.metrics import culane
from drivegrid.scenes.seeds import TEST_SEEDS

WIDTH = 640
PAINT_PX = 3
NEAR_PX = 40


def overlap(guess, truth, known):
    """Return (both, guessed, true) pixel counts where the truth is known."""
    guess, truth = guess & known, truth & known
    return np.array([(guess & truth).sum(), guess.sum(), truth.sum()], float)


def near(mask, reach):
    """Return where a mask is at most ``reach`` pixels away."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= reach


def scores(counts):
    """Return IoU, precision and recall of (both, guessed, true) counts."""
    both, guessed, true = counts
    return both / max(guessed + true - both, 1), both / max(guessed, 1), both / max(true, 1)


def drivable(frame):
    """Return the mask of the drivable polygons, without what stands in them."""
    mask = np.zeros(frame.segments.shape, np.uint8)
    for instance in frame.scene.instances:
        if instance.label.startswith("area/drivable/"):
            rings = [np.rint(ring).astype(np.int32) for ring in instance.geometry.rings]
            cv2.fillPoly(mask, rings, 1)
    return (mask > 0) & (frame.classes == 0)


def boxes_found(boxes, instances):
    """Return how many near vehicles have a predicted box of IoU 0.5, and how many there are."""
    near_ones = [
        i.geometry.xyxy
        for i in instances
        if i.label.startswith("object/vehicle/")
        and np.diff(i.geometry.xyxy[1::2])[0] >= NEAR_PX
        and (i.visibility or 0) >= 0.5
    ]
    hits = 0
    for box in near_ones:
        low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
        both = np.clip(high - low, 0, None).prod(axis=1)
        union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + np.prod(box[2:] - box[:2]) - both
        hits += bool((both > 0.5 * union).any())
    return np.array([hits, len(near_ones)])


def groups_of(frame):
    """Return the rows of the table a rendered frame counts in."""
    facts = frame.scene.frame.attributes | {"template": frame.scene.extra["template"]}
    names = ("time", "weather", "surface", "place", "template")
    found = ["all", *(f"{name} {facts[name]}" for name in names)]
    fair = facts["time"] == "day" and facts["weather"] in ("clear", "cloudy")
    return [*found, "fair day"] if fair else found


def camvid_table(runs):
    """Print the peers on CamVid."""
    counts = defaultdict(float)
    for frame in frames.camvid_frames("val", "test"):
        for name, run in runs.items():
            area, _ = run(frame.image)
            counts[name] += overlap(area, frame.classes == 0, frame.classes != frames.IGNORE)
    for name in runs:
        print("{:<20}{:>8.3f}{:>8.3f}{:>8.3f}".format(name, *scores(counts[name])), flush=True)
    return {name: scores(counts[name])[0] for name in runs}


def score_frame(frame, runs, totals):
    """Add a rendered frame to the counts by (group, peer, measure)."""
    known = frame.classes != frames.IGNORE
    lanes = drivable(frame)
    for name, run in runs.items():
        area, marks = run(frame.image)
        found, true = marks & known, frame.marking
        paint = np.array(
            [(near(found, PAINT_PX) & true).sum(), true.sum(),
             (near(true, PAINT_PX) & found).sum(), found.sum()], float
        )  # fmt: skip
        for group in groups_of(frame):
            totals[group, name, "road"] += overlap(area, frame.classes == 0, known)
            totals[group, name, "lanes"] += overlap(area, lanes, known)
            totals[group, name, "paint"] += paint


def print_rendered(runs, totals, real):
    """Print the peers on rendered frames, one group a block."""
    groups = list(dict.fromkeys(group for group, _, _ in totals))
    head = ("IoU", "prec", "recall", "/CamVid", "lanes", "paint r", "paint p")
    print(f"{'group':<30}{'peer':<20}" + "".join(f"{c:>8}" for c in head))
    for group in sorted(groups, key=lambda g: (g not in ("all", "time day", "fair day"), g)):
        for name in runs:
            iou, precision, recall = scores(totals[group, name, "road"])
            paint = totals[group, name, "paint"]
            row = (
                iou,
                precision,
                recall,
                iou / real[name],
                scores(totals[group, name, "lanes"])[0],
            )
            row += (paint[0] / max(paint[1], 1), paint[2] / max(paint[3], 1))
            print(f"{group:<30}{name:<20}" + "".join(f"{v:>8.3f}" for v in row))


def main():
    cv2.setNumThreads(1)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    runs = {name: peers.road_peer(name) for name in peers.PEERS}
    print(f"CamVid val + test, road\n{'peer':<20}{'IoU':>8}{'prec':>8}{'recall':>8}")
    real = camvid_table(runs)
    lane_run, vehicle_run = peers.lane_peer(), peers.vehicle_peer()
    totals = defaultdict(float)
    matches, vehicles = defaultdict(list), defaultdict(lambda: np.zeros(2, int))
    for frame in frames.rendered_frames(TEST_SEEDS[:number], WIDTH):
        score_frame(frame, runs, totals)
        truth = [i.geometry.xy for i in frame.scene.instances if i.label == "lane/line"]
        size_wh = frame.scene.frame.size_wh
        match = culane.match_lanes(lane_run(frame.image), truth, size_wh)
        found = boxes_found(vehicle_run(frame.image), frame.scene.instances)
        for group in groups_of(frame):
            matches[group].append(match.counts(0.5))
            vehicles[group] += found
    print(f"\n{number} rendered frames, {WIDTH} px wide")
    print_rendered(runs, totals, real)
    pairs = [
        culane.match_lanes(lane_run(image), lanes, (1280, 720)).counts(0.5)
        for image, lanes in frames.tusimple_frames()
    ]
    print(f"\nLSTR F1@50 (TuSimple's own frames {sum(pairs[1:], pairs[0]).f1:.3f}), YOLOX recall")
    for group, counts in sorted(matches.items()):
        hits, near_ones = vehicles[group]
        f1 = sum(counts[1:], counts[0]).f1
        print(f"{group:<30}{f1:>8.3f}{hits / max(near_ones, 1):>8.3f} of {near_ones}")


if __name__ == "__main__":
    main()
