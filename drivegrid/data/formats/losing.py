"""What a format cannot hold of a frame or an instance."""

from __future__ import annotations

from collections.abc import Set

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


def frame_losses(scene: Scene, held: Set[str] = frozenset()) -> list[Loss]:
    """Return the frame attributes that a format does not hold.

    Args:
        scene: Any scene.
        held: Frame attributes that the format does hold.
    """
    image, names = scene.frame.image, scene.frame.attributes
    return [Loss(image, f"frame attribute {name} left out") for name in names if name not in held]


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
    item = item_of(index, instance)
    return [Loss(scene.frame.image, f"{what} left out", item) for what in lost]
