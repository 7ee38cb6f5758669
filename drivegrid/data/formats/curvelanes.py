"""CurveLanes: one JSON file a frame, ``labels/x.lines.json`` for ``images/x.jpg``, or beside it.

``{"Lines": [[{"y": "1439.0", "x": "2079.41"}, ...], ...]}``: key points of each lane, their
coordinates as texts. Pictures differ in size; most are 2560x1440. Source: SoulmateB/CurveLanes,
README.

What a scene cannot say stays in ``extra["curvelanes"]``. Of the scene: lanes without any point
(``empty``, their places in the list) and other keys (``rest``). Of an instance:
``reversed``, and ``points`` as they stood where the line alone would not give them back, for
example "1.50".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from drivegrid.data.checks import check_image_name
from drivegrid.data.fields import as_kind, field, number, number_text, own_extra, put_back
from drivegrid.data.files import parse_json, read_whole, walk_files
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.lanes import LANE, split_lanes
from drivegrid.data.formats.lists import listed_label, read_list, require_root
from drivegrid.data.formats.losing import size_losses
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, Polyline, Size

SIZE: Size = (2560, 1440)
LABEL_SUFFIX = ".lines.json"
LIST_NAME = "all.txt"
MAX_LABEL_BYTES = 64 * 2**20


def open_curvelanes(path: str | Path) -> Source:
    """Open CurveLanes labels.

    Every lane is a ``lane/line`` from bottom to top, its points untouched (a lane written top to
    bottom is turned round). A lane of one point is kept and flagged in ``extra["flags"]``. Frames
    are of no clip: each picture was taken elsewhere.

    Args:
        path: A folder, of which every ``*.lines.json`` below is read, sorted by path; or a list
            of pictures in it, such as ``train/train.txt``, whose root is the nearest folder above
            in which the pictures have labels. The picture of a label in a folder ``labels`` lies
            in the folder ``images`` beside, any other beside the label.

    Set aside whole: a frame with a wrong lane. A frame needs no picture; without one its size is
    2560x1440.

    Raises:
        FormatError: If the folder has no label files, or the list cannot be read or belongs to
            no folder above it.
    """
    root = Path(path)
    if root.is_file():
        root, list_file = require_root(root, _label_name), root.absolute()
        return Source(
            _listed(root, list_file), partial(_parse, root), lambda entry: Place(root / entry)
        )
    return Source(_walk(root), partial(_parse, root), lambda entry: Place(root / entry))


def load_curvelanes(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_curvelanes``."""
    return open_curvelanes(path).load()


def recognise_curvelanes(peek: Peek) -> str | None:
    """Return why a path holds CurveLanes labels, None if it does not."""
    label = peek.first(LABEL_SUFFIX) or listed_label(peek, _label_name)
    record = Peek(label).json if label else None
    return f"{label} with Lines" if isinstance(record, dict) and "Lines" in record else None


def _listed(root: Path, list_file: Path) -> Iterator[str | FormatError]:
    for found in read_list(root, list_file, _label_name):
        yield found if isinstance(found, FormatError) else found[0]


def _walk(root: Path) -> Iterator[str | FormatError]:
    found = list(walk_files(root))
    names = {str(file) for file in found if isinstance(file, Path)}
    labels = sorted(name for name in names if name.endswith(LABEL_SUFFIX))
    unreadable = [file for file in found if isinstance(file, FormatError)]
    if not labels:
        nothing = FormatError(f"folder must hold *{LABEL_SUFFIX} files, got none.", root)
        raise unreadable[0] if unreadable else nothing
    for label in labels:
        stem = _picture_stem(Path(label))
        pictures = [stem + suffix for suffix in IMAGE_SUFFIXES]
        picture = next((file for file in pictures if file in names), pictures[0])
        try:
            yield check_image_name(Path(picture).relative_to(root).as_posix())
        except FormatError as error:
            yield error.at(label)
    yield from unreadable


def _picture_stem(label: Path) -> str:
    """Return the path of a label's picture without its suffix."""
    folder = label.parent.with_name("images") if label.parent.name == "labels" else label.parent
    return str(folder / label.name.removesuffix(LABEL_SUFFIX))


def _label_name(image: str) -> str:
    """Return the name of a picture's label file; reading it leads back to the picture."""
    picture = PurePosixPath(image)
    folder = picture.parent
    if folder.name == "images":
        folder = folder.with_name("labels")
    elif folder.name == "labels":
        raise FormatError(f"picture must not lie in a folder of labels, got {image}.", item=image)
    return str(folder / (picture.stem + LABEL_SUFFIX))


