"""Scalabel labels to instances and back: classes, attributes and what else a label says.

What an instance cannot say stays in its ``extra["scalabel"]``: ``class`` and ``attributes`` as
the label has them, ``shape`` where the plain way to write the shape would differ (curves, whole
numbers behind the last digit, a box beside a path), other keys in ``rest``, and the number of the
``label`` where its open paths make it several instances. Each is used as long as it still says
what the instance is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from drivegrid.data.checks import is_number
from drivegrid.data.fields import as_confidence, as_kind, field
from drivegrid.data.formats.losing import instance_losses, item_of
from drivegrid.data.formats.naming import ClassName, allowed_of, class_of, label_of, label_of_word
from drivegrid.data.formats.scalabel_shapes import (
    SHAPES,
    Record,
    check_budget,
    record_of,
    shapes_of,
)
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Geometry, Point, Polyline
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import DroppedLabel, MappedLabel

BDD = "bdd100k"
KEY = "scalabel"
_OWN = ("category", "attributes", "score", *SHAPES)
_STYLES = ("solid", "dashed")
_CUT_OFF = "cut off"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which classes and attributes a kind of file may hold.

    Args:
        label: Label of a class name.
        name: Class name of an instance, given the one it was read with; None if it has none.
        is_open: Whether attributes without a name of BDD100K are written by their own.
    """

    label: Callable[[str], MappedLabel | DroppedLabel]
    name: Callable[[Instance, str | None], ClassName | None]
    is_open: bool


def _open_label(name: str) -> MappedLabel | DroppedLabel:
    target = label_of(BDD, name)
    is_unknown = isinstance(target, MappedLabel) and target.path == name
    return MappedLabel(label_of_word(name), {}) if is_unknown else target


def _open_name(instance: Instance, original: str | None) -> ClassName:
    path = instance.label
    if original is not None and _open_label(original) == MappedLabel(path, {}):
        return ClassName(original, path, frozenset())
    named = class_of(BDD, instance, original)
    if named is not None and named.path == path:
        return named
    return ClassName(_open_word(path), path, frozenset())


@cache
def _open_word(path: str) -> str:
    """Return the path, or a word for it where the path means something else ("lane")."""
    labels = default_label_space().labels
    names = (path, *labels[path].terms) if path in labels else (path,)
    return next((name for name in names if _open_label(name) == MappedLabel(path, {})), path)


OPEN = Vocabulary(_open_label, _open_name, is_open=True)
"""BDD100K's classes where they fit, any others by their taxonomy path or word."""
CLOSED = Vocabulary(
    lambda name: label_of(BDD, name),
    lambda instance, original: class_of(BDD, instance, original),
    is_open=False,
)
"""BDD100K's classes and attributes only."""


def instances_of(label: Record, number: int, vocabulary: Vocabulary) -> list[Instance]:
    """Return the instances of a label: one, or one a part; none if it has no shape or class.

    Lanes run from bottom to top, whichever way they were drawn.

    Raises:
        FormatError: If the label is malformed.
    """
    item = f"label {number}"
    category = label.get("category")
    given = label.get("attributes")
    attributes = {} if given is None else as_kind(given, dict, f"{item}, attributes")
    if category is None:
        return []
    category = as_kind(category, str, f"{item}, category")
    target = vocabulary.label(_class_name(category, attributes))
    shapes = shapes_of(label, item)
    if isinstance(target, DroppedLabel):
        return []
    facts = attributes_of(attributes, allowed_of(target.path)) | dict(target.attributes)
    score = label.get("score")
    confidence = as_confidence(score)
    rest = {key: value for key, value in label.items() if key not in _OWN or value is None}
    extra: Record = {"class": category, "rest": rest}
    extra |= {"attributes": attributes} if given is not None else {}
    if confidence is None and score is not None:
        rest["score"] = score
    extra |= {"label": number} if len(shapes) > 1 else {}
    found = []
    for shape, said in shapes:
        shape = _upwards(target.path, shape)
        kept = {} if record_of(shape)[0] == said else {"shape": said}
        own = {KEY: extra | kept}
        found.append(Instance(target.path, shape, facts, confidence=confidence, extra=own))
    return found


