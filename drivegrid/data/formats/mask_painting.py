"""Class masks out: polygons painted over each other, and the lists beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from drivegrid.data.checks import check_image_name
from drivegrid.data.fields import as_kind, field, own_extra
from drivegrid.data.files import atomic_folder, write_lines
from drivegrid.data.formats.frame_files import write_frame_file
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.losing import frame_losses, instance_losses, item_of
from drivegrid.data.formats.mask_classes import (
    MAX_COLOR,
    MAX_VALUE,
    VOID,
    ClassList,
    ClassTable,
    clip_of,
    label_of_class,
)
from drivegrid.data.formats.naming import ClassName
from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.rasters import mask_shape, outline_classes, paint, rle_decode
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Polygon
from drivegrid.labels.mapping import MappedLabel

FRAMES_NAME = "frames.txt"
LIST_NAME = "classes.txt"
CHANGED = "shape changed: a mask keeps whole pixels, the uppermost only, touching ones as one"
_UNPAINTED = -1


def save_masks(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a mask (PNG) for each frame, the class list and the list of frames, into a folder.

    Polygons are painted in the order of the scene, later ones over earlier ones; a pixel belongs
    to a polygon if its centre does. What none covers is ``Void``, or what it was in the mask that
    the frame was read from. A class keeps the name and value it was read with; others are called
    by their label and numbered from 1. Whether masks hold numbers or colours follows the first
    frame; numbers above 255 take 16 bits.

    Args:
        scenes: Any scenes; only polygons can be held.
        path: The folder; it must be new or empty, and appears whole or not at all.

    Returns:
        What could not be held: reading gives back other shapes where polygons overlap, touch
        another of their class, leave the image or run between pixels. Set aside: frames without
        a usable image name, or too large.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    root, saved, table = Path(path), Saved(), ClassTable()
    with atomic_folder(root) as work:
        taken = {work / LIST_NAME, work / FRAMES_NAME}

        def write(scene: Scene) -> tuple[str, list[Loss]]:
            image, mask = _names(scene)
            values, losses = _painted(scene, table)
            write_frame_file(work, mask, _encoded(values, bool(table.colors)), taken)
            return f"{image}\t{mask}", losses

        listed = list(held(scenes, write, root, saved))
        write_lines(work / LIST_NAME, table.lines())
        write_lines(work / FRAMES_NAME, listed)
    return saved


def _names(scene: Scene) -> tuple[str, str]:
    """Return the names of picture and mask."""
    image = check_image_name(scene.frame.image)
    place = PurePosixPath(image)
    folder = place.parent.parent / f"{place.parent.name}annot"
    usual = str(folder / f"{place.stem}.png")
    mask = check_image_name(own_extra(scene, "masks").get("mask", usual))
    if not mask.endswith(".png"):
        raise FormatError(f"mask must be a PNG file, got {mask!r:.200}.", item="mask")
    if image[0] in " \ufeff":
        raise FormatError(f"image name must begin with a letter, got {image!r:.200}.")
    return image, mask


def _classes(own: Mapping[str, Any]) -> ClassList:
    """Return the class list that a frame was read with, empty if it was not."""
    colors = field(own, "colors", bool, "extra masks") if "classes" in own else False
    classes = as_kind(own.get("classes", {}), dict, "extra masks, classes")
    for name, value in classes.items():
        if not 0 <= as_kind(value, int, f"value of {name}") <= (MAX_COLOR if colors else MAX_VALUE):
            raise FormatError(f"value must be one of a mask, got {value}.", item=f"class {name}")
    return ClassList(classes, colors)


def _painted(scene: Scene, table: ClassTable) -> tuple[npt.NDArray[np.int32], list[Loss]]:
    """Return (H, W) pixel values, and what was lost."""
    own, size = own_extra(scene, "masks"), scene.frame.size_wh
    values = np.full(mask_shape(size), _UNPAINTED, np.int32)
    dropped = as_kind(own.get("dropped", {}), dict, "extra masks, dropped")
    where = {
        name: rle_decode(as_kind(runs, str, "extra masks, dropped"), size)
        for name, runs in dropped.items()
    }
    classes = _classes(own)
    if classes.values:
        table.adopt(classes)
    if "background" in own:
        values[:] = table.value(field(own, "background", str, "extra masks"))
    for name, pixels in where.items():
        values[pixels] = table.value(name)
    losses = frame_losses(scene, "masks", clip_of(scene.frame.image))
    painted: list[tuple[int, int]] = []
    for index, instance in enumerate(scene.instances):
        known, lost = _class_of(instance)
        if known is None or not isinstance(instance.geometry, Polygon):
            losses.append(Loss(scene.frame.image, lost, item_of(index, instance)))
            continue
        losses += instance_losses(scene, index, known.says)
        value = table.value(known.name)
        paint(values, instance.geometry, value)
        painted.append((index, value))
    losses += _shape_losses(scene, values, painted)
    if (values == _UNPAINTED).any():
        values[values == _UNPAINTED] = table.value(VOID, 0)
    return values, losses


def _class_of(instance: Instance) -> tuple[ClassName | None, str]:
    """Return what masks call an instance, or None and why they cannot hold it."""
    if not isinstance(instance.geometry, Polygon):
        return None, f"{instance.label} ({instance.geometry.kind}) left out"
    own = own_extra(instance, "masks")
    for name in (as_kind(own.get("class", ""), str, "class"), instance.label):
        label = label_of_class(name)
        if isinstance(label, MappedLabel) and label.path == instance.label:
            if label.attributes.items() <= instance.attributes.items():
                return ClassName(name, label.path, frozenset(label.attributes)), ""
    return None, f"{instance.label} left out: as a class it would mean something else"


def _shape_losses(
    scene: Scene, values: npt.NDArray[np.int32], painted: list[tuple[int, int]]
) -> list[Loss]:
    """Return the instances that reading would not find as they are."""
    used = np.isin(values, [value for _, value in painted])
    found = set(outline_classes(np.where(used, values + 1, 0)))  # 0 would be background
    return [
        Loss(scene.frame.image, CHANGED, item_of(index, scene.instances[index]))
        for index, value in painted
        if (value + 1, scene.instances[index].geometry) not in found
    ]


def _encoded(values: npt.NDArray[np.int32], colors: bool) -> bytes:
    """Return the PNG file of pixel values."""
    if colors:
        shifts = np.array([16, 8, 0], np.int32)
        pixels: npt.NDArray[Any] = (values[..., None] >> shifts & 255).astype(np.uint8)
    else:
        pixels = values.astype(np.uint8 if values.max() < 256 else np.uint16)
    encoded = BytesIO()
    Image.fromarray(pixels).save(encoded, format="PNG")
    return encoded.getvalue()
