"""nuImages: JSON tables of rows with tokens, joined into one scene for each key frame.

A folder ``v1.0-train`` and the like holds ``sample_data`` (images), ``object_ann`` (category,
attributes, amodal ``bbox`` [xmin, ymin, xmax, ymax] in whole pixels, ``mask``), ``surface_ann``
(category, mask), ``category``, ``attribute``, ``sample``, ``log``, ``calibrated_sensor``,
``sensor`` and ``ego_pose``. Corners are continuous pixels: widths are differences, as the
devkit takes them. Source: nutonomy/nuscenes-devkit, docs/schema_nuimages.md.

An object is its box, the mask stays in ``extra["nuimages"]`` with token, category, attribute
names and other keys; a surface is the polygon of its mask. A scene's ``extra["nuimages"]`` holds
the rows of its frame, ``kept`` annotations of what is no label of ours (the camera's own vehicle)
by table, as [place, annotation] pairs, and on the first scene all categories and attributes
(``tables``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from drivegrid.data.checks import check_image_name, check_numbers
from drivegrid.data.fields import as_kind, box, field
from drivegrid.data.files import parse_json
from drivegrid.data.formats.coco_shapes import Record
from drivegrid.data.formats.contract import Format, Source, in_entry
from drivegrid.data.formats.naming import label_of
from drivegrid.data.formats.nuimages_words import SOURCE, check_mask, facts_of, region_of
from drivegrid.data.formats.nuimages_write import save_nuimages
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.regions import check_masks
from drivegrid.data.images import IMAGE_SUFFIXES
from drivegrid.data.json_stream import array_items
from drivegrid.data.quarantine import Loaded
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import Box, Polygon, Size
from drivegrid.labels.mapping import DroppedLabel

ANNOTATIONS = ("object_ann", "surface_ann")

_NEEDED = ("sample_data", "category", "object_ann")
_OWN = ("token", "category_token", "attribute_tokens", "sample_data_token")


class Entry(NamedTuple):
    """A key frame as it lies in the tables.

    Args:
        image: Its row of ``sample_data``.
        annotations: JSON of its annotations by table.
        rows: Its rows of other tables, by table.
        tables: All categories and attributes, with the first frame.
    """

    image: Record
    annotations: dict[str, list[bytes]]
    rows: Record
    tables: Record | None


class Context(NamedTuple):
    """What all frames share: the folder of tables, and names of categories and attributes."""

    path: Path
    categories: dict[str, str]
    attributes: dict[str, str]


def open_nuimages(path: str | Path) -> Source:
    """Open nuImages: a folder of tables, or the folder above if it holds one such folder.

    Annotations of key frames are held as text in memory. Frames between key frames (sweeps) and
    the pointers to them, and lidar, are passed over. The clip is the log file.

    Args:
        path: ``v1.0-mini`` or the folder that holds it; each split is a folder of its own.

    A frame with anything wrong is set aside whole; so is each annotation of no key frame.

    Raises:
        FormatError: If there are no tables, several sets of them, or one cannot be read.
    """
    tables = _find_tables(Path(path))
    rows = {name: _rows(tables, name) for name in ("category", "attribute")}
    try:
        names = [
            {token: field(row, "name", str, name) for token, row in rows[name].items()}
            for name in rows
        ]
    except FormatError as error:
        raise error.at(tables) from error
    header = {name: list(rows[name].values()) for name in rows}
    return Source(_entries(tables, header), partial(_parse, Context(tables, *names)))


def load_nuimages(path: str | Path) -> Loaded:
    """Return all frames at once; see ``open_nuimages``."""
    return open_nuimages(path).load()


def recognise_nuimages(peek: Peek) -> str | None:
    """Return why a folder holds nuImages, None if it does not."""
    if not peek.is_folder or not _table_folders(peek.path):
        return None
    return "folder with tables sample_data.json and object_ann.json"


def _table_folders(path: Path) -> list[Path]:
    try:
        inside = sorted(folder for folder in path.iterdir() if folder.is_dir())
    except OSError as error:
        raise FormatError(f"folder must be readable, got: {error.strerror}.", path) from error
    return [
        folder
        for folder in (path, *inside)
        if all((folder / f"{name}.json").is_file() for name in _NEEDED)
    ]


def _find_tables(path: Path) -> Path:
    found = _table_folders(path)
    if path in found:
        return path
    if len(found) != 1:
        several = ", ".join(folder.name for folder in found) or "none"
        raise FormatError(
            f"folder must hold one set of tables ({', '.join(_NEEDED)}), got {several}.", path
        )
    return found[0]


def _rows(tables: Path, name: str, wanted: Collection[object] | None = None) -> dict[str, Record]:
    """Return the rows of a table by token; none of a table that is not there.

    Raises:
        FormatError: If a row is none; names file and place.
    """
    file = tables / f"{name}.json"
    found: dict[str, Record] = {}
    if not file.is_file():
        return found
    for place, text in array_items(file):
        try:
            row = as_kind(parse_json(text), dict, "row")
            token = field(row, "token", str, "row")
        except FormatError as error:
            raise FormatError(error.message, file, item=f"row {place}") from error
        if wanted is None or token in wanted:
            found[token] = row
    return found


def _entries(tables: Path, header: Record) -> Iterator[Entry | FormatError]:
    images: dict[str, Record] = {}
    file = tables / "sample_data.json"
    for place, text in array_items(file):
        try:
            row = as_kind(parse_json(text), dict, "row")
            if not _is_key_frame(row):
                continue
            token = field(row, "token", str, "row")
            if token in images:
                raise FormatError(f"token must stand once, got {token!r:.100} again.")
            images[token] = row
        except FormatError as error:
            yield FormatError(error.message, file, item=f"row {place}")
    annotations, orphans = _annotations(tables, images)
    samples = _joined(tables, "sample", images.values(), "sample_token")
    logs = _joined(tables, "log", samples.values(), "log_token")
    poses = _joined(tables, "ego_pose", images.values(), "ego_pose_token")
    cameras = _joined(tables, "calibrated_sensor", images.values(), "calibrated_sensor_token")
    sensors = _joined(tables, "sensor", cameras.values(), "sensor_token")
    told = False
    for token, row in images.items():
        try:
            sample = _look_up(samples, row, "sample_token")
            camera = _look_up(cameras, row, "calibrated_sensor_token")
            rows = {
                "sample": sample,
                "log": _look_up(logs, sample, "log_token"),
                "ego_pose": _look_up(poses, row, "ego_pose_token"),
                "calibrated_sensor": camera,
                "sensor": _look_up(sensors, camera, "sensor_token"),
            }
        except FormatError as error:
            yield FormatError(error.message, tables, item=f"sample_data {token:.50}")
            continue
        found = {name: row for name, row in rows.items() if row}
        own = {name: annotations[name].get(token, []) for name in ANNOTATIONS}
        yield Entry(row, own, found, None if told else header)
        told = True
    yield from orphans


def _look_up(table: dict[Any, Record], row: Record, key: str) -> Record:
    """Return the row of another table that a row points to; empty where there is none."""
    token = row.get(key)
    return {} if token is None else table.get(as_kind(token, str, key), {})


def _is_key_frame(row: Record) -> bool:
    """Tell pictures of key frames from sweeps and from lidar."""
    name = row.get("filename")
    is_picture = not isinstance(name, str) or name.lower().endswith(IMAGE_SUFFIXES)
    return row.get("is_key_frame") is not False and is_picture


def _joined(tables: Path, name: str, rows: Collection[Record], key: str) -> dict[Any, Record]:
    """Return the rows of a table that others point to, by token."""
    tokens = {row[key] for row in rows if isinstance(row.get(key), str)}
    return _rows(tables, name, tokens)


def _annotations(
    tables: Path, images: Collection[str]
) -> tuple[dict[str, dict[str, list[bytes]]], list[FormatError]]:
    """Return JSON of annotations by table and image, and those of no image."""
    found: dict[str, dict[str, list[bytes]]] = {name: {} for name in ANNOTATIONS}
    orphans = []
    for name, by_image in found.items():
        file = tables / f"{name}.json"
        for place, text in array_items(file) if file.is_file() else ():
            try:
                row = as_kind(parse_json(text), dict, "row")
                image = field(row, "sample_data_token", str, "row")
                if image not in images:
                    raise FormatError(f"annotation must be of a key frame, got {image!r:.100}.")
                by_image.setdefault(image, []).append(text)
            except FormatError as error:
                orphans.append(FormatError(error.message, file, item=f"row {place}"))
    return found, orphans


def _parse(context: Context, entry: Entry) -> Scene:
    try:
        return _scene(context, entry)
    except FormatError as error:
        item = f"sample_data {entry.image.get('token')!s:.50}"
        raise in_entry(error, context.path, item) from error


def _scene(context: Context, entry: Entry) -> Scene:
    image = entry.image
    size = field(image, "width", int), field(image, "height", int)
    clip = entry.rows.get("log", {}).get("logfile") or None
    clip = clip if isinstance(clip, str) else None
    try:
        frame = Frame(check_image_name(image.get("filename")), size, clip=clip)
    except GeometryError as error:
        raise FormatError(str(error), item="size") from error
    instances: list[Instance] = []
    kept: Record = {}
    rows = {name: [parse_json(text) for text in entry.annotations[name]] for name in ANNOTATIONS}
    check_masks(row.get("mask") for name in ANNOTATIONS for row in rows[name])
    for name, read in zip(ANNOTATIONS, (_object, _surface), strict=True):
        for place, row in enumerate(rows[name]):
            item = f"{name} {row.get('token')!s:.50}"
            own = _named(row, context, item)
            target = label_of(SOURCE, own["category"])
            shape = None if isinstance(target, DroppedLabel) else read(own, size, item)
            if isinstance(target, DroppedLabel) or shape is None:
                kept.setdefault(name, []).append([place, own])
                continue
            facts = facts_of(own.get("attributes", []), target.path)
            instances.append(Instance(target.path, shape, facts, extra={"nuimages": own}))
    said = ("filename", "width", "height", "prev", "next")
    extra: Record = {"sample_data": {k: v for k, v in image.items() if k not in said}}
    extra |= entry.rows
    extra |= {"kept": kept} if kept else {}
    extra |= {"tables": entry.tables} if entry.tables is not None else {}
    return Scene(frame, tuple(instances), {"nuimages": extra})


def _named(row: Record, context: Context, item: str) -> Record:
    """Return an annotation with names in place of the tokens of category and attributes."""
    own: Record = {"token": field(row, "token", str, item)}
    category = field(row, "category_token", str, item)
    if category not in context.categories:
        raise FormatError(f"category must be in its table, got {category!r:.100}.", item=item)
    own["category"] = context.categories[category]
    if "attribute_tokens" in row:
        own["attributes"] = []
        for token in field(row, "attribute_tokens", list, item):
            if not isinstance(token, str) or token not in context.attributes:
                raise FormatError(f"attribute must be in its table, got {token!r:.100}.", item=item)
            own["attributes"].append(context.attributes[token])
    return own | {key: value for key, value in row.items() if key not in _OWN}


def _object(own: Record, size_wh: Size, item: str) -> Box:
    corners = check_numbers(own.get("bbox"), f"{item}, bbox").tolist()
    if len(corners) != 4:
        raise FormatError(f"bbox must be 4 numbers, got {own.get('bbox')!r:.100}.", item=item)
    check_mask(own.get("mask"), size_wh, f"{item}, mask")
    x0, y0, x1, y1 = corners
    return box(x0, y0, x1, y1, f"{item}, bbox")


def _surface(own: Record, size_wh: Size, item: str) -> Polygon | None:
    if own.get("mask") is None:
        return None
    return region_of(as_kind(own["mask"], dict, f"{item}, mask"), size_wh, f"{item}, mask")


NUIMAGES = Format(
    name="nuimages",
    title="nuImages (folder v1.0-* of tables)",
    path_is="folder",
    open=open_nuimages,
    save=save_nuimages,
    recognise=recognise_nuimages,
    holds="boxes, masks and surfaces with classes of nuImages, activity, riders, clips as logs",
    lost_in="frames between key frames, lidar",
    lost_out="other classes, lines, points; parts of a pixel; confidence, visibility",
)
