"""Lists of results of Label Studio to instances and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from drivegrid.data import fields
from drivegrid.data.formats.drawing_tools import (
    attributes_of_words,
    checked_size,
    meaning,
    name_for,
    shape_losses,
    upward,
)
from drivegrid.data.formats.labelstudio_shapes import KINDS, geometry_of, is_same, kind_of, value_of
from drivegrid.data.formats.losing import frame_losses, item_of
from drivegrid.data.formats.naming import Allowed, allowed_of
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Polyline, Size
from drivegrid.labels import default_label_space

_PLACE = ("id", "to_name", "original_width", "original_height", "image_rotation")
_PLACED = frozenset(("x", "points", "vertices", "rle", "imageDataURL"))
"""What only the value of a region has."""
_NAMES = {
    "rectanglelabels": "box",
    "polygonlabels": "polygon",
    "keypointlabels": "point",
    "brushlabels": "brush",
}


@dataclass(slots=True)
class Results:
    """What a list of results holds.

    Args:
        instances: Its regions.
        attributes: What choices of no region say of the frame.
        kept: Place and result of all that is no region.
    """

    instances: list[Instance] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    kept: list[list[Any]] = field(default_factory=list)


def read_results(results: Sequence[object], size_wh: Size, name: str) -> Results:
    """Return instances and the rest of a list of results.

    Raises:
        FormatError: If a region is wrong; names it.
    """
    found = Results()
    records = [
        fields.as_kind(result, dict, f"{name}, result {at}") for at, result in enumerate(results)
    ]
    shapes = [record for record in records if kind_of(_type(record)) is not None]
    ids = {record.get("id") for record in shapes if isinstance(record.get("id"), str)}
    about: dict[object, list[dict[str, Any]]] = {}
    for at, record in enumerate(records):
        if kind_of(_type(record)) is None:
            region = record.get("id")
            is_about = isinstance(region, str) and region in ids
            about.setdefault(region if is_about else None, []).append(record)
            found.kept.append([at, record])
    for at, record in enumerate(shapes):
        own = about.get(record.get("id"), []) if isinstance(record.get("id"), str) else []
        found.instances.append(_instance(record, own, size_wh, f"{name}, region {at}"))
    _check_placed(found.kept, ids, name)
    frame = default_label_space().frame_attributes
    found.attributes = attributes_of_words(_words(about.get(None, [])), frame)
    return found


def _check_placed(kept: Sequence[list[Any]], ids: Set[object], name: str) -> None:
    """Refuse results with a place in the picture that are neither regions nor about one."""
    for at, record in kept:
        value, region = record.get("value"), record.get("id")
        if isinstance(region, str) and region in ids:
            continue
        if isinstance(value, dict) and not _PLACED.isdisjoint(value):
            known = ", ".join(KINDS)
            raise FormatError(
                f"type of a region must be one of {known}, or that and labels, "
                f"got {record.get('type')!r:.50}.",
                item=f"{name}, result {at}",
            )


def _type(record: Mapping[str, Any]) -> str:
    found = record.get("type", "")
    return found if isinstance(found, str) else ""


def _words(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what choices say, each value alone and after the name of its choice."""
    words = []
    for record in records:
        value = record.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        for choice in choices if isinstance(choices, list) else []:
            words += [f"{record.get('from_name')}: {choice}", str(choice)]
    return words


