"""One frame of CVAT's XML to a scene and back: shapes, tags, and elements that stay text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

from drivegrid.data import fields
from drivegrid.data.checks import check_image_name
from drivegrid.data.formats.cvat_meta import FRAME_TAG, UsedLabels
from drivegrid.data.formats.cvat_shapes import (
    GEOMETRY,
    Listed,
    attribute_text,
    check_xml_name,
    element_lines,
    element_of,
    label_and_attributes,
    read_instance,
    texts,
    xml_of,
)
from drivegrid.data.formats.cvat_xml import parse_text
from drivegrid.data.formats.drawing_tools import attributes_of_words, checked_size, shape_losses
from drivegrid.data.formats.losing import frame_losses, item_of, unread
from drivegrid.data.quarantine import Loss
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Size
from drivegrid.labels import default_label_space

_TAG = re.compile(r"<([^\s/>]{1,50})")


def scene_of_image(root: Path, image: Element) -> Scene:
    """Return the scene of an ``<image>`` element.

    Raises:
        FormatError: If anything in it is wrong; names the image and the element.
    """
    name = check_image_name(image.get("name"))
    try:
        size = checked_size(*(_whole(image.get(side)) for side in ("width", "height")))
        instances, attributes, kept = read_children(image)
    except FormatError as error:
        item = f"image {name}, {error.item}" if error.item else f"image {name}"
        raise FormatError(error.message, item=item) from error
    own: dict[str, Any] = {
        "image": {k: v for k, v in image.items() if k not in ("name", "width", "height")}
    }
    place = _place(root, name, image.get("subset", ""))
    if place != name:
        own["name"] = name
    if kept:
        own["kept"] = kept
    frame = Frame(place, size, attributes)
    return Scene(frame, tuple(instances), {"cvat": own} | unread_elements(text for _, text in kept))


def unread_elements(texts: Iterable[str]) -> dict[str, Any]:
    """Return what a scene's ``extra`` says of kept elements that are no tags."""
    found = [
        (match[1], f"element <{match[1]}>") for match in map(_TAG.match, texts) if match is not None
    ]
    return unread("cvat", [pair for pair in found if pair[0] != "tag"])


