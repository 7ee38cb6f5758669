"""Frames per second by number of workers: python tests/benchmarks/bench_stream.py [seconds]."""

import os
import sys
import time

from drivegrid.scenes.seeds import FIRST_TRAIN_SEED
from drivegrid.scenes.stream import stream_scenes

SIZE_WH = (448, 448)
WARM_UP = 8


def frames_per_second(workers: int, seconds: float) -> float:
    """Count frames after every worker has started and rendered its first ones."""
    stream = stream_scenes(FIRST_TRAIN_SEED, SIZE_WH, workers)
    for _ in range(WARM_UP * max(workers, 1)):
        next(stream)
    frames, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        next(stream)
        frames += 1
    elapsed = time.perf_counter() - start
    stream.close()
    return frames / elapsed


if __name__ == "__main__":
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    cores = len(os.sched_getaffinity(0))
    print(f"{SIZE_WH[0]}x{SIZE_WH[1]}, {cores} cores, {seconds:g} s each")
    alone = frames_per_second(0, seconds)
    print(f"workers 0 (this process): {alone:6.1f} frames/s")
    for workers in sorted({1, 2, 4, cores}):
        rate = frames_per_second(workers, seconds)
        print(f"workers {workers:2}: {rate:6.1f} frames/s, {rate / alone:.2f} of one process")
