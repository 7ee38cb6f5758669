"""Times each part of the augmentation of frames, and counts what it keeps.

    python tests/benchmarks/bench_augment.py [FRAMES] [WIDTH HEIGHT]

Prints milliseconds a frame (median of repeated runs), the share of rendered frames that can be
mirrored, and the share of instances that the default settings keep.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from drivegrid.data.augment import AugmentConfig, augment, draw_window
from drivegrid.data.augment_geometry import view_scene
from drivegrid.data.augment_light import Light, relight
from drivegrid.data.augment_mirror import can_mirror, mirror_scene
from drivegrid.scenes.render import RenderedScene, render_scene

FIRST_SEED = 6000
REPEATS = 5
CHANGES = {
    "brightness": 0.8, "hue_deg": 5.0, "noise": 8.0, "blur": 0.8, "jpeg": 60, "rain": 0.6,
    "fog": 0.6, "night": 0.6,
}  # fmt: skip


def median_ms(frames: list[RenderedScene], work: Callable[[RenderedScene], object]) -> float:
    """Return the median time of one frame in milliseconds."""
    times = []
    for _ in range(REPEATS):
        for frame in frames:
            start = perf_counter()
            work(frame)
            times.append(1000 * (perf_counter() - start))
    return float(np.median(times))


def main() -> None:
    """Render frames and print the figures."""
    numbers = [int(text) for text in sys.argv[1:]]
    count, width, height = (*numbers, *(24, 512, 288)[len(numbers) :])
    frames = [render_scene(FIRST_SEED + k, (width, height)) for k in range(count)]
    config, size = AugmentConfig(), (width, height)
    windows = [draw_window(size, config, np.random.default_rng(k)) for k in range(count)]
    window = dict(zip(map(id, frames), windows, strict=True))
    rng = np.random.default_rng(0)
    parts: dict[str, Callable[[RenderedScene], object]] = {
        "window, picture": lambda one: window[id(one)].picture(one.image),
        "window, labels": lambda one: view_scene(one.scene, window[id(one)]),
        "mirror, labels": lambda one: mirror_scene(one.scene),
        "augment, defaults": lambda one: augment(one.image, one.scene, config, rng),
    }
    for name, value in CHANGES.items():
        light = replace(Light(), **{name: value})
        parts[f"light, {name}"] = lambda one, light=light: relight(one.image, light, 130.0, rng)
    for name, work in parts.items():
        print(f"{name:20} {median_ms(frames, work):6.2f} ms")
    kept = sum(len(view_scene(one.scene, window[id(one)]).kept) for one in frames)
    total = sum(len(one.scene.instances) for one in frames)
    mirrored = sum(can_mirror(one.scene) for one in frames)
    print(f"mirrored             {mirrored / count:6.2f} of {count} frames")
    print(f"kept by a window     {kept / total:6.2f} of {total} instances")


if __name__ == "__main__":
    main()
