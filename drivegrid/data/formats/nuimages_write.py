"""Scenes to nuImages' tables, row by row; tokens that were read stay, new ones are hashes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from drivegrid.data.checks import check_image_name, check_numbers
from drivegrid.data.fields import as_kind, box, field, own_extra, put_back
from drivegrid.data.files import atomic_folder
from drivegrid.data.formats.coco_shapes import Record
from drivegrid.data.formats.holding import write_each
from drivegrid.data.formats.losing import frame_losses, instance_losses, item_of
from drivegrid.data.formats.naming import class_of
from drivegrid.data.formats.nuimages_words import (
    SOURCE,
    attribute_names,
    check_mask,
    is_surface,
    mask_of,
    region_of,
    token_of,
)
from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Polygon, Size

VERSION = "v1.0-drivegrid"
"""Folder of the tables that are written."""
TABLES = (
    "attribute",
    "calibrated_sensor",
    "category",
    "ego_pose",
    "log",
    "object_ann",
    "sample",
    "sample_data",
    "sensor",
    "surface_ann",
)

_LEFT_OUT = ("static.", "noise")


def save_nuimages(scenes: Iterable[Scene], path: str | Path) -> Saved:
    """Write tables into the folder ``v1.0-drivegrid``, which appears whole or not at all.

    Boxes are objects, with the mask they were read with while they are the same; their corners
    are rounded. Polygons of areas are surfaces, other polygons objects with box and mask. Frames
    from elsewhere get a sample, a log (their clip) and one camera without calibration or pose.

    Args:
        scenes: Any scenes, taken one by one.
        path: Root folder, made if absent; the pictures' names are relative to it.

    Returns:
        What could not be held; and set aside, frames without a usable image name, with the token
        of another, or too large for a mask.

    Raises:
        OSError: If the disk is full or the tables are there already.
    """
    saved = Saved()
    with atomic_folder(Path(path) / VERSION) as folder, ExitStack() as stack:
        tables = _Tables(folder, stack)
        write_each(scenes, partial(_write_frame, tables=tables), Path(path), saved)
        tables.close()
    return saved


class _Tables:
    """Open tables; a row of a token is written once."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._files: dict[str, IO[str]] = {}
        for name in TABLES:
            file = stack.enter_context((folder / f"{name}.json").open("w", encoding="utf-8"))
            self._files[name] = file
            file.write("[")
        self._written: dict[str, set[str]] = {name: set() for name in TABLES}
        self._tokens: dict[tuple[str, str], str] = {}

    def holds(self, table: str, token: str) -> bool:
        """Tell whether a row of the token is written."""
        return token in self._written[table]

    def write(self, table: str, row: Record) -> None:
        """Write a row unless its token has one already."""
        if row["token"] in self._written[table]:
            return
        comma = "," if self._written[table] else ""
        self._files[table].write(f"{comma}\n{json.dumps(row)}")
        self._written[table].add(row["token"])

    def name_row(self, table: str, row: Record) -> None:
        """Write a row of ``category`` or ``attribute`` unless its name has one already."""
        if (table, row["name"]) not in self._tokens and not self.holds(table, row["token"]):
            self._tokens[table, row["name"]] = row["token"]
            self.write(table, row)

    def token(self, table: str, name: str) -> str:
        """Return the token of a category or an attribute."""
        self.name_row(table, {"token": token_of(table, name), "name": name, "description": ""})
        return self._tokens[table, name]

    def close(self) -> None:
        """End the tables."""
        for file in self._files.values():
            file.write("\n]\n")


