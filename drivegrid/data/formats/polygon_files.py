"""What Cityscapes and Mapillary Vistas share: a JSON file a frame, a list of labelled polygons.

``{"<width>": w, "<height>": h, "objects": [{"label": "car", "polygon": [[x, y], ...]}, ...]}``;
later objects lie over earlier ones, so their order is kept. Coordinates are kept as they are
written, as continuous pixels, wherever they lie.

What a scene cannot say stays in ``extra[<format>]``. Of the frame: other keys (``rest``),
objects that are no instances with their place in the list (``dropped``), the file's name
(``file``) where the picture's name does not give it. Of an instance: its ``class`` and other keys
(``rest``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from drivegrid.data.checks import check_image_name
from drivegrid.data.fields import as_kind, field, own_extra, points, put_back
from drivegrid.data.files import atomic_folder, parse_json, read_whole, walk_files
from drivegrid.data.formats.frame_files import write_frame_file
from drivegrid.data.formats.holding import write_each
from drivegrid.data.formats.losing import frame_losses, instance_losses, item_of
from drivegrid.data.formats.naming import ClassName, class_of, label_of
from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.scene import MAX_SIDE_PX, Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, Polygon
from drivegrid.labels.mapping import DroppedLabel

MAX_BYTES = 2**26
"""Largest file of one frame."""
IMAGE_KEY = "drivegrid_image"
"""Says the picture's name where the file's does not give it; other readers pass it over."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one data set writes and names its files.

    Args:
        name: Name of the format.
        source: Name of its map in the taxonomy.
        width: Key of the picture's width.
        height: Key of its height.
        image_of: Name of a file to that of its picture, both relative to the root.
        file_of: The other way.
        is_file: Whether a name is that of a file with labels.
        clip_of: Name of a file to the clip it belongs to.
        stand_ins: Labels that have no class here, nor any above them, to the class that the data
            set's own rules give such things.
    """

    name: str
    source: str
    width: str
    height: str
    image_of: Callable[[str], str]
    file_of: Callable[[str], str]
    is_file: Callable[[str], bool]
    clip_of: Callable[[str], str | None]
    stand_ins: Mapping[str, str]


def parse_file(root: Path, dialect: Dialect, file: str) -> Scene:
    """Return the scene of one file.

    Raises:
        FormatError: If anything in it is wrong; names the object.
    """
    try:
        record = as_kind(parse_json(read_whole(root / file, MAX_BYTES)), dict, "frame")
        return _scene(record, dialect, file)
    except FormatError as error:
        raise error.at(root / file) from error


def _scene(record: dict[str, Any], dialect: Dialect, file: str) -> Scene:
    size = _side(record, dialect.width), _side(record, dialect.height)
    instances: list[Instance] = []
    dropped: list[list[Any]] = []
    for place, value in enumerate(field(record, "objects", list)):
        instance = _instance(value, dialect, f"object {place}")
        if instance is None:
            dropped.append([place, value])
        else:
            instances.append(instance)
    own = {dialect.width, dialect.height, "objects", IMAGE_KEY}
    extra: dict[str, Any] = {}
    if rest := {key: value for key, value in record.items() if key not in own}:
        extra["rest"] = rest
    if dropped:
        extra["dropped"] = dropped
    image = check_image_name(record.get(IMAGE_KEY, dialect.image_of(file)))
    if dialect.file_of(image) != file:
        extra["file"] = file
    frame = Frame(image, size, clip=dialect.clip_of(file))
    return Scene(frame, tuple(instances), {dialect.name: extra} if extra else {})


def _side(record: Mapping[str, Any], key: str) -> int:
    side = field(record, key, int)
    if not 1 <= side <= MAX_SIDE_PX:
        raise FormatError(f"{key} must be 1 to {MAX_SIDE_PX}, got {side!s:.50}.", item=key)
    return side


def _instance(value: object, dialect: Dialect, item: str) -> Instance | None:
    """Return the instance of an object, None where it is deleted or has no label."""
    known = as_kind(value, dict, item)
    name = field(known, "label", str, item)
    ring = points(known.get("polygon"), f"{item} ({name:.50}), polygon")
    label = label_of(dialect.source, name)
    if known.get("deleted") or isinstance(label, DroppedLabel):
        return None
    extra: dict[str, Any] = {"class": name}
    if rest := {key: held for key, held in known.items() if key not in ("label", "polygon")}:
        extra["rest"] = rest
    return Instance(label.path, Polygon((ring,)), label.attributes, extra={dialect.name: extra})


def walk_labels(root: Path, dialect: Dialect) -> Iterator[str | FormatError]:
    """Yield the name of every label file below a folder.

    Raises:
        FormatError: At the end, if there was none.
    """
    found = False
    for file in walk_files(root):
        if isinstance(file, FormatError):
            yield file
        elif dialect.is_file(name := file.relative_to(root).as_posix()):
            found = True
            try:
                yield check_image_name(name)
            except FormatError as error:
                yield error.at(file)
    if not found:
        raise FormatError(f"folder must hold polygons of {dialect.name}, got none.", root)


def save_files(scenes: Iterable[Scene], path: Path, dialect: Dialect) -> Saved:
    """Write a file for each frame into a folder, which appears whole or not at all."""
    saved = Saved()
    with atomic_folder(path) as work:
        taken: set[Path] = set()

        def write(scene: Scene) -> list[Loss]:
            file, record, losses = _record(scene, dialect)
            write_frame_file(work, file, json.dumps(record).encode(), taken)
            return losses

        write_each(scenes, write, path, saved)
    return saved


def _record(scene: Scene, dialect: Dialect) -> tuple[str, dict[str, Any], list[Loss]]:
    """Return the name and the content of a frame's file, and what was lost."""
    image, where = check_image_name(scene.frame.image), f"extra {dialect.name}"
    extra = own_extra(scene, dialect.name)
    file = check_image_name(extra.get("file", dialect.file_of(image)))
    if not dialect.is_file(file):
        raise FormatError(f"file must be one of {dialect.name}, got {file!r:.200}.", item="file")
    objects: list[Any] = []
    losses = frame_losses(scene, dialect.name, dialect.clip_of(file))
    for index, instance in enumerate(scene.instances):
        made, says, lost = _objects(instance, dialect)
        objects += made
        item = item_of(index, instance)
        losses += [Loss(scene.frame.image, message, item) for message in lost]
        losses += instance_losses(scene, index, says) if made else []
    dropped = extra.get("dropped", [])
    put_back(objects, dropped, f"{where}, dropped")
    for _, value in dropped:
        _instance(value, dialect, f"{where}, dropped")
    rest = as_kind(extra.get("rest", {}), dict, f"{where}, rest")
    record = {key: value for key, value in rest.items() if key != IMAGE_KEY} | {
        dialect.width: scene.frame.size_wh[0],
        dialect.height: scene.frame.size_wh[1],
        "objects": objects,
    }
    if dialect.image_of(file) != image:
        record[IMAGE_KEY] = image
    return file, record, losses


