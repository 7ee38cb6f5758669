"""Shapes of labelme to instances and back.

An instance keeps in ``extra["labelme"]`` what it cannot say itself: ``class``, the name it was
drawn with; ``at``, places of its shapes in the file, where a group was torn apart; ``parts``, one
object a shape with the fields that the geometry would not give back.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import numpy as np
import shapely
from PIL import Image, UnidentifiedImageError

from drivegrid.data import fields
from drivegrid.data.checks import is_number
from drivegrid.data.formats.drawing_tools import (
    attribute_of_word,
    attributes_of_words,
    ellipse_ring,
    meaning,
    name_for,
    shape_losses,
    upward,
)
from drivegrid.data.formats.losing import item_of
from drivegrid.data.formats.naming import Allowed, allowed_of
from drivegrid.data.images import MAX_PIXELS
from drivegrid.data.quarantine import Loss
from drivegrid.data.rasters import outline
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import (
    Anchors,
    BoolArray,
    Box,
    FloatArray,
    Geometry,
    Point,
    Polygon,
    Polyline,
)

KEYS = ("label", "points", "group_id", "description", "shape_type", "flags", "mask")
_DEFAULTS: Mapping[str, Any] = {"group_id": None, "description": "", "flags": {}, "mask": None}
_KINDS = {"point": "point", "box": "rectangle", "line": "linestrip", "poly": "polygon"}
_RINGS = ("polygon", "rotation", "oriented_rectangle")
"""Types whose points are a ring as they stand; the latter two come from relatives of labelme."""


@dataclass(slots=True)
class _Drawn:
    """Shapes that are one instance: more than one where polygons share a label and a group."""

    name: str
    geometries: list[Geometry]
    records: list[dict[str, Any]]
    at: list[int] = field(default_factory=list)


def read_shapes(records: Sequence[object]) -> list[Instance]:
    """Return the instances of a file's shapes; polygons of one label and group are one instance.

    Raises:
        FormatError: If a shape is wrong; names it.
    """
    drawn: list[_Drawn] = []
    groups: dict[tuple[str, str], _Drawn] = {}
    for index, value in enumerate(records):
        item = f"shape {index}"
        record = fields.as_kind(value, dict, item)
        name = fields.field(record, "label", str, item)
        geometry = _geometry(record.get("shape_type"), record.get("points"), record, item)
        group = record.get("group_id")
        if group is not None and (isinstance(group, bool) or not isinstance(group, int | str)):
            raise FormatError(f"group_id must be a number, got {group!r:.100}.", item=item)
        new = _Drawn(name, [geometry], [record], [index])
        if group is not None and isinstance(geometry, Polygon):
            first = groups.setdefault((name, repr(group)), new)
            if first is not new:
                first.geometries.append(geometry)
                first.records.append(record)
                first.at.append(index)
                continue
        drawn.append(new)
    places = [index for one in drawn for index in one.at]
    return [_instance(one, torn=places != sorted(places)) for one in drawn]


def _instance(drawn: _Drawn, torn: bool) -> Instance:
    label, said = meaning(drawn.name, drawn.geometries[0].kind)
    geometry = _joined(drawn.geometries, label)
    record = drawn.records[0]
    words = true_words(record.get("flags"))
    confidence = fields.as_confidence(record.get("score"))
    own: dict[str, Any] = {"class": drawn.name} if drawn.name != label else {}
    if torn:
        own["at"] = drawn.at
    plain = _plain_parts(geometry)
    if len(plain) != len(drawn.records):  # masks have any number of rings
        plain = [("mask", [])] * len(drawn.records)
    parts = [_part(record, *shape) for record, shape in zip(drawn.records, plain, strict=True)]
    if any(parts):
        own["parts"] = parts
    attributes = attributes_of_words(words, allowed_of(label)) | said
    return Instance(
        label, geometry, attributes, confidence=confidence, extra={"labelme": own} if own else {}
    )


def _joined(drawn: Sequence[Geometry], label: str) -> Geometry:
    """Return one geometry of all rings; lane lines run upwards."""
    first = drawn[0]
    if isinstance(first, Polyline):
        return Polyline(upward(label, first.xy))
    if isinstance(first, Polygon):
        return Polygon(tuple(ring for one in drawn for ring in one.parts()))
    return first


def true_words(flags: object) -> list[str]:
    """Return the names of the flags that are on."""
    return [word for word, on in flags.items() if on is True] if isinstance(flags, dict) else []


def _part(record: Mapping[str, Any], kind: str | None, points: object) -> dict[str, Any]:
    """Return what a shape's geometry, written afresh as a kind and points, would not give back."""
    part: dict[str, Any] = {}
    if record.get("shape_type") != kind:
        part["shape_type"] = record.get("shape_type")
    whole = any(type(value) is int for pair in record["points"] for value in pair)
    if whole or record["points"] != points:
        part["points"] = record["points"]
    if tuple(record) != KEYS:
        part["keys"] = list(record)
    rest = {
        key: value
        for key, value in record.items()
        if key not in ("label", "shape_type", "points") and value != _DEFAULTS.get(key, ...)
    }
    return part | ({"rest": rest} if rest else {})


