"""Milliseconds of compositor and lens, by hand: python tests/benchmarks/bench_compositor.py."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from drivegrid.scenes.body_batch import gather
from drivegrid.scenes.body_light import shade_faces
from drivegrid.scenes.compositor import Compositor
from drivegrid.scenes.ground_light import light_ground
from drivegrid.scenes.lens import TIMES, WEATHERS, expose, sample_lens
from drivegrid.scenes.render import view_of
from drivegrid.scenes.world import sample_world

SIZE_WH = (448, 448)
SCENES, ROUNDS = 16, 25


def least_ms(work: Callable[[], object]) -> float:
    """Return the least time of ``ROUNDS`` runs after one to warm up."""
    work()
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return 1000 * best


def main() -> None:
    """Print the mean over scenes of the least times."""
    cv2.setNumThreads(1)
    compositor = Compositor()
    views = [view_of(sample_world(seed), SIZE_WH) for seed in range(SCENES)]
    bodies = np.mean([len(view.bodies) for view in views])
    faces = [0 if (batch := gather(view)) is None else len(batch.corners) for view in views]
    draw = [least_ms(lambda v=view: compositor.draw(v)) for view in views]
    print(f"{SCENES} scenes at {SIZE_WH}: {bodies:.0f} bodies, {np.mean(faces):.0f} painted faces")
    print(
        f"draw    {np.mean(draw):6.2f} ms mean, {np.median(draw):.2f} median, {max(draw):.2f} most"
    )
    print(f"ground  {np.mean([least_ms(lambda v=v: light_ground(v)) for v in views]):6.2f} ms")
    print(f"gather  {np.mean([least_ms(lambda v=v: gather(v)) for v in views]):6.2f} ms")
    batches = [(view, batch) for view in views if (batch := gather(view)) is not None]
    shade = [least_ms(lambda v=v, b=b: shade_faces(v, b)) for v, b in batches]
    print(f"shade   {np.mean(shade):6.2f} ms")
    rng = np.random.default_rng(0)
    image = compositor.draw(views[0]).image
    shares = {"weather": (0.5, 0.25, 0.1, 0.07, 0.08), "time": (0.8, 0.1, 0.1)}
    lenses = [
        sample_lens(
            rng, rng.choice(WEATHERS, p=shares["weather"]), rng.choice(TIMES, p=shares["time"])
        )
        for _ in range(60)
    ]
    least = [least_ms(lambda x=x: expose(np.random.default_rng(1), image, x)) for x in lenses]
    print(f"lens    {np.mean(least):6.2f} ms mean over {len(lenses)} sampled lenses")


if __name__ == "__main__":
    main()
