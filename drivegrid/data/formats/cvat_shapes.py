"""Shapes of CVAT's XML to instances and back.

An instance keeps in ``extra["cvat"]`` what it cannot say itself: ``class``, the name it was drawn
with; ``xml``, attributes of its element beside the geometry, where they are not the usual ones;
``attributes``, name and value as listed, where the taxonomy would not give them back;
``element``, tag and geometry of masks, ellipses and turned shapes; for tracks see ``cvat_tracks``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from drivegrid.data import fields
from drivegrid.data.formats.drawing_tools import (
    ellipse_ring,
    meaning,
    name_for,
    turned,
    upward,
)
from drivegrid.data.formats.naming import Allowed, allowed_of
from drivegrid.data.images import MAX_PIXELS
from drivegrid.data.rasters import fill, outline, rle_decode, rle_encode
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError, GeometryError
from drivegrid.geometry import (
    Anchors,
    Box,
    FloatArray,
    Geometry,
    Point,
    Polygon,
    Polyline,
    Size,
)

USUAL = {"source": "manual", "occluded": "0", "z_order": "0"}
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
GEOMETRY: Mapping[str, tuple[str, ...]] = {
    "box": (*_CORNERS, "rotation"),
    "polygon": ("points",),
    "polyline": ("points",),
    "points": ("points",),
    "mask": ("rle", "left", "top", "width", "height"),
    "ellipse": ("cx", "cy", "rx", "ry", "rotation"),
}
"""Tag of each shape that becomes an instance to the attributes that say where it is."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HIDDEN = ("partly hidden", "mostly hidden")

_SAID_BY_OCCLUDED = ("visible_state", HIDDEN[0])

Listed = list[list[str]]
"""Name and value of each attribute of an element."""


def geometry_of(tag: str, drawn: Mapping[str, str], item: str) -> Geometry:
    """Return the geometry of an element as it was drawn.

    Raises:
        FormatError: If a number is missing or wrong, or a mask is absurdly large.
    """
    if tag in ("polygon", "polyline", "points"):
        xy = _points(drawn.get("points", ""), item)
        if tag == "polygon":
            return Polygon((xy,))
        return Polyline(xy) if tag == "polyline" else Point(xy[0]) if len(xy) == 1 else Anchors(xy)
    if tag == "mask":
        return _mask(drawn, item)
    names = _CORNERS if tag == "box" else ("cx", "cy", "rx", "ry")
    a, b, c, d = (_number(drawn, name, item) for name in names)
    degrees = _number({"rotation": "0", **drawn}, "rotation", item)
    if tag == "ellipse":
        return Polygon((ellipse_ring(np.array([a, b]), (c, d), degrees),))
    box = fields.box(a, b, c, d, item)
    if degrees % 360 == 0:
        return box
    center = np.array([a + c, b + d]) / 2
    corners = np.array([[a, b], [c, b], [c, d], [a, d]]) - center
    return Polygon((center + turned(corners, degrees),))


def _number(drawn: Mapping[str, str], name: str, item: str) -> float:
    if name not in drawn:
        raise FormatError(f"{item} must have {name}, got {sorted(drawn)!s:.200}.", item=item)
    return fields.number_text(drawn[name], f"{item}, {name}")


def _points(text: str, item: str) -> FloatArray:
    """Return (N, 2) points of ``x,y;x,y``."""
    pairs = [pair.split(",") for pair in text.split(";")] if text.strip() else []
    for pair in pairs:
        if len(pair) != 2:
            raise FormatError(f"{item} must hold x,y pairs, got {','.join(pair)!r:.50}.", item=item)
    values = [[fields.number_text(value, item) for value in pair] for pair in pairs]
    return np.asarray(values, dtype=np.float64).reshape(-1, 2)


def _mask(drawn: Mapping[str, str], item: str) -> Polygon:
    """Return the outline of a mask: runs of 0 and 1 in turn, row by row within its rectangle."""
    left, top, width, height = (
        int(_number(drawn, name, item)) for name in ("left", "top", "width", "height")
    )
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise FormatError(
            f"mask must have 1 to {MAX_PIXELS} pixels, got {width}x{height}.", item=item
        )
    words = drawn.get("rle", "").replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise FormatError(f"rle must hold whole numbers, got {drawn.get('rle')!r:.50}.", item=item)
    bits = rle_decode([int(word) for word in words], (height, width)).T  # row by row
    return Polygon(
        tuple(ring + np.array([left, top]) for part in outline(bits) for ring in part.rings)
    )


