"""What pages have in common: errors as people read them, layers of a frame, texts of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import streamlit as st
from drivegrid.dashboard.canvas.layers import Layer, Role, Shape, TokenTrace
from drivegrid.dashboard.store.records import ShapeRow

from drivegrid.errors import DriveGridError
from drivegrid.geometry import as_points
from drivegrid.inference.results import Found


def show_error(text: str) -> None:
    """Show what went wrong."""
    st.error(plain(text), icon=":material/error:")


@contextmanager
def told(show: Callable[[str], object] = show_error) -> Iterator[None]:
    """Show an error of ours in place of what a page, or a deed, would have done.

    Args:
        show: Shows a text; callbacks keep it for the page that comes.
    """
    try:
        yield
    except DriveGridError as error:
        show(str(error))


def plain(text: str) -> str:
    r"""Return a text in which Markdown has nothing to read: labels may hold anything.

    >>> plain("a *b* :red[c]")
    'a \\*b\\* \\:red\\[c\\]'
    """
    return "".join(f"\\{letter}" if letter in _MARKS else letter for letter in text)


_MARKS = frozenset("\\`*_{}[]()<>#+-.!|~:$&\"'")


def layer_of(name: str, role: Role, rows: list[ShapeRow], *, editable: bool = False) -> Layer:
    """Return stored shapes of one source as a layer."""
    shapes = [
        Shape(f"{row.source_id}-{row.number}", row.instance, _trace(row.trace)) for row in rows
    ]
    return Layer(name, role, shapes, editable=editable)


def _trace(record: Mapping[str, Any] | None) -> TokenTrace | None:
    """Return the trace of a stored prediction, see `trace_record`."""
    if record is None:
        return None
    proposed, moved = (as_points(record[name]) for name in ("proposed", "moved"))
    return TokenTrace(proposed, (moved - proposed,), np.array(record["deleted"], dtype=np.bool_))


def answer_layer(name: str, found: tuple[Found, ...]) -> Layer:
    """Return an answer of the model as a layer, with the trace of its tokens."""
    shapes = [
        Shape(f"answer-{number}", one.instance, TokenTrace.of_anchors(one.trace))
        for number, one in enumerate(found)
    ]
    return Layer(name, "model", shapes)
