"""Endless scenes from one process or many.

    parent  --(seed)-->  worker  --(labels; pixels in shared memory)-->  parent  --> in seed order

Worker ``k`` of ``n`` renders the seeds ``first + k``, ``first + k + n``, ... and the parent takes
from the workers in turn, so the order never depends on who is faster. A worker renders only what
it was asked for, which bounds the look-ahead; it ends when its pipe does, however the parent ended.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from drivegrid.errors import ConfigError, DriveGridError
from drivegrid.geometry import Size

if TYPE_CHECKING:
    from drivegrid.scenes.faces import FaceImage
    from drivegrid.scenes.render import RenderedScene

RenderFunction: TypeAlias = "Callable[..., RenderedScene]"
"""Seed and size (width, height) to a rendered scene; with workers, a function of a module."""

_WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LP_NUM_THREADS": "0"}
"""One thread for each worker. The last is Mesa's software rasteriser, which reads it once."""

_PLANES = ("instances", "image", "segments")
_NO_PIXELS: dict[str, Any] = dict.fromkeys(_PLANES, np.empty(0, dtype=np.uint8))
_PATIENCE_S = 5.0


def render_one(seed: int, size_wh: Size, faces: FaceImage | None = None) -> RenderedScene:
    """Render the scene of a seed with this process's renderer, with other faces if there are."""
    # Heavy, and only where scenes are made.
    from drivegrid.scenes.render import default_renderer, render_scene

    return render_scene(seed, size_wh, None if faces is None else default_renderer(faces))


def iter_scenes(
    seeds: Iterable[int], size_wh: Size, render: RenderFunction = render_one
) -> Iterator[RenderedScene]:
    """Yield the rendered scene of each seed, in order, rendered in this process."""
    for seed in seeds:
        yield render(seed, size_wh)


def stream_scenes(
    first_seed: int,
    size_wh: Size,
    workers: int = 0,
    *,
    ahead: int = 4,
    render: RenderFunction = render_one,
    faces: FaceImage | None = None,
) -> Generator[RenderedScene]:
    """Yield the scenes of ``first_seed``, ``first_seed + 1``, ... without end.

    Order and bytes are the same for any number of workers. To go on later, store the number of
    scenes taken and start at ``first_seed`` plus that. Closing the generator (``close()``, or
    dropping it) ends all workers. They are spawned: a script that uses them needs the usual
    ``if __name__ == "__main__":``.

    Args:
        first_seed: Any integer >= 0; training starts at ``seeds.FIRST_TRAIN_SEED``.
        size_wh: Width and height of the pictures in pixels.
        workers: Processes that render; 0 renders in this one, on demand.
        ahead: Pictures that each worker may finish before they are taken.
        render: What renders one seed; with workers, a function that can be pickled by its name.
        faces: What draws the pictures of signs, for example ``pack_faces.load_pack_faces()``;
            given to ``render`` by this name. None draws our own.

    Raises:
        ConfigError: If a number is out of range.
        DriveGridError: While iterating, if a scene cannot be rendered or a worker dies; names the
            seed. No worker is left then.
    """
    for name, value, least in (
        ("first_seed", first_seed, 0),
        ("width", size_wh[0], 1),
        ("height", size_wh[1], 1),
        ("workers", workers, 0),
        ("ahead", ahead, 1),
    ):
        if value < least:
            raise ConfigError(f"{name} must be >= {least}, got {value}.")
    if faces is not None:
        render = partial(render, faces=faces)
    if workers == 0:
        return _in_this_process(first_seed, size_wh, render)
    return _in_workers(range(first_seed, first_seed + workers), size_wh, ahead, render)


def _in_this_process(
    first_seed: int, size_wh: Size, render: RenderFunction
) -> Generator[RenderedScene]:
    for seed in count(first_seed):
        try:
            rendered = render(seed, size_wh)
        except Exception as error:
            raise _failure(seed, repr(error)) from error
        yield rendered