def _objects(
    instance: Instance, dialect: Dialect
) -> tuple[list[dict[str, Any]], Set[str], list[str]]:
    """Return an instance's objects, one a part, the attributes they say, and what was lost."""
    if not isinstance(instance.geometry, Polygon):
        return [], set(), [f"{instance.label} ({instance.geometry.kind}) left out"]
    where = f"extra {dialect.name}"
    extra = own_extra(instance, dialect.name)
    rest = as_kind(extra.get("rest", {}), dict, f"{where}, rest")
    if rest.get("deleted"):
        raise FormatError("instance must not be deleted, got one that is.", item=where)
    known = class_of(dialect.source, instance, extra.get("class"))
    known = known or _stand_in(dialect, instance.label)
    if known is None:
        return [], set(), [f"{instance.label} left out: there is no such class"]
    shells, num_holes = _shells(instance.geometry)
    lost = [] if known.path == instance.label else [f"{instance.label} written as {known.name}"]
    lost += ["hole left out: the polygon covers it"] * num_holes
    lost += ["part becomes an object of its own"] * (len(shells) - 1)
    lost += ["polygon left out: it has no rings"] * (not shells)
    rings = [[list(map(_number, xy)) for xy in ring.tolist()] for ring in shells]
    return [rest | {"label": known.name, "polygon": ring} for ring in rings], known.says, lost


def _stand_in(dialect: Dialect, label: str) -> ClassName | None:
    """Return the class that stands for a label or the nearest one above it."""
    path = label
    while path and path not in dialect.stand_ins:
        path = path.rpartition("/")[0]
    return ClassName(dialect.stand_ins[path], "", frozenset()) if path else None


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _shells(polygon: Polygon) -> tuple[list[FloatArray], int]:
    """Return the rings that are no holes, and how many are: those inside an odd number of rings."""
    areas = [
        shapely.Polygon(ring) if len(ring) > 2 else shapely.Polygon() for ring in polygon.rings
    ]
    shells = []
    for place, ring in enumerate(polygon.rings):
        middles = (ring + np.roll(ring, -1, axis=0)) / 2  # corners may touch the ring around
        others = (area for other, area in enumerate(areas) if other != place)
        inside = (np.sum(shapely.contains_xy(area, middles)) for area in others)
        if sum(count > len(ring) / 2 for count in inside) % 2 == 0:
            shells.append(ring)
    return shells, len(polygon.rings) - len(shells)
