"""Scalabel frames: a list of them, or an object with ``frames``, ``groups`` and ``config``.

A frame: ``{"name", "videoName", "attributes", "size", ..., "labels": [{"id", "category",
"attributes", "score", "box2d", "poly2d", "rle", ...}]}``. Boxes include the pixel at their second
corner: drivegrid's are one pixel wider, and one narrower on the way back. Source:
scalabel/scalabel, doc/src/format.rst and scalabel/label/typing.py.

What a scene cannot say stays in ``extra["scalabel"]``: a frame's ``attributes`` as the file has
them, labels without a class or shape of ours (``other``, as [place, label] pairs), other keys in
``rest``, and ``unlabelled`` where the frame has no list of labels. What instances keep:
see ``scalabel_labels``. So an unchanged scene is written with the values that were read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from drivegrid.data.checks import check_image_name
from drivegrid.data.fields import as_kind, field
from drivegrid.data.files import atomic_path, fill_lines, parse_json, walk_files
from drivegrid.data.formats.contract import Format, Place, Source, in_entry
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.losing import frame_losses, unread
from drivegrid.data.formats.scalabel_labels import (
    KEY,
    OPEN,
    Vocabulary,
    attributes_of,
    instances_of,
    label_record,
    own_extra,
    why_unread,
    write_attributes,
)
from drivegrid.data.formats.scalabel_look import is_json, recognise_scalabel
from drivegrid.data.formats.scalabel_shapes import Record, check_budget
from drivegrid.data.json_stream import array_items, first_char, other_members
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space

SIZE: Size = (1280, 720)
"""Size of a frame that says none and has no picture: BDD100K's."""
_OWN = ("name", "labels", "attributes", "size", "videoName")


class Entry(NamedTuple):
    """A frame as it lies in a file.

    Args:
        file: The file.
        number: 0-based place in its list of frames.
        text: JSON of the frame.
        header: What the file says of all its frames.
    """

    file: Path
    number: int
    text: bytes
    header: Record


def open_scalabel(path: str | Path, root: str | Path | None = None) -> Source:
    """Open a Scalabel file (``.json``, ``.json.gz``), or a folder with one or more of them.

    A class is looked up among BDD100K's, then among the taxonomy's words; others stay as they
    are. Box, paths (curves become points within 0.1 px) or mask give the shape, see
    ``scalabel_shapes``. Files are read frame by frame, however large they are.

    Args:
        path: File or folder.
        root: Folder that ``name`` is relative to; default: the file's folder. A picture there
            gives the frame's size where neither frame nor config does; without one it is
            1280x720.

    A frame with anything wrong is set aside whole; what follows a break in the JSON cannot be
    read and counts as one more.

    Raises:
        FormatError: If there is no such file, or the folder has none.
    """
    path = Path(path)
    folder = Path(root) if root is not None else path if path.is_dir() else path.parent
    return Source(frames_of(path), partial(_parse, folder), lambda entry: Place(entry.file))


def load_scalabel(path: str | Path, root: str | Path | None = None) -> Loaded:
    """Return all frames at once; see ``open_scalabel``."""
    return open_scalabel(path, root).load()


def frames_of(path: Path) -> Iterator[Entry | FormatError]:
    """Yield the frames of a file, or of all JSON files below a folder, by path.

    Raises:
        FormatError: While iterating, if there is no file, or its first character is no JSON.
    """
    if not path.is_dir():
        if first_char(path) not in ("[", "{"):
            raise FormatError("file must be JSON: a list of frames or an object.", path)
        yield from _frames_of_file(path)
        return
    found = list(walk_files(path))
    files = [file for file in found if isinstance(file, FormatError) or is_json(file)]
    if not files:
        raise FormatError("folder must hold *.json files, got none.", path)
    for file in files:
        if isinstance(file, FormatError):
            yield file
        else:
            yield from _frames_of_file(file)


