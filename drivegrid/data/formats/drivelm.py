"""DriveLM: key frames of six cameras with key objects, and questions that name them by a tag.

``{scene: {"scene_description", "key_frames": {frame: {"key_object_infos": {"<c1,CAM_FRONT,x,y>":
{"Category", "Status", "Visual_description", "2d_bbox": [x1, y1, x2, y2]}}, "QA": {"perception":
[{"Q", "A", ...}], ...}, "image_paths": {"CAM_FRONT": path, ...}}}}}``. Boxes are corners in pixels
of 1600x900; a tag holds the box's middle and its camera. Source: OpenDriveLab/DriveLM,
challenge/data and docs/data_details.md.

Each picture of a key frame is a scene, its drive the clip; ``../`` before a path is left out of its
name. A question goes to every picture whose objects it or its answer names, one that names none to
the front camera's: ``extra["questions"]`` holds ``question``, ``answer``, ``tag``, and ``refers``,
tag to index of the instance, for the tags of this picture; ``elsewhere`` are the others. What else
was said stays in ``extra["drivelm"]`` of scene and instance. There is no writer: no
other data has such questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from drivegrid.data import fields
from drivegrid.data.files import parse_json
from drivegrid.data.formats.boxes import allowed_only
from drivegrid.data.formats.contract import Format, Source, in_entry
from drivegrid.data.formats.frames import find_frame, object_file
from drivegrid.data.formats.naming import label_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.json_stream import object_items
from drivegrid.data.quarantine import Loaded
from drivegrid.data.scene import KEY_OBJECTS, Instance, Scene
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Box, Point, Size
from drivegrid.labels import DroppedLabel, MappedLabel, default_label_space

SIZE: Size = (1600, 900)
FRONT = "CAM_FRONT"
TAG = re.compile(r"<c\d+,(CAM_[A-Z_]+),(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?)>")
_LOOK = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\{.*"key_frames"\s*:\s*\{', re.DOTALL)


class Entry(NamedTuple):
    """One picture of a key frame.

    Args:
        scene: Token of the drive.
        about: What is said of the drive.
        frame: Token of the key frame.
        camera: Whose picture.
        record: JSON object of the key frame.
    """

    scene: str
    about: str
    frame: str
    camera: str
    record: dict[str, Any]


def open_drivelm(path: str | Path, root: str | Path | None = None) -> Source:
    """Open a DriveLM file (``.json`` or ``.json.gz``).

    Args:
        path: The file; it is read drive by drive, however large.
        root: Folder that image paths are relative to, without ``../`` before them; default: the
            file's folder. Without a picture there the size is 1600x900.

    A key frame with anything wrong is set aside whole, each of its pictures counted; one without
    usable image paths, or a drive without key frames, counts as one.

    Raises:
        FormatError: If there is no such file, or it holds no object.
    """
    path, folder = object_file(path, root, "of drives")
    return Source(_entries(path), partial(_parse, path, folder))


def load_drivelm(path: str | Path, root: str | Path | None = None) -> Loaded:
    """Return all frames at once; see ``open_drivelm``."""
    return open_drivelm(path, root).load()


def recognise_drivelm(peek: Peek) -> str | None:
    """Return why a path holds DriveLM's key frames, None if it does not."""
    return "JSON object of drives with key_frames" if _LOOK.match(peek.head) else None


def _entries(path: Path) -> Iterator[Entry | FormatError]:
    try:
        for token, number, text in object_items(path):
            if number is not None:
                continue  # of an array, which is no drive and was set aside
            try:
                drive = fields.as_kind(parse_json(text), dict, "drive")
                frames = fields.field(drive, "key_frames", dict)
            except FormatError as error:
                yield FormatError(error.message, path, item=f"drive {token:.100}")
                continue
            about = drive.get("scene_description")
            for frame, record in frames.items():
                yield from _pictures(
                    path, (token, about if isinstance(about, str) else ""), frame, record
                )
    except FormatError as error:
        yield error


def _pictures(
    path: Path, drive: tuple[str, str], frame: str, record: object
) -> Iterator[Entry | FormatError]:
    try:
        known = fields.as_kind(record, dict, "key frame")
        cameras = list(fields.field(known, "image_paths", dict))
        if FRONT not in cameras:
            raise FormatError(f"image_paths must hold {FRONT}, got {cameras!s:.200}.")
    except FormatError as error:
        yield FormatError(error.message, path, item=f"key frame {frame:.100}")
        return
    yield from (Entry(*drive, frame, camera, known) for camera in cameras)


def _parse(path: Path, root: Path, entry: Entry) -> Scene:
    try:
        return _scene(root, entry)
    except FormatError as error:
        item = f"key frame {entry.frame:.100}, {entry.camera:.50}"
        raise in_entry(error, path, item) from error


