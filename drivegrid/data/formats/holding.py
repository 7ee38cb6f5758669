"""Scenes on their way out, one by one: held with what they lose, or set aside with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError, GeometryError

T = TypeVar("T")


def held(
    scenes: Iterable[Scene],
    hold: Callable[[Scene], tuple[T, list[Loss]]],
    path: Path,
    saved: Saved,
    *,
    in_detail: bool = False,
) -> Iterator[T]:
    """Yield what a format holds of each scene; read = held + set aside.

    Args:
        scenes: Any scenes, taken one by one.
        hold: Returns what is written of a scene and what that loses. FormatError or GeometryError
            sets the scene aside: nothing of it may be written then.
        path: Where they are written, for the reports.
        saved: Takes the counts, the losses and the scenes set aside.
        in_detail: Whether reports name, beside the scene, what in it is wrong.
    """
    for index, scene in enumerate(scenes):
        try:
            record, losses = hold(scene)
        except (FormatError, GeometryError) as error:
            message = error.message if isinstance(error, FormatError) else str(error)
            inside = error.item if in_detail and isinstance(error, FormatError) else None
            named = f"scene {index}" + (f" ({scene.frame.image:.200})" if scene.frame.image else "")
            item = f"{named}, {inside}" if inside else named
            saved.quarantine.reject(FormatError(message, path, item=item))
            continue
        saved.lose(losses)
        saved.quarantine.keep()
        yield record


def write_each(
    scenes: Iterable[Scene], write: Callable[[Scene], list[Loss]], path: Path, saved: Saved
) -> None:
    """Write scenes one by one; as ``held``, where writing happens on the way."""
    for _ in held(scenes, lambda scene: (None, write(scene)), path, saved):
        pass
