"""Mapillary Traffic Sign: ``annotations/x.json`` for ``images/x.jpg``, lists in ``splits``.

``{"width", "height", "ispano", "objects": [{"key", "label", "bbox": {"xmin", "ymin", "xmax",
"ymax"}, "properties": {...}}]}``. Numbers are continuous pixels. In a panorama a sign may cross the
seam: then xmin > xmax, and ``cross_boundary`` holds both parts. Such a box goes on beyond the right
edge here, from xmin to xmax + width. Source: the data set's README and Ertler et al. 2020.

What a scene cannot say stays in ``extra["mtsd"]``: of an instance all but its ``bbox``, and that
where the writer would put it in other words; of the scene ``ispano``, other keys, and the label's
``file`` where it is not named after the picture; of both the order of their ``keys`` where it is
not the usual one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import parse_json, read_whole
from drivegrid.data.formats.boxes import allowed_only, coarser, left_out
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.losing import frame_losses, instance_losses
from drivegrid.data.formats.naming import ClassName, class_implied, class_of, label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.twins import Twins, find_labels, label_heads
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import MAX_SIDE_PX, Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Size
from drivegrid.labels import DroppedLabel, default_label_space

MAPS = "mapillary_signs"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
STATES = ("out-of-frame", "ambiguous", "occluded")
"""Properties that lower the visible state, the first that is true wins."""
PROPERTIES = (
    "barrier", "occluded", "out-of-frame", "exterior", "ambiguous", "included",
    "direction-or-information-sign", "highway", "dummy",
)  # fmt: skip
FRAME_KEYS = ("width", "height", "ispano", "objects")
OBJECT_KEYS = ("key", "label", "bbox", "properties")
_WITH_LIMIT = {
    "sign/regulatory/speed_limit": "regulatory--maximum-speed-limit-{}",
    "sign/regulatory/end_speed_limit": "regulatory--end-of-maximum-speed-limit-{}",
    "sign/complementary/advisory_speed": "complementary--maximum-speed-limit-{}",
}
SPLIT_FOLDERS = ("train", "val", "test")
MAX_BYTES = 2**26
TWINS = Twins((("annotations", "images"),), ".json", ".jpg", lists="splits")


def open_mtsd(path: str | Path) -> Source:
    """Open annotations of the Mapillary Traffic Sign Dataset.

    Args:
        path: A folder with ``annotations`` folders in it, such a folder itself, any folder of such
            files; or a list, ``splits/train.txt``. Pictures are looked for in ``images``, in its
            folders ``train``, ``val`` and ``test``, then beside the annotation.

    Of the properties ``out-of-frame``, ``ambiguous`` and ``occluded`` the first that is true is the
    visible state; where all three are said to be false it is clear. A file with anything wrong is
    set aside whole.

    Raises:
        FormatError: If there are no annotation files.
    """
    root, files = find_labels(Path(path), TWINS, lambda _: False)
    return Source(files, partial(_parse, root), Place)


def load_mtsd(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_mtsd``."""
    return open_mtsd(path).load()


def recognise_mtsd(peek: Peek) -> str | None:
    """Return why a path holds Mapillary's traffic signs, None if it does not."""
    for look in label_heads(peek, TWINS):
        record = look.json
        if not isinstance(record, dict) or not {"width", "height", "objects"} <= record.keys():
            continue
        objects = record["objects"] if isinstance(record["objects"], list) else []
        boxes = [found.get("bbox") for found in objects if isinstance(found, dict)]
        if "ispano" in record or any(isinstance(box, dict) and "xmin" in box for box in boxes):
            return f"objects with bbox in {look.path.name}"
    return None


def _parse(root: Path, label: Path) -> Scene:
    try:
        record = fields.as_kind(parse_json(read_whole(label, MAX_BYTES)), dict, "file")
        size = _size(record)
        objects = fields.field(record, "objects", list)
        instances = tuple(_instance(found, size, f"object {i}") for i, found in enumerate(objects))
        image = _image(root, label)
    except FormatError as error:
        raise FormatError(error.message, label, item=error.item) from error
    extra = {
        key: value for key, value in record.items() if key not in ("width", "height", "objects")
    }
    if list(record) != list(_ordered(record, FRAME_KEYS)):
        extra["keys"] = list(record)
    beside = label.relative_to(root).as_posix()
    if beside != TWINS.label_name(image):
        extra["file"] = beside
    return Scene(Frame(image, size), instances, {"mtsd": extra})


