"""How much faster the CULane metric is than the literal evaluator. Run: python THIS [FRAMES]."""

import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))
import culane_oracle

from drivegrid.metrics import culane


def random_frame(rng, num_lanes=4):
    """Lanes as CULane labels have them: a point every 10 px of y, gently curved."""
    y = np.arange(590.0, 250.0, -10.0)
    up = (590 - y) / 340
    lanes = []
    for foot in np.linspace(100, 1500, num_lanes) + rng.normal(0, 30, num_lanes):
        x = foot + (820 - foot) * 0.85 * up + rng.normal(0, 60) * up**2
        lanes.append(np.stack([x, y], axis=1))
    return lanes


def main():
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        gt = random_frame(rng)
        frames.append(([lane + rng.normal(0, 6, 2) for lane in gt], gt))
    start = time.perf_counter()
    fast = [culane.match_lanes(p, g, (1640, 590)).counts(0.5) for p, g in frames]
    middle = time.perf_counter()
    slow = [culane_oracle.evaluate(p, g, [0.5])[0.5] for p, g in frames]
    end = time.perf_counter()
    assert [(c.tp, c.fp, c.fn) for c in fast] == slow
    quick, literal = (middle - start) / len(frames), (end - middle) / len(frames)
    print(f"frames {len(frames)}, 4 lanes each, 35 points a lane; counts equal")
    print(f"metric {1e3 * quick:.1f} ms a frame, literal {1e3 * literal:.0f} ms a frame")
    print(f"ratio  {literal / quick:.0f}x")


if __name__ == "__main__":
    main()
