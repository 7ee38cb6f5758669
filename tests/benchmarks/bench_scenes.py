"""How fast scenes are made, labels and lens included, by stage: one process, one thread.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_scenes.py [scenes] [WxH] [gl|cv]

Of each scene the least of five runs counts, meshes and textures warm.
"""

import os
import sys
import time

os.environ.setdefault("LP_NUM_THREADS", "0")

import cv2
import numpy as np

from drivegrid.scenes.compositor import Compositor
from drivegrid.scenes.gl.renderer import GlRenderer
from drivegrid.scenes.labels import Seen, label_world, union_boxes
from drivegrid.scenes.lens import expose
from drivegrid.scenes.meshes import CATALOGUE
from drivegrid.scenes.render import view_of
from drivegrid.scenes.seeds import FIRST_TRAIN_SEED
from drivegrid.scenes.silhouettes import ground_areas, paint_outlines, trace_outlines
from drivegrid.scenes.world import sample_world

STAGES = ("world", "plate", "outlines", "labels", "draw", "lens")


def run(seed, size, renderer):
    """Return seconds of each stage."""
    marks = [time.perf_counter()]

    def tick():
        marks.append(time.perf_counter())

    world = sample_world(seed)
    tick()
    view = view_of(world, size)
    tick()
    outlines = trace_outlines(view.camera, world.road.alignment, view.bodies)
    segments, instances = view.plate.segments.copy(), view.plate.instances.copy()
    areas = ground_areas(view.plate.instances, world.first_id - 1)
    areas |= paint_outlines(outlines, segments, instances)
    tick()
    label_world(world, Seen(view.camera, segments, instances, areas, *union_boxes(outlines, size)))
    tick()
    picture = renderer.draw(view)
    tick()
    expose(np.random.default_rng([seed, 3]), picture.image, world.lens)
    tick()
    return np.diff(marks)


def main():
    cv2.setNumThreads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    size = tuple(map(int, sys.argv[2].split("x"))) if len(sys.argv) > 2 else (448, 448)
    kinds = {"gl": GlRenderer, "cv": Compositor}
    chosen = sys.argv[3:] or list(kinds)
    seeds = range(FIRST_TRAIN_SEED, FIRST_TRAIN_SEED + count)
    bodies = [body for seed in seeds for body in sample_world(seed).bodies]
    triangles = sum(CATALOGUE[body.mesh].num_triangles for body in bodies)
    print(f"{len(bodies) / count:.0f} bodies, {triangles / count:.0f} triangles a scene")
    for kind in chosen:
        renderer = kinds[kind]()
        best = np.min([[run(seed, size, renderer) for seed in seeds] for _ in range(5)], axis=0)
        mean = best.mean(axis=0) * 1e3
        stages = ", ".join(f"{name} {ms:.2f}" for name, ms in zip(STAGES, mean, strict=True))
        print(f"{kind} {size[0]} x {size[1]}: {1e3 / mean.sum():.0f} scenes/s; ms: {stages}")


if __name__ == "__main__":
    main()
