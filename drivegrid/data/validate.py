"""What is wrong with labels: every fault by file, line and item, so that it can be mended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from drivegrid.data.benchmark import LABEL_FILES
from drivegrid.data.benchmark_checks import BenchmarkFault, check_manifest, check_rows
from drivegrid.data.checks import check_image_name
from drivegrid.data.files import walk_files
from drivegrid.data.folders import LocalFolder
from drivegrid.data.formats import detect_format, find_format
from drivegrid.data.images import image_size
from drivegrid.data.lane_edges import find_edge_pairs
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.shards import QUARANTINE, check_shards, is_shards
from drivegrid.data.split import is_split
from drivegrid.data.store import SUFFIXES, iter_numbered
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, FloatArray, Polygon, Polyline, Size
from drivegrid.labels import LabelSpace, default_label_space


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault.

    Args:
        file: File it stands in.
        message: What must hold and what was found.
        line: 1-based line (Parquet: row), if the file has lines.
        item: What inside the line is meant, for example ``"instance 3 (lane/line)"``.
    """

    file: str
    message: str
    line: int | None = None
    item: str | None = None

    def __str__(self) -> str:
        return str(FormatError(self.message, self.file, self.line, self.item))


def validate(path: str | Path, space: LabelSpace | None = None) -> Iterator[Finding]:
    """Yield every fault of a label file, of a benchmark split, or of all files in a folder.

    Args:
        path: Scenes (.jsonl, .jsonl.gz, .parquet), labels of another known format, or a folder.
            A folder with a manifest is a split of the benchmark or shards of scenes: its hashes
            are checked too, of a split also expressions and attribute questions. Other folders
            are walked for scenes, splits and shards. Pictures of shards are not looked for.
        space: The taxonomy; by default the packaged one.

    Raises:
        FormatError: If there are no labels at all, or a file is of no known format.
    """
    path, space = Path(path), space or default_label_space()
    found = list(label_files(path))
    folders = sorted({file.parent for file in found})
    for split in filter(is_split, folders):
        yield from map(_of_benchmark, check_manifest(split))
    sharded = {folder for folder in folders if is_shards(LocalFolder(folder))}
    for folder in sorted(sharded):
        for fault in check_shards(LocalFolder(folder)):
            yield Finding(str(fault.path), fault.message)
    names: dict[Path, dict[str, int | None]] = defaultdict(dict)
    for file in found:
        in_shards = file.parent in sharded
        try:
            yield from _check_file(
                file, space, names[file.parent if in_shards else file], pictures=not in_shards
            )
        except FormatError as error:
            if not path.is_dir():
                raise
            yield Finding(str(error.path or file), error.message, error.line, error.item)


def label_files(path: Path) -> Iterator[Path]:
    """Yield the files of scenes a path stands for, or the path itself for other formats.

    Raises:
        FormatError: If a folder holds no labels of a known format.
    """
    if not path.is_dir():
        yield path
        return
    files = [f for f in walk_files(path) if isinstance(f, Path) and f.name.endswith(SUFFIXES)]
    beside = {folder: _not_scenes(folder) for folder in {file.parent for file in files}}
    own = [file for file in files if file.name not in beside[file.parent]]
    if own:
        yield from own
    else:
        detect_format(path)
        yield path


def _not_scenes(folder: Path) -> tuple[str, ...]:
    """Return the files of a folder that end as files of scenes do and are none."""
    if is_shards(LocalFolder(folder)):
        return (QUARANTINE,)
    return LABEL_FILES[1:] if is_split(folder) else ()


def numbered_scenes(path: Path) -> Iterator[tuple[int | None, Scene | FormatError]]:
    """Yield the line (None where the format has none) and the scene or fault of each record."""
    if path.name.endswith(".parquet") or (path.is_file() and detect_format(path)[0] == "scene"):
        yield from iter_numbered(path)
        return
    loaded = find_format(detect_format(path)[0]).load(path)
    yield from ((None, scene) for scene in loaded.scenes)
    for wrong in loaded.quarantine.rejected:
        yield wrong.line, FormatError(wrong.message, wrong.path, wrong.line, wrong.item)


def _of_benchmark(fault: BenchmarkFault) -> Finding:
    return Finding(str(fault.file), fault.message, fault.line, fault.item)


def _check_file(
    file: Path, space: LabelSpace, names: dict[str, int | None], *, pictures: bool
) -> Iterator[Finding]:
    """Yield the faults of one file; ``names`` holds the images of the files it belongs with."""
    root = file if file.is_dir() else file.parent
    scenes: list[Scene | None] = []
    for line, found in numbered_scenes(file):
        if isinstance(found, FormatError):
            scenes.append(None)
            yield Finding(str(found.path or file), found.message, found.line, found.item)
            continue
        scenes.append(found)
        item = found.frame.image if line is None else None
        name = found.frame.image
        if name and name in names:
            yield Finding(str(file), f"image must occur once, got {name} again", line, "frame")
        names.setdefault(name, line)
        for where, message in check_scene(found, space):
            full = f"{item}, {where}" if item else where
            yield Finding(str(file), message, line, full)
        if pictures and name and not found.extra.get("assumed_size"):
            yield from (
                Finding(str(file), message, line, name) for message in _check_picture(found, root)
            )
    if not scenes:
        yield Finding(str(file), "labels must hold at least one frame, got none")
    if file.name == LABEL_FILES[0] and is_split(root):
        yield from map(_of_benchmark, check_rows(root, scenes, space))


