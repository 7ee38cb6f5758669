"""Images per second of one process: python tests/benchmarks/bench_scenes.py."""

import time

from drivegrid.scenes.render import render_scene
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED

if __name__ == "__main__":
    for size_wh in ((448, 256), (512, 288), (1280, 720)):
        render_scene(FIRST_TRAIN_SEED, size_wh)
        start, number = time.process_time(), 100
        for seed in range(FIRST_TRAIN_SEED, FIRST_TRAIN_SEED + number):
            render_scene(seed, size_wh)
        print(size_wh, f"{number / (time.process_time() - start):.1f} images/s of CPU time")
