"""How long rules take on a set like CULane's test split. Run: python THIS [FRAMES [WORKERS]].

A thousand frames are drawn at random, four lanes against four, and come again under other names;
CULane's test split has 34,680. Reading the files is not part of it. On a busy machine the processor
time of one worker tells more; it is taken over the frames that were drawn.
"""

import os
import sys
import time
from itertools import islice

import numpy as np
from bench_culane import random_frame

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Polyline
from drivegrid.metrics.outcome import Bootstrap, evaluate_rule
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.tally import intervals

NUM_DRAWN = 1000


def scene(name, lanes, size_wh):
    instances = tuple(Instance("lane/line", Polyline(lane), confidence=0.5) for lane in lanes)
    return Scene(Frame(name, size_wh, clip=name.split("/")[0]), instances)


def make_pairs(count, size_wh):
    rng = np.random.default_rng(0)
    scale = np.array(size_wh) / (1640, 590)
    drawn = [[lane * scale for lane in random_frame(rng)] for _ in range(min(count, NUM_DRAWN))]
    moved = [[lane + rng.normal(0, 6, 2) for lane in lanes] for lanes in drawn]
    names = [f"clip{i // 50}/{i}.jpg" for i in range(count)]
    pred, gt = (
        [scene(name, side[i % NUM_DRAWN], size_wh) for i, name in enumerate(names)]
        for side in (moved, drawn)
    )
    return pair_scenes(pred, gt)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else os.cpu_count()
    print(f"{count} frames, 4 x 4 lanes, {workers} workers, load {os.getloadavg()[0]:.1f}")
    for rule, size_wh in (("culane", (1640, 590)), ("tusimple", (1280, 720))):
        pairs = make_pairs(count, size_wh)
        wall, rate = timed(time.perf_counter, rule, pairs, workers)
        few = pairs.only(set(islice(pairs.pairs, NUM_DRAWN)))
        cpu, _ = timed(time.process_time, rule, few, 1)
        print(f"{rule}: {rate:.3f}")
        for name, each in (
            (f"wall, {workers} workers", wall / count),
            ("processor, 1 worker", cpu / len(few.pairs)),
        ):
            per_minute, whole = 60 / each, 34680 * each
            print(f"  {name:20} {1e3 * each:6.2f} ms a frame, {per_minute:9,.0f} a minute, "
                  f"34,680 in {whole:.0f} s")  # fmt: skip
    tally = evaluate_rule("tusimple", pairs, Settings(), Bootstrap(resamples=0)).evaluation.tally
    start = time.process_time()
    intervals(tally)
    print(f"1,000 resamples: {time.process_time() - start:.2f} s of processor time")


def timed(clock, rule, pairs, workers):
    start = clock()
    found = evaluate_rule(rule, pairs, Settings(workers=workers), Bootstrap(resamples=0))
    return clock() - start, found.evaluation.tally.rates_of()[found.evaluation.worst]


if __name__ == "__main__":
    main()
