"""Frames shared among processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

FRAMES_PER_TASK = 32
"""Frames a process is handed at a time; fewer than that are not shared at all."""


def map_frames(function: Callable[[T], R], frames: Sequence[T], workers: int) -> list[R]:
    """Return the function of every frame, in order.

    Args:
        function: Of a module, or a ``functools.partial`` of one, so that processes can have it.
        frames: What it takes.
        workers: Processes that share the work; 1 does it here.
    """
    if workers < 2 or len(frames) <= FRAMES_PER_TASK:
        return [function(frame) for frame in frames]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return list(pool.map(function, frames, chunksize=FRAMES_PER_TASK))