def why_unread(label: Record) -> str | None:
    """Return what a label lacks to be an instance, None if only its class is none of ours."""
    if label.get("category") is None:
        return "label without a category"
    return None if any(label.get(shape) for shape in SHAPES) else "label without a shape"


def _upwards(path: str, shape: Geometry) -> Geometry:
    is_lane = isinstance(shape, Polyline) and path.startswith("lane")
    if is_lane and len(shape.parts()[0]) and shape.parts()[0][0, 1] < shape.parts()[0][-1, 1]:
        return Polyline(shape.parts()[0][::-1])
    return shape


def _class_name(category: str, attributes: Mapping[str, Any]) -> str:
    """Return the name that the map knows a lane by: its class and style."""
    full = f"{category} {attributes.get('laneStyle')}"
    return full if full in default_label_space().maps[BDD].labels else category


def attributes_of(
    attributes: Mapping[str, Any], allowed: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """Return what attributes of BDD100K, or of the taxonomy, mean.

    Args:
        attributes: As the file has them.
        allowed: Attributes that the label, or a frame, may have, with their values.

    >>> states = {"visible_state": ("partly hidden", "cut off"), "color": ("red",)}
    >>> attributes_of({"occluded": True, "truncated": True, "color": "red", "crowd": False}, states)
    {'visible_state': 'cut off', 'color': 'red'}
    """
    found: dict[str, str] = {}
    for name, value in attributes.items():
        for key, meaning in _meaning(name, value).items():
            # of several the rule of the attribute task comes first: the border cuts it
            if meaning in allowed.get(key, ()) and found.get(key) != _CUT_OFF:
                found[key] = meaning
    return found


def _meaning(name: str, value: object) -> Mapping[str, str]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    known = default_label_space().maps[BDD].attributes.get(name[:1].lower() + name[1:], {})
    target = known.get(text, {name: text})
    return {} if isinstance(target, DroppedLabel) else target


@cache
def _words() -> dict[tuple[str, str], tuple[str, str | bool]]:
    """What each attribute value is called in BDD100K: name and value, the first of its map."""
    found: dict[tuple[str, str], tuple[str, str | bool]] = {}
    for name, values in default_label_space().maps[BDD].attributes.items():
        for value, target in values.items():
            if not isinstance(target, DroppedLabel):
                [pair] = target.items()
                found.setdefault(pair, (name, value == "true" if value in _FLAGS else value))
    return found


_FLAGS = ("true", "false")


def write_attributes(
    facts: Mapping[str, str],
    original: Mapping[str, Any],
    allowed: Mapping[str, tuple[str, ...]],
    *,
    is_open: bool,
) -> tuple[Record, list[str]]:
    """Return attributes as a file has them, and the names of those that are left out.

    Args:
        facts: Attributes of an instance or a frame.
        original: What was read; what means none of the allowed attributes stays.
        allowed: Attributes that the label, or a frame, may have.
        is_open: Whether attributes without a name of BDD100K keep their own.
    """
    written = {
        name: value
        for name, value in original.items()
        if allowed.keys().isdisjoint(_meaning(name, value))
    }
    lost = []
    for name, value in facts.items():
        if (name, value) in _words():
            word, said = _words()[name, value]
            written[word] = said
        elif is_open:
            written[name] = value
        else:
            lost.append(name)
    return written, lost


def own_extra(extra: Mapping[str, Any], kinds: Mapping[str, type[Any]]) -> Record:
    """Return what a reader left under ``extra["scalabel"]``, checked.

    Raises:
        FormatError: If it is nothing that a reader leaves.
    """
    own = as_kind(extra.get(KEY, {}), dict, "extra scalabel")
    for key, kind in kinds.items():
        if key in own:
            field(own, key, kind, "extra scalabel")
    return own


_KINDS: Mapping[str, type[Any]] = {
    "class": str,
    "attributes": dict,
    "rest": dict,
    "shape": dict,
    "label": int,
}


def label_record(
    scene: Scene, index: int, vocabulary: Vocabulary
) -> tuple[Record | None, list[Loss]]:
    """Return how a file says an instance, None if it cannot, and what is lost.

    Raises:
        FormatError: If the instance's ``extra`` is malformed.
    """
    instance, item = scene.instances[index], item_of(index, scene.instances[index])
    own = own_extra(instance.extra, _KINDS)

    def loss(message: str) -> Loss:
        return Loss(scene.frame.image, message, item)

    shape, lost = _shape_record(instance, own)
    losses = [loss(lost)] if lost else []
    if not shape:
        return None, losses
    named = _name_record(instance, own, vocabulary)
    if named is None:
        return None, [loss(f"instance left out: no class for {instance.label}")]
    named_record, wider, names = named
    losses += [loss(f"label written as {wider}")] if wider else []
    held = instance.attributes.keys() - set(names)
    losses += instance_losses(scene, index, held, {"confidence"})
    rest = own.get("rest", {})
    score = {} if instance.confidence is None else {"score": instance.confidence}
    return {**rest, **named_record, **score, **shape}, losses


def _shape_record(instance: Instance, own: Record) -> tuple[Record, str | None]:
    """Return the shape as it was read, while it is the same, else the plain way to write it."""
    if "shape" in own:
        check_budget([own["shape"]])
        said = [_upwards(instance.label, shape) for shape, _ in shapes_of(own["shape"], "shape")]
        if said == [instance.geometry]:
            return own["shape"], None
    box = instance.extra.get("box_xyxy")
    if isinstance(instance.geometry, Point) and box is not None:
        x1, y1, x2, y2 = _corners(box)
        corners = {"x1": x1, "y1": y1, "x2": x2 - 1, "y2": y2 - 1}
        return {"box2d": corners}, "point written as its box"
    return record_of(instance.geometry)


def _corners(box: object) -> list[float]:
    corners = as_kind(box, list, "extra box_xyxy")
    if len(corners) != 4 or not all(map(is_number, corners)):
        raise FormatError(f"box_xyxy must be 4 numbers, got {box!r:.100}.", item="extra")
    return [float(corner) for corner in corners]


def _name_record(
    instance: Instance, own: Record, vocabulary: Vocabulary
) -> tuple[Record, str | None, list[str]] | None:
    """Return class and attributes, the wider class written if any, and attributes left out."""
    original, given = own.get("class"), own.get("attributes", {})
    known = None if original is None else _class_name(original, given)
    if known is not None and original is not None:
        target = vocabulary.label(known)
        if isinstance(target, MappedLabel) and target.path == instance.label:
            facts = attributes_of(given, allowed_of(target.path)) | dict(target.attributes)
            if facts == instance.attributes:
                kept = {"attributes": given} if "attributes" in own else {}
                return {"category": original, **kept}, None, []
    named = vocabulary.name(instance, known)
    if named is None:
        return None
    category, style = _split_style(named.name)
    facts = {key: value for key, value in instance.attributes.items() if key not in named.says}
    attributes, lost = write_attributes(
        facts, given, allowed_of(instance.label), is_open=vocabulary.is_open
    )
    attributes |= {"laneStyle": style} if style else {}
    written = {"attributes": attributes} if attributes or "attributes" in own else {}
    wider = None if named.path == instance.label else repr(named.name)
    return {"category": category, **written}, wider, lost


def _split_style(name: str) -> tuple[str, str]:
    """Return class and lane style of a name of the map.

    >>> _split_style("single white solid"), _split_style("traffic cone")
    (('single white', 'solid'), ('traffic cone', ''))
    """
    category, _, style = name.rpartition(" ")
    return (category, style) if category and style in _STYLES else (name, "")
