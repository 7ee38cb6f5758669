"""Ceilings and speed of the line code on real labels. Run by hand:

python tests/benchmarks/bench_codec.py --every 10        # a tenth of the lanes
python tests/benchmarks/bench_codec.py                   # all of them (minutes)

Prints, for each encoder and number of offset rounds, the CULane F1 of perfect tokens (lines
30 px wide on 1640 x 590), the TuSimple accuracy, anchors a lane and lanes a second on one core.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from drivegrid.data.formats.lanes import prolonged
from drivegrid.geometry import Polyline
from drivegrid.metrics.tusimple import rows_of, score_frame
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec

SIZE = (1640, 590)
THRESHOLDS = np.arange(50, 100, 5) / 100


def load_tusimple(folder: Path) -> list[np.ndarray]:
    """Return the label lines, scaled from 1280 x 720 to the CULane size."""
    lanes = []
    for path in sorted(folder.glob("*.json.gz")):
        for text in gzip.open(path, "rt"):
            record = json.loads(text)
            for xs in record["lanes"]:
                lane = np.array([p for p in zip(xs, record["h_samples"], strict=True) if p[0] >= 0])
                if len(lane) > 1:
                    lanes.append(lane * (SIZE[0] / 1280, SIZE[1] / 720))
    return lanes


def load_culane(folder: Path) -> list[np.ndarray]:
    """Return the lines of all ``.lines.txt`` files."""
    texts = [t for p in sorted(folder.rglob("*.lines.txt")) for t in p.read_text().splitlines()]
    return [np.array(t.split(), dtype=float).reshape(-1, 2) for t in texts if len(t.split()) > 2]


def densify(line: np.ndarray, spacing: float = 10.0) -> np.ndarray:
    """Return the polyline with a point about every ``spacing`` pixels, vertices kept."""
    pieces = [
        np.linspace(a, b, max(1, round(np.hypot(*(b - a)) / spacing)), endpoint=False)
        for a, b in pairwise(line)
    ]
    return np.concatenate([*pieces, line[-1:]])


def draw(line: np.ndarray) -> np.ndarray:
    """Return the mask the official scorer draws: natural spline by chord length, 50 a segment."""
    mask = np.zeros(SIZE[::-1], dtype=np.uint8)
    line = line[np.concatenate([[True], np.hypot(*np.diff(line, axis=0).T) > 1e-9])]
    if len(line) > 2:
        knots = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        at = np.concatenate([np.linspace(a, b, 50, endpoint=False) for a, b in pairwise(knots)])
        line = CubicSpline(knots, line, bc_type="natural")(np.append(at, knots[-1]))
    points = np.rint(line).astype(np.int32)
    points = points[np.concatenate([[True], np.diff(points, axis=0).any(axis=1)])]
    cv2.polylines(mask, [points], False, 1, thickness=30)
    return mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return intersection over union of two masks of zeros and ones."""
    both = int(cv2.countNonZero(a & b))
    return both / (int(cv2.countNonZero(a | b)) or 1)


def tusimple_accuracy(truth: np.ndarray, found: np.ndarray) -> float:
    """Return the share of TuSimple's rows on which a lane agrees with the truth."""
    half_row = 5 * SIZE[1] / 720
    gt, pred = (rows_of(prolonged(line, half_row, SIZE[0]), SIZE) for line in (truth, found))
    return score_frame([pred], [gt]).accuracy


def score(lanes: list[np.ndarray], masks: list[np.ndarray], codec: Codec, smooth: bool) -> str:
    """Return one line of the table."""
    shapes = [Polyline(lane) for lane in lanes]
    begin = time.process_time()
    tokens = [codec.encode(shape, SIZE) for shape in shapes]
    encoded = time.process_time()
    found = [codec.decode(item, SIZE, smooth=smooth) for item in tokens]
    decoded = time.process_time()
    lines = [shape.xy for shape in found]
    ious = np.array(
        [
            iou(np.unpackbits(mask).reshape(SIZE[::-1]), draw(densify(line)))
            for mask, line in zip(masks, lines, strict=True)
        ]
    )
    f1 = 100 * np.array([(ious > t).mean() for t in THRESHOLDS])
    accuracy = np.mean([tusimple_accuracy(a, b) for a, b in zip(lanes, lines, strict=True)])
    anchors = np.mean([item.num_anchors for item in tokens])
    return (
        f"{codec.line_encoder:>7} {codec.rounds:>6} {'smooth' if smooth else 'line':>6} "
        f"{anchors:8.2f} {ious.mean():8.4f} {f1[0]:7.2f} {f1[5]:7.2f} {f1.mean():7.2f} "
        f"{100 * accuracy:9.3f} {len(lanes) / (encoded - begin):9.0f} "
        f"{len(lanes) / (decoded - encoded):9.0f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--realdata", type=Path, default=os.environ.get("DRIVEGRID_REALDATA"))
    parser.add_argument("--every", type=int, default=1, help="score every n-th lane")
    parser.add_argument("--encoders", nargs="+", default=["rows", "fewest"])
    parser.add_argument("--rounds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--smooth", action="store_true", help="score the smooth decoder too")
    args = parser.parse_args()
    if args.realdata is None:
        parser.error("pass --realdata or set DRIVEGRID_REALDATA")
    lanes = load_tusimple(Path(args.realdata) / "tusimple/labels_only")
    lanes += load_culane(Path(args.realdata) / "culane_sample")
    lanes = lanes[:: args.every]
    masks = [np.packbits(draw(lane)) for lane in lanes]
    print(f"{len(lanes)} lanes, lattice 32 x 32, steps 1/64, gamma 1/2")
    print(
        "encoder rounds decode  anchors mean-IoU   F1@50   F1@75     mF1"
        "  TuSimple     enc/s     dec/s"
    )
    for encoder in args.encoders:
        for rounds in args.rounds:
            codec = Codec(GridSpec(), encoder, rounds)
            for smooth in (False, True)[: 1 + args.smooth]:
                print(score(lanes, masks, codec, smooth), flush=True)


if __name__ == "__main__":
    main()
