"""Refer-KITTI: sentences about things in the drives of KITTI tracking.

``expression/<drive>/<sentence>.json`` is ``{"sentence", "label": {frame: [id, ...]}, "ignore"?,
"video_name"?}``; frames are numbers without zeros before them. Boxes lie in
``KITTI/labels_with_ids/image_02/<drive>/<frame>.txt``, a line each ``class id x y w h``: upper left
corner (not the middle, as in other data of this layout), width and height as shares of the picture;
the class is 0 for everything. Pictures: ``KITTI/training/image_02/<drive>/<frame>.png``. Source:
wudongming97/RMOT, datasets/refer_kitti.py, whose ids hold for its own label files only.

A sentence is an expression of the frames that its file lists, an empty list included; that it means
nothing in the others is not repeated there. There is no writer: sentences belong to drives, not to
frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from drivegrid.data import fields
from drivegrid.data.files import parse_json, read_lines, read_whole
from drivegrid.data.formats.contract import Format, Source
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.peek import Peek
from drivegrid.data.quarantine import Loaded
from drivegrid.data.scene import KEY_OBJECTS, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size

SIZE: Size = (1242, 375)
LABEL = "object"
"""Label of everything: the files say no class."""
MAX_EXPRESSION_BYTES = 1 << 26
_LABELS = Path("labels_with_ids", "image_02")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Entry(NamedTuple):
    """A frame and what is said of it.

    Args:
        image: Name of its picture.
        labels: Its label file, which need not be there.
        said: Sentence, ids, and ids to ignore of each expression.
    """

    image: str
    labels: Path
    said: list[tuple[str, list[int], list[int]]]


def open_referkitti(path: str | Path) -> Source:
    """Open a folder of Refer-KITTI.

    Args:
        path: Folder with ``expression``, and with ``KITTI`` or what else would lie in that.

    Drives are those with sentences or label files, one clip each; frames those with a label file
    or a sentence. A frame with anything wrong is set aside whole, one whose sentence means an id
    that its label file lacks included. A file of ``expression`` that is wrong is set aside alone.
    Without a picture the size is 1242x375, and ``.png`` its ending.

    Raises:
        FormatError: If there is no folder ``expression`` with folders of drives.
    """
    root = Path(path)
    if not any(file.is_dir() for file in _listed(root / "expression")):
        raise FormatError("folder must hold expression/<drive>/*.json, got none.", root)
    return Source(_entries(root), partial(_parse, root))


def load_referkitti(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_referkitti``."""
    return open_referkitti(path).load()


def recognise_referkitti(peek: Peek) -> str | None:
    """Return why a path holds Refer-KITTI, None if it does not."""
    if not peek.is_folder or not (peek.path / "expression").is_dir():
        return None
    if any((peek.path / kitti / _LABELS).is_dir() for kitti in ("KITTI", "")):
        return "folders expression and labels_with_ids"
    return None


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _entries(root: Path) -> Iterator[Entry | FormatError]:
    kitti = "KITTI/" if (root / "KITTI").is_dir() else ""
    folders = (root / "expression", root / kitti / _LABELS)
    drives = {file.name for folder in folders for file in _listed(folder) if file.is_dir()}
    for drive in sorted(drives):
        labels = {
            int(file.stem): file
            for file in _listed(folders[1] / drive)
            if file.suffix == ".txt" and _NUMBER.fullmatch(file.stem)
        }
        said: dict[int, list[tuple[str, list[int], list[int]]]] = {}
        for file in _listed(folders[0] / drive):
            if file.suffix != ".json":
                continue
            try:
                sentence, found = _expression(file)
            except FormatError as error:
                yield FormatError(error.message, file, item=error.item)
                continue
            for frame, ids in found.items():
                said.setdefault(frame, []).append((sentence, *ids))
        for frame in sorted({*labels, *said}):
            name = labels[frame].stem if frame in labels else f"{frame:06d}"
            image = f"{kitti}training/image_02/{drive}/{name}.png"
            yield Entry(image, folders[1] / drive / f"{name}.txt", said.get(frame, []))


