"""Scenes to a COCO file: frame by frame into a file of its own, then numbered and put together."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from drivegrid.data.checks import check_image_name
from drivegrid.data.fields import as_kind, field, put_back
from drivegrid.data.files import atomic_path, fill_lines
from drivegrid.data.formats.coco_annotations import KEY, annotation_of, own_extra, write_facts
from drivegrid.data.formats.coco_ids import Ids, NamedTable
from drivegrid.data.formats.coco_shapes import Record
from drivegrid.data.formats.holding import held
from drivegrid.data.formats.losing import frame_losses
from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space

_SAID = ("file_name", "width", "height")
_TABLES = ("images", "annotations", "categories", "videos")


def save_coco(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a COCO file, atomically; ``.gz`` compresses. Results are written with their ``score``.

    Ids that were read stay; new ones are the next free numbers. Class names are those that were
    read while they mean the label, else taxonomy paths. Lines, points and anchors are left out:
    to other tools they would be boxes. A point with a ``box_xyxy`` in its ``extra`` is that box.
    A polygon with a hole becomes a mask.

    Args:
        scenes: Any scenes, taken one by one.
        path: Target.

    Returns:
        What could not be held, and the frames without a usable image name.

    Raises:
        OSError: If the disk is full or the file cannot be written; then nothing is written.
    """
    path, saved = Path(path), Saved()
    writer = _Writer()
    with tempfile.TemporaryFile() as frames:
        for record in held(scenes, writer.frame, path, saved, in_detail=True):
            frames.write(json.dumps(record).encode() + b"\n")
        with atomic_path(path) as part, tempfile.TemporaryFile() as annotations:
            lines = writer.lines(frames, annotations)
            fill_lines(part, lines, packed=path.suffix == ".gz")
    return saved


class _Writer:
    """What is known of a file before it is put together: its ids, names, and other members."""

    def __init__(self) -> None:
        self._images, self._annotations = Ids(), Ids()
        self._categories, self._videos = NamedTable(), NamedTable()
        self._members: Record = {}

    def frame(self, scene: Scene) -> tuple[Record, list[Loss]]:
        """Return image and annotations of a scene, not yet numbered, and what is lost.

        Raises:
            FormatError: If the image name or what a reader left in ``extra`` cannot be used; the
                ids are then as before.
        """
        name = check_image_name(scene.frame.image)
        own = own_extra(scene, "scene")
        image = _image_record(scene, as_kind(own.get("image", {}), dict, "extra coco, image"))
        annotations: list[Record] = []
        losses: list[Loss] = []
        for index in range(len(scene.instances)):
            record, lost = annotation_of(scene, index)
            annotations += [record] if record is not None else []
            losses += lost
        losses += frame_losses(scene, KEY, scene.frame.clip, scene.frame.attributes.keys())
        put_back(annotations, own.get("other", []), "extra coco, other")
        annotations = [dict(as_kind(found, dict, "extra coco, other")) for found in annotations]
        for annotation in annotations:
            if "category" in annotation:
                _check_named(annotation["category"], "extra coco, other")
        self._add_file(as_kind(own.get("file", {}), dict, "extra coco, file"))
        for table, record in [
            (self._images, image),
            *((self._annotations, a) for a in annotations),
        ]:
            wanted = record.pop("id", None)
            record["id"] = table.claim(wanted)
            if wanted is not None and record["id"] is None:
                losses.append(Loss(name, "id changed: another has it", f"id {wanted!r:.50}"))
        for annotation in annotations:
            if "category" in annotation:
                self._categories.add(annotation["category"])
        if scene.frame.clip is not None:
            self._videos.add({"id": image.get("video_id"), "name": scene.frame.clip})
            image["video_id"] = [scene.frame.clip, image.get("video_id")]
        return {"image": image, "annotations": annotations}, losses

    def _add_file(self, members: Record) -> None:
        for key, table in (("categories", self._categories), ("videos", self._videos)):
            records = as_kind(members.get(key, []), list, f"extra coco, {key}")
            named = [_check_named(record, f"extra coco, {key}") for record in records]
            for record in named:
                table.add(record)
        self._members = {k: v for k, v in members.items() if k not in _TABLES} | self._members

    def lines(self, frames: IO[bytes], annotations: IO[bytes]) -> Iterator[str]:
        """Yield the lines of the file.

        Args:
            frames: What ``frame`` returned, a line each.
            annotations: Empty file to keep annotations in, which stand behind all images.
        """
        yield "{"
        categories, videos = self._categories.close(), self._videos.close()
        for key, value in self._members.items():
            yield f"{json.dumps(key)}: {json.dumps(value)},"
        if videos:
            yield f'"videos": {json.dumps(videos)},'
        yield f'"categories": {json.dumps(categories)},'
        yield '"images": ['
        frames.seek(0)
        yield from _separated(self._image_lines(frames, annotations))
        yield '], "annotations": ['
        annotations.seek(0)
        yield from _separated(line.decode() for line in annotations)
        yield "]}"

    def _image_lines(self, frames: IO[bytes], annotations: IO[bytes]) -> Iterator[str]:
        """Yield numbered images; write their numbered annotations."""
        for line in frames:
            record = json.loads(line)
            image = _numbered(record["image"], self._images)
            if isinstance(image.get("video_id"), list):
                image["video_id"] = self._videos.id_of(*image["video_id"])
            for annotation in record["annotations"]:
                numbered = _numbered(annotation, self._annotations) | {"image_id": image["id"]}
                category = numbered.pop("category", None)
                if category is not None:
                    number = self._categories.id_of(category["name"], category.get("id"))
                    numbered["category_id"] = number
                annotations.write(json.dumps(numbered).encode() + b"\n")
            yield json.dumps(image)


def _separated(lines: Iterable[str]) -> Iterator[str]:
    comma = ""
    for line in lines:
        yield comma + line.rstrip("\n")
        comma = ","


def _numbered(record: Record, ids: Ids) -> Record:
    """Return a record with its id in front, a new one if it has none."""
    number = record.pop("id")
    return {"id": ids.new() if number is None else number, **record}


def _image_record(scene: Scene, rest: Record) -> Record:
    record: Record = {"file_name": scene.frame.image}
    if not scene.extra.get("assumed_size"):
        record |= dict(zip(("width", "height"), scene.frame.size_wh, strict=True))
    record |= {key: value for key, value in rest.items() if key not in _SAID}
    given = as_kind(rest.get("attributes", {}), dict, "extra coco, attributes")
    known = default_label_space().frame_attributes
    attributes = write_facts(scene.frame.attributes, given, known)
    if attributes or "attributes" in rest:
        record["attributes"] = attributes
    if isinstance(record.get("video_id"), list):
        raise FormatError("video_id must be a number or a text, got a list.", item="extra coco")
    return record


def _check_named(record: Any, item: str) -> Record:
    found: Record = as_kind(record, dict, item)
    field(found, "name", str, item)
    return found