def _write_frame(scene: Scene, tables: _Tables) -> list[Loss]:
    """Write the rows of a frame, all or none, and return what they cannot hold."""
    own = own_extra(scene, "nuimages")
    rows = _frame_rows(scene, own)
    image = rows["sample_data"]["token"]
    if tables.holds("sample_data", image):
        raise FormatError(f"frame must have a token of its own, got {image!r:.100} again.")
    annotations: dict[str, list[Record]] = {"object_ann": [], "surface_ann": []}
    losses = frame_losses(scene, "nuimages", scene.frame.clip)
    for index in range(len(scene.instances)):
        table, record, lost = _annotation(scene, index)
        losses += lost
        if record is not None:
            annotations[table].append(record)
    kept = as_kind(own.get("kept", {}), dict, "extra nuimages, kept")
    header = _header(own)
    for table, records in annotations.items():
        put_back(records, kept.get(table, []), "extra nuimages, kept")
        annotations[table] = [_checked(record) for record in records]
    for table, row in header:
        tables.name_row(table, row)
    for table, row in rows.items():
        tables.write(table, row)
    for table, records in annotations.items():
        for record in records:
            tables.write(table, _with_tokens(record, table, image, tables))
    return losses


def _header(own: Record) -> list[tuple[str, Record]]:
    header = as_kind(own.get("tables", {}), dict, "extra nuimages, tables")
    found = []
    for table in ("category", "attribute"):
        for row in as_kind(header.get(table, []), list, f"extra nuimages, {table}"):
            field(as_kind(row, dict, table), "name", str, table)
            field(row, "token", str, table)
            found.append((table, row))
    return found


def _checked(record: object) -> Record:
    """Return an annotation with names, as the reader leaves it."""
    found: Record = as_kind(record, dict, "extra nuimages")
    field(found, "token", str, "extra nuimages")
    field(found, "category", str, "extra nuimages")
    for name in as_kind(found.get("attributes", []), list, "extra nuimages, attributes"):
        as_kind(name, str, "extra nuimages, attributes")
    return found


def _with_tokens(record: Record, table: str, image: str, tables: _Tables) -> Record:
    rest = {k: v for k, v in record.items() if k not in ("token", "category", "attributes")}
    row = {
        "token": record["token"],
        "sample_data_token": image,
        "category_token": tables.token("category", record["category"]),
    }
    if table == "object_ann" or "attributes" in record:
        names = record.get("attributes", [])
        row["attribute_tokens"] = [tables.token("attribute", name) for name in names]
    return row | rest


def _frame_rows(scene: Scene, own: Record) -> dict[str, Record]:
    """Return the rows of a frame by table: those that were read, else new ones."""
    frame = scene.frame
    name = check_image_name(frame.image)
    read = {table: as_kind(own[table], dict, table) for table in TABLES if table in own}
    for table, row in read.items():
        field(row, "token", str, f"extra nuimages, {table}")
    rows = read if read else _new_rows(name)
    image = rows.get("sample_data", {"token": token_of("sample_data", name)})
    if frame.clip is not None and "sample" not in rows:
        sample = _new_rows(name)["sample"] | {"key_camera_token": image["token"]}
        image = image | {"sample_token": sample["token"]}
        rows = rows | {"sample": sample}
    clip = rows.get("log", {}).get("logfile") or None
    if "sample" in rows and (clip != frame.clip or not read):
        logfile = frame.clip or ""
        log = {"token": token_of("log", logfile), "logfile": logfile}
        log |= dict.fromkeys(("vehicle", "date_captured", "location"), "")
        rows = rows | {"log": log, "sample": rows["sample"] | {"log_token": log["token"]}}
    width, height = frame.size_wh
    image = image | {"filename": name, "width": width, "height": height, "next": "", "prev": ""}
    return rows | {"sample_data": image}


def _new_rows(name: str) -> dict[str, Record]:
    image, sample = token_of("sample_data", name), token_of("sample", name)
    sensor, camera = token_of("sensor", "CAM"), token_of("calibrated_sensor", "CAM")
    return {
        "sample": {
            "token": sample,
            "timestamp": 0,
            "log_token": "",
            "key_camera_token": image,
            "key_lidar_token": "",
        },
        "sample_data": {
            "token": image,
            "sample_token": sample,
            "ego_pose_token": "",
            "calibrated_sensor_token": camera,
            "fileformat": Path(name).suffix.removeprefix("."),
            "timestamp": 0,
            "is_key_frame": True,
        },
        "calibrated_sensor": {
            "token": camera,
            "sensor_token": sensor,
            "translation": [0.0, 0.0, 0.0],
            "rotation": [1.0, 0.0, 0.0, 0.0],
            "camera_intrinsic": [],
            "camera_distortion": [],
        },
        "sensor": {"token": sensor, "channel": "CAM", "modality": "camera"},
    }