def _labels(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the class names that results of one region give it."""
    names: list[str] = []
    for record in records:
        value, kind = record.get("value"), _type(record)
        labels = value.get(kind) if isinstance(value, dict) and kind.endswith("labels") else None
        names += [one for one in labels if isinstance(one, str)] if isinstance(labels, list) else []
    return names


def _instance(
    record: dict[str, Any], about: Sequence[dict[str, Any]], size_wh: Size, item: str
) -> Instance:
    kind = kind_of(_type(record))
    assert kind is not None
    size = size_wh
    if "original_width" in record:
        size = checked_size(record["original_width"], record.get("original_height"))
    if size != size_wh:
        raise FormatError(f"regions must be of one picture {size_wh}, got {size}.", item=item)
    value = fields.field(record, "value", dict, item)
    geometry = geometry_of(kind, value, size, record.get("image_rotation", 0), item)
    name = next(iter(_labels([record, *about])), "")
    label, said = meaning(name, geometry.kind)
    if isinstance(geometry, Polyline):
        geometry = Polyline(upward(label, geometry.xy))
    attributes = attributes_of_words(_words(about), allowed_of(label)) | said
    own: dict[str, Any] = {"result": record} | ({"class": name} if name != label else {})
    return Instance(label, geometry, attributes, extra={"labelstudio": own})


# Writing ------------------------------------------------------------------------------------------


def write_results(
    scene: Scene, chosen: Sequence[int], name: str, kept: object, *, of_frame: bool
) -> tuple[list[dict[str, Any]], list[Loss]]:
    """Return the results of some instances of a scene, and what was lost.

    Args:
        scene: Any scene.
        chosen: Which of its instances.
        name: The list: ``annotation`` or a prediction.
        kept: Place and result of what was no region.
        of_frame: Whether the list says the frame's attributes too.

    Raises:
        FormatError: If an ``extra["labelstudio"]`` is not what the reader leaves.
    """
    old = _checked(kept)
    losses: list[Loss] = []
    shapes: list[dict[str, Any]] = []
    fresh: list[dict[str, Any]] = []
    taken = {str(_own_result(scene.instances[index]).get("id")) for index in chosen}
    for index in chosen:
        instance, item = scene.instances[index], item_of(index, scene.instances[index])
        region, rounded = _region(instance, scene.frame.size_wh, name != "annotation")
        if region is None:
            message = "instance left out: Label Studio has no such shape, or it has no points"
            losses.append(Loss(scene.frame.image, message, item))
            continue
        if rounded:
            message = "polygon of several rings rounded to a mask of pixels"
            losses.append(Loss(scene.frame.image, message, item))
        region["id"] = _free_id(region.get("id"), shapes, taken, index)
        shapes.append(region)
        told = name_for(instance, fields.own_extra(instance, "labelstudio").get("class"))[1]
        new, said = _choices(old, region, instance.attributes, allowed_of(instance.label), told)
        fresh += new
        losses += shape_losses(scene, index, said, {"confidence", "source"})
    if of_frame:
        frame = default_label_space().frame_attributes
        new, said = _choices(old, {}, scene.frame.attributes, frame, {}, shapes)
        fresh += new
        losses += frame_losses(scene, "labelstudio", None, said)
    for place, record in old:
        shapes.insert(min(place, len(shapes)), record)
    return shapes + fresh, losses


def _checked(kept: object) -> list[tuple[int, dict[str, Any]]]:
    """Return places and results that were kept."""
    found = []
    for pair in fields.as_kind(kept, list, "extra labelstudio, kept"):
        if not (isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int):
            raise FormatError(f"kept must hold places and results, got {pair!r:.100}.")
        found.append((pair[0], fields.as_kind(pair[1], dict, "extra labelstudio, kept")))
    return found


def _own_result(instance: Instance) -> dict[str, Any]:
    """Return the region that an instance was read from; empty if it is from elsewhere."""
    own = fields.own_extra(instance, "labelstudio")
    return fields.as_kind(own.get("result", {}), dict, "extra labelstudio, result")


def _free_id(
    found: object, shapes: Sequence[Mapping[str, Any]], taken: set[str], index: int
) -> str:
    """Return the id of a region; a new one where it has none or another region has the same."""
    if isinstance(found, str) and all(shape["id"] != found for shape in shapes):
        return found
    fresh = next(f"r{n}" for n in count(index) if f"r{n}" not in taken)
    taken.add(fresh)
    return fresh


def _region(
    instance: Instance, size_wh: Size, is_predicted: bool
) -> tuple[dict[str, Any] | None, bool]:
    """Return the region of an instance, and whether it was rounded; None where there is none."""
    own, old = fields.own_extra(instance, "labelstudio"), _own_result(instance)
    kind, rounded = kind_of(_type(old)), False
    region = dict(old)
    if kind is None or not _is_unchanged(instance, old, kind, size_wh):
        drawn = value_of(instance.geometry, size_wh)
        if drawn is None:
            return None, False
        kind, value, rounded = drawn
        tag = old["from_name"] if _type(old) == kind and "from_name" in old else _NAMES[kind]
        region |= {"type": kind, "value": value, "from_name": tag, "image_rotation": 0}
        region.setdefault("to_name", "image")
        region |= dict(zip(("original_width", "original_height"), size_wh, strict=True))
    name, _ = name_for(instance, own.get("class"))
    named = _type(region).endswith("labels") and _labels([region])[:1] != [name]
    if named and not (region.get("value") == old.get("value") and name == "" == instance.label):
        region["value"] = {**region["value"], _type(region): [name]}
    if is_predicted and instance.confidence is None:
        region.pop("score", None)
    elif is_predicted and instance.confidence != own.get("shared_score"):
        region["score"] = instance.confidence
    return region, rounded


def _is_unchanged(instance: Instance, old: Mapping[str, Any], kind: str, size_wh: Size) -> bool:
    if old.get("original_width", size_wh[0]) != size_wh[0]:
        return False
    value = fields.field(old, "value", dict, "extra labelstudio, result")
    turn = old.get("image_rotation", 0)
    return is_same(instance, geometry_of(kind, value, size_wh, turn, "extra labelstudio"))


def _choices(
    old: list[tuple[int, dict[str, Any]]],
    region: Mapping[str, Any],
    attributes: Mapping[str, str],
    allowed: Allowed,
    told: Mapping[str, str],
    shapes: Sequence[Mapping[str, Any]] = (),
) -> tuple[list[dict[str, Any]], set[str]]:
    """Return new choices for attributes that nothing says yet, and all attributes that are said.

    Takes out of the old results choices that no longer hold.

    Args:
        old: Places and results; changed.
        region: The region that the choices are about; empty for the frame.
        attributes: What to say.
        allowed: What the taxonomy has for it.
        told: What the class name says.
        shapes: All regions, where the choices are about the frame.
    """
    ids = {shape["id"] for shape in shapes}
    said = set(told)
    for pair in list(old):
        found = pair[1].get("id")
        is_about = isinstance(found, str) and found in ids
        if found == region["id"] if region else not is_about:
            says = attributes_of_words(_words([pair[1]]), allowed)
            if says.items() <= attributes.items():
                said |= says.keys()
            else:
                old.remove(pair)
    new = []
    for key, value in attributes.items():
        if key not in said and value in allowed.get(key, ()):
            frame = {"id": f"frame {key}", "to_name": "image"}
            place = {k: region[k] for k in _PLACE if k in region} or frame
            choice = {"type": "choices", "from_name": key, "value": {"choices": [value]}}
            new.append({**place, **choice})
            said.add(key)
    return new, said
