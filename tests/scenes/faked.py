"""A renderer small and fast enough for tests of what stands around renderers."""

import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box

FAILING, DYING = 13, 17


@dataclass(frozen=True, slots=True)
class RenderedScene:
    """Like the real one, whose module takes seconds to load in every worker."""

    image: np.ndarray
    scene: Scene
    segments: np.ndarray
    instances: np.ndarray


def render(seed: int, size_wh: tuple[int, int]) -> RenderedScene:
    """Noise of the seed, a box, and in ``extra`` who rendered it under which settings."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    segments = rng.integers(0, 256, (height, width), dtype=np.uint8)
    instances = rng.integers(0, 2**16, (height, width), dtype=np.uint16)
    car = Instance("object/vehicle/car", Box((1.0, 2.0, width / 2, height / 2)))
    attributes = {"time": "day" if seed % 2 else "night", "surface": "dry"}
    names = ("OMP_NUM_THREADS", "LP_NUM_THREADS")
    extra = {"seed": seed, "template": "faked", "pid": os.getpid()} | {
        name: os.environ.get(name) for name in names
    }
    scene = Scene(Frame("", size_wh, attributes), (car,), extra)
    return RenderedScene(image, scene, segments, instances)


def render_or_fail(seed: int, size_wh: tuple[int, int]) -> RenderedScene:
    if seed == FAILING:
        raise ValueError("no such road")
    return render(seed, size_wh)


def render_or_die(seed: int, size_wh: tuple[int, int]) -> RenderedScene:
    if seed == DYING:
        os.kill(os.getpid(), signal.SIGKILL)
    return render(seed, size_wh)


def render_unevenly(seed: int, size_wh: tuple[int, int]) -> RenderedScene:
    time.sleep(0.02 * (seed % 3 == 0))
    return render(seed, size_wh)


def render_many_labels(seed: int, size_wh: tuple[int, int]) -> RenderedScene:
    """Labels of more bytes than a pipe holds."""
    rendered = render(seed, size_wh)
    extra = dict(rendered.scene.extra) | {"long": "x" * 1_000_000}
    return replace(rendered, scene=replace(rendered.scene, extra=extra))


def render_really(seed: int, size_wh: tuple[int, int], faces=None):
    """A real scene, by the renderer that starts quickly."""
    from drivegrid.scenes.compositor import Compositor
    from drivegrid.scenes.faces import face_image
    from drivegrid.scenes.render import render_scene

    return render_scene(seed, size_wh, Compositor(faces or face_image))