def _frames_of_file(file: Path) -> Iterator[Entry | FormatError]:
    try:
        header: Record = {}
        key = "frames" if first_char(file) == "{" else None
        if key is not None:
            header = other_members(file, {"frames", "groups"})
            config = header.pop("config", None)
            if isinstance(config, dict):  # its lists of classes are no business of a frame
                header["size"] = config.get("imageSize", config.get("image_size"))
        for number, text in array_items(file, key):
            yield Entry(file, number, text, header)
    except FormatError as error:
        yield error


def _parse(root: Path, entry: Entry) -> Scene:
    with_size = {"size": entry.header.get("size")}
    return parse_frame(entry, lambda frame: scene_of(with_size | frame, root, OPEN))


def parse_frame(entry: Entry, parse: Callable[[Record], Scene]) -> Scene:
    """Return what ``parse`` makes of an entry's frame; errors say where it stands."""
    item = f"frame {entry.number}"
    try:
        frame = as_kind(parse_json(entry.text), dict, "frame")
        item += f" ({frame.get('name')!s:.100})"
        return parse(frame)
    except FormatError as error:
        raise in_entry(error, entry.file, item) from error


def scene_of(frame: Record, root: Path, vocabulary: Vocabulary) -> Scene:
    """Return the scene of a frame.

    Args:
        frame: JSON object.
        root: Folder of the picture.
        vocabulary: Which classes it may hold.

    Raises:
        FormatError: If anything in it is malformed.
    """
    given = frame.get("labels")
    labels = [] if given is None else as_kind(given, list, "labels")
    check_budget(labels)
    instances, other = list[Instance](), list[list[Any]]()
    left: list[tuple[str, str]] = []
    for number, label in enumerate(labels):
        found = instances_of(as_kind(label, dict, f"label {number}"), number, vocabulary)
        instances += found
        if not found:
            other.append([number, label])
            left += [(f"label {number}", why) for why in [why_unread(label)] if why]
    attributes = frame.get("attributes")
    facts: dict[str, str] = {}
    if attributes is not None:
        known = default_label_space().frame_attributes
        facts = attributes_of(as_kind(attributes, dict, "attributes"), known)
    rest = {key: value for key, value in frame.items() if key not in _OWN}
    rest |= {key: frame[key] for key in ("labels", "attributes") if frame.get(key, rest) is None}
    clip = frame.get("videoName")
    if "videoName" in frame and not clip:
        rest["videoName"] = clip
    extra: Record = {"rest": rest}
    extra |= {"attributes": attributes} if attributes is not None else {}
    extra |= {"other": other} if other else {}
    extra |= {"unlabelled": True} if "labels" not in frame else {}
    size, about_size = _size(frame, root)
    name = check_image_name(frame.get("name"))
    video = as_kind(clip, str, "videoName") if clip else None
    about = Frame(name, size, facts, clip=video)
    return Scene(about, tuple(instances), {KEY: extra} | unread(KEY, left) | about_size)


def _size(frame: Record, root: Path) -> tuple[Size, dict[str, bool]]:
    given = frame.get("size")
    if given is None:
        found, about_size = find_frame(root, check_image_name(frame.get("name")), SIZE)
        return found.size_wh, about_size
    record = as_kind(given, dict, "size")
    size = field(record, "width", int, "size"), field(record, "height", int, "size")
    try:
        return Frame("", size).size_wh, {}
    except GeometryError as error:
        raise FormatError(str(error), item="size") from error