def _scene(root: Path, entry: Entry) -> Scene:
    record = entry.record
    paths = record["image_paths"]
    objects = fields.as_kind(record.get("key_object_infos") or {}, dict, "key_object_infos")
    instances: list[Instance] = []
    refers: dict[str, int] = {}
    for tag, info in objects.items():
        instance = _instance(tag, fields.as_kind(info, dict, tag[:100]))
        camera = _camera_of(tag)
        if camera not in paths:
            raise FormatError(f"object must be of a camera that has a picture, got {tag:.100}.")
        if camera == entry.camera:
            refers[tag] = len(instances)
            instances.append(instance)
    written = fields.field(paths, entry.camera, str, "image_paths")
    name = written
    while name.startswith("../"):
        name = name[3:]
    frame, about_size = find_frame(root, name, SIZE)
    own = {"scene": entry.scene, "frame": entry.frame, "camera": entry.camera}
    own |= {"scene_description": entry.about} if entry.about else {}
    own |= {"image_path": written} if written != name else {}
    extra = {"drivelm": own, "questions": _questions(entry, refers), KEY_OBJECTS: True}
    extra |= about_size
    return Scene(replace(frame, clip=entry.scene), tuple(instances), extra)


def _camera_of(tag: str) -> str:
    found = TAG.fullmatch(tag)
    if found is None:
        raise FormatError(f"object must be tagged <cN,CAM,x,y>, got {tag!r:.100}.")
    return found[1]


def _instance(tag: str, info: dict[str, Any]) -> Instance:
    """Return a key object: its box, or the point of its tag where it has none."""
    _camera_of(tag)
    rest = {key: value for key, value in info.items() if key != "2d_bbox"}
    target = _label(info, tag)
    shape: Box | Point
    if info.get("2d_bbox") is None:
        x, y = (fields.number_text(text, tag) for text in tag[1:-1].split(",")[2:])
        shape = Point([x, y])  # type: ignore[arg-type]
    else:
        corners = fields.as_kind(info["2d_bbox"], list, f"{tag}, 2d_bbox")
        if len(corners) != 4:
            raise FormatError(f"2d_bbox must hold 4 numbers, got {corners!s:.100}.", item=tag)
        x0, y0, x1, y1 = (fields.number(value, f"{tag}, 2d_bbox") for value in corners)
        shape = fields.box(x0, y0, x1, y1, tag)
    attributes = dict(target.attributes) | allowed_only(target.path, _activity(info.get("Status")))
    return Instance(target.path, shape, attributes, extra={"drivelm": {"id": tag, **rest}})


def _label(info: dict[str, Any], tag: str) -> MappedLabel:
    """Return the label of a category, or the finer one that the description names first."""
    category = fields.field(info, "Category", str, tag)
    described = info.get("Visual_description")
    said = described.lower().strip(" .") if isinstance(described, str) else ""
    known = default_label_space().maps["drivelm"].labels
    for word in (said, *re.findall(r"[a-z]+", said)):
        target = known.get(f"{category}/{word}")
        if isinstance(target, MappedLabel):
            return target
    found = label_of("drivelm", category)
    return MappedLabel(category, {}) if isinstance(found, DroppedLabel) else found


def _activity(status: object) -> dict[str, str]:
    try:
        said = default_label_space().map_attribute("drivelm", "Status", str(status))
    except ConfigError:
        return {}
    return {} if isinstance(said, DroppedLabel) else dict(said)


def _questions(entry: Entry, refers: dict[str, int]) -> list[dict[str, Any]]:
    """Return the questions that belong to a picture, in their order."""
    found = []
    for tag, pairs in fields.as_kind(entry.record.get("QA") or {}, dict, "QA").items():
        for number, pair in enumerate(fields.as_kind(pairs, list, f"QA, {tag:.50}")):
            item = f"QA, {tag:.50} {number}"
            question = fields.field(fields.as_kind(pair, dict, item), "Q", str, item)
            answer = fields.as_kind(pair.get("A") or "", str, f"{item}, A")
            named = {match[0]: match[1] for match in TAG.finditer(f"{question} {answer}")}
            if entry.camera not in (
                set(named.values()) & entry.record["image_paths"].keys() or {FRONT}
            ):
                continue
            elsewhere = [name for name in named if name not in refers]
            rest = {k: v for k, v in pair.items() if k not in ("Q", "A") and v is not None}
            found.append(
                {"question": question, "answer": answer, "tag": tag}
                | {"refers": {name: refers[name] for name in named if name in refers}}
                | ({"elsewhere": elsewhere} if elsewhere else {})
                | ({"rest": rest} if rest else {})
            )
    return found


DRIVELM = Format(
    name="drivelm",
    title="DriveLM key objects and questions (.json, .json.gz)",
    path_is="file",
    open=open_drivelm,
    save=None,
    recognise=recognise_drivelm,
    holds="boxes of key objects, questions and answers that name them, clip",
    lost_in="",
    lost_out="",
    labels_all=False,
)
