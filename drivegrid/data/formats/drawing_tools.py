"""What annotation tools share: names and words that users choose, lines drawn either way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from functools import cache, lru_cache
from itertools import product

import numpy as np

from drivegrid.data.formats.lanes import LANE
from drivegrid.data.formats.losing import instance_losses, item_of
from drivegrid.data.formats.naming import Allowed, allowed_of, label_of_word
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import MAX_SIDE_PX, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, GeometryKind, Size
from drivegrid.labels import default_label_space
from drivegrid.labels.space import spelling

_TOO_VAGUE = ("other", "unknown")
_LANE_ENDING = re.compile(r" (?:lane )?(?:line|lane|marking)s?$")


def meaning(name: str, kind: GeometryKind) -> tuple[str, dict[str, str]]:
    """Return the label that a class name means, and the attributes that it says too.

    A name that the taxonomy does not know stays the label. Of lines, words for how a lane line is
    painted name one.

    >>> meaning("Traffic Cone", "box"), meaning("white-dashed", "line")
    (('obstacle/cone', {}), ('lane/line', {'style': 'dashed', 'color': 'white'}))
    """
    label = label_of_word(name)
    if kind == "line" and label not in default_label_space().labels:
        painted = _lane_words().get(_LANE_ENDING.sub("", spelling(name)))
        if painted is not None:
            return LANE, dict(painted)
    return label, {}


@cache
def _lane_words() -> dict[str, dict[str, str]]:
    """Words for paint, "solid", "yellow", "solid yellow" and turned round, to attributes."""
    allowed = allowed_of(LANE)
    styles, colors = allowed["style"], allowed["color"]
    found: dict[str, dict[str, str]] = {}
    for style, color in product(("", *styles), ("", *colors)):
        said = {"style": style} if style else {}
        said |= {"color": color} if color else {}
        if not {style, color} & set(_TOO_VAGUE):
            found[spelling(f"{style} {color}")] = said
            found[spelling(f"{color} {style}")] = said
    del found[""]
    return found


def name_for(instance: Instance, original: object) -> tuple[str, dict[str, str]]:
    """Return the class name to write, and the attributes that it says.

    Args:
        instance: Any instance.
        original: The name it was read with, if it was; it is kept while it means the same.
    """
    if isinstance(original, str):
        label, said = meaning(original, instance.geometry.kind)
        if label == instance.label and said.items() <= instance.attributes.items():
            return original, said
    return instance.label, {}


def attribute_of_word(word: str, allowed: Allowed) -> tuple[str, str] | None:
    """Return the attribute and value that a word says: "color: yellow", or "yellow" alone.

    Alone, a value must belong to one attribute only.

    >>> attribute_of_word("partly_hidden", allowed_of("obstacle/cone"))
    ('visible_state', 'partly hidden')
    """
    name, colon, value = word.partition(": ")
    if colon:
        return (name, value) if value in allowed.get(name, ()) else None
    plain = spelling(word)
    having = [
        (name, value)
        for name, values in allowed.items()
        for value in values
        if _spelled(value) == plain and value not in _TOO_VAGUE
    ]
    return having[0] if len(having) == 1 else None


@lru_cache(maxsize=4096)
def _spelled(value: str) -> str:
    """Return the spelling of a value of the taxonomy, which is asked for again and again."""
    return spelling(value)


def attributes_of_words(words: Iterable[str], allowed: Allowed) -> dict[str, str]:
    """Return what words say of attributes; of two that contradict each other neither counts."""
    found: dict[str, set[str]] = {}
    for word in words:
        if said := attribute_of_word(word, allowed):
            found.setdefault(said[0], set()).add(said[1])
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def upward(label: str, points: FloatArray) -> FloatArray:
    """Return the (N, 2) points of a line; a lane line drawn from top to bottom is turned round."""
    if label == LANE and len(points) and points[0, 1] < points[-1, 1]:
        return points[::-1]
    return points


def checked_size(width: object, height: object) -> Size:
    """Return the size of a frame that a file says.

    Raises:
        FormatError: If the sides are no whole numbers from 1 to ``MAX_SIDE_PX``.
    """
    sides = (width, height)
    if not all(type(side) is int and 1 <= side <= MAX_SIDE_PX for side in sides):
        raise FormatError(
            f"size must be two whole numbers from 1 to {MAX_SIDE_PX}, got {sides!r:.100}.",
            item="size",
        )
    return sides  # type: ignore[return-value]


def shape_losses(
    scene: Scene, index: int, held: Set[str], also: Set[str] = frozenset()
) -> list[Loss]:
    """Return what a tool does not hold of an instance; ``source`` counts unless in ``also``."""
    losses = instance_losses(scene, index, held, also)
    instance = scene.instances[index]
    if instance.source != "label" and "source" not in also:
        message = "source left out"
        losses.append(Loss(scene.frame.image, message, item_of(index, instance)))
    return losses


def ellipse_ring(
    center: FloatArray, radii: FloatArray | tuple[float, float], degrees: float = 0
) -> FloatArray:
    """Return (64, 2) points of an ellipse, turned clockwise as seen, in pixels."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ring = np.stack([radii[0] * np.cos(angles), radii[1] * np.sin(angles)], axis=1)
    return center + turned(ring, degrees)


def turned(points: FloatArray, degrees: float) -> FloatArray:
    """Return (N, 2) points turned about the origin, clockwise as seen (y points down)."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    around: FloatArray = points @ np.array([[cosine, sine], [-sine, cosine]])
    return around