def save_scalabel(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a Scalabel file, ``{"frames": [...]}``, atomically; ``.gz`` compresses.

    Classes are BDD100K's where they say the label exactly, else taxonomy paths; attributes
    likewise. Holes of polygons cannot be said: such a polygon is cut into pieces without.

    Args:
        scenes: Any scenes; boxes, lines and polygons can be held, and points that have a
            ``box_xyxy`` in their ``extra``.
        path: Target.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the file cannot be written; then nothing is written.
    """
    return save_frames(scenes, Path(path), OPEN, ('{"frames": [', "]}"))


def save_frames(
    scenes: Iterable[Scene], path: Path, vocabulary: Vocabulary, around: tuple[str, str]
) -> Saved:
    """Write frames one by one, a line each, between two pieces of text."""
    saved = Saved()
    records = held(
        scenes, partial(frame_record, vocabulary=vocabulary), path, saved, in_detail=True
    )

    def lines() -> Iterator[str]:
        yield around[0]
        before = ""
        for record in records:
            yield before + json.dumps(record)
            before = ","
        yield around[1]

    with atomic_path(path) as part:
        fill_lines(part, lines(), packed=path.suffix == ".gz")
    return saved


def frame_record(scene: Scene, vocabulary: Vocabulary) -> tuple[Record, list[Loss]]:
    """Return the JSON object of a frame, and what is lost.

    Raises:
        FormatError: If its image name or an ``extra["scalabel"]`` cannot be used.
    """
    image = check_image_name(scene.frame.image)
    kinds = {"rest": dict, "attributes": dict, "other": list, "unlabelled": bool}
    own = own_extra(scene.extra, kinds)
    labels, losses = _labels(scene, own.get("other", []), vocabulary)
    record: Record = {"name": image, **own.get("rest", {})}
    if scene.frame.clip is not None:
        record["videoName"] = scene.frame.clip
    attributes, lost = _frame_attributes(scene, own, vocabulary)
    losses += frame_losses(scene, KEY, scene.frame.clip, scene.frame.attributes.keys() - set(lost))
    record |= attributes
    if not scene.extra.get("assumed_size"):
        record["size"] = dict(zip(("width", "height"), scene.frame.size_wh, strict=True))
    if labels or not (own.get("unlabelled") or record.get("labels", labels) is None):
        record["labels"] = labels
    return record, losses


def _frame_attributes(
    scene: Scene, own: Record, vocabulary: Vocabulary
) -> tuple[Record, list[str]]:
    given, facts = own.get("attributes", {}), scene.frame.attributes
    known = default_label_space().frame_attributes
    if attributes_of(given, known) == facts:
        return ({"attributes": given} if "attributes" in own else {}), []
    written, lost = write_attributes(facts, given, known, is_open=vocabulary.is_open)
    return {"attributes": written}, lost


def _labels(
    scene: Scene, other: list[Any], vocabulary: Vocabulary
) -> tuple[list[Record], list[Loss]]:
    labels: list[Record] = []
    losses: list[Loss] = []
    parts: dict[int, Record] = {}
    for index, instance in enumerate(scene.instances):
        record, lost = label_record(scene, index, vocabulary)
        losses += lost
        number = instance.extra.get(KEY, {}).get("label")
        if record is None:
            continue
        if number in parts and "poly2d" in record and "poly2d" in parts[number]:
            parts[number]["poly2d"] = parts[number]["poly2d"] + record["poly2d"]
            continue
        if number is not None:
            parts[number] = record
        labels.append(record)
    for entry in other:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], dict)):
            raise FormatError(f"other labels must be [place, label] pairs, got {entry!r:.100}.")
        labels.insert(as_kind(entry[0], int, "extra scalabel, other"), entry[1])
    used = {str(label["id"]) for label in labels if "id" in label}
    free = (str(number) for number in range(len(labels) + len(used)) if str(number) not in used)
    return [label if "id" in label else {"id": next(free)} | label for label in labels], losses


SCALABEL = Format(
    name="scalabel",
    title="Scalabel frames (.json, .json.gz, or a folder of them)",
    path_is="file or folder",
    open=open_scalabel,
    save=save_scalabel,
    recognise=recognise_scalabel,
    holds="boxes, lines, polygons, all attributes, confidence, clip",
    lost_in="groups of frames; the lists of classes and attributes in config; labels without a "
    "category or a shape (kept for Scalabel alone)",
    lost_out="anchors, points without a box; holes are cut open; visibility",
)