def check_scene(scene: Scene, space: LabelSpace) -> Iterator[tuple[str, str]]:
    """Yield (item, message) of every fault inside a scene."""
    yield from (("frame", message) for message in _check_frame(scene.frame, space))
    seen: dict[tuple[str, object], int] = {}
    for index, instance in enumerate(scene.instances):
        item = f"instance {index} ({instance.label})"
        for message in _check_words(instance, space):
            yield item, message
        for message in _check_shape(instance, scene.frame.size_wh):
            yield item, message
        first = seen.setdefault((instance.label, instance.geometry), index)
        if first != index:
            yield item, f"instance must occur once, got the same as instance {first}"
    for first, second in find_edge_pairs(scene):
        if scene.instances[first].geometry != scene.instances[second].geometry:
            item = f"instance {second} ({scene.instances[second].label})"
            yield item, f"line must be a marking of its own, got the other edge of instance {first}"


def _check_frame(frame: Frame, space: LabelSpace) -> Iterator[str]:
    for name, value in frame.attributes.items():
        values = space.frame_attributes.get(name)
        if values is None:
            yield f"frame attribute must be in the taxonomy, got {name!r}"
        elif value not in values:
            yield f"{name} must be one of {', '.join(values)}, got {value!r}"


def _check_words(instance: Instance, space: LabelSpace) -> Iterator[str]:
    if instance.label not in space.labels:
        yield f"label must be in the taxonomy, got {instance.label!r}"
        return
    allowed = space.attributes_of(instance.label)
    for name, value in instance.attributes.items():
        if name not in allowed:
            yield f"attribute must be one of {', '.join(allowed) or 'none'}, got {name!r}"
        elif value not in allowed[name]:
            yield f"{name} must be one of {', '.join(allowed[name])}, got {value!r}"


def _check_shape(instance: Instance, size_wh: Size) -> Iterator[str]:
    """Yield what is wrong with a shape: nothing there, no extent, off the image, crossing."""
    shape = instance.geometry
    points = shape.vertices()
    if not len(points):
        yield f"{shape.kind} must have points, got none"
        return
    if isinstance(shape, Polyline) and len(points) == 1:
        yield "line must have at least 2 points, got 1"
    elif isinstance(shape, Polyline) and not np.ptp(points, axis=0).any():
        yield f"line must have a length, got {len(points)} times the same point"
    if isinstance(shape, Box) and not shape.wh.all():
        yield f"box must have an area, got {shape.xyxy.tolist()}"
    if isinstance(shape, Polygon):
        for place, ring in enumerate(shape.rings):
            yield from (f"ring {place} {message}" for message in _check_ring(ring))
    if not _meets(instance, size_wh):
        yield f"{shape.kind} must meet the image {size_wh[0]}x{size_wh[1]}, got one outside"


def _check_ring(ring: FloatArray) -> Iterator[str]:
    if len(ring) < 3:
        yield f"must have at least 3 points, got {len(ring)}"
    elif not shapely.LinearRing(ring).is_simple:
        yield "must not cross or touch itself"
    elif shapely.Polygon(ring).area == 0:
        yield "must have an area, got none"


def _meets(instance: Instance, size_wh: Size) -> bool:
    """Tell whether any part of a shape lies in the closed image."""
    image, shape = shapely.box(0, 0, *size_wh), instance.geometry
    points = shape.vertices()
    if ((points >= 0) & (points <= size_wh)).all(axis=1).any():
        return True
    if isinstance(shape, Box):
        return bool(image.intersects(shapely.box(*shape.xyxy)))
    if isinstance(shape, Polyline) and len(points) > 1:
        return bool(image.intersects(shapely.LineString(points)))
    if isinstance(shape, Polygon):
        whole = [shapely.Polygon(ring) for ring in shape.rings if len(ring) >= 3]
        return any(image.intersects(shapely.make_valid(ring)) for ring in whole)
    return False


def _check_picture(scene: Scene, root: Path) -> Iterator[str]:
    """Yield what is wrong with the picture beside the labels."""
    try:
        path = root / check_image_name(scene.frame.image.lstrip("/"))
        if not path.is_file():
            yield "picture must stand beside its labels, got none"
            return
        size = image_size(path)
    except FormatError as error:
        yield error.message
        return
    if size != scene.frame.size_wh:
        yield "picture must have the size of its labels {}x{}, got {}x{}".format(
            *scene.frame.size_wh, *size
        )
