"""CULane lanes: one text file a frame, ``x.lines.txt`` beside ``x.jpg``, and list files.

One lane a line, ``x y x y ...`` in pixels, bottom to top; x may be negative or beyond the width.
An empty file means a frame without lanes. A list line is the picture's path, with a leading
slash, optionally followed by a mask's path and existence flags of the four lane slots. Sources:
XingangPan/SCNN; cardwing/Codes-for-Lane-Detection, ERFNet-CULane-PyTorch/list.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from drivegrid.data.checks import are_within, check_image_name
from drivegrid.data.files import read_lines, walk_files
from drivegrid.data.formats.contract import Format, Place, Source
from drivegrid.data.formats.frames import find_frame, folder_clip
from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from drivegrid.data.formats.lanes import LANE, climbs, split_lanes
from drivegrid.data.formats.lists import Entry, listed_label, read_list, require_root
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loaded, Loss, Saved
from drivegrid.data.scene import MAX_COORDINATE_PX, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, Polyline, Size

SIZE: Size = (1640, 590)
LABEL_SUFFIX = ".lines.txt"
LIST_NAME = "list/all.txt"
ROW_STEP = 10


def open_culane(path: str | Path, list_file: str | Path | None = None) -> Source:
    """Open CULane labels.

    Every lane is a ``lane/line`` from bottom to top, its points untouched (a lane written top to
    bottom is turned round). A lane of one point is kept and flagged in
    ``extra["flags"]``. Mask path and existence flags stay in ``extra["culane"]`` (beside them
    ``lanes``, the number of lanes, where the flags say another).

    Args:
        path: Root folder, image names are relative to it; or a list, ``list/test.txt`` or
            ``list/test_split/test0_normal.txt``, whose root is the nearest folder above it in
            which its pictures have labels.
        list_file: Which frames to read, in its order; relative to the working folder or else to
            the root. Default: every ``*.lines.txt`` below the root, linked folders included,
            sorted by path.

    Set aside whole: a frame with a wrong lane, one listed twice, and one that is listed but has no
    label file, since only an empty file says that there are no lanes. A frame needs no picture;
    without one its size is 1640x590.

    Raises:
        FormatError: If the folder has no label files, or the list cannot be read or belongs to
            no folder above it.
    """
    root = Path(path)
    if list_file is None and root.is_file():
        root, list_file = require_root(root, _label_name), root.absolute()
    entries = _walk(root) if list_file is None else read_list(root, Path(list_file), _label_name)
    return Source(entries, partial(_parse, root), lambda entry: Place(root / _label_name(entry[0])))


def load_culane(path: str | Path, list_file: str | Path | None = None) -> Loaded:
    """Return all frames at once; see ``open_culane``."""
    return open_culane(path, list_file).load()


def recognise_culane(peek: Peek) -> str | None:
    """Return why a path holds CULane labels, None if it does not."""
    label = peek.first(LABEL_SUFFIX)
    if label:
        return f"folder with {label.relative_to(peek.path)}"
    listed = listed_label(peek, _label_name)
    return f"list of pictures with labels such as {listed}" if listed else None


def _parse(root: Path, entry: Entry) -> Scene:
    return _scene(root, *entry)


def _walk(root: Path) -> Iterator[Entry | FormatError]:
    found = list(walk_files(root))
    labels = [file for file in found if isinstance(file, Path) and file.name.endswith(LABEL_SUFFIX)]
    unreadable = [file for file in found if isinstance(file, FormatError)]
    if not labels:
        nothing = FormatError(f"folder must hold *{LABEL_SUFFIX} files, got none.", root)
        raise unreadable[0] if unreadable else nothing
    names = set(map(str, found))
    for label in sorted(labels, key=lambda path: path.parts):
        stem = str(label).removesuffix(LABEL_SUFFIX)
        pictures = [stem + suffix for suffix in IMAGE_SUFFIXES]
        picture = next((name for name in pictures if name in names), pictures[0])
        try:
            yield check_image_name(Path(picture).relative_to(root).as_posix()), {}
        except FormatError as error:
            yield error.at(label)
    yield from unreadable


def _label_name(image: str) -> str:
    return str(PurePosixPath(image).with_suffix(LABEL_SUFFIX))


def _scene(root: Path, image: str, extra: dict[str, Any]) -> Scene:
    label = root / _label_name(image)
    instances: list[Instance] = []
    for number, line in read_lines(label):
        try:
            points = _points(line, f"lane {len(instances)}")
        except FormatError as error:
            raise error.at(label, number) from error
        if len(points):
            instances.append(_instance(points))
    if len(instances) != sum(extra.get("exist", [len(instances)])):
        extra = extra | {"lanes": len(instances)}
    frame, about_size = find_frame(root, image, SIZE)
    return Scene(frame, tuple(instances), {"culane": extra} | about_size)


def _points(line: bytes, item: str) -> FloatArray:
    """Return (N, 2) points of one line; (0, 2) for a blank one."""
    words = line.split()
    try:
        values = list(map(float, words))
    except ValueError:
        values = [math.nan]
    # float() takes "1_0"
    if b"_" in line or not are_within(values, MAX_COORDINATE_PX):
        index = next(index for index, word in enumerate(words) if not _is_number(word))
        raise FormatError(
            f"lane must hold pixel numbers, got {words[index]!r:.50} at {index}.", item=item
        )
    if len(values) % 2:
        raise FormatError(f"lane must have x y pairs, got {len(values)} numbers.", item=item)
    return np.array(values).reshape(-1, 2)


def _is_number(word: bytes) -> bool:
    try:
        return b"_" not in word and abs(float(word)) <= MAX_COORDINATE_PX
    except ValueError:
        return False


def _instance(points: FloatArray) -> Instance:
    extra: dict[str, Any] = {"culane": {}}
    if points[0, 1] < points[-1, 1]:
        points, extra["culane"] = points[::-1], {"reversed": True}
    if len(points) == 1:
        extra["flags"] = ["one-point"]
    return Instance(LANE, Polyline(points), extra=extra)


def save_culane(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write label files and a list, ``list/all.txt``, into a folder.

    A folder that is new or empty appears whole or not at all. In a folder with content, such as
    the pictures, only each file does: a failure on the way leaves the files written before it.

    Lanes that came from CULane are written point by point. Others are sampled every 10 px, bottom
    to top and inside the image, where they climb (scorers lay a spline through the points, which
    bends far apart ones astray); the rest keep their points. Existence flags are written while
    the lanes are the ones that were read.

    Args:
        scenes: Any scenes; only ``lane/line`` lines can be held.
        path: Root folder, made if absent; label files go where the image names point.

    Returns:
        What could not be held; and set aside, frames without a usable image name (too long for
        the disk, for example), or whose label file stands in another's way.

    Raises:
        OSError: If the disk is full or the folder cannot be written.
    """
    return save_label_tree(scenes, path, _files, LIST_NAME)