def _size(record: Mapping[str, Any]) -> Size:
    width, height = (fields.field(record, side, int) for side in ("width", "height"))
    if not 1 <= min(width, height) <= max(width, height) <= MAX_SIDE_PX:
        raise FormatError(f"size must be 1 to {MAX_SIDE_PX}, got {width}x{height}.", item="size")
    return width, height


def _image(root: Path, label: Path) -> str:
    """Return the picture's name; those of a split may lie in a folder of their own."""
    image = PurePosixPath(TWINS.image_name(root, label))
    if not (root / image).is_file():
        for split in SPLIT_FOLDERS:
            inner = image.parent / split / image.name
            if (root / inner).is_file():
                return str(inner)
    return str(image)


def _instance(found: object, size: Size, item: str) -> Instance:
    record = fields.as_kind(found, dict, item)
    name = fields.field(record, "label", str, item)
    target = label_of(MAPS, name)
    path, implied = (
        (name, {}) if isinstance(target, DroppedLabel) else (target.path, target.attributes)
    )
    corners = fields.field(record, "bbox", dict, item)
    box = _box(corners, size, item)
    properties = fields.as_kind(record.get("properties", {}), dict, f"{item}, properties")
    attributes = dict(implied) | allowed_only(path, _visible_state(properties))
    own: dict[str, Any] = {key: value for key, value in record.items() if key != "bbox"}
    if list(record) != list(_ordered(record, OBJECT_KEYS)):
        own["keys"] = list(record)
    if json.dumps(corners) != json.dumps(_corners(box, size)):
        own["bbox"] = corners
    return Instance(path, box, attributes, extra={"mtsd": own})