def _annotation(scene: Scene, index: int) -> tuple[str, Record | None, list[Loss]]:
    """Return table and annotation of an instance, None if there is no place for it."""
    instance, image = scene.instances[index], scene.frame.image
    item = item_of(index, instance)
    own = as_kind(instance.extra.get("nuimages", {}), dict, f"{item}, extra nuimages")
    named = class_of(SOURCE, instance, own.get("category"))
    if named is None or named.name.startswith(_LEFT_OUT):
        return "", None, [Loss(image, f"{instance.label} left out: no class for it", item)]
    table = "surface_ann" if is_surface(named.name) else "object_ann"
    shape = instance.geometry
    if not isinstance(shape, Polygon if table == "surface_ann" else Box | Polygon):
        message = f"{instance.label} ({shape.kind}) left out: {table} cannot hold it"
        return table, None, [Loss(image, message, item)]
    write = _surface if table == "surface_ann" else _object
    said, lost = write(instance, own, scene.frame.size_wh, item)
    if not said:
        return table, None, [Loss(image, lost, item)]
    original = as_kind(own.get("attributes", []), list, f"{item}, attributes")
    original = [as_kind(name, str, f"{item}, attributes") for name in original]
    names, held = attribute_names(instance, named.name, original)
    new = token_of(table, image, index)
    record = {**own, "token": own.get("token", new), "category": named.name, **said}
    record |= {"attributes": names} if "attributes" in own or table == "object_ann" else {}
    losses = [Loss(image, lost, item)] if lost else []
    if named.path != instance.label:
        losses.append(Loss(image, f"{instance.label} written as {named.name}", item))
    return table, record, losses + instance_losses(scene, index, held)


def _object(instance: Instance, own: Record, size_wh: Size, item: str) -> tuple[Record, str]:
    """Return box and mask of an object, and what they leave out; nothing if it has no extent."""
    shape = instance.geometry
    if isinstance(shape, Polygon):
        if not len(shape.vertices()):
            return {}, "empty polygon left out"
        low, high = shape.vertices().min(axis=0), shape.vertices().max(axis=0)
        corners = [*np.floor(low).astype(int).tolist(), *np.ceil(high).astype(int).tolist()]
        return {"bbox": corners, "mask": mask_of(shape, size_wh)}, "polygon written as box and mask"
    values = shape.vertices().ravel()
    if own.get("bbox") is not None:
        corners = check_numbers(own["bbox"], f"{item}, bbox").tolist()
        if len(corners) != 4:
            raise FormatError(f"bbox must be 4 numbers, got {own['bbox']!r:.100}.", item=item)
        x0, y0, x1, y1 = corners
        if box(x0, y0, x1, y1, item) == shape:
            check_mask(own.get("mask"), size_wh, f"{item}, mask")
            return {"bbox": own["bbox"], "mask": own.get("mask")}, ""
    whole = np.rint(values)
    lost = "" if np.array_equal(whole, values) else "corners rounded to whole pixels"
    if own.get("mask") is not None:
        lost = "mask left out: the box is another"
    return {"bbox": whole.astype(int).tolist(), "mask": None}, lost


def _surface(instance: Instance, own: Record, size_wh: Size, item: str) -> tuple[Record, str]:
    """Return the mask of a surface, and what it leaves out; nothing if it covers no pixel."""
    shape: Any = instance.geometry
    if own.get("mask") is not None:
        mask = as_kind(own["mask"], dict, f"{item}, mask")
        if region_of(mask, size_wh, f"{item}, mask") == shape:
            return {"mask": mask}, ""
    mask = mask_of(shape, size_wh)
    whole = region_of(mask, size_wh, item)
    if whole is None:
        return {}, "polygon left out: it covers no pixel of the image"
    return {"mask": mask}, "" if whole == shape else "polygon written as a mask of whole pixels"
