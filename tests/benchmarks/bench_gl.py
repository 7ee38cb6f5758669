"""Milliseconds a draw of the OpenGL renderer: python -m tests.benchmarks.bench_gl."""

import time
from collections.abc import Sequence

import cv2
import numpy as np

from drivegrid.geometry import Size
from drivegrid.scenes.gl import GlRenderer
from drivegrid.scenes.gl.context import gl_context
from drivegrid.scenes.gl.staging import draw_commands, standing
from drivegrid.scenes.render import view_of
from drivegrid.scenes.view import View
from drivegrid.scenes.world import sample_world

SEEDS = range(1_000_000, 1_000_032)
ROUNDS = 15


def least_ms(renderer: GlRenderer, view: View) -> tuple[float, float]:
    """Return the least wall and processor time: what a quiet machine needs."""
    wall, busy = [], []
    for _ in range(ROUNDS):
        start, used = time.perf_counter(), time.process_time()
        renderer.draw(view)
        wall.append(time.perf_counter() - start)
        busy.append(time.process_time() - used)
    return min(wall) * 1e3, min(busy) * 1e3


def triangles(renderer: GlRenderer, view: View) -> tuple[int, int]:
    """Return how many triangles of the bodies in sight are drawn, and how many they have."""
    drawables = renderer._drawables
    bodies = standing(view, drawables)
    commands = draw_commands(bodies, range(len(bodies)), view.camera, drawables)
    drawn = sum(int(listed[:, 0].sum()) for listed in commands) // 3
    ranges = [found for body in bodies for found in drawables[body.mesh].ranges]
    return drawn, sum(found.ends[-1] for found in ranges) // 3


def report(renderer: GlRenderer, size_wh: Size, seeds: Sequence[int]) -> None:
    """Print the mean over real worlds."""
    views = [view_of(sample_world(seed), size_wh) for seed in seeds]
    wall, busy = np.mean([least_ms(renderer, view) for view in views], axis=0)
    drawn, have = np.mean([triangles(renderer, view) for view in views], axis=0)
    print(
        f"{size_wh}: {wall:.2f} ms, of the processor {busy:.2f} ms; "
        f"{drawn:.0f} of {have:.0f} triangles"
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    used = time.process_time()
    made = GlRenderer()
    with gl_context() as context:
        print(f"{context.info['GL_RENDERER']}, up in {time.process_time() - used:.2f} s")
    report(made, (448, 448), SEEDS)
    report(made, (1280, 720), SEEDS[:8])
