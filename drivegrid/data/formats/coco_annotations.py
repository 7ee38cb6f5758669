"""COCO annotations to instances and back: class, shape, attributes and what else one says.

What an instance cannot say stays in its ``extra["coco"]``: the annotation's ``id``, the
``category`` (its id, name, supercategory), ``attributes`` as they were, other keys in ``rest``;
and ``bbox``, ``area``, ``segmentation`` where they are not what would be written of the shape,
with a fingerprint of it (``of``): they hold while the shape is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivegrid.data.fields import as_confidence, as_kind, field, number
from drivegrid.data.formats.coco_ids import Id, check_id
from drivegrid.data.formats.coco_shapes import (
    Record,
    box_of,
    fingerprint,
    polygon_of,
    sides_of,
    write_shape,
)
from drivegrid.data.formats.losing import instance_losses, item_of
from drivegrid.data.formats.naming import allowed_of, label_of, label_of_word
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Point, Polygon, Size
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import DroppedLabel, MappedLabel

KEY = "coco"
GROUPS = frozenset(
    "person vehicle outdoor animal accessory sports kitchen food furniture electronic appliance "
    "indoor furniture-stuff".split()
)
"""COCO's supercategories. Only there is ``orange`` the fruit and ``light`` a lamp of a room."""

_SHAPE = ("segmentation", "area", "bbox")
_OWN = ("id", "image_id", "category_id", "iscrowd", "attributes", "score", *_SHAPE)
_OCCLUDED = {"visible_state": "partly hidden"}


def label_of_category(category: Mapping[str, Any]) -> str | None:
    """Return the label of a category; None for a thing of COCO's that is no matter of roads.

    A name the taxonomy does not know stays as it is.

    Raises:
        FormatError: If the supercategory is no text.

    >>> label_of_category({"name": "fire hydrant"})
    'obstacle/hydrant'
    >>> label_of_category({"name": "orange", "supercategory": "food"})
    >>> label_of_category({"name": "orange", "supercategory": "lights"})
    'orange'
    """
    name: str = category["name"]
    labels = default_label_space().labels
    target = label_of("coco", name)
    group = category.get("supercategory")
    if group is not None and as_kind(group, str, "category, supercategory") in GROUPS:
        if isinstance(target, DroppedLabel):
            return None
        if target.path in labels:
            return target.path
    label = label_of_word(name)
    if label not in labels and isinstance(target, MappedLabel):
        return target.path
    return label


