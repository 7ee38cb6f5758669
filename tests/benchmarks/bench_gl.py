"""Milliseconds a draw of the OpenGL renderer: python -m tests.benchmarks.bench_gl."""

import time

import cv2

from drivegrid.scenes.gl import GlRenderer
from drivegrid.scenes.gl.context import gl_context
from tests.scenes.sample_view import DAY, NIGHT, SAMPLE_MODELS, sample_view


def least_ms(draw, number: int = 60) -> tuple[float, float]:
    """Return the least wall and processor time: what a quiet machine needs."""
    wall, busy = [], []
    for _ in range(number):
        start, used = time.perf_counter(), time.process_time()
        draw()
        wall.append(time.perf_counter() - start)
        busy.append(time.process_time() - used)
    return min(wall) * 1e3, min(busy) * 1e3


if __name__ == "__main__":
    cv2.setNumThreads(1)
    renderer = GlRenderer(SAMPLE_MODELS)
    print(gl_context().info["GL_RENDERER"])
    for size_wh in ((448, 448), (1280, 720)):
        for name, light, wet in (("day", DAY, 0), ("night", NIGHT, 0), ("rain", DAY, 120)):
            view = sample_view(size_wh, light=light, wet=wet)
            wall, busy = least_ms(lambda view=view: renderer.draw(view))
            print(f"{size_wh} {name}: {wall:.2f} ms, of the processor {busy:.2f} ms")
