"""What a format cannot hold of a frame or an instance."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from drivegrid.data.fields import as_kind, field
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.geometry import Size


def item_of(index: int, instance: Instance) -> str:
    """Return how reports name an instance.

    >>> from drivegrid.geometry import Point
    >>> item_of(3, Instance("obstacle/cone", Point([1, 2])))
    'instance 3 (obstacle/cone)'
    """
    return f"instance {index} ({instance.label})"


UNREAD = "unread"
"""Name in a scene's ``extra`` of what a reader saw and could make no instance of."""


def unread(written: str, found: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the part of a scene's ``extra`` that says what its reader could not make use of.

    The format it was read from writes it back; all others lose it, and ``validate`` finds it.

    Args:
        written: The format's name.
        found: Which piece of the frame, and what it is, equal for equal causes.

    >>> unread("coco", [("annotation 7", "annotation without a category")])
    {'unread': {'format': 'coco', 'found': [['annotation 7', 'annotation without a category']]}}
    >>> unread("coco", [])
    {}
    """
    return {UNREAD: {"format": written, "found": [list(pair) for pair in found]}} if found else {}


def unread_in(scene: Scene) -> tuple[str, list[tuple[str, str]]]:
    """Return the format and the pieces that ``unread`` noted; no format where it noted none.

    Raises:
        FormatError: If it is not what ``unread`` leaves.
    """
    if UNREAD not in scene.extra:
        return "", []
    noted = as_kind(scene.extra[UNREAD], dict, "extra unread")
    found = []
    for pair in field(noted, "found", list, "extra unread"):
        item, what = ([*as_kind(pair, list, "extra unread"), None, None])[:2]
        found.append((as_kind(item, str, "extra unread"), as_kind(what, str, "extra unread")))
    return field(noted, "format", str, "extra unread"), found


def frame_losses(
    scene: Scene, written: str, clip: str | None, held: Set[str] = frozenset()
) -> list[Loss]:
    """Return what a format does not hold of a frame: attributes, its clip, what was never read.

    Args:
        scene: Any scene.
        written: The format's name.
        clip: What the format's reader will take for the clip.
        held: Frame attributes that the format does hold.

    Raises:
        FormatError: If what a reader noted in ``extra`` is malformed.
    """
    frame = scene.frame
    lost = [f"frame attribute {name} left out" for name in frame.attributes if name not in held]
    if frame.clip is not None and frame.clip != clip:
        changed = "clip changed to what the image name says"
        lost.append("clip left out" if clip is None else changed)
    losses = [Loss(frame.image, message) for message in lost]
    source, found = unread_in(scene)
    if source != written:
        losses += [Loss(frame.image, f"{what} left out", item) for item, what in found]
    return losses


def size_losses(scene: Scene, default: Size) -> list[Loss]:
    """Return the size of a frame's picture, unless readers without the picture take the same.

    Args:
        scene: Any scene.
        default: The size that the format's reader assumes.
    """
    if scene.frame.size_wh == default:
        return []
    width, height = default
    message = f"image size left out: readers without the picture take {width}x{height}"
    return [Loss(scene.frame.image, message)]


def instance_losses(
    scene: Scene, index: int, held: Set[str] = frozenset(), also: Set[str] = frozenset()
) -> list[Loss]:
    """Return what a format does not hold of an instance beside its label and shape.

    Args:
        scene: Any scene.
        index: Which instance of it.
        held: Attributes that the format holds.
        also: What else it holds: ``confidence``, ``visibility``.
    """
    instance = scene.instances[index]
    lost = [f"attribute {name}" for name in instance.attributes if name not in held]
    for name in ("confidence", "visibility"):
        if getattr(instance, name) is not None and name not in also:
            lost.append(name)
    if not lost:
        return []
    item = item_of(index, instance)
    return [Loss(scene.frame.image, f"{what} left out", item) for what in lost]
