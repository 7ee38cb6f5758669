"""OpenLane 2D lanes: one JSON file a frame, and the boxes of a CIPO file beside it.

``{"file_path": "validation/segment-x/1.jpg", "lane_lines": [{"category": 1, "attribute": 2,
"uv": [[u, ...], [v, ...]], "xyz", "visibility", "track_id"}, ...], "intrinsic", "extrinsic"}``;
``uv`` is 2 x n, far to near, in pixels of a 1920x1280 picture. Older files say ``trackid``, and
predictions only ``category`` and ``uv``. Source: OpenDriveLab/OpenLane, anno_criterion/Lane and
eval/LANE_evaluation.

What a scene cannot say stays in ``extra["openlane"]``. Of the scene: the ``frame`` object, with
only the lanes without any point left in it, as [slot, lane] pairs, and likewise ``cipo``. Of an
instance: its ``lane`` object, with ``uv`` null where the line alone gives it back, and
``reversed`` where it stood far to near.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from drivegrid.data.checks import check_image_name, check_numbers
from drivegrid.data.fields import as_kind, field, own_extra, put_back
from drivegrid.data.files import parse_json, read_whole, walk_files
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.frames import find_frame, folder_clip
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.lanes import LANE
from drivegrid.data.formats.lists import listed_label, read_list, require_root
from drivegrid.data.formats.losing import frame_losses, instance_losses, item_of, size_losses
from drivegrid.data.formats.openlane_cipo import cipo_record, is_cipo, parse_cipo
from drivegrid.data.formats.openlane_words import attribute_of, category_of, says_lane, words_of
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, Polyline, Size

Entry: TypeAlias = tuple[str | None, str | None]
"""Lane file and CIPO file of a frame, relative to the root; one of them may be absent."""

SIZE: Size = (1920, 1280)
LABEL_SUFFIX = ".json"
CIPO_SUFFIXES = tuple(suffix + LABEL_SUFFIX for suffix in IMAGE_SUFFIXES)
CIPO_FOLDER = "cipo"
LIST_NAME = "all.txt"
MAX_LABEL_BYTES = 64 * 2**20
_THREE_D = ("xyz", "visibility")
"""What belongs to the points one by one, and to no others."""


def open_openlane(path: str | Path, list_file: str | Path | None = None) -> Source:
    """Open OpenLane 2D lanes: labels or predictions.

    Every lane runs from bottom to top, as ``lane/line`` or, the curbsides, as ``lane/curb``; style
    and colour come from its category, its role from its attribute (see ``map_openlane.yaml``).

    Args:
        path: A folder, of which every ``*.json`` below is read, sorted by path; one such file; or
            a list of pictures, ``test/1000_curve.txt``, whose root is the nearest folder above in
            which the pictures have labels. A frame's CIPO file is ``1.jpg.json`` beside ``1.json``
            or, in a folder that holds ``lane3d_1000`` and ``cipo``, at the same place below
            ``cipo``; CIPO files without lanes are frames of their own. Labels and predictions of
            the same pictures are to be opened apart.
        list_file: Which frames of the folder to read, in its order; relative to the working folder
            or else to the folder.

    Set aside whole: a frame with a wrong lane or box. A picture is looked for where ``file_path``
    leads from the root; without one the size is 1920x1280.

    Raises:
        FormatError: If the folder has no JSON files, or the list cannot be read or belongs to no
            folder above it.
    """
    root = Path(path)
    if list_file is not None:
        return Source(_listed(root, Path(list_file)), partial(_parse, root), partial(_place, root))
    if root.is_file() and root.suffix == LABEL_SUFFIX:
        one = (None, root.name) if root.name.endswith(CIPO_SUFFIXES) else (root.name, None)
        return Source(iter([one]), partial(_parse, root.parent))
    if root.is_file():
        root, listed = require_root(root, _label_name), root.absolute()
        return Source(_listed(root, listed), partial(_parse, root), partial(_place, root))
    return Source(_walk(root), partial(_parse, root), partial(_place, root))


def load_openlane(path: str | Path, list_file: str | Path | None = None) -> Loaded:
    """Return all frames at once; see ``open_openlane``."""
    return open_openlane(path, list_file).load()


def recognise_openlane(peek: Peek) -> str | None:
    """Return why a path holds OpenLane labels, None if it does not."""
    first = peek.first(LABEL_SUFFIX) or listed_label(peek, _label_name)
    record = (Peek(first) if first else peek).json
    if not isinstance(record, dict):
        return None
    for keys in (("file_path", "lane_lines"), ("raw_file_path", "results")):
        if record.keys() >= set(keys):
            return f"{(first or peek.path).name} with {' and '.join(keys)}"
    return None


def _label_name(image: str) -> str:
    return str(PurePosixPath(image).with_suffix(LABEL_SUFFIX))


def _cipo_name(image: str) -> str:
    return str(PurePosixPath(image)) + LABEL_SUFFIX


def _listed(root: Path, list_file: Path) -> Iterator[Entry | FormatError]:
    for found in read_list(root, list_file, _label_name):
        if isinstance(found, FormatError):
            yield found
        else:
            image = found[0]
            beside = _cipo_name(image)
            yield _label_name(image), beside if (root / beside).is_file() else None


def _walk(root: Path) -> Iterator[Entry | FormatError]:
    found = list(walk_files(root))
    files = [file for file in found if isinstance(file, Path) and file.suffix == LABEL_SUFFIX]
    unreadable = [file for file in found if isinstance(file, FormatError)]
    if not files:
        nothing = FormatError(f"folder must hold *{LABEL_SUFFIX} files, got none.", root)
        raise unreadable[0] if unreadable else nothing
    names = sorted(file.relative_to(root).as_posix() for file in files)
    cipo = {_without(name, CIPO_SUFFIXES): name for name in names if name.endswith(CIPO_SUFFIXES)}
    paired: set[str] = set()
    for name in names:
        if name.endswith(CIPO_SUFFIXES):
            continue
        stem = name.removesuffix(LABEL_SUFFIX)
        far = f"{CIPO_FOLDER}/{stem.partition('/')[2]}"
        beside = cipo.get(stem) or cipo.get(far)
        paired.add(beside or "")
        yield name, beside
    yield from (
        (None, name) for name in names if name.endswith(CIPO_SUFFIXES) and name not in paired
    )
    yield from unreadable


def _without(name: str, suffixes: tuple[str, ...]) -> str:
    return name.removesuffix(next(suffix for suffix in suffixes if name.endswith(suffix)))


def _place(root: Path, entry: Entry) -> Place:
    lanes_file, cipo_file = entry
    return Place(root / (lanes_file or cipo_file or ""))


def _parse(root: Path, entry: Entry) -> Scene:
    lanes_file, cipo_file = entry
    file = _place(root, entry).file
    own: dict[str, Any] = {}
    instances: list[Instance] = []
    try:
        if lanes_file is not None:
            record = as_kind(_read(file), dict, "file")
            image = field(record, "file_path", str)
            instances, empty = _lanes(field(record, "lane_lines", list))
            own["frame"] = record | {"file_path": None, "lane_lines": empty}
        if cipo_file is not None:
            file = root / cipo_file
            boxes, own["cipo"] = parse_cipo(_read(file))
            instances += boxes
            if lanes_file is None:
                image = field(own["cipo"], "raw_file_path", str)
                own["cipo"]["raw_file_path"] = None
        frame, about_size = find_frame(root, check_image_name(image), SIZE)
    except FormatError as error:
        raise FormatError(error.message, file, item=error.item) from error
    return Scene(frame, tuple(instances), {"openlane": own} | about_size)


def _read(file: Path) -> Any:
    return parse_json(read_whole(file, MAX_LABEL_BYTES))


def _lanes(records: list[Any]) -> tuple[list[Instance], list[list[Any]]]:
    """Return the lanes, and [slot, lane] of those without any point."""
    instances: list[Instance] = []
    empty: list[list[Any]] = []
    for slot, record in enumerate(records):
        item = f"lane {slot}"
        points = _points(as_kind(record, dict, item).get("uv"), item)
        if len(points):
            instances.append(_instance(points, record, item))
        else:
            empty.append([slot, record])
    return instances, empty


def _points(uv: object, item: str) -> FloatArray:
    """Return (N, 2) points of a lane's ``uv``, in the order of the file."""
    if not isinstance(uv, list) or len(uv) != 2:
        raise FormatError(f"uv must be two lists of numbers, got {uv!r:.100}.", item=item)
    u, v = (check_numbers(values, item) for values in uv)
    if len(u) != len(v):
        raise FormatError(f"uv must have as many u as v, got {len(u)} and {len(v)}.", item=item)
    return np.stack([u, v], axis=1)


