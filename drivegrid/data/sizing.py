"""Sizes of frames whose labels and pictures do not say them, and how many were only assumed.

Lattice and tokens are shares of the frame: a wrong size moves every one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from drivegrid.data.checks import check_image_name
from drivegrid.data.formats.contract import Format, Source
from drivegrid.data.images import image_size
from drivegrid.data.scene import MAX_SIDE_PX, Instance, Scene
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Size, from_parts

ASSUMED = "assumed_size"
T = TypeVar("T")


def parse_size(text: str) -> Size:
    """Return the size that a command line says.

    Raises:
        ConfigError: If it is not WIDTHxHEIGHT, each 1 to ``MAX_SIDE_PX``.

    >>> parse_size("1280x720")
    (1280, 720)
    """
    width, _, height = text.lower().partition("x")
    if width.isdecimal() and height.isdecimal() and len(text) < 20:
        size = int(width), int(height)
        if 1 <= min(size) <= max(size) <= MAX_SIDE_PX:
            return size
    raise ConfigError(
        f"size must be WIDTHxHEIGHT, each 1 to {MAX_SIDE_PX}, got {text!r:.50}. "
        "For example 1280x720."
    )


def with_sizes(known: Format, root: Path | None, size_wh: Size | None) -> Format:
    """Return a format that knows more of the sizes of frames than its labels.

    Args:
        known: How the labels are read.
        root: Folder of the pictures, where they do not lie beside the labels.
        size_wh: Size of frames without a picture.
    """
    if root is None and size_wh is None:
        return known
    told = f"root {root}, size {size_wh}"
    return replace(known, open=partial(_open, known, root, size_wh), reading=told)


def _open(known: Format, root: Path | None, size_wh: Size | None, path: Path) -> Source:
    source = known.open(path)
    parse = partial(_parse, source.parse, root, size_wh, known.shares)
    return replace(source, parse=parse)


def _parse(parse: Any, root: Path | None, size_wh: Size | None, shares: bool, entry: Any) -> Scene:
    scene: Scene = parse(entry)
    if scene.extra.get(ASSUMED) is not True:
        return scene
    picture = None if root is None else root / check_image_name(scene.frame.image.lstrip("/"))
    found = image_size(picture) if picture is not None and picture.is_file() else size_wh
    if found is None:
        return scene
    factor = np.divide(found, scene.frame.size_wh)
    instances = [_grown(i, factor) for i in scene.instances] if shares else scene.instances
    extra = {name: value for name, value in scene.extra.items() if name != ASSUMED}
    return Scene(replace(scene.frame, size_wh=found), tuple(instances), extra)


def _grown(instance: Instance, factor: np.ndarray[Any, Any]) -> Instance:
    parts = tuple(part * factor for part in instance.geometry.parts())
    return replace(instance, geometry=from_parts(instance.geometry.kind, parts))


@dataclass(slots=True)
class AssumedSizes:
    """Counts the frames whose size a reader had to assume.

    Args:
        counts: Size to frames.

    >>> sizes = AssumedSizes(Counter({(1640, 590): 2}))
    >>> sizes.warning()
    'size of 2 frames is assumed, 1640x590: no picture stands beside the labels'
    """

    counts: Counter[Size] = field(default_factory=Counter)

    def watch(self, found: Iterable[T]) -> Iterator[T]:
        """Pass scenes on and count."""
        for one in found:
            if isinstance(one, Scene):
                self.see(one)
            yield one

    def see(self, scene: Scene) -> None:
        """Count one scene."""
        if scene.extra.get(ASSUMED) is True:
            self.counts[scene.frame.size_wh] += 1

    def warning(self) -> str:
        """Return what people should know; empty if no size was assumed."""
        total = self.counts.total()
        shown = ", ".join("{}x{}".format(*size) for size, _ in self.counts.most_common(3))
        frames = "1 frame" if total == 1 else f"{total} frames"
        told = f"size of {frames} is assumed, {shown}: no picture stands beside the labels"
        return told if total else ""


def check_root(root: Path | None) -> None:
    """Refuse a folder of pictures that is not there.

    Raises:
        FormatError: If it is no folder.
    """
    if root is not None and not root.is_dir():
        raise FormatError("folder of the pictures must exist, got no such folder.", root)
