"""CULane lanes: one text file a frame, ``x.lines.txt`` beside ``x.jpg``, and list files.

One lane a line, ``x y x y ...`` in pixels, bottom to top; x may be negative or beyond the width.
An empty file means a frame without lanes. A list line is the picture's path, with a leading
slash, optionally followed by a mask's path and existence flags of the four lane slots. Sources:
XingangPan/SCNN; cardwing/Codes-for-Lane-Detection, ERFNet-CULane-PyTorch/list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from drivegrid.data.files import check_image_name, read_lines, write_lines, write_text
from drivegrid.data.formats.lanes import LANE, climbs, find_size, sample_rows, split_lanes
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.quarantine import Loaded, Loss, Quarantine, Saved
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import FloatArray, Polyline, Size

SIZE: Size = (1640, 590)
LABEL_SUFFIX = ".lines.txt"
LIST_NAME = "list/all.txt"
ROW_STEP = 10
MAX_LIST_LINE = 4096

_LIST_LINE = re.compile(
    r"/?(?P<image>.+?\.(?:jpe?g|png|webp|bmp|ppm|tiff?))(?:\s+(?P<mask>\S*[^\s01]\S*))?"
    r"(?P<exist>(?:\s+[01])*)",
    re.IGNORECASE,
)


def load_culane(path: str | Path, list_file: str | Path | None = None) -> Loaded:
    """Read CULane labels.

    Every lane is a ``lane/line`` from bottom to top, its points untouched (a lane written top to
    bottom is turned round). A lane of one point is kept and flagged in
    ``extra["flags"]``. Mask path and existence flags stay in ``extra["culane"]``.

    Args:
        path: Root folder; image names are relative to it.
        list_file: Which frames to read, in its order; relative to the working folder or else to
            the root. Default: every ``*.lines.txt`` below the root, sorted by path.

    Returns:
        Good frames. Set aside whole: a frame with a wrong lane, one listed twice, and one that is
        listed but has no label file, since only an empty file says that there are no lanes. A
        frame needs no picture; without one its size is 1640x590.

    Raises:
        FormatError: If the folder has no label files, or the list cannot be read.
    """
    root, loaded = Path(path), Loaded([], Quarantine())
    for entry in _walk(root) if list_file is None else _listed(root, Path(list_file)):
        try:
            if isinstance(entry, FormatError):
                raise entry
            loaded.scenes.append(_scene(root, *entry))
            loaded.quarantine.keep()
        except FormatError as error:
            loaded.quarantine.reject(error)
    return loaded


def _walk(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    labels = sorted(root.rglob(f"*{LABEL_SUFFIX}"))
    if not labels:
        raise FormatError(f"folder must hold *{LABEL_SUFFIX} files, got none.", root)
    for label in labels:
        stem = label.name.removesuffix(LABEL_SUFFIX)
        pictures = (label.with_name(stem + suffix) for suffix in IMAGE_SUFFIXES)
        picture = next(
            (file for file in pictures if file.is_file()), label.with_name(stem + ".jpg")
        )
        yield picture.relative_to(root).as_posix(), {}


def _listed(root: Path, list_file: Path) -> Iterator[tuple[str, dict[str, Any]] | FormatError]:
    if not list_file.is_file() and (root / list_file).is_file():
        list_file = root / list_file
    seen: set[str] = set()
    for number, line in read_lines(list_file):
        if not line:
            continue
        try:
            image, extra = _list_entry(line)
            if image in seen:
                raise FormatError(f"image must be listed once, got {image} again.", item=image)
            if not _label_path(root, image).is_file():
                raise FormatError(
                    f"image must have a label file {_label_path(root, image).name}, got none. "
                    "Write an empty file for a frame without lanes.",
                    item=image,
                )
            seen.add(image)
            yield image, extra
        except FormatError as error:
            yield error.at(list_file, number)


def _list_entry(line: bytes) -> tuple[str, dict[str, Any]]:
    """Return the image name and what else a list line says."""
    match = None
    if len(line) <= MAX_LIST_LINE:  # the pattern is slow on endless lines
        match = _LIST_LINE.fullmatch(line.decode("utf-8", "surrogateescape"))
    if match is None:
        raise FormatError(f"line must be a picture's path [mask path] [flags], got {line!r:.100}.")
    extra: dict[str, Any] = {}
    if match["mask"]:
        extra["mask"] = match["mask"]
    if match["exist"]:
        extra["exist"] = [int(flag) for flag in match["exist"].split()]
    return check_image_name(match["image"]), extra


def _label_path(root: Path, image: str) -> Path:
    return (root / image).with_suffix(LABEL_SUFFIX)


def _scene(root: Path, image: str, extra: dict[str, Any]) -> Scene:
    label = _label_path(root, image)
    instances: list[Instance] = []
    for number, line in read_lines(label):
        try:
            points = _points(line, f"lane {len(instances)}")
        except FormatError as error:
            raise error.at(label, number) from error
        if len(points):
            instances.append(_instance(points))
    frame = Frame(image, find_size(root, image, SIZE), clip=str(PurePosixPath(image).parent))
    return Scene(frame, tuple(instances), {"culane": extra})


def _points(line: bytes, item: str) -> FloatArray:
    """Return (N, 2) points of one line; (0, 2) for a blank one."""
    words = line.split()
    values = []
    for index, word in enumerate(words):
        try:
            value = float(word)
        except ValueError:
            value = np.nan
        if not abs(value) < 1e9 or b"_" in word:  # NaN fails this too; float() takes "1_0"
            raise FormatError(
                f"lane must hold pixel numbers, got {word!r:.50} at {index}.", item=item
            )
        values.append(value)
    if len(values) % 2:
        raise FormatError(f"lane must have x y pairs, got {len(values)} numbers.", item=item)
    return np.reshape(values, (-1, 2)).astype(np.float64)


def _instance(points: FloatArray) -> Instance:
    extra: dict[str, Any] = {"culane": {}}
    if points[0, 1] < points[-1, 1]:
        points, extra["culane"] = points[::-1], {"reversed": True}
    if len(points) == 1:
        extra["flags"] = ["one-point"]
    return Instance(LANE, Polyline(points), extra=extra)


def save_culane(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write label files and a list, ``list/all.txt``, into a folder; each file atomically.

    Lanes that came from CULane are written point by point. Others are sampled every 10 px, bottom
    to top, where they climb (scorers lay a spline through the points, which bends far apart ones
    astray); the rest keep their points.

    Args:
        scenes: Any scenes; only ``lane/line`` lines can be held.
        path: Root folder, made if absent; label files go where the image names point.

    Returns:
        What could not be held; and set aside, frames without a usable image name, or whose label
        file another frame already has.
    """
    root, saved = Path(path), Saved(Quarantine())
    taken: set[Path] = set()
    listed: list[str] = []
    for index, scene in enumerate(scenes):
        try:
            image = check_image_name(scene.frame.image)
            label = _label_path(root, image)
            if label in taken or not image.lower().endswith(IMAGE_SUFFIXES):
                raise FormatError(f"frame must be a picture of its own, got {image!r} here.")
        except FormatError as error:
            saved.quarantine.reject(FormatError(error.message, root, item=f"scene {index}"))
            continue
        text, losses = _lines(scene)
        write_text(label, text)
        taken.add(label)
        listed.append(_list_line(scene))
        saved.losses.extend(losses)
        saved.quarantine.keep()
    write_lines(root / LIST_NAME, listed)
    return saved


