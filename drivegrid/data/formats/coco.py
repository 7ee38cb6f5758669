"""COCO: one JSON file of images, annotations and categories; results in a list of their own.

``{"info", "licenses", "images": [{"id", "file_name", "width", "height"}], "annotations": [{"id",
"image_id", "category_id", "bbox": [x, y, w, h], "area", "iscrowd", "segmentation"}],
"categories": [{"id", "name", "supercategory"}]}``. Annotations and images may have ``attributes``,
as CVAT and Datumaro write them, and images a ``video_id`` into ``videos``, as CocoVID has it.
Source: cocodataset.org, data format and results format.

What a scene cannot say stays in ``extra["coco"]``: the other keys of its ``image``, annotations
without a shape or of things that are no matter of roads (``other``, as [place, annotation] pairs,
with their ``category``); and on the first scene of a file its other members (``file``): info,
licenses, all categories. What instances keep: see ``coco_annotations``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from drivegrid.data.checks import check_image_name
from drivegrid.data.fields import as_kind, field
from drivegrid.data.files import parse_json
from drivegrid.data.formats.coco_annotations import KEY, facts_of, instance_of, why_unread
from drivegrid.data.formats.coco_ids import Id, check_id, is_id
from drivegrid.data.formats.coco_shapes import Record
from drivegrid.data.formats.coco_write import save_coco
from drivegrid.data.formats.contract import Format, Source, in_entry
from drivegrid.data.formats.frames import find_frame
from drivegrid.data.formats.losing import unread
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.regions import check_masks
from drivegrid.data.json_stream import array_items, first_char, object_items
from drivegrid.data.quarantine import Loaded
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space

SIZE: Size = (640, 480)
"""Size of an image that says none and has no picture: COCO's usual one."""
RESULTS = ".results.json"
"""``val.results.json`` holds results for the images of ``val.json`` beside it."""
MAX_ANNOTATIONS = 100_000
"""Of one image; real ones have hundreds, and these take ten seconds."""

_ARRAYS = ("images", "annotations")
_MARKS = {
    "images": re.compile(rb'"images"\s*:\s*\[\s*\{[^}]*"file_name"'),
    "annotations": re.compile(rb'"annotations"\s*:\s*\[\s*\{[^}]*"image_id"'),
    "categories": re.compile(rb'"categories"\s*:\s*\[\s*\{[^}]*"name"'),
    "licenses": re.compile(rb'"licenses"\s*:\s*\[\s*\{[^}]*"url"'),
    "info": re.compile(rb'"info"\s*:\s*\{[^}]*"date_created"'),
}
"""What the head of a COCO file too large to be read for a look shows."""


class Entry(NamedTuple):
    """An image as it lies in a file.

    Args:
        number: 0-based place among the images.
        image: JSON of the image.
        annotations: JSON of each of its annotations.
        file: Other members of the file, with the first image.
    """

    number: int
    image: bytes
    annotations: list[bytes]
    file: Record | None


class Context(NamedTuple):
    """What all images of a file share.

    Args:
        path: The file.
        root: Folder of the pictures.
        categories: Id to category.
        videos: Id to name.
    """

    path: Path
    root: Path
    categories: dict[Id, Record]
    videos: dict[Id, str]


def open_coco(
    path: str | Path, root: str | Path | None = None, labels: str | Path | None = None
) -> Source:
    """Open a COCO file (``.json``, ``.json.gz``) or a file of results.

    The file's text is held in memory. An annotation with a segmentation is a polygon, one
    without a box; parts that overlap are joined. Class names are taxonomy paths, words, or
    COCO's; things of COCO's own that are no matter of roads do not become instances. ``occluded``
    is the visible state partly hidden; other attributes count where the taxonomy has them.

    Results, ``[{"image_id", "category_id", "bbox" or "segmentation", "score"}, ...]``, are read
    with the images and categories of ``labels``; every image is a frame, with results only.

    Args:
        path: The file; each split of a data set is a file of its own.
        root: Folder that ``file_name`` is relative to; default: the file's folder. A picture
            there gives the size of an image that says none; without one it is 640x480.
        labels: File with the images of results; default: for ``val.results.json`` the
            ``val.json`` beside it.

    An image with anything wrong, in its annotations too, is set aside whole; so is each
    annotation of an image that is not there.

    Raises:
        FormatError: If the file cannot be read to its end, or is none of COCO.
    """
    path = Path(path)
    folder = path.parent if root is None else Path(root)
    whole = path
    results: Iterable[bytes] | None = None
    if first_char(path) == "[":
        whole = _labels_of(path) if labels is None else Path(labels)
        results = (text for _, text in array_items(path))
    images, annotations, members = _members(whole)
    found = annotations if results is None else results
    context = Context(path, folder, *_tables(members, whole))
    return Source(_entries(path, images, _grouped(found), members), partial(_parse, context))


