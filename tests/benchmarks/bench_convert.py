"""Frames a second on one core: lane formats read, written and converted, with generated frames.

Four lanes a frame: 56 rows of whole pixels in TuSimple, 35 points with decimals in CULane, as the
data sets have them. Times are CPU seconds of the one process, so that a busy machine blurs them
less; the second figure is by the clock, disk included.

Run: python tests/benchmarks/bench_convert.py [frames, default 20,000]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from drivegrid.data.convert import convert
from drivegrid.data.formats import FORMATS

LANES = 4


def fill_tusimple(path: Path, count: int) -> None:
    rng, rows = np.random.default_rng(0), np.arange(160, 720, 10)
    with path.open("w") as file:
        for index in range(count):
            tops, slopes = rng.uniform(160, 300, LANES), rng.uniform(-1.5, 1.5, LANES)
            xs = rng.uniform(300, 900, LANES)[:, None] + slopes[:, None] * (rows - 160)
            xs = np.where((rows >= tops[:, None]) & (xs >= 0) & (xs < 1280), xs, -2).astype(int)
            image = f"clips/0313-1/{index}/20.jpg"
            frame = {"lanes": xs.tolist(), "h_samples": rows.tolist(), "raw_file": image}
            file.write(json.dumps(frame) + "\n")


def fill_culane(root: Path, count: int) -> None:
    rng, rows = np.random.default_rng(0), np.arange(590, 240, -10)
    for index in range(count):
        folder = root / f"driver_{index // 500}.MP4"
        folder.mkdir(parents=True, exist_ok=True)
        slopes = rng.uniform(-1.5, 1.5, LANES)
        xs = rng.uniform(0, 1640, LANES)[:, None] + slopes[:, None] * (590 - rows)
        text = "".join(
            "".join(f"{x:.3f} {y} " for x, y in zip(lane, rows, strict=True)) + "\n"
            for lane in xs.tolist()
        )
        (folder / f"{index:05}.lines.txt").write_text(text)


def measure(what: str, count: int, work: Callable[[], int]) -> None:
    cpu, clock = time.process_time(), time.perf_counter()
    done = work()
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    if done != count:
        raise SystemExit(f"{what}: {done} of {count} frames")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:26} {count / cpu:8,.0f} /s CPU {count / clock:8,.0f} /s clock {peak:6.0f} MiB peak"
    )


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = {"tusimple": folder / "labels.json", "culane": folder / "culane"}
        fill_tusimple(own["tusimple"], count)
        fill_culane(own["culane"], count)
        for source, path in own.items():
            measure(f"read {source}", count, lambda source=source, path=path: sum(
                1 for _ in FORMATS[source].open(path)
            ))  # fmt: skip
        few = min(count, 2000)
        for source, path in own.items():
            scenes = list(islice(FORMATS[source].open(path), few))
            for target in own:
                save, to = FORMATS[target].save, folder / f"{source} as {target}"
                measure(f"write {source} as {target}", few, lambda s=save, t=to, c=scenes: s(
                    c, t
                ).quarantine.num_kept)  # fmt: skip
        for source, target in (("tusimple", "culane"), ("culane", "tusimple")):
            to = folder / f"{target} of {source}"
            measure(f"{source} to {target}", count, lambda s=source, t=target, to=to: convert(
                own[s], s, to, t
            ).written)  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
