"""CVAT's XML file piece by piece: meta, images and tracks, from files that may be hostile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from drivegrid.data.files import check_regular
from drivegrid.errors import FormatError

MAX_DEPTH = 16
"""Deepest nesting that is read; CVAT's own files have eight levels."""


def iter_pieces(path: Path) -> Iterator[Element]:
    """Yield each child of ``<annotations>`` when it is complete, then forget it.

    Raises:
        FormatError: While iterating, where the rest cannot be read: the file is missing or
            unreadable, no XML, of another root, declares entities or a document type, or is
            nested too deeply.
    """
    try:
        check_regular(path)
        with path.open("rb") as file:
            yield from _pieces(iterparse(file, ("start", "end"), forbid_dtd=True))
    except FormatError as error:
        raise error.at(path) from error
    except DefusedXmlException as error:
        message = f"file must declare no document type and no entities, got: {error!s:.200}."
        raise FormatError(message, path) from error
    except OSError as error:
        raise FormatError(f"file must be readable, got: {error.strerror}.", path) from error
    except (ParseError, ValueError, LookupError) as error:  # the latter two: odd encodings
        line = error.position[0] if isinstance(error, ParseError) else None
        raise FormatError(f"file must be XML, got: {error}.", path, line) from error


def _pieces(events: Iterable[tuple[str, Element]]) -> Iterator[Element]:
    depth, root = 0, Element("")
    for event, element in events:
        if event == "end":
            depth -= 1
            if depth == 1:
                yield element
                root.clear()
            continue
        if depth == 0:
            root = element
            if root.tag != "annotations":
                raise FormatError(f"root must be <annotations>, got <{root.tag:.50}>.")
        depth += 1
        if depth > MAX_DEPTH:
            raise FormatError(f"XML must have at most {MAX_DEPTH} levels, got more.")


def parse_text(text: str) -> Element:
    """Return an element out of its text.

    Raises:
        FormatError: If it is not one plain element.
    """
    try:
        found: Element = fromstring(text, forbid_dtd=True)
        return found
    except (ParseError, ValueError, LookupError) as error:
        raise FormatError(f"element must be XML, got {text!r:.100}.") from error
