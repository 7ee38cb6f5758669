"""A picture with the masks of what it shows: what mask tokenizers learn from and are judged on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from drivegrid.data.images import Picture
from drivegrid.data.scene import Scene
from drivegrid.errors import GeometryError
from drivegrid.geometry import BoolArray, Polygon, Size
from drivegrid.masks.drawing import draw_mask, meets_image
from drivegrid.masks.packed import PackedMasks

CLASSES = {
    "area/drivable": "road",
    "region/vegetation": "vegetation",
    "obstacle/pole": "pole",
    "sign": "sign",
    "light": "sign",
    "obstacle": "obstacle",
    "object": "obstacle",
    "region/sky": "scenery",
    "region/building": "scenery",
    "area": "scenery",
    "region": "region",
    "lane": "region",
}
"""Label, or the beginning of one, to the class under which masks are reported; the first counts.

``region`` is what has neither box nor line: puddles, patches, snow, arrows and crosswalks.
"""


def class_of(label: str) -> str:
    """Return the class of a label.

    >>> class_of("obstacle/pole"), class_of("obstacle/cone"), class_of("goat")
    ('pole', 'obstacle', 'region')
    """
    fitting = (name for path, name in CLASSES.items() if f"{label}/".startswith(f"{path}/"))
    return next(fitting, "region")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledMasks:
    """A picture and masks of its size.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (N,) taxonomy paths.
        masks: N of the picture's size, none empty; they may overlap.

    Raises:
        GeometryError: If sizes or counts differ.
    """

    image: Picture
    labels: tuple[str, ...]
    masks: PackedMasks

    def __post_init__(self) -> None:
        size = self.image.shape[1], self.image.shape[0]
        if self.masks.size_wh != size or len(self.masks) != len(self.labels):
            raise GeometryError(
                f"masks must be one for each of {len(self.labels)} labels and of the picture's "
                f"size {size}, got {len(self.masks)} of {self.masks.size_wh}."
            )

    @classmethod
    def of(cls, image: Picture, found: Iterable[tuple[str, BoolArray]]) -> LabelledMasks:
        """Pack labels and masks (H, W)."""
        pairs = list(found)
        masks = np.zeros((len(pairs), *image.shape[:2]), np.bool_)
        for i, (_, mask) in enumerate(pairs):
            masks[i] = mask
        return cls(image, tuple(label for label, _ in pairs), PackedMasks.pack(masks))

    @property
    def classes(self) -> list[str]:
        """(N,) class of each mask."""
        return [class_of(label) for label in self.labels]


def draw_labelled(image: Picture, scene: Scene, size_wh: Size) -> LabelledMasks:
    """Draw the polygons of a labelled frame as masks, and the frame itself, at a size.

    Instances of other kinds have no mask; polygons outside the frame show nothing.

    Args:
        image: (H, W, 3) uint8 RGB, the frame.
        scene: Its labels.
        size_wh: Of picture and masks; the frame is stretched over it.
    """
    shrinks = image.shape[1] >= size_wh[0]
    resized = cv2.resize(
        image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    found = [
        (instance.label, draw_mask(instance.geometry, scene.frame.size_wh, size_wh))
        for instance in scene.instances
        if isinstance(instance.geometry, Polygon)
        and meets_image(instance.geometry, scene.frame.size_wh)
    ]
    return LabelledMasks.of(resized.astype(np.uint8), found)


def by_class(classes: Sequence[str]) -> dict[str, list[int]]:
    """Return the places of each class among those of some masks.

    >>> by_class(["road", "sign", "road"])
    {'road': [0, 2], 'sign': [1]}
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(classes):
        places.setdefault(name, []).append(place)
    return places