def _instance(points: FloatArray, record: dict[str, Any], item: str) -> Instance:
    label, attributes = words_of(record, item)
    by_line = all(type(value) is float for values in record["uv"] for value in values)
    keep_uv = not by_line or any(name in record for name in _THREE_D)
    own: dict[str, Any] = {"lane": record if keep_uv else record | {"uv": None}}
    if points[0, 1] < points[-1, 1]:
        points, own["reversed"] = points[::-1], True
    flags = {"flags": ["one-point"]} if len(points) == 1 else {}
    return Instance(label, Polyline(points), attributes, extra={"openlane": own, **flags})


def save_openlane(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write a JSON file for each picture and a list of them, ``all.txt``, into a folder.

    Lanes are written far to near, curbsides by the side of the image that they are on. CIPO boxes
    go to ``1.jpg.json`` beside ``1.json``; only those that were read from such a file, since no
    other box has an importance. A folder that is new or empty appears whole or not at all; in a
    folder with content only each file does.

    Args:
        scenes: Any scenes; only lane and curb lines and CIPO boxes can be held.
        path: Root folder, made if absent; files go where the image names point.

    Returns:
        What could not be held; and set aside, frames without a usable image name, or whose label
        file stands in another's way.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, _files, LIST_NAME)


def _files(scene: Scene) -> FrameFiles:
    image = scene.frame.image
    own = own_extra(scene, "openlane")
    lanes, losses = _written_lanes(scene)
    cipo, lost = cipo_record(scene)
    losses = frame_losses(scene, "openlane", folder_clip(image)) + losses + lost
    losses += size_losses(scene, SIZE)
    texts: dict[str, str] = {}
    if lanes or cipo is None or "frame" in own:
        frame = as_kind(own.get("frame", {"file_path": None}), dict, "extra openlane, frame")
        empty = frame.get("lane_lines", [])
        put_back(lanes, empty, "lane_lines")
        for _, lane in empty:
            _points(as_kind(lane, dict, "lane_lines").get("uv"), "lane_lines")
        record = frame | {"file_path": image, "lane_lines": lanes}
        texts[_label_name(image)] = json.dumps(record)
    if cipo is not None:
        texts[_cipo_name(image)] = json.dumps(cipo)
    return FrameFiles(texts, f"/{image}" if _label_name(image) in texts else None, losses)


def _written_lanes(scene: Scene) -> tuple[list[dict[str, Any]], list[Loss]]:
    """Return the lanes as they stand in a file, and what is lost of all instances."""
    lanes: list[dict[str, Any]] = []
    losses: list[Loss] = []
    for index, instance in enumerate(scene.instances):
        item = item_of(index, instance)
        kind = instance.geometry.kind
        if is_cipo(instance):
            continue
        lost = [f"{instance.label} ({kind}) left out: no lane line"]
        if isinstance(instance.geometry, Polyline) and says_lane(instance):
            lost = ["lane left out: it has no points"]
            if len(instance.geometry.xy):
                lane, says, lost = _written_lane(instance, item, scene.frame.size_wh)
                lanes.append(lane)
                lost += [f"lane written as {LANE}"] if instance.label == "lane" else []
                losses += instance_losses(scene, index, says)
        losses += [Loss(scene.frame.image, message, item) for message in lost]
    return lanes, losses


def _written_lane(
    instance: Instance, item: str, size_wh: Size
) -> tuple[dict[str, Any], frozenset[str], list[str]]:
    """Return a lane as it stands in a file, the attributes that it says, and what was lost."""
    own = as_kind(instance.extra.get("openlane", {}), dict, f"{item}, extra openlane")
    original = as_kind(own.get("lane", {}), dict, f"{item}, lane")
    category, says = category_of(instance, original.get("category"), size_wh)
    lane: dict[str, Any] = original | {"category": category}
    attribute, role = attribute_of(instance, original.get("attribute"))
    if attribute != 0 or "attribute" in original or not original:
        lane["attribute"] = attribute
    points = instance.geometry.vertices()
    turned = points[::-1] if own.get("reversed", not original) else points
    uv = original.get("uv")
    if uv is not None and np.array_equal(_points(uv, item), turned):
        return lane, says | role, []
    lost = [name for name in _THREE_D if lane.pop(name, None) is not None]
    lane["uv"] = turned.T.tolist()
    return lane, says | role, [f"{name} left out: the line is another" for name in lost]


OPENLANE = Format(
    name="openlane",
    title="OpenLane 2D lanes (a JSON file a frame), CIPO boxes beside; a folder, file or list",
    path_is="folder",
    open=open_openlane,
    save=save_openlane,
    recognise=recognise_openlane,
    holds="lane and curb lines with style, colour and role; CIPO boxes",
    lost_in="",
    lost_out="other instances; other attributes; boxes that no CIPO file had; "
    "clips that are not the folder; no style comes back as unknown",
)