def _ordered(record: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return a record with some keys first, in their order."""
    return {key: record[key] for key in dict.fromkeys([*keys, *record]) if key in record}


def _box(corners: Mapping[str, Any], size: Size, item: str) -> Box:
    """Return the box of four corners; one across the seam goes on beyond the right edge."""
    for corner in CORNERS:
        fields.number(corners.get(corner), f"{item}, {corner}")
    left, top, right, bottom = (float(corners[corner]) for corner in CORNERS)
    if right < left and "cross_boundary" in corners:
        right += size[0]
    return fields.box(left, top, right, bottom, item)


def _corners(box: Box, size: Size) -> dict[str, Any]:
    """Return the corners as the data set writes them, the parts of a box across the seam too."""
    left, top, right, bottom = box.xyxy.tolist()
    width = float(size[0])
    if not 0 <= left < width < right or right - width >= left:
        return dict(zip(CORNERS, (left, top, right, bottom), strict=True))
    parts = {
        "left": dict(zip(CORNERS, (left, top, width, bottom), strict=True)),
        "right": dict(zip(CORNERS, (0.0, top, right - width, bottom), strict=True)),
    }
    corners: dict[str, Any] = dict(zip(CORNERS, (left, top, right - width, bottom), strict=True))
    return corners | {"cross_boundary": parts}


def _visible_state(properties: Mapping[str, Any]) -> Mapping[str, str]:
    for name in STATES:
        if properties.get(name) is True:
            state = default_label_space().map_attribute(MAPS, name, "true")
            return {} if isinstance(state, DroppedLabel) else state
    clear = all(properties.get(name) is False for name in STATES)
    return {"visible_state": "clear"} if clear else {}


def save_mtsd(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write an annotation file for each frame.

    A picture in a folder ``images`` has its file in ``annotations`` beside that, any other picture
    beside itself; the first frame decides which of the two a data set does. In a folder with
    content, such as the pictures, each file appears for itself. Of names that were not read the
    variant, which a scene does not know, is the first (``--g1``).

    Args:
        scenes: Any scenes; only boxes of signs can be held.
        path: Root folder, made if absent.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, TWINS.one_layout(_files))


def _files(scene: Scene) -> FrameFiles:
    own = fields.own_extra(scene, "mtsd")
    usual = TWINS.label_name(scene.frame.image)
    file = check_image_name(own.get("file", usual))
    width, height = scene.frame.size_wh
    objects, losses = [], frame_losses(scene, "mtsd", None)
    for index in range(len(scene.instances)):
        found, lost = _object(scene, index)
        objects += [found] if found else []
        losses += lost
    others = {key: value for key, value in own.items() if key not in ("file", "keys")}
    others = others if "mtsd" in scene.extra else {"ispano": False}
    record = others | {"width": width, "height": height, "objects": objects}
    record = _ordered(record, _own_keys(own, FRAME_KEYS))
    name = file if file.endswith(TWINS.suffix) else usual
    return FrameFiles({name: json.dumps(record, indent=4) + "\n"}, "", losses)


def _own_keys(own: Mapping[str, Any], usual: Iterable[str]) -> list[str]:
    keys = fields.as_kind(own.get("keys", list(usual)), list, "extra mtsd, keys")
    return [fields.as_kind(key, str, "extra mtsd, keys") for key in keys]


def _object(scene: Scene, index: int) -> tuple[dict[str, Any] | None, list[Loss]]:
    instance = scene.instances[index]
    if not isinstance(instance.geometry, Box):
        return None, [left_out(scene, index, "no box")]
    own = fields.own_extra(instance, "mtsd")
    name = _class_of(instance, own.get("label"))
    if name is None:
        return None, [left_out(scene, index, "Mapillary has no sign for it")]
    written = name.name
    if written not in (own.get("label"), "other-sign"):
        written += "--g1"
    corners, size = own.get("bbox"), scene.frame.size_wh
    if not isinstance(corners, dict) or _box(corners, size, "extra mtsd") != instance.geometry:
        corners = _corners(instance.geometry, size)
    record = {"key": f"{PurePosixPath(scene.frame.image).stem}-{index}"} if not own else {}
    record |= {key: value for key, value in own.items() if key != "keys"}
    record |= {"label": written, "bbox": corners} | _properties(instance, own)
    losses = coarser(scene, index, name.path, written)
    losses += instance_losses(scene, index, name.says | _held(instance))
    return _ordered(record, _own_keys(own, OBJECT_KEYS)), losses


def _class_of(instance: Instance, original: object) -> ClassName | None:
    """Return the name of a sign; the map knows those with a limit by rule only."""
    limit = instance.attributes.get("limit")
    if limit is not None and instance.label in _WITH_LIMIT:
        usual = _WITH_LIMIT[instance.label].format(limit)
        name = class_of(MAPS, instance, original if isinstance(original, str) else usual)
        return name if name and "limit" in name.says else class_of(MAPS, instance, usual)
    return class_implied(MAPS, instance, original)


def _properties(instance: Instance, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``properties``, changed only where the visible state is another."""
    properties = fields.as_kind(own.get("properties", {}), dict, "extra mtsd, properties")
    state = instance.attributes.get("visible_state")
    said = allowed_only(instance.label, _visible_state(properties)).get("visible_state")
    if own and (said == state or (state is not None and not _held(instance))):
        return {"properties": properties} if "properties" in own else {}
    known = dict.fromkeys(PROPERTIES, False) | properties
    for name in STATES:
        del known[name]
    return {"properties": known | _saying().get(state or "", {})}


def _held(instance: Instance) -> frozenset[str]:
    """Return the visible state if properties can say it."""
    state = instance.attributes.get("visible_state")
    return frozenset({"visible_state"} if state in _saying() else ())


@cache
def _saying() -> dict[str, dict[str, bool]]:
    """Visible state to the properties that say it."""
    clear = dict.fromkeys(STATES, False)
    found = {"clear": clear}
    for name in STATES:
        state = _visible_state({name: True})["visible_state"]
        found[state] = clear | {name: True}
    return found


MTSD = Format(
    name="mtsd",
    title="Mapillary Traffic Sign (annotations/*.json), a folder or a list in splits",
    path_is="folder",
    open=open_mtsd,
    save=save_mtsd,
    recognise=recognise_mtsd,
    holds="boxes of traffic signs, visible state, panoramas",
    lost_in="",
    lost_out="all but boxes of signs; other attributes; confidence; clips",
)