def load_coco(
    path: str | Path, root: str | Path | None = None, labels: str | Path | None = None
) -> Loaded:
    """Return all frames at once; see ``open_coco``."""
    return open_coco(path, root, labels).load()


def _labels_of(path: Path) -> Path:
    """Return the file that holds the images of results."""
    labels = _labels_read(path)
    if labels is None:
        raise FormatError(
            f"results must be named x{RESULTS} and lie beside the x.json with their images, got "
            f"{path.name}. drivegrid eval takes the images from the labels.",
            path,
        )
    return labels


def _labels_read(path: Path) -> Path | None:
    """Return the label file that is read beside results, if there is one."""
    labels = path.with_name(path.name.removesuffix(RESULTS) + ".json")
    return labels if path.name.endswith(RESULTS) and labels.is_file() else None


def _members(path: Path) -> tuple[list[bytes], list[bytes], Record]:
    """Return the JSON of each image and annotation, and the other members."""
    texts: dict[str, list[bytes]] = {key: [] for key in _ARRAYS}
    members: Record = {}
    for key, number, text in object_items(path):
        if key in texts:
            if number is None and text != b"[]":
                got = text[:50].decode("utf-8", "replace")
                raise FormatError(f"{key} must be a list, got {got}.", path, item=key)
            texts[key] += [text] if number is not None else []
            continue
        try:
            value = parse_json(text)
        except FormatError as error:
            raise FormatError(error.message, path, item=key) from error
        if number is None:
            members[key] = value
        else:
            members[key].append(value)
    if not texts["images"] and "categories" not in members:
        raise FormatError("file must have images and categories, got neither.", path)
    return texts["images"], texts["annotations"], members


def _tables(members: Record, path: Path) -> tuple[dict[Id, Record], dict[Id, str]]:
    """Return categories and names of videos by id."""
    categories: dict[Id, Record] = {}
    videos: dict[Id, str] = {}
    try:
        for place, record in enumerate(as_kind(members.get("categories", []), list, "categories")):
            item = f"category {place}"
            number = check_id(as_kind(record, dict, item).get("id"), f"{item}, id")
            field(record, "name", str, item)
            if number in categories:
                raise FormatError(f"id must stand once, got {number!r} again.", item=item)
            categories[number] = record
    except FormatError as error:
        raise error.at(path) from error
    given = members.get("videos")
    for record in given if isinstance(given, list) else []:
        if isinstance(record, dict) and is_id(record.get("id")):
            if isinstance(record.get("name"), str):
                videos[record["id"]] = record["name"]
    return categories, videos


def _grouped(texts: Iterable[bytes]) -> dict[Id | None, list[tuple[int, bytes]]]:
    """Return place and JSON of annotations by the id of their image; None where it has none."""
    found: dict[Id | None, list[tuple[int, bytes]]] = {}
    for place, text in enumerate(texts):
        found.setdefault(_id_in(text, "image_id"), []).append((place, text))
    return found