def _list_line(scene: Scene) -> str:
    extra = scene.extra.get("culane", {})
    words = [f"/{scene.frame.image}", *([extra["mask"]] if "mask" in extra else [])]
    return " ".join(words + [str(flag) for flag in extra.get("exist", [])])


def _lines(scene: Scene) -> tuple[str, list[Loss]]:
    lanes, losses = split_lanes(scene, frozenset())
    if scene.frame.size_wh != SIZE:
        message = "image size left out: readers without the picture take 1640x590"
        losses.append(Loss(scene.frame.image, message))
    lines = []
    for item, instance in lanes:
        points = instance.geometry.vertices()
        own = instance.extra.get("culane")
        if own is None:
            points = _sampled(points)
        elif own.get("reversed"):
            points = points[::-1]
        if len(points) == 0:
            losses.append(Loss(scene.frame.image, "lane left out: it has no points", item))
            continue
        lines.append(" ".join(map(repr, points.ravel().tolist())) + "\n")
    return "".join(lines), losses


def _sampled(points: FloatArray) -> FloatArray:
    """Return (M, 2) points at every tenth row and both ends; as given where it does not climb."""
    if len(points) < 2 or not climbs(points):
        return points
    bottom, top = points[0, 1], points[-1, 1]
    rows = np.arange(np.ceil(bottom / ROW_STEP) - 1, np.floor(top / ROW_STEP), -1) * ROW_STEP
    rows = np.concatenate([[bottom], rows, [top]])
    return np.stack([sample_rows(points, rows), rows], axis=1)