# Geometry -----------------------------------------------------------------------------------------


def _geometry(kind: object, points: object, record: Mapping[str, Any], item: str) -> Geometry:
    """Return the geometry of a shape as it was drawn."""
    xy = fields.points(points, f"{item}, points")
    if kind in (*_RINGS, None, ""):  # the first versions knew polygons alone
        return Polygon((xy,))
    if kind == "linestrip":
        return Polyline(xy)
    if kind == "points":
        return Anchors(xy)
    needed = {"line": (2,), "rectangle": (2, 4), "circle": (2,), "mask": (2,), "point": (1,)}
    if not isinstance(kind, str) or kind not in needed:
        known = ", ".join([*needed, *_RINGS, "linestrip", "points"])
        raise FormatError(f"shape_type must be one of {known}, got {kind!r:.100}.", item=item)
    if len(xy) not in needed[kind]:
        raise FormatError(f"{kind} must have {needed[kind][0]} points, got {len(xy)}.", item=item)
    match kind:
        case "line":
            return Polyline(xy)
        case "point":
            return Point(xy[0])
        case "circle":
            radius = float(np.hypot(*(xy[1] - xy[0])))
            return Polygon((ellipse_ring(xy[0], (radius, radius)),))
        case "mask":
            return _region(xy, record.get("mask"), item)
    return _rectangle(xy)


def _rectangle(xy: FloatArray) -> Geometry:
    """Return the box of two opposite corners, or of four; a polygon if it is turned."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    if not np.isin(xy, (low, high)).all():
        return Polygon((xy,))
    return Box(np.concatenate([low, high]))


def _region(xy: FloatArray, encoded: object, item: str) -> Polygon:
    """Return the outline of a picture that lies with its corner pixels at two points."""
    low, high = xy.astype(np.int64)  # cut off, as labelme does
    width, height = (high - low + 1).tolist()
    mask = decode_mask(fields.as_kind(encoded, str, f"{item}, mask"), item)
    if mask.shape != (height, width):
        raise FormatError(
            f"mask must be {width}x{height} pixels as its points say, "
            f"got {mask.shape[1]}x{mask.shape[0]}.",
            item=item,
        )
    rings = [ring + low for polygon in outline(mask) for ring in polygon.rings]
    return Polygon(tuple(rings))


def decode_mask(encoded: str, item: str) -> BoolArray:
    """Return the (H, W) pixels of a PNG in base64 that are not black."""
    try:
        content = base64.b64decode(encoded)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(content), formats=("PNG",)) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise FormatError(f"mask must have at most {MAX_PIXELS} pixels.", item=item)
                return np.asarray(image.convert("L")) > 0
    except FormatError:
        raise
    except UnidentifiedImageError as error:  # its text shows the address of a buffer
        raise FormatError("mask must be a PNG picture, got something else.", item=item) from error
    except binascii.Error as error:
        raise FormatError(f"mask must be base64, got: {error}.", item=item) from error
    except Exception as error:  # decoders of broken files raise nearly every built-in error
        reason = str(error) or type(error).__name__
        raise FormatError(f"mask must be a PNG picture, got: {reason:.200}.", item=item) from error


def _plain_parts(geometry: Geometry) -> list[tuple[str, list[list[float]]]]:
    """Return the type and points of each shape that a geometry is written as."""
    if isinstance(geometry, Polygon):
        return [("polygon", ring.tolist()) for ring in geometry.rings if len(ring)]
    kind = _KINDS.get(geometry.kind, "points")
    points = cast("list[list[float]]", geometry.vertices().tolist())
    return [(kind, points)] if points else []


# Writing ------------------------------------------------------------------------------------------


def write_shapes(scene: Scene) -> tuple[list[dict[str, Any]], list[Loss]]:
    """Return the shapes of a scene, and what they cannot say.

    Raises:
        FormatError: If an ``extra["labelme"]`` is not what the reader leaves.
    """
    placed: list[tuple[float, dict[str, Any]]] = []
    losses: list[Loss] = []
    groups = _Groups(scene)
    for index, instance in enumerate(scene.instances):
        item = item_of(index, instance)
        shapes, held = _shapes(instance, groups)
        if not shapes:
            message = "instance left out: it has no points"
            losses.append(Loss(scene.frame.image, message, item))
            continue
        losses += shape_losses(scene, index, held, {"confidence"})
        if isinstance(instance.geometry, Polygon) and _has_hole(instance.geometry):
            message = "hole kept as a polygon of the group, which labelme fills"
            losses.append(Loss(scene.frame.image, message, item))
        own = fields.own_extra(instance, "labelme")
        at = fields.as_kind(own.get("at", []), list, "extra labelme, at")
        places = [float(place) if is_number(place) else np.inf for place in at]
        places += [places[-1] if places else np.inf] * len(shapes)
        placed += zip(places, shapes, strict=False)
    placed.sort(key=lambda pair: pair[0])
    return [shape for _, shape in placed], losses


class _Groups:
    """Group numbers of a frame: kept where they tell instances apart, fresh where not."""

    def __init__(self, scene: Scene) -> None:
        self._taken: set[tuple[str, str]] = set()
        used = [_rest(part).get("group_id") for one in scene.instances for part in _parts(one)]
        self._next = 1 + max((value for value in used if type(value) is int), default=0)

    def claim(self, name: str, group: object, num_rings: int) -> object:
        """Return the group of an instance's polygons; None is no group."""
        if group is None and num_rings < 2:
            return None
        if group is None or (name, repr(group)) in self._taken:
            group, self._next = self._next, self._next + 1
        self._taken.add((name, repr(group)))
        return group