def _whole(text: str | None) -> object:
    """Return a whole number that a text says, the text where it says none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else text


def _place(root: Path, name: str, subset: str) -> str:
    """Return where a picture lies: as named, or in the folders that CVAT exports it to."""
    for folder in (f"images/{subset}", "images", subset):
        place = f"{folder.rstrip('/')}/{name}".lstrip("/")
        try:
            if (root / check_image_name(place)).is_file():
                return place
        except (OSError, FormatError):  # a name longer than the disk allows, an odd subset
            continue
    return name


def read_children(
    parent: Element,
) -> tuple[list[Instance], dict[str, str], list[list[Any]]]:
    """Return instances, frame attributes, and [place, text] of what is neither.

    Tags give frame attributes by their label ("rain") and their attributes ("weather", "rain").
    """
    instances: list[Instance] = []
    words: list[str] = []
    kept: list[list[Any]] = []
    for place, child in enumerate(parent):
        if child.tag in GEOMETRY:
            name, xml = class_and_xml(child, f"{child.tag} {place}")
            listed = listed_in(child)
            instances.append(read_instance(child.tag, name, xml, listed, f"{child.tag} {place}"))
            continue
        if child.tag == "tag":
            words += words_of_tag(child)
            if _is_own_tag(child):
                continue
        kept.append([len(instances) + len(kept), text_of(child)])
    return instances, attributes_of_words(words, default_label_space().frame_attributes), kept


def class_and_xml(element: Element, item: str) -> tuple[str, dict[str, str]]:
    """Return the class name of an element and its other attributes."""
    xml = dict(element.items())
    if "label" not in xml:
        raise FormatError(f"{item} must have a label, got {sorted(xml)!s:.200}.", item=item)
    return xml.pop("label"), {check_xml_name(key): value for key, value in xml.items()}


def listed_in(element: Element) -> Listed:
    """Return name and value of the ``<attribute>`` children of an element."""
    return [[child.get("name", ""), child.text or ""] for child in element.iter("attribute")]


def words_of_tag(tag: Element) -> list[str]:
    """Return what may say frame attributes: the label, and each "name: value"."""
    return [tag.get("label", ""), *(f"{name}: {value}" for name, value in listed_in(tag))]


def _is_own_tag(tag: Element) -> bool:
    allowed = default_label_space().frame_attributes
    listed = listed_in(tag)
    known = all(value in allowed.get(name, ()) for name, value in listed)
    plain = tag.get("label") == FRAME_TAG and tag.attrib.keys() <= {"label", "source"}
    return plain and known and 0 < len({name for name, _ in listed}) == len(list(tag))


def text_of(element: Element) -> str:
    """Return the text of an element, without blanks for looks and without what follows it."""
    for each in element.iter():
        if len(each) and not (each.text or "").strip():
            each.text = None
        each.tail = None
    return tostring(element, encoding="unicode")


# Writing ------------------------------------------------------------------------------------------


def kept_texts(scene: Scene) -> tuple[list[tuple[int, str]], dict[str, str]]:
    """Return place and text of kept elements, and the frame attributes left for a tag of our own.

    A tag that says a frame attribute which no longer holds is left out.
    """
    allowed = default_label_space().frame_attributes
    left = dict(scene.frame.attributes)
    kept: list[tuple[int, str]] = []
    own = fields.own_extra(scene, "cvat")
    for pair in fields.as_kind(own.get("kept", []), list, "extra cvat, kept"):
        if not (isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int):
            raise FormatError(f"kept must hold places and texts, got {pair!r:.100}.")
        element = parse_text(fields.as_kind(pair[1], str, "extra cvat, kept"))
        if element.tag == "tag":
            said = attributes_of_words(words_of_tag(element), allowed)
            if not said.items() <= scene.frame.attributes.items():
                continue
            left = {name: value for name, value in left.items() if name not in said}
        elif element.tag in GEOMETRY:
            raise FormatError(f"kept must hold no shapes, got {element.tag}.")
        kept.append((pair[0], text_of(element)))
    return kept, left


def drawn_instances(
    scene: Scene, size_wh: Size
) -> tuple[list[tuple[Instance, str, dict[str, str], Listed]], list[Loss]]:
    """Return each instance with tag, attributes and listed attributes, and what was lost."""
    drawn, losses = [], []
    for index, instance in enumerate(scene.instances):
        item = item_of(index, instance)
        element = element_of(instance, size_wh)
        if element is None:
            message = "instance left out: it has no points"
            losses.append(Loss(scene.frame.image, message, item))
            continue
        tag, drawing, rounded = element
        if rounded:
            message = "polygon of several rings rounded to a mask of pixels"
            losses.append(Loss(scene.frame.image, message, item))
        name, listed = label_and_attributes(instance)
        xml = {"label": name} | drawing | xml_of(instance)
        drawn.append((instance, tag, xml, listed))
        also = {"source"} if instance.source == xml.get("source") else set()
        losses += shape_losses(scene, index, instance.attributes.keys(), also)
    return drawn, losses


def image_lines(scene: Scene, index: int, used: UsedLabels) -> tuple[list[str], list[Loss]]:
    """Return the lines of an ``<image>`` element, and what was lost.

    Args:
        scene: Any scene.
        index: Its number, for the id where it has none.
        used: Takes note of labels and attributes.
    """
    own = fields.own_extra(scene, "cvat")
    image = check_image_name(scene.frame.image)
    name = own.get("name")
    if not isinstance(name, str) or not f"/{image}".endswith(f"/{name}"):
        name = image
    width, height = map(str, scene.frame.size_wh)
    other = {check_xml_name(k): v for k, v in texts(own.get("image", {}), "image").items()}
    xml = {"id": str(index), "name": name, "width": width, "height": height}
    head = " ".join(f"{key}={attribute_text(value)}" for key, value in (xml | other).items())
    drawn, losses = drawn_instances(scene, scene.frame.size_wh)
    losses += frame_losses(scene, "cvat", None, scene.frame.attributes.keys())
    pieces: list[str] = []
    for _, tag, shape, listed in drawn:
        pieces.append("\n".join(element_lines(tag, shape, listed, "    ")))
        used.note(shape["label"], listed)
    kept, left = kept_texts(scene)
    for place, text in kept:
        pieces.insert(min(place, len(pieces)), f"    {text}")
    if left:
        listed = [[key, value] for key, value in left.items()]
        used.note(FRAME_TAG, listed)
        pieces.append("\n".join(element_lines("tag", {"label": FRAME_TAG}, listed, "    ")))
    return [f"  <image {head}>", *pieces, "  </image>"], losses