def _files(scene: Scene) -> FrameFiles:
    lines, losses = _lines(scene)
    listed, lost = _list_line(scene, len(lines))
    return FrameFiles({_label_name(scene.frame.image): "".join(lines)}, listed, losses + lost)


def _list_line(scene: Scene, num_lanes: int) -> tuple[str, list[Loss]]:
    """Return what the list says of a frame, flags only while they belong to the written lanes."""
    extra = scene.extra.get("culane", {})
    words = [f"/{scene.frame.image}", *([extra["mask"]] if "mask" in extra else [])]
    flags = extra.get("exist", [])
    if flags and not _are_those_read(scene, num_lanes):
        message = "existence flags left out: the lanes are others"
        return " ".join(words), [Loss(scene.frame.image, message)]
    return " ".join(words + [str(flag) for flag in flags]), []


def _are_those_read(scene: Scene, num_lanes: int) -> bool:
    """Tell whether the lanes written are those that the existence flags speak of."""
    extra = scene.extra["culane"]
    lanes, _ = split_lanes(scene, "culane", folder_clip(scene.frame.image))
    same_number = num_lanes == extra.get("lanes", sum(extra["exist"]))
    return same_number and all("culane" in lane.extra for _, lane in lanes)


def _lines(scene: Scene) -> tuple[list[str], list[Loss]]:
    lanes, losses = split_lanes(scene, "culane", folder_clip(scene.frame.image))
    empty = scene.extra.get("tusimple", {}).get("empty", [])
    losses += [
        Loss(scene.frame.image, "lane without points left out", f"lane {e[0]}") for e in empty
    ]
    if scene.frame.size_wh != SIZE:
        message = "image size left out: readers without the picture take 1640x590"
        losses.append(Loss(scene.frame.image, message))
    lines = []
    for item, instance in lanes:
        points, lost = _written_points(instance, scene.frame.size_wh[1])
        losses += [Loss(scene.frame.image, message, item) for message in lost]
        if len(points):
            lines.append(" ".join(map(repr, points.ravel().tolist())) + "\n")
    return lines, losses


def _written_points(instance: Instance, height: int) -> tuple[FloatArray, list[str]]:
    """Return (N, 2) points in the order of the file, and what was lost."""
    points = instance.geometry.vertices()
    own = instance.extra.get("culane")
    if len(points) == 0:
        return points, ["lane left out: it has no points"]
    if own is not None:
        return points[::-1] if own.get("reversed") else points, []
    sampled = _sampled(points, height)
    if len(sampled) == 0:
        return sampled, ["lane left out: it lies above or below the image"]
    cut = sampled[0, 1] != points[0, 1] or sampled[-1, 1] != points[-1, 1]
    return sampled, ["part of the lane above or below the image left out"] if cut else []


def _sampled(points: FloatArray, height: int) -> FloatArray:
    """Return (M, 2) points at every tenth row of the image and both ends, cut at its edges.

    As given where the line does not climb; (0, 2) where it climbs outside the image.
    """
    if len(points) < 2 or not climbs(points):
        return points
    bottom, top = min(float(points[0, 1]), height), max(float(points[-1, 1]), 0)
    if bottom <= top:
        return points[:0]
    inner = range(math.ceil(bottom / ROW_STEP) - 1, math.floor(top / ROW_STEP), -1)
    sampled = np.empty((len(inner) + 2, 2))
    sampled[0, 1], sampled[-1, 1] = bottom, top
    sampled[1:-1, 1] = np.arange(inner.start, inner.stop, -1) * ROW_STEP
    if np.array_equal(sampled[:, 1], points[:, 1]):
        return points
    sampled[:, 0] = np.interp(sampled[:, 1], points[::-1, 1], points[::-1, 0])
    return sampled


CULANE = Format(
    name="culane",
    title="CULane lanes (x.lines.txt beside x.jpg), a folder or a list in it",
    path_is="folder",
    open=open_culane,
    save=save_culane,
    recognise=recognise_culane,
    holds="lane lines",
    lost_in="",
    lost_out="all but lane lines; all attributes; parts of lines outside the image; "
    "clips that are not the folder",
)