def _id_in(text: bytes, key: str) -> Id | None:
    """Return an id in the JSON of an object, whatever else is wrong with it; None without."""
    try:
        value = json.loads(text.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    found = value.get(key) if isinstance(value, dict) else None
    return found if is_id(found) else None


def _entries(
    path: Path,
    images: list[bytes],
    annotations: dict[Id | None, list[tuple[int, bytes]]],
    members: Record,
) -> Iterator[Entry | FormatError]:
    seen: set[Id] = set()
    for number, text in enumerate(images):
        key = _id_in(text, "id")
        if key is None or key in seen:
            rule = "have an id of its own"
            yield FormatError(f"image must {rule}, got {key!r:.100}.", path, item=f"image {number}")
            continue
        seen.add(key)
        own = [annotation for _, annotation in annotations.pop(key, [])]
        yield Entry(number, text, own, members if number == 0 else None)
    for key, left in annotations.items():
        for place, _ in left:
            yield FormatError(
                f"annotation must be of one of the images, got image_id {key!r:.100}.",
                path,
                item=f"annotation {place}",
            )


def _parse(context: Context, entry: Entry) -> Scene:
    item = f"image {entry.number}"
    try:
        image = as_kind(parse_json(entry.image), dict, "image")
        item += f" ({image.get('file_name')!s:.100})"
        if len(entry.annotations) > MAX_ANNOTATIONS:
            raise FormatError(
                f"image must have at most {MAX_ANNOTATIONS} annotations, "
                f"got {len(entry.annotations)}."
            )
        annotations = [as_kind(parse_json(text), dict, "annotation") for text in entry.annotations]
        return _scene(image, annotations, context, entry.file)
    except FormatError as error:
        raise in_entry(error, context.path, item) from error


def _scene(
    image: Record, annotations: list[Record], context: Context, file: Record | None
) -> Scene:
    frame, about_size = _frame(image, context)
    check_masks(annotation.get("segmentation") for annotation in annotations)
    instances: list[Instance] = []
    other: list[list[Any]] = []
    left: list[tuple[str, str]] = []
    for place, annotation in enumerate(annotations):
        item = f"annotation {annotation.get('id', place)!s:.50}"
        found = instance_of(annotation, context.categories, frame.size_wh, item)
        if found is not None:
            instances.append(found)
            continue
        kept = {k: v for k, v in annotation.items() if k not in ("image_id", "category_id")}
        if annotation.get("category_id") is not None:
            kept["category"] = context.categories[annotation["category_id"]]
        other.append([place, kept])
        left += [(item, why) for why in [why_unread(annotation)] if why]
    said = ("file_name", "width", "height")
    rest = {key: value for key, value in image.items() if key not in said}
    own: Record = {"image": rest}
    own |= {"other": other} if other else {}
    own |= {"file": file} if file is not None else {}
    return Scene(frame, tuple(instances), {KEY: own} | unread(KEY, left) | about_size)


def _frame(image: Record, context: Context) -> tuple[Frame, dict[str, bool]]:
    name = check_image_name(image.get("file_name"))
    facts = {}
    if (given := image.get("attributes")) is not None:
        known = default_label_space().frame_attributes
        facts = facts_of(as_kind(given, dict, "attributes"), known)
    video = image.get("video_id")
    clip = context.videos.get(video) if is_id(video) else None  # type: ignore[arg-type]
    sides = image.get("width"), image.get("height")
    try:
        if sides == (None, None):
            found, about_size = find_frame(context.root, name, SIZE)
            return Frame(name, found.size_wh, facts, clip), about_size
        width, height = (as_kind(side, int, "size") for side in sides)
        return Frame(name, (width, height), facts, clip), {}
    except GeometryError as error:
        raise FormatError(str(error), item="size") from error


def recognise_coco(peek: Peek) -> str | None:
    """Return why a path holds a COCO file or results, None if it does not."""
    if peek.is_folder:
        return None
    head = peek.head
    if head.lstrip()[:1] == b"{":
        found = {key for key, pattern in _MARKS.items() if pattern.search(head)}
        if isinstance(peek.json, dict):
            keys = ("images", "annotations", "categories")
            found = {key for key in keys if isinstance(peek.json.get(key), list)}
            found -= set() if "images" in found else {"annotations", "categories"}
        return "JSON object with images and annotations" if len(found) > 1 else None
    if head.lstrip()[:1] == b"[":
        try:
            first = parse_json(next((text for _, text in array_items(peek.path)), b"null"))
        except FormatError:
            return None
        if isinstance(first, dict) and {"image_id", "category_id"} <= first.keys():
            return "JSON list of results with image_id and category_id"
    return None


COCO = Format(
    name="coco",
    title="COCO instances and results (.json, .json.gz)",
    path_is="file",
    open=open_coco,
    save=save_coco,
    recognise=recognise_coco,
    holds="boxes and polygons of any name, masks, attributes, confidence, clips as videos",
    lost_in="annotations without a category or a shape (kept for COCO alone)",
    lost_out="lines, points, anchors; visibility; holes become masks of pixels",
    side_read=_labels_read,
)
