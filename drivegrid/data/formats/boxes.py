"""What box formats share: which instances are boxes, what a class says, words for visibility."""

from __future__ import annotations

from collections.abc import Mapping

from drivegrid.data.formats.losing import item_of
from drivegrid.data.formats.naming import allowed_of, label_of_word
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene


def allowed_only(label: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that the taxonomy has for a label, with a value it knows.

    >>> allowed_only("obstacle/cone", {"visible_state": "cut off", "limit": "50"})
    {'visible_state': 'cut off'}
    """
    known = allowed_of(label)
    return {name: value for name, value in attributes.items() if value in known.get(name, ())}


def left_out(scene: Scene, index: int, why: str) -> Loss:
    """Return the loss of a whole instance."""
    instance = scene.instances[index]
    message = f"{instance.label} ({instance.geometry.kind}) left out: {why}"
    return Loss(scene.frame.image, message, item_of(index, instance))


def coarser(scene: Scene, index: int, path: str, name: str) -> list[Loss]:
    """Return the loss of an instance whose class name stands for a label above its own."""
    instance = scene.instances[index]
    if path == instance.label:
        return []
    message = f"{instance.label} written as {name}"
    return [Loss(scene.frame.image, message, item_of(index, instance))]


def word_for(instance: Instance, original: object) -> str:
    """Return the class name of a format where names are free.

    Args:
        instance: Any instance.
        original: The name it was read with, if it was; it holds while it means the same label.
    """
    if isinstance(original, str) and label_of_word(original) == instance.label:
        return original
    return instance.label


def plain_number(value: float) -> str:
    """Return the shortest text of a number, whole ones without a point.

    >>> plain_number(12.0), plain_number(0.1)
    ('12', '0.1')
    """
    return str(int(value)) if value.is_integer() else repr(value)
