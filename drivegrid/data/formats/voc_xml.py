"""XML of annotation files that may be hostile, and elements as JSON values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from drivegrid.data import fields
from drivegrid.data.files import read_whole
from drivegrid.errors import FormatError

MAX_BYTES = 2**24
"""Largest annotation file; a usual one has a few kilobytes."""
MAX_DEPTH = 50
"""How deep elements may lie in each other."""

_NAME = re.compile(r"[^\W\d][\w.-]*")
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_xml(path: Path, root_tag: str) -> Element:
    """Return the root of an XML file without entities or external references.

    Raises:
        FormatError: If the file is too large, no XML, has a document type with entities, is too
            deep, or has another root.
    """
    try:
        root: Element = fromstring(read_whole(path, MAX_BYTES))
    except DefusedXmlException as error:
        raise FormatError("file must be XML without entities, got some.", path) from error
    except (ParseError, ValueError, LookupError) as error:  # the latter two of odd encodings
        raise FormatError(f"file must be XML, got: {error!s:.200}.", path) from error
    if root.tag != root_tag:
        raise FormatError(f"file must hold <{root_tag}>, got <{root.tag:.100}>.", path)
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in element]
    if level:
        raise FormatError(f"elements must lie at most {MAX_DEPTH} deep, got more.", path)
    return root


def text_of(parent: Element, tag: str) -> str | None:
    """Return the text of a child, stripped; None if there is no such child."""
    child = parent.find(tag)
    return None if child is None else (child.text or "").strip()


def one_child(parent: Element, tag: str, item: str) -> Element:
    """Return a child that must be there once."""
    found = parent.findall(tag)
    if len(found) != 1:
        raise FormatError(f"{item} must have one {tag}, got {len(found)}.", item=item)
    return found[0]


def to_json(element: Element) -> dict[str, Any]:
    """Return an element as a JSON value: tag, text, attributes, children; without empty ones.

    Raises:
        FormatError: If a name is of a namespace, which annotations have no use for.
    """
    held = {
        "tag": checked_name(element.tag),
        "text": (element.text or "").strip(),
        "attributes": {checked_name(name): value for name, value in element.attrib.items()},
        "children": [to_json(child) for child in element],
    }
    return {name: value for name, value in held.items() if value}


def from_json(parent: Element, held: object, depth: int = 0) -> None:
    """Add the element that ``to_json`` returned.

    Raises:
        FormatError: If it could not have returned this.
    """
    record: Mapping[str, Any] = fields.as_kind(held, dict, "XML element")
    if depth > MAX_DEPTH:
        raise FormatError(f"elements must lie at most {MAX_DEPTH} deep, got more.")
    element = SubElement(parent, checked_name(fields.field(record, "tag", str, "XML element")))
    element.text = checked_text(fields.as_kind(record.get("text", ""), str, "text")) or None
    for name, value in fields.as_kind(record.get("attributes", {}), dict, "attributes").items():
        element.set(checked_name(name), checked_text(fields.as_kind(value, str, name)))
    for child in fields.as_kind(record.get("children", []), list, "children"):
        from_json(element, child, depth + 1)


def checked_name(name: str) -> str:
    """Return a name that an element or attribute can have.

    Raises:
        FormatError: If it has other characters than letters, digits, ``_``, ``.`` and ``-``.
    """
    if not _NAME.fullmatch(name):
        raise FormatError(f"XML name must be of letters and digits, got {name!r:.50}.")
    return name


def checked_text(text: str) -> str:
    """Return text that XML can hold.

    Raises:
        FormatError: If it has control characters or halves of surrogate pairs.
    """
    if _NOT_XML.search(text):
        raise FormatError(f"text must be without control characters for XML, got {text!r:.50}.")
    return text


def add_text(parent: Element, tag: str, text: str) -> None:
    """Add a child with text."""
    SubElement(parent, tag).text = checked_text(text)


def print_xml(root: Element) -> str:
    """Return an element as the annotation tools print it, indented by tabs."""
    indent(root, "\t")
    return tostring(root, encoding="unicode") + "\n"
