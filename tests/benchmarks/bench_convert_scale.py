"""Frames a second and memory of conversions. Run: python THIS [FRAMES [WORKERS [ENGINE [TO]]]].

Generates TuSimple labels of so many frames, converts them (TO: scene, the default, for a folder of
shards, or another format), and prints frames/s, bytes, and the largest sum of the proportional
memory of all processes, seen five times a second. Linux only.
"""

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from drivegrid.data.convert import convert
from drivegrid.data.engines import Engine

NUM_DRAWN = 10_007
"""How many frames are drawn anew; then they come again, in other shards."""


def write_labels(path, num_frames, seed=0):
    """Write frames of four lanes at 56 rows, as the benchmark's have; 3% are broken."""
    rng = np.random.default_rng(seed)
    rows = np.arange(160, 711, 10)
    feet, bends = rng.uniform(0, 1280, (NUM_DRAWN, 4, 1)), rng.uniform(-300, 300, (NUM_DRAWN, 4, 1))
    up = (710 - rows) / 550
    lanes = np.rint(feet + (640 - feet) * 0.9 * up + bends * up**2).astype(int)
    lanes[(lanes < 0) | (lanes >= 1280) | (rows < 240)] = -2
    texts = [json.dumps(frame.tolist()) for frame in lanes]
    with path.open("w") as file:
        for index in range(num_frames):
            drawn = "{broken" if index % 33 == 32 else texts[index % NUM_DRAWN]
            file.write(
                f'{{"lanes": {drawn}, "h_samples": {rows.tolist()}, '
                f'"raw_file": "clips/{index // 20}/{index % 20 + 1}.jpg"}}\n'
            )


def children(pid):
    """Return a process and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += children(child)
    return found


def memory_mb():
    """Return the proportional memory of this process and all below it, shared pages once."""
    total = 0
    for pid in children("self"):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:  # it ended meanwhile
            continue
        total += int(rollup.split("\nPss:")[1].split()[0])
    return total / 1024


def main():
    given = dict(enumerate(sys.argv))
    num_frames, workers = int(given.get(1, 20_000)), int(given.get(2, 2))
    engine, target_format = given.get(3, "local"), given.get(4, "scene")
    peak, over = 0.0, threading.Event()

    def watch():
        nonlocal peak
        while not over.wait(0.2):
            peak = max(peak, memory_mb())

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "labels.json"), Path(folder, "out")
        write_labels(source, num_frames)
        threading.Thread(target=watch, daemon=True).start()
        start, busy = time.perf_counter(), sum(os.times()[:4])
        report = convert(source, "tusimple", target, target_format, engine=Engine(engine, workers))
        seconds, busy = time.perf_counter() - start, sum(os.times()[:4]) - busy
        over.set()
        files = [target] if target.is_file() else target.rglob("*")
        written = sum(file.stat().st_size for file in files if file.is_file())
        read = source.stat().st_size
    print(f"{num_frames} frames, {workers} workers, {engine}, to {target_format}")
    print(f"read {report.read}, written {report.written}, quarantined {report.quarantined}")
    print(f"{seconds:.1f} s, {num_frames / seconds:.0f} frames/s, memory {peak:.0f} MB at most")
    if engine == "local":
        print(f"{busy:.1f} CPU seconds, {num_frames / busy:.0f} frames in each")
    print(f"{read / num_frames:.0f} bytes a frame read, {written / num_frames:.0f} written")


if __name__ == "__main__":
    main()
