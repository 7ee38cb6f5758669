"""The ``<meta>`` of CVAT's XML: labels and their attributes, as a task of CVAT declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from drivegrid.data.formats.cvat_shapes import Listed
from drivegrid.data.formats.drawing_tools import meaning
from drivegrid.data.formats.naming import allowed_of
from drivegrid.labels import default_label_space

FRAME_TAG = "frame"
"""Label of the tag whose attributes are those of the frame."""
UNSET = "__undefined__"
"""CVAT's value of a choice that nobody has made."""


class UsedLabels:
    """Labels that were written, with the values of their attributes."""

    def __init__(self) -> None:
        self._labels: dict[str, dict[str, dict[str, None]]] = {}

    def note(self, name: str, listed: Listed) -> None:
        """Take note of one element."""
        values = self._labels.setdefault(name, {})
        for key, value in listed:
            values.setdefault(key, {})[value] = None

    def lines(self) -> Iterator[str]:
        """Yield the lines of ``<labels>``: every value that the taxonomy or the file has."""
        yield "      <labels>"
        for name, found in self._labels.items():
            label = meaning(name, "line")[0]
            frame = default_label_space().frame_attributes
            allowed = frame if name == FRAME_TAG else allowed_of(label)
            yield f"        <label>\n          <name>{escape(name)}</name>\n          <attributes>"
            for key in dict.fromkeys([*allowed, *found]):
                yield from _attribute_lines(key, [*allowed.get(key, ())], [*found.get(key, ())])
            yield "          </attributes>\n        </label>"
        yield "      </labels>"


def _attribute_lines(key: str, allowed: list[str], found: list[str]) -> Iterator[str]:
    """Yield an attribute: a choice where the taxonomy has its values, else any text."""
    values = list(dict.fromkeys([UNSET, *allowed, *found])) if allowed else []
    told = {
        "name": key,
        "mutable": "True",
        "input_type": "select" if allowed else "text",
        "default_value": values[0] if values else "",
        "values": "\n".join(values),
    }
    yield "            <attribute>"
    for name, value in told.items():
        yield f"              <{name}>{escape(value)}</{name}>"
    yield "            </attribute>"


def meta_lines(used: UsedLabels, task: Mapping[str, str], source: str = "") -> Iterator[str]:
    """Yield the beginning of a file down to the end of ``<meta>``.

    Args:
        used: Labels of the file.
        task: What else the task says; a value that begins with "<" is XML.
        source: Name of the video, if there is one.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>"
    for name, value in task.items():
        yield f"      <{name}>{value if value.startswith('<') else escape(value)}</{name}>"
    yield from used.lines()
    yield "    </task>"
    if source:
        yield f"    <source>{escape(source)}</source>"
    yield "  </meta>"
