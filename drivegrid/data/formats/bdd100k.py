"""BDD100K labels: three generations of JSON, and masks of lanes and drivable areas.

Oldest: one file an image, ``{"name", "attributes", "frames": [{"timestamp", "objects": [...]}]}``,
classes like ``lane/single white``, paths as ``[x, y, "L"]``. Middle: a list of frames
(``bdd100k_labels_images_train.json``), classes ``lane`` and ``drivable area`` with ``laneType`` and
``areaType``. Newest: the same list with a file each task (``det_20``, ``lane``, ``drivable``), lane
types and area types as classes. All are read into the newest, which is what is written; it is the
Scalabel format (see ``scalabel``) with the classes and attributes of BDD100K. Sources:
bdd100k/bdd100k, doc/source/format.rst and label/to_mask.py.

Many markings are labelled twice, once along each edge; both lines are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from drivegrid.data.fields import as_kind
from drivegrid.data.files import walk_files
from drivegrid.data.formats.bdd_masks import MaskEntry, masks_of, parse_masks, recognise_bdd_masks
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.scalabel import Entry, frames_of, parse_frame, save_frames, scene_of
from drivegrid.data.formats.scalabel_labels import CLOSED, KEY
from drivegrid.data.formats.scalabel_look import is_json, recognise_bdd_json
from drivegrid.data.formats.scalabel_shapes import Record
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loaded, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError

_TYPES = {"lane": ("laneTypes", "laneType"), "drivable area": ("areaType",)}
"""Classes of the middle generation and the attributes that say what they are."""
_OLD_NAMES = {"direction": "laneDirection", "style": "laneStyle"}
_AREAS = {"drivable": "direct", "alternative": "alternative"}
_UNDEFINED = dict.fromkeys(("weather", "scene", "timeofday"), "undefined")


def open_bdd100k(path: str | Path, root: str | Path | None = None) -> Source:
    """Open labels of BDD100K: a JSON file, a folder of them, or a folder of masks.

    A folder is read through, JSON files by path; without any, its lane masks
    (``lane/masks/train/x.png``) or drivable masks (see ``bdd_masks``). The tasks of BDD100K lie in
    files of their own (``det_20/det_train.json``, ``lane/...``): each is read alone.

    Args:
        path: File or folder.
        root: Folder that ``name`` is relative to; default: the file's folder. Without a picture
            there the size is 1280x720.

    A frame with anything wrong is set aside whole. Other layouts of the file: see
    ``open_scalabel``.

    Raises:
        FormatError: If there is no such file, or a folder has neither JSON nor masks.
    """
    path = Path(path)
    folder = Path(root) if root is not None else path if path.is_dir() else path.parent
    is_of_masks = path.is_dir() and not any(
        isinstance(file, Path) and is_json(file) for file in walk_files(path)
    )
    found = masks_of(path) if is_of_masks else frames_of(path)
    return Source(found, partial(_parse, folder), _place)


def load_bdd100k(path: str | Path, root: str | Path | None = None) -> Loaded:
    """Return all frames at once; see ``open_bdd100k``."""
    return open_bdd100k(path, root).load()


def recognise_bdd100k(peek: Peek) -> str | None:
    """Return why a path holds labels of BDD100K, None if it does not."""
    return recognise_bdd_json(peek) or recognise_bdd_masks(peek)


def _parse(root: Path, entry: Entry | MaskEntry) -> Scene:
    if isinstance(entry, MaskEntry):
        return parse_masks(entry)

    def parse(frame: Record) -> Scene:
        return scene_of(newest(frame, entry.header, entry.number), root, CLOSED)

    return parse_frame(entry, parse)


def _place(entry: Entry | MaskEntry) -> Place:
    if isinstance(entry, MaskEntry):
        return Place(entry.lane or entry.drivable or entry.root)
    return Place(entry.file)


def newest(frame: Record, header: Mapping[str, Any], number: int) -> Record:
    """Return a frame of any generation as the newest has it.

    Args:
        frame: JSON object.
        header: What a file of the oldest generation says of all its frames; may be empty.
        number: Place of the frame in its file.

    Raises:
        FormatError: If it is malformed.

    >>> newest({"objects": []}, {"name": "0000f77c-6257be58"}, 0)
    {'name': '0000f77c-6257be58.jpg', 'videoName': '0000f77c-6257be58', 'labels': []}
    """
    if "objects" in frame:
        video = as_kind(header.get("name"), str, "name")
        name = video if number == 0 else f"{video}-{number + 1:07d}"
        if PurePosixPath(name).suffix.lower() not in IMAGE_SUFFIXES:
            name += ".jpg"
        rest = {key: value for key, value in frame.items() if key != "objects"}
        about = {"name": name, "videoName": video, **rest}
        frame = {**header, **about, "labels": frame["objects"]}
    else:
        frame = {"size": header.get("size")} | frame
    labels = frame.get("labels")
    if not isinstance(labels, list):
        return frame
    return frame | {"labels": [_newest_label(label) for label in labels]}


def _newest_label(label: object) -> Any:
    """Return a label as the newest generation has it; what is no label stays."""
    if not isinstance(label, dict) or not isinstance(label.get("category"), str):
        return label
    group, _, name = label["category"].partition("/")
    given = label.get("attributes")
    attributes = dict(given) if isinstance(given, dict) else {}
    if name and group in ("lane", "area"):
        attributes = {_OLD_NAMES.get(key, key): value for key, value in attributes.items()}
        category = _AREAS.get(name, label["category"]) if group == "area" else name
    else:
        category = label["category"]
        for key in _TYPES.get(category, ()):
            if isinstance(attributes.get(key), str):
                category = attributes.pop(key)
    label = label | {"category": category}
    if isinstance(given, dict):
        label["attributes"] = attributes
    paths = label.get("poly2d")
    if isinstance(paths, list) and paths and isinstance(paths[0], list):
        label["poly2d"] = [_newest_path(paths, closed=group != "lane")]
    return label


def _newest_path(vertices: list[Any], *, closed: bool) -> Record:
    """Return a path of the oldest generation, [x, y, letter] each, as the newest has it."""
    for vertex in vertices:
        if not (isinstance(vertex, list) and len(vertex) == 3 and isinstance(vertex[2], str)):
            raise FormatError(
                f"vertex must be x, y and L or C, got {vertex!r:.100}.", item="poly2d"
            )
    types = "".join(vertex[2] for vertex in vertices)
    return {"vertices": [vertex[:2] for vertex in vertices], "types": types, "closed": closed}


def save_bdd100k(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write labels as BDD100K's newest generation, all tasks in one list, atomically.

    Objects, lanes (class and ``laneStyle``) and drivable areas stand in one file, which every
    tool for ``det_20``, ``lane`` or ``drivable`` reads by its classes. A label without a class is
    written as the nearest one above it, and left out if there is none.

    Args:
        scenes: Any scenes.
        path: Target; ``.gz`` compresses.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the file cannot be written; then nothing is written.
    """
    return save_frames(map(_with_facts, scenes), Path(path), CLOSED, ("[", "]"))


def _with_facts(scene: Scene) -> Scene:
    """Return a scene whose frame gets all attributes of BDD100K, known or not."""
    if KEY in scene.extra:
        return scene
    known = {KEY: {"attributes": _UNDEFINED}}
    return Scene(scene.frame, scene.instances, {**scene.extra, **known})


BDD100K = Format(
    name="bdd100k",
    title="BDD100K labels (.json of any generation, folders of them, lane and drivable masks)",
    path_is="file or folder",
    open=open_bdd100k,
    save=save_bdd100k,
    recognise=recognise_bdd100k,
    holds="boxes, lines, polygons with classes and attributes of BDD100K, confidence, clip",
    lost_in="groups of frames; the lists of classes and attributes in config; labels without a "
    "category or a shape (kept for BDD100K alone)",
    lost_out="other classes, other attributes; anchors, points without a box; visibility",
)
