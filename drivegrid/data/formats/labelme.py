"""labelme: one JSON file a picture, with polygons, line strips, rectangles, points and masks.

Source: the annotation files of wkentaro/labelme, versions 3 to 5, and of tools that write the
same fields. Points are continuous pixels. What a scene cannot say stays in ``extra["labelme"]``:
of the frame ``version``, ``flags``, ``imagePath`` where it is not the picture's name beside the
file, ``file`` where it is not named after the picture, ``keys`` (their order) and ``rest``; of an
instance see ``labelme_shapes``.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import parse_json, read_whole, walk_files
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.drawing_tools import attributes_of_words, checked_size
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.labelme_shapes import (
    flags_saying,
    read_shapes,
    true_words,
    write_shapes,
)
from drivegrid.data.formats.losing import frame_losses
from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Loaded, Saved
from drivegrid.data.scene import Frame, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space

SIZE: Size = (1920, 1080)
"""Assumed where neither the file nor a picture says the size."""
VERSION = "5.5.0"
KEYS = ("version", "flags", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth")
MAX_BYTES = 2**28
"""Largest label file; with the picture inside it is a few megabytes."""


def open_labelme(path: str | Path) -> Source:
    """Open a labelme file, or every ``*.json`` below a folder, sorted by path.

    A frame's image is ``imagePath``, which counts from the label file, relative to the folder
    (or to the file's folder); where it leads out of that folder, only its name is taken.

    - polygon: polygon; polygons of one label and ``group_id`` are the rings of one instance.
    - linestrip, line: polyline. A ``lane/line`` drawn downwards is turned round.
    - rectangle: box. point: point. points: anchors (``seg``).
    - circle: polygon of 64 points. mask: polygon along the edges of its pixels.

    Labels are taxonomy paths or words; of lines, words for paint ("solid white") are a
    ``lane/line`` with style and colour. Flags that are on and name a value of one attribute
    ("yellow", or "color: yellow") become attributes; ``score`` becomes the confidence.
    ``imageData`` is not looked at. Without a size in the file it is the picture's, else 1920x1080.

    Raises:
        FormatError: If the folder holds no JSON file.
    """
    path = Path(path)
    if path.is_dir():
        return Source(_walk(path), partial(_parse, path), Place)
    return Source(iter([path]), partial(_parse, path.parent))


def load_labelme(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_labelme``."""
    return open_labelme(path).load()


def recognise_labelme(peek: Peek) -> str | None:
    """Return why a path holds labelme files, None if it does not."""
    file = peek.first(".json") if peek.is_folder else peek.path
    if file is None:
        return None
    look = Peek(file) if peek.is_folder else peek
    keys = look.json.keys() if isinstance(look.json, dict) else set()
    if look.json is None and look.head.lstrip()[:1] == b"{":  # a large picture inside
        keys = {key for key in ("shapes", "imagePath") if f'"{key}":'.encode() in look.head}
    return "JSON with shapes and imagePath" if {"shapes", "imagePath"} <= keys else None


def _walk(root: Path) -> Iterator[Path | FormatError]:
    found = False
    for file in walk_files(root):
        if isinstance(file, FormatError) or file.name.endswith(".json"):
            found = True
            yield file
    if not found:
        raise FormatError("folder must hold *.json files, got none.", root)


def _parse(root: Path, file: Path) -> Scene:
    try:
        record = fields.as_kind(parse_json(read_whole(file, MAX_BYTES)), dict, "file")
        return _scene(record, root, file)
    except FormatError as error:
        item = error.item or (f"image {error.path}" if error.path not in (None, file) else None)
        raise FormatError(error.message, file, item=item) from error


def _scene(record: dict[str, Any], root: Path, file: Path) -> Scene:
    instances = tuple(read_shapes(fields.field(record, "shapes", list)))
    written = fields.field(record, "imagePath", str)
    beside = file.relative_to(root)
    image = _image_name(written, beside.parent.as_posix())
    extra = _extra(record, image, beside)
    sides = (record.get("imageWidth"), record.get("imageHeight"))
    frame, about_size = find_frame(root, image, SIZE)
    if sides != (None, None):
        frame, about_size = Frame(image, checked_size(*sides)), {}
    attributes = attributes_of_words(
        true_words(record.get("flags")), default_label_space().frame_attributes
    )
    frame = Frame(image, frame.size_wh, attributes)
    return Scene(frame, instances, ({"labelme": extra} if extra else {}) | about_size)


def _image_name(written: str, folder: str) -> str:
    """Return the picture's path in the data set; its mere name where it leads out of it."""
    given = written.replace("\\", "/")
    name = posixpath.normpath(posixpath.join(folder, given))
    if posixpath.isabs(name) or name.startswith("..") or ":" in given:
        name = posixpath.normpath(posixpath.join(folder, posixpath.basename(given)))
    return check_image_name(name)


def _extra(record: Mapping[str, Any], image: str, beside: Path) -> dict[str, Any]:
    """Return what the frame cannot say of its file."""
    extra = {
        "version": record.get("version", ...),
        "flags": record.get("flags", ...),
        "imagePath": record["imagePath"],
        "file": beside.as_posix(),
        "keys": list(record),
        "rest": {key: value for key, value in record.items() if key not in KEYS},
    }
    usual = {
        "version": VERSION,
        "flags": {},
        "imagePath": posixpath.basename(image),
        "file": _label_name(image),
        "keys": list(KEYS),
        "rest": {},
    }
    return {key: value for key, value in extra.items() if value is not ... and value != usual[key]}


def _label_name(image: str) -> str:
    return posixpath.splitext(image)[0] + ".json"


def save_labelme(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write one file a picture into a folder, each beside where its picture belongs.

    A folder that is new or empty appears whole or not at all; in a folder with content, such as
    the pictures, only each file does. Attributes become flags ("color: yellow"), frame attributes
    flags of the file; a polygon of several rings becomes polygons of one group. ``imageData`` is
    null: labelme reads the picture.

    Args:
        scenes: Any scenes.
        path: Folder, made if absent.

    Returns:
        What could not be held; and set aside, frames without a usable image name, or whose label
        file stands in another's way.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, _files)


def _files(scene: Scene) -> FrameFiles:
    image = scene.frame.image
    own = fields.own_extra(scene, "labelme")
    name = check_image_name(own.get("file", _label_name(image)))
    folder = posixpath.dirname(name)
    written = own.get("imagePath")
    if not isinstance(written, str) or _image_name(written, folder) != image:
        written = posixpath.relpath(image, folder or ".")
    shapes, losses = write_shapes(scene)
    allowed = default_label_space().frame_attributes
    flags, held = flags_saying(scene.frame.attributes, allowed, own.get("flags", {}), {})
    width, height = scene.frame.size_wh
    assumed = scene.extra.get("assumed_size") is True
    values = {
        "version": own.get("version", VERSION),
        "flags": flags,
        "shapes": shapes,
        "imagePath": written,
        "imageData": None,
        "imageHeight": None if assumed else height,
        "imageWidth": None if assumed else width,
    }
    values = fields.as_kind(own.get("rest", {}), dict, "extra labelme, rest") | values
    keys = fields.as_kind(own.get("keys", list(KEYS)), list, "extra labelme, keys")
    order = [key for key in keys if isinstance(key, str) and key in values]
    needed = [key for key, value in values.items() if key != "version" and value not in (None, {})]
    record = {key: values[key] for key in dict.fromkeys([*order, *needed])}
    text = json.dumps(record, ensure_ascii=False, indent=2)
    return FrameFiles({name: text}, None, frame_losses(scene, "labelme", None, held) + losses)


LABELME = Format(
    name="labelme",
    title="labelme (one JSON file a picture)",
    path_is="folder",
    open=open_labelme,
    save=save_labelme,
    recognise=recognise_labelme,
    holds="polygons, lines, boxes, points; masks and circles as polygons; attributes as flags",
    lost_in="the picture inside a file (imageData)",
    lost_out="visibility, source, clip; a hole is a polygon of its own; values not in the taxonomy",
)