def _expression(file: Path) -> tuple[str, dict[int, tuple[list[int], list[int]]]]:
    """Return a sentence, and for each frame the ids it means and those to ignore."""
    record = fields.as_kind(parse_json(read_whole(file, MAX_EXPRESSION_BYTES)), dict, "file")
    sentence = fields.field(record, "sentence", str)
    meant = _ids_by_frame(fields.field(record, "label", dict), "label")
    ignored = _ids_by_frame(fields.as_kind(record.get("ignore") or {}, dict, "ignore"), "ignore")
    return sentence, {frame: (ids, ignored.get(frame, [])) for frame, ids in meant.items()}


def _ids_by_frame(record: dict[str, Any], item: str) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for frame, ids in record.items():
        if not _NUMBER.fullmatch(frame):
            raise FormatError(f"frame must be a number, got {frame!r:.50}.", item=item)
        where = f"{item}, frame {frame}"
        found[int(frame)] = [fields.as_kind(one, int, where)
                             for one in fields.as_kind(ids, list, where)]  # fmt: skip
    return found


def _parse(root: Path, entry: Entry) -> Scene:
    try:
        found, about_size = find_frame(root, entry.image, SIZE)
    except FormatError as error:
        raise FormatError(error.message, entry.labels, item=f"image {entry.image}") from error
    frame = replace(found, clip=entry.labels.parent.name)
    instances: list[Instance] = []
    places: dict[int, int] = {}
    for number, line in read_lines(entry.labels) if entry.labels.is_file() else ():
        try:
            if words := line.decode("utf-8", "replace").split():
                track, instance = _instance(words, frame.size_wh)
                if track in places:
                    raise FormatError(f"id must stand once in a frame, got {track} again.")
                places[track] = len(instances)
                instances.append(instance)
        except FormatError as error:
            raise FormatError(error.message, entry.labels, number) from error
    expressions: list[dict[str, Any]] = []
    for sentence, ids, ignored in entry.said:
        missing = [one for one in ids if one not in places]
        if missing:
            message = f"ids must be in the label file, got {missing[:9]} of {sentence!r:.100}."
            raise FormatError(message, entry.labels)
        targets = sorted({places[one] for one in ids})
        told = {"ignore": [places[one] for one in ignored if one in places]} if ignored else {}
        expressions.append({"text": sentence, "targets": targets, "source": "referkitti"} | told)
    extra = {"expressions": expressions, KEY_OBJECTS: True} | about_size
    return Scene(frame, tuple(instances), extra)


def _instance(words: list[str], size_wh: Size) -> tuple[int, Instance]:
    """Return the id and the box of a line."""
    if len(words) != 6:
        raise FormatError(f"line must hold class, id, x, y, w and h, got {len(words)} words.")
    kind, track, x, y, width, height = (fields.number_text(word, "line") for word in words)
    if not track.is_integer():
        raise FormatError(f"id must be a whole number, got {words[1]!r:.50}.")
    across, down = size_wh
    corners = (x * across, y * down, (x + width) * across, (y + height) * down)
    for corner in corners:
        fields.number(corner, "box")
    own = {"class": kind, "id": int(track)}
    return int(track), Instance(LABEL, fields.box(*corners, "box"), extra={"referkitti": own})


REFERKITTI = Format(
    name="referkitti",
    title="Refer-KITTI (folders expression and KITTI/labels_with_ids)",
    path_is="folder",
    open=open_referkitti,
    save=None,
    recognise=recognise_referkitti,
    holds="boxes with ids, sentences about any number of them, clip",
    lost_in="video_name of sentences; frames to ignore where a sentence means nothing",
    lost_out="",
    labels_all=False,
    shares=True,
)