def _in_workers(
    first_seeds: range, size_wh: Size, ahead: int, render: RenderFunction
) -> Generator[RenderedScene]:
    step, crew = len(first_seeds), deque[_Worker]()
    try:
        for seed in first_seeds:
            crew.append(_Worker(range(seed, seed + ahead * step, step), size_wh, render))
        while True:
            yield crew[0].take()
            crew.rotate(-1)
    finally:
        for worker in crew:  # all are told before any is waited for
            worker.stop()
        for worker in crew:
            worker.join()


class _Worker:
    """One process and the ring of pictures it shares with this one.

    Args:
        seeds: What to render first, one seed for each slot of the ring; later seeds go on in
            the same steps.
    """

    def __init__(self, seeds: range, size_wh: Size, render: RenderFunction) -> None:
        context = get_context("spawn")
        # Anonymous memory, handed over at the start: no name is left behind, whatever happens.
        memory = context.RawArray("B", len(seeds) * _slot_type(size_wh).itemsize)
        self._ring = np.frombuffer(memory, dtype=_slot_type(size_wh))
        self._asked = deque(enumerate(seeds))
        self._step = seeds.step * len(seeds)
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, memory, size_wh, render)
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        with _environment(_WORKER_ENVIRONMENT):
            self._process.start()
        theirs.close()  # the worker has the only copy left: its death ends the pipe
        for request in self._asked:
            self._ask(request)

    def take(self) -> RenderedScene:
        """Return the oldest picture asked for and ask for one more in its place."""
        slot, seed = self._asked.popleft()
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(_PATIENCE_S)
            code = self._process.exitcode
            found = f"a worker that died with exit code {code}, see what it wrote to stderr"
            raise _failure(seed, found) from error
        if isinstance(answer, str):
            raise _failure(seed, answer)
        pixels = {name: self._ring[slot][name].copy() for name in _PLANES}
        rendered: RenderedScene = replace(answer, **pixels)
        self._asked.append((slot, seed + self._step))
        self._ask(self._asked[-1])
        return rendered

    def _ask(self, request: tuple[int, int]) -> None:
        try:
            self._pipe.send(request)
        except OSError:
            pass  # it died; what it finished is still in the pipe, and `take` names the seed

    def stop(self) -> None:
        self._process.terminate()
        self._pipe.close()

    def join(self) -> None:
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _work(pipe: Connection, memory: Any, size_wh: Size, render: RenderFunction) -> None:
    """Render what the pipe asks for until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    import cv2

    cv2.setNumThreads(0)
    ring = np.frombuffer(memory, dtype=_slot_type(size_wh))
    try:
        while True:
            slot, seed = pipe.recv()
            pipe.send(_render_into(ring[slot], seed, size_wh, render))
    except (EOFError, OSError):
        return  # the parent closed the pipe or is gone


def _render_into(
    slot: np.void, seed: int, size_wh: Size, render: RenderFunction
) -> RenderedScene | str:
    """Return the scene without its pixels, which go into the slot, or what went wrong."""
    try:
        rendered = render(seed, size_wh)
        for name in _PLANES:
            slot[name][:] = getattr(rendered, name)
    except Exception:
        return traceback.format_exc()
    return replace(rendered, **_NO_PIXELS)


def _slot_type(size_wh: Size) -> np.dtype[np.void]:
    """Return the layout of one picture in shared memory, fields named as in ``RenderedScene``."""
    shape = (size_wh[1], size_wh[0])
    layouts = (("u2", shape), ("u1", (*shape, 3)), ("u1", shape))
    planes = zip(_PLANES, layouts, strict=True)
    return np.dtype([(name, code, shape) for name, (code, shape) in planes])


def _failure(seed: int, found: str) -> DriveGridError:
    fix = f"Start at {seed + 1} to leave it out."
    return DriveGridError(f"scene must render, got {found.strip()} (seed {seed}). {fix}")


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for the processes started in the block: libraries read them on loading."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