def _parse(root: Path, image: str) -> Scene:
    label = root / _label_name(image)
    try:
        record = as_kind(parse_json(read_whole(label, MAX_LABEL_BYTES)), dict, "file")
        lanes = field(record, "Lines", list)
        instances = []
        for slot, lane in enumerate(lanes):
            points = _points(lane, f"lane {slot}")
            if len(points):
                instances.append(_instance(points, lane))
        frame, about_size = find_frame(root, image, SIZE)
    except FormatError as error:
        raise FormatError(error.message, label, item=error.item) from error
    extra: dict[str, Any] = {}
    if len(instances) < len(lanes):
        extra["empty"] = [slot for slot, lane in enumerate(lanes) if not lane]
    if rest := {key: value for key, value in record.items() if key != "Lines"}:
        extra["rest"] = rest
    return Scene(replace(frame, clip=None), tuple(instances), {"curvelanes": extra} | about_size)


def _points(lane: object, item: str) -> FloatArray:
    """Return (N, 2) points of a lane, in the order of the file."""
    values = [
        [_coordinate(as_kind(point, dict, item), axis, item) for axis in "xy"]
        for point in as_kind(lane, list, item)
    ]
    return np.asarray(values, dtype=np.float64).reshape(-1, 2)


def _coordinate(point: Mapping[str, Any], axis: str, item: str) -> float:
    value = point.get(axis)
    return number_text(value, item) if isinstance(value, str) else number(value, f"{item}, {axis}")


def _instance(points: FloatArray, lane: list[dict[str, Any]]) -> Instance:
    own: dict[str, Any] = {} if lane == _records(points) else {"points": lane}
    if points[0, 1] < points[-1, 1]:
        points, own["reversed"] = points[::-1], True
    flags = {"flags": ["one-point"]} if len(points) == 1 else {}
    return Instance(LANE, Polyline(points), extra={"curvelanes": own, **flags})


def _records(points: FloatArray) -> list[dict[str, str]]:
    return [{"y": repr(y), "x": repr(x)} for x, y in points.tolist()]


def save_curvelanes(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write label files and a list of the pictures, ``all.txt``, into a folder.

    The label of a picture in a folder ``images`` goes to the folder ``labels`` beside, any other
    beside the picture. A folder that is new or empty appears whole or not at all; in a folder with
    content, such as the pictures, only each file does.

    Args:
        scenes: Any scenes; only ``lane/line`` lines can be held.
        path: Root folder, made if absent.

    Returns:
        What could not be held; and set aside, frames without a usable image name, in a folder
        named ``labels``, or whose label file stands in another's way.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, _files, LIST_NAME)


def _files(scene: Scene) -> FrameFiles:
    image = scene.frame.image
    lanes, losses = split_lanes(scene, "curvelanes", None)
    losses += size_losses(scene, SIZE)
    own = own_extra(scene, "curvelanes")
    written: list[list[Any]] = []
    for item, instance in lanes:
        if len(instance.geometry.vertices()):
            written.append(_lane(instance, item))
        else:
            losses.append(Loss(image, "lane left out: it has no points", item))
    empty = as_kind(own.get("empty", []), list, "empty")
    put_back(written, [[slot, []] for slot in empty], "empty")
    record = as_kind(own.get("rest", {}), dict, "rest") | {"Lines": written}
    return FrameFiles({_label_name(image): json.dumps(record)}, f"/{image}", losses)


def _lane(instance: Instance, item: str) -> list[Any]:
    """Return the points of a lane as they stood, if they are still the same."""
    own = as_kind(instance.extra.get("curvelanes", {}), dict, f"{item}, extra curvelanes")
    points = instance.geometry.vertices()
    if own.get("reversed"):
        points = points[::-1]
    original = own.get("points")
    if original is not None and np.array_equal(_points(original, item), points):
        return as_kind(original, list, item)
    return _records(points)


CURVELANES = Format(
    name="curvelanes",
    title="CurveLanes (labels/x.lines.json for images/x.jpg), a folder or a list in it",
    path_is="folder",
    open=open_curvelanes,
    save=save_curvelanes,
    recognise=recognise_curvelanes,
    holds="lane lines",
    lost_in="",
    lost_out="all but lane lines; all attributes; clips",
)