def facts_of(
    attributes: Mapping[str, Any], allowed: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Return what the attributes of an annotation or an image say.

    Args:
        attributes: As the file has them, after CVAT and Datumaro: name to a JSON value.
        allowed: Attributes of the label, or of a frame, with their values.

    >>> facts_of({"limit": 50, "occluded": True, "id": 7}, {"limit": ("50",)})
    {'limit': '50'}
    """
    facts: dict[str, str] = {}
    if attributes.get("occluded") is True and "partly hidden" in allowed.get("visible_state", ()):
        facts |= _OCCLUDED
    for name, value in attributes.items():
        if not isinstance(value, bool) and str(value) in allowed.get(name, ()):
            facts[name] = str(value)
    return facts


def write_facts(
    facts: Mapping[str, str], given: Mapping[str, Any], allowed: Mapping[str, tuple[str, ...]]
) -> Record:
    """Return attributes as a file has them: those read while they say the same, else our own."""
    if facts_of(given, allowed) == facts:
        return dict(given)
    said = allowed.keys() | ({"occluded"} if "visible_state" in allowed else set())
    return {name: value for name, value in given.items() if name not in said} | dict(facts)


def instance_of(
    annotation: Record, categories: Mapping[Id, Record], size_wh: Size, item: str
) -> Instance | None:
    """Return the instance of an annotation; None if it has no shape, or is no matter of roads.

    Args:
        annotation: JSON object.
        categories: Id to category, as the file has them.
        size_wh: Size of its frame.
        item: What it is, for messages.

    Raises:
        FormatError: If it is malformed.
    """
    if annotation.get("category_id") is None:
        return None
    category = categories.get(check_id(annotation["category_id"], f"{item}, category_id"))
    if category is None:
        raise FormatError(
            f"category_id must be one of the categories, got {annotation['category_id']!r}.",
            item=item,
        )
    label = label_of_category(category)
    shape = shape_of(annotation, size_wh, item)
    _check_area(annotation, item)
    if label is None or shape is None:
        return None
    kept = ("id", "name", "supercategory")
    own: Record = {"category": {key: category[key] for key in kept if key in category}}
    if annotation.get("id") is not None:
        own["id"] = check_id(annotation["id"], f"{item}, id")
    rest = {key: value for key, value in annotation.items() if key not in _OWN}
    rest |= {"iscrowd": annotation["iscrowd"]} if annotation.get("iscrowd", 0) != 0 else {}
    confidence = as_confidence(annotation.get("score"))
    rest |= {"score": annotation["score"]} if confidence is None and "score" in annotation else {}
    own |= {"rest": rest} if rest else {}
    own |= _odd_shape(annotation, shape, size_wh)
    facts = {}
    if (given := annotation.get("attributes")) is not None:
        own["attributes"] = as_kind(given, dict, f"{item}, attributes")
        facts = facts_of(given, allowed_of(label))
    return Instance(label, shape, facts, confidence=confidence, extra={KEY: own})


def is_crowd(instance: Instance) -> bool:
    """Tell whether an instance was read as a region of many things, which no one need tell apart.

    >>> from drivegrid.geometry import Point
    >>> is_crowd(Instance("object/person", Point([1, 2])))
    False
    """
    own = instance.extra.get(KEY)
    rest = own.get("rest") if isinstance(own, dict) else None
    return isinstance(rest, dict) and rest.get("iscrowd") in (1, True)


def scored_box(instance: Instance, size_wh: Size) -> tuple[list[float], float] | None:
    """Return the corners and the area by which COCO's rule scores an instance; None if by none.

    A region counts if it was read from COCO: its ``bbox`` and ``area`` as the annotation has them,
    or would have.

    >>> scored_box(Instance("obstacle/cone", Box([1, 2, 4, 4])), (640, 480))
    ([1, 2, 4, 4], 6.0)
    """
    shape, item = instance.geometry, "instance"
    if not (isinstance(shape, Box) or (isinstance(shape, Polygon) and KEY in instance.extra)):
        return None
    record, _ = _shape_record(instance, own_extra(instance, item), size_wh, item)
    if not record:
        return None
    x, y, width, height = record["bbox"]
    return [x, y, x + width, y + height], float(record["area"] or 0)


def why_unread(annotation: Record) -> str | None:
    """Return what an annotation lacks to be an instance, None if only its class is none of ours."""
    if annotation.get("category_id") is None:
        return "annotation without a category"
    has_shape = annotation.get("bbox") or annotation.get("segmentation")
    return None if has_shape else "annotation without a shape"


def shape_of(annotation: Record, size_wh: Size, item: str) -> Box | Polygon | None:
    """Return the region of an annotation, else its box, None if it has neither."""
    region = polygon_of(annotation.get("segmentation"), size_wh, f"{item}, segmentation")
    sides = annotation.get("bbox")
    around = None if sides is None or sides == [] else box_of(sides, f"{item}, bbox")
    return around if region is None else region


def _odd_shape(annotation: Record, shape: Box | Polygon, size_wh: Size) -> Record:
    """Return what an annotation says of its shape otherwise than it would be written."""
    said = {key: annotation[key] for key in _SHAPE if annotation.get(key) not in (None, [])}
    if not isinstance(said.get("segmentation"), dict):
        usual = write_shape(shape, size_wh)[0]
        if said.get("segmentation", []) == usual.get("segmentation"):
            said = {key: value for key, value in said.items() if value != usual[key]}
    return said | {"of": fingerprint(shape)} if said else {}


def _check_area(record: Record, item: str) -> None:
    area = record.get("area")
    if area is not None and type(area) not in (int, float):
        raise FormatError(f"area must be a number, got {area!r:.100}.", item=f"{item}, area")


# Writing ------------------------------------------------------------------------------------------


def annotation_of(scene: Scene, index: int) -> tuple[Record | None, list[Loss]]:
    """Return how COCO says an instance, None if it cannot, and what is lost.

    The record has ``category``, a category with its name, in place of ``category_id``; its ``id``
    may be absent.

    Raises:
        FormatError: If the instance's ``extra`` is malformed.
    """
    instance = scene.instances[index]
    item = item_of(index, instance)
    own = own_extra(instance, item)
    shape, lost = _shape_record(instance, own, scene.frame.size_wh, item)
    losses = [Loss(scene.frame.image, lost, item)] if lost else []
    if not shape:
        return None, losses
    category = _category(instance, own, item)
    record: Record = {"id": own["id"]} if "id" in own else {}
    record |= {"category": category, **shape, "iscrowd": 0}
    given = as_kind(own.get("attributes", {}), dict, f"{item}, attributes")
    attributes = write_facts(instance.attributes, given, allowed_of(instance.label))
    record |= {"attributes": attributes} if attributes or "attributes" in own else {}
    rest = as_kind(own.get("rest", {}), dict, f"{item}, rest")
    record |= {key: value for key, value in rest.items() if key not in record or key == "iscrowd"}
    if instance.confidence is not None:
        record["score"] = instance.confidence
    losses += instance_losses(scene, index, instance.attributes.keys(), {"confidence"})
    if instance.source != "label":
        losses.append(Loss(scene.frame.image, "source left out", item))
    return record, losses


def own_extra(holder: Scene | Instance, item: str) -> Record:
    """Return what the reader left in ``extra``; empty where it left nothing."""
    return as_kind(holder.extra.get(KEY, {}), dict, f"{item}, extra coco")


def _category(instance: Instance, own: Record, item: str) -> Record:
    """Return the category that was read while it means the label, else one named by the label."""
    if "category" in own:
        category = as_kind(own["category"], dict, f"{item}, category")
        field(category, "name", str, f"{item}, category")
        if label_of_category(category) == instance.label:
            return category
    return {"name": instance.label, "supercategory": instance.label.rpartition("/")[0]}


def _shape_record(
    instance: Instance, own: Record, size_wh: Size, item: str
) -> tuple[Record, str | None]:
    shape, lost = instance.geometry, None
    if isinstance(shape, Point) and "box_xyxy" in instance.extra:
        corners = as_kind(instance.extra["box_xyxy"], list, f"{item}, box_xyxy")
        if len(corners) != 4:
            raise FormatError(f"box_xyxy must be 4 numbers, got {corners!r:.100}.", item=item)
        x0, y0, x1, y1 = (number(corner, f"{item}, box_xyxy") for corner in corners)
        shape = box_of([x0, y0, x1 - x0, y1 - y0], f"{item}, box_xyxy")
        lost = "point written as its box"
    if not isinstance(shape, Box | Polygon):
        return {}, f"{shape.kind} left out: COCO has boxes and polygons"
    held = {key: own[key] for key in _SHAPE if key in own}
    is_same = own.get("of") == fingerprint(shape) and len(shape.vertices()) > 0
    if not held or not is_same:
        record, why = write_shape(shape, size_wh)
        return record, why or lost
    if "segmentation" in held:
        usual = {} if len(held) == len(_SHAPE) else write_shape(shape, size_wh)[0]
        record = {"bbox": sides_of(shape.vertices()), "area": 0, **usual, **held}
        if shape_of(record, size_wh, item) != shape:
            raise FormatError("segmentation must say the shape, got another.", item=item)
    else:
        record, why = write_shape(shape, size_wh)
        if not record:
            return {}, why
        record, lost = record | held, why or lost
    box_of(record["bbox"], f"{item}, bbox")
    _check_area(record, item)
    return {key: record[key] for key in _SHAPE}, lost