def _parts(instance: Instance) -> list[dict[str, Any]]:
    own = fields.own_extra(instance, "labelme")
    parts = fields.as_kind(own.get("parts", []), list, "extra labelme, parts")
    return [fields.as_kind(part, dict, "extra labelme, part") for part in parts]


def _rest(part: Mapping[str, Any]) -> dict[str, Any]:
    return fields.as_kind(part.get("rest", {}), dict, "extra labelme, rest")


def _shapes(instance: Instance, groups: _Groups) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the shapes of an instance, and the attributes that they say."""
    name, said = name_for(instance, fields.own_extra(instance, "labelme").get("class"))
    parts, bodies = _parts(instance), _bodies(instance)
    if len(parts) != len(bodies):
        parts = (parts[:1] or [{}]) * len(bodies)
    group = _rest(parts[0]).get("group_id") if parts else None
    if isinstance(instance.geometry, Polygon):
        group = groups.claim(name, group, len(bodies))
    shapes: list[dict[str, Any]] = []
    held = set(said)
    for part, body in zip(parts, bodies, strict=True):
        rest = _rest(part)
        values = {**_DEFAULTS, **rest, "label": name, "group_id": group, "mask": None, **body}
        if not shapes:
            values["flags"], told = flags_saying(
                instance.attributes, allowed_of(instance.label), rest.get("flags", {}), said
            )
            held |= told
            values |= {"score": instance.confidence} if instance.confidence is not None else {}
        shapes.append(_ordered(values, part.get("keys", list(KEYS))))
    return shapes, held


def _bodies(instance: Instance) -> list[dict[str, Any]]:
    """Return type, points and mask of each shape; the originals while they mean the geometry."""
    plain = [
        {"shape_type": kind, "points": points} for kind, points in _plain_parts(instance.geometry)
    ]
    parts = _parts(instance)
    drawn = [
        {**body, **{key: part[key] for key in ("shape_type", "points") if key in part}}
        for part, body in zip(
            parts, plain if len(plain) == len(parts) else [{}] * len(parts), strict=True
        )
    ]
    for part, body in zip(parts, drawn, strict=True):
        body |= {"mask": _rest(part)["mask"]} if "mask" in _rest(part) else {}
    try:
        geometries = [
            _geometry(body.get("shape_type"), body.get("points"), body, "part") for body in drawn
        ]
    except FormatError:  # the geometry has become another one, which the rest does not fit
        return plain
    same = bool(geometries) and _joined(geometries, instance.label) == instance.geometry
    return drawn if same else plain


def flags_saying(
    attributes: Mapping[str, str], allowed: Allowed, flags: object, said: Mapping[str, str]
) -> tuple[object, set[str]]:
    """Return flags that say attributes, and which of them they say.

    Args:
        attributes: What to say; values that are not allowed stay unsaid.
        allowed: Attribute name to its closed list of values.
        flags: The flags that were read; those that no longer hold are dropped.
        said: What needs no flag.
    """
    words = true_words(flags)
    kept = dict(flags) if isinstance(flags, dict) else {}
    told = attributes_of_words(words, allowed)
    for word in words:
        about = attribute_of_word(word, allowed)
        if about and told.get(about[0]) != attributes.get(about[0]):
            del kept[word]
    told = attributes_of_words(true_words(kept), allowed)
    for name, value in attributes.items():
        if name not in told and name not in said and value in allowed.get(name, ()):
            kept[f"{name}: {value}"] = True
            told[name] = value
    return (kept if kept or isinstance(flags, dict) else flags), set(told)


def _ordered(values: dict[str, Any], keys: object) -> dict[str, Any]:
    """Return the fields of a shape in the order of its file; new ones stand at the end."""
    names = [key for key in fields.as_kind(keys, list, "extra keys") if isinstance(key, str)]
    new = [key for key in values if values[key] != _DEFAULTS.get(key, ...)]
    return {key: values[key] for key in dict.fromkeys([*names, *new]) if key in values}


def _has_hole(polygon: Polygon) -> bool:
    """Tell whether a ring lies within another."""
    solid = [shapely.Polygon(ring) for ring in polygon.rings if len(ring) >= 3]
    if len(solid) < 2:
        return False
    solid = [shapely.make_valid(one) for one in solid]
    tree = shapely.STRtree(solid)
    return any(place != other for place, other in tree.query(solid, predicate="within").T.tolist())