# Elements to instances ----------------------------------------------------------------------------


def read_instance(
    tag: str, name: str, xml: Mapping[str, str], listed: Listed, item: str
) -> Instance:
    """Return the instance of an element.

    Args:
        tag: One of ``GEOMETRY``.
        name: Class name.
        xml: Attributes of the element, without its label and those of tracks.
        listed: Its ``<attribute>`` children.
        item: What it is, for messages.
    """
    drawn = {key: xml[key] for key in GEOMETRY[tag] if key in xml}
    geometry = geometry_of(tag, drawn, item)
    label, said = meaning(name, geometry.kind)
    is_kept = tag in ("mask", "ellipse") or "rotation" in drawn
    if isinstance(geometry, Polyline):
        line = Polyline(upward(label, geometry.xy))
        geometry, is_kept = line, line != geometry
    allowed = allowed_of(label)
    attributes = {key: value for key, value in listed if value in allowed.get(key, ())} | said
    if xml.get("occluded") == "1" and HIDDEN[0] in allowed.get("visible_state", ()):
        attributes.setdefault("visible_state", HIDDEN[0])
    maker = xml.get("source", "manual")
    source = "label" if maker in ("manual", "file") else maker
    bare = Instance(label, geometry, attributes, source=source)
    own: dict[str, Any] = {"class": name} if name != label else {}
    other = {key: value for key, value in xml.items() if key not in drawn}
    if other != USUAL:
        own["xml"] = other
    if listed != list_attributes(bare, said, []):
        own["attributes"] = listed
    if is_kept:
        own["element"] = [tag, drawn]
    return Instance(label, geometry, attributes, source=source, extra={"cvat": own} if own else {})


def plain_element(geometry: Geometry) -> tuple[str, dict[str, str]]:
    """Return tag and geometry of a shape with at most one ring."""
    if isinstance(geometry, Box):
        return "box", dict(zip(_CORNERS, map(number_text, geometry.xyxy.tolist()), strict=True))
    tag = {"line": "polyline", "poly": "polygon"}.get(geometry.kind, "points")
    pairs = (",".join(map(number_text, pair)) for pair in geometry.vertices().tolist())
    return tag, {"points": ";".join(pairs)}


def number_text(value: float) -> str:
    """Return a number with two decimals, as CVAT writes them, or all it needs to be exact.

    >>> number_text(3.0), number_text(0.125)
    ('3.00', '0.125')
    """
    short = f"{value:.2f}"
    return short if float(short) == value else repr(value)


# Instances to elements ----------------------------------------------------------------------------


def own_extra(instance: Instance) -> dict[str, Any]:
    """Return what an instance keeps of CVAT; empty if it is from elsewhere.

    Raises:
        FormatError: If it is not what the reader leaves.
    """
    own = fields.own_extra(instance, "cvat")
    for key, value in texts(own.get("xml", {}), "extra cvat, xml").items():
        check_xml_name(key)
        check_xml_text(value)
    return own


def texts(value: object, item: str) -> dict[str, str]:
    """Return a JSON object of texts."""
    found = fields.as_kind(value, dict, item)
    return {key: fields.as_kind(text, str, item) for key, text in found.items()}


def check_xml_name(name: str) -> str:
    """Return a name that may stand for an attribute of an element."""
    if not _NAME.fullmatch(name):
        raise FormatError(f"XML attribute must have a plain name, got {name!r:.50}.", item=name)
    return name


def check_xml_text(text: str) -> str:
    """Return a text that XML can hold."""
    if _NO_XML.search(text):
        raise FormatError(f"text must be without control characters, got {text!r:.50}.")
    return text


def element_of(instance: Instance, size_wh: Size) -> tuple[str, dict[str, str], bool] | None:
    """Return tag and geometry of an instance, and whether it was rounded to pixels.

    The original while the geometry is unchanged. A polygon of several rings becomes a mask. None
    where there is nothing to draw.
    """
    own = own_extra(instance)
    if "element" in own:
        kept = fields.as_kind(own["element"], list, "extra cvat, element")
        if len(kept) != 2 or not isinstance(kept[0], str) or kept[0] not in GEOMETRY:
            raise FormatError(f"element must be tag and geometry, got {kept!r:.100}.")
        tag, drawn = kept[0], texts(kept[1], "extra cvat, element")
        drawn = {key: value for key, value in drawn.items() if key in GEOMETRY[tag]}
        old = geometry_of(tag, drawn, "extra cvat, element")
        if isinstance(old, Polyline):
            old = Polyline(upward(instance.label, old.xy))
        if old == instance.geometry:
            return tag, drawn, False
    parts = [part for part in instance.geometry.parts() if len(part)]
    if not parts:
        return None
    if len(parts) == 1:
        return *plain_element(instance.geometry), False
    drawn = _mask_of(instance.geometry, size_wh)
    return ("mask", drawn, True) if drawn else None


def _mask_of(geometry: Geometry, size_wh: Size) -> dict[str, str]:
    """Return a polygon as a mask; empty where it covers no pixel of the image."""
    assert isinstance(geometry, Polygon)
    try:
        bits = fill(geometry, size_wh)
    except GeometryError as error:
        raise FormatError(str(error)) from error
    rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
    if not len(rows):
        return {}
    top, left = int(rows[0]), int(columns[0])
    bits = bits[top : rows[-1] + 1, left : columns[-1] + 1]
    box = (left, top, bits.shape[1], bits.shape[0])
    names = ("left", "top", "width", "height")
    placed = {name: str(value) for name, value in zip(names, box, strict=True)}
    return {"rle": ", ".join(map(str, rle_encode(bits.T))), **placed}


def label_and_attributes(instance: Instance) -> tuple[str, Listed]:
    """Return the class name to write, and the attributes to list."""
    own = own_extra(instance)
    name, said = name_for(instance, own.get("class"))
    old = fields.as_kind(own.get("attributes", []), list, "extra cvat, attributes")
    for pair in old:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise FormatError(f"attributes must be name and value, got {pair!r:.100}.")
    listed = [[fields.as_kind(text, str, "attribute") for text in pair] for pair in old]
    return name, list_attributes(instance, said, listed)


def list_attributes(instance: Instance, said: Mapping[str, str], old: Listed) -> Listed:
    """Return attributes to list: those of the instance, and the old ones it does not know.

    Args:
        instance: Any instance.
        said: What the class name says.
        old: What was listed; kept in its order while it says the same.
    """
    allowed: Allowed = allowed_of(instance.label)
    now = {key: value for key, value in instance.attributes.items() if key not in said}
    if now.get("visible_state") == HIDDEN[0] in allowed.get("visible_state", ()):
        del now["visible_state"]  # occluded says it
    if old and _known(old, allowed) == _known(now.items(), allowed):
        return old
    unknown = [[key, value] for key, value in old if value not in allowed.get(key, ())]
    return [[key, value] for key, value in now.items()] + unknown


def _known(listed: Iterable[Sequence[str]], allowed: Allowed) -> dict[str, str]:
    known = {key: value for key, value in listed if value in allowed.get(key, ())}
    return {key: value for key, value in known.items() if (key, value) != _SAID_BY_OCCLUDED}


def xml_of(instance: Instance) -> dict[str, str]:
    """Return the attributes of an element beside label and geometry."""
    xml = dict(own_extra(instance).get("xml", USUAL))
    state = instance.attributes.get("visible_state")
    if HIDDEN[0] in allowed_of(instance.label).get("visible_state", ()):
        hidden = "1" if state in HIDDEN else "0"
        if xml.get("occluded", "0") != hidden:
            xml["occluded"] = hidden
    maker = xml.get("source", "manual")
    if ("label" if maker in ("manual", "file") else maker) != instance.source:
        xml["source"] = "manual" if instance.source == "label" else "auto"
    return xml


def attribute_text(value: str) -> str:
    """Return a quoted XML attribute value."""
    return quoteattr(check_xml_text(value))


def _text(value: str) -> str:
    return escape(check_xml_text(value), {"\r": "&#13;"})


def element_lines(tag: str, xml: Mapping[str, str], listed: Listed, indent: str) -> Iterator[str]:
    """Yield the lines of an element and its attributes.

    Raises:
        FormatError: If a text has characters that XML cannot hold.
    """
    order = ("label", "frame", "outside", "source", "occluded", "keyframe")
    first = [key for key in order if key in xml]
    last = [key for key in xml if key not in order and key in USUAL]
    middle = [key for key in xml if key not in order and key not in USUAL]
    told = " ".join(f"{key}={attribute_text(xml[key])}" for key in first + middle + last)
    yield f"{indent}<{tag} {told}>"
    for name, value in listed:
        yield f"{indent}  <attribute name={attribute_text(name)}>{_text(value)}</attribute>"
    yield f"{indent}</{tag}>"
