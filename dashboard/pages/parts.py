"""What pages have in common: errors as people read them, layers of a frame, texts of data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from drivegrid.dashboard.canvas.layers import Layer, Role, Shape, TokenTrace
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import DatasetRow, list_datasets
from drivegrid.dashboard.store.records import FrameRow, ShapeRow

from drivegrid.errors import ConfigError, DriveGridError
from drivegrid.geometry import Polygon, as_points
from drivegrid.inference.results import Found
from drivegrid.masks.drawing import outline_of, smoothed
from drivegrid.plotting.trace import AnchorTrace


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


def table(rows: Iterable[Mapping[str, Any]], **options: Any) -> Any:
    """Show rows of data, see `st.dataframe`; a spreadsheet that opens them reads no formula.

    Args:
        rows: Names of columns to cells.
        options: Those of ``st.dataframe``.
    """
    shown = [{as_text(name): as_text(cell) for name, cell in row.items()} for row in rows]
    return st.dataframe(shown, hide_index=True, **options)


def as_text(cell: Any) -> Any:
    """Return a cell of which no spreadsheet makes a formula: people can download every table.

    >>> as_text("=cmd()"), as_text("-0.5"), as_text("lane/line"), as_text(-1)
    ("'=cmd()", '-0.5', 'lane/line', -1)
    """
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    return cell if _NUMBER.fullmatch(cell) else f"'{cell}"


_NUMBER = re.compile(r"[+-](\d[\d,]*(\.\d+)?(e[+-]\d+)?)?")


def page_at(url_path: str) -> st.Page:
    """Return the page of an address, to link to: pages need not import one another."""
    return st.Page(_elsewhere, url_path=url_path)


def _elsewhere() -> None:
    """The page itself is the one that `main` registers under the address."""


def asked_dataset(rows: Sequence[DatasetRow]) -> DatasetRow:
    """Return which of some data sets the address names; the largest where it names none.

    Raises:
        ConfigError: If it names another.
    """
    wanted = st.query_params.get("dataset")
    if wanted is None:
        return max(rows, key=lambda row: row.num_frames)
    found = next((row for row in rows if str(row.id) == wanted), None)
    if found is None:
        raise ConfigError(f"data set must be one of the store, got {wanted!r:.50}.")
    return found


def choose_dataset(shared: Hub) -> DatasetRow | None:
    """Let people choose a data set, kept in the address; see `asked_dataset`.

    Returns:
        None if there is none; people are told what to do then.

    Raises:
        ConfigError: If the address names none of the store.
    """
    rows = list_datasets(shared.database)
    if not rows:
        st.info(
            "No data yet. An admin can import labels on the page Data.", icon=":material/inbox:"
        )
        return None
    chosen = asked_dataset(rows)
    names = {str(row.id): f"{row.name} ({row.num_frames:,} frames)" for row in rows}
    st.session_state["dataset"] = str(chosen.id)
    st.selectbox(
        "Data set", list(names), key="dataset", format_func=names.__getitem__,
        on_change=_show_dataset,
    )  # fmt: skip
    return chosen


def _show_dataset() -> None:
    st.query_params.from_dict({"dataset": st.session_state["dataset"]})


def number_in_address(name: str) -> int | None:
    """Return a number of the page's address; None where it has none.

    Raises:
        ConfigError: If it is something else.
    """
    text = st.query_params.get(name, "")
    if text and (not text.isdecimal() or len(text) > 18):
        raise ConfigError(f"{name} must be 1 to 18 digits, got {text!r:.50} (address).")
    return int(text) if text else None


def asked_frame(shared: Hub) -> FrameRow | None:
    """Return the frame that the address names; None if it names none.

    Raises:
        ConfigError: If it is no number.
        StoreError: If there is no such frame.
    """
    wanted = number_in_address("frame")
    return None if wanted is None else browse.frame(shared.database, wanted)


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
    # runs that were stored before have the last places alone
    earlier = tuple(as_points(places) for places in record.get("earlier", ()))
    deleted = np.array(record["deleted"], dtype=np.bool_)
    return TokenTrace.of_anchors(AnchorTrace(proposed, moved, deleted, earlier=earlier))


def answer_layer(name: str, found: tuple[Found, ...]) -> Layer:
    """Return an answer of the model as a layer, with the trace of its tokens."""
    shapes = [
        Shape(f"answer-{number}", one.instance, TokenTrace.of_anchors(one.trace))
        for number, one in enumerate(found)
    ]
    return Layer(name, "model", shapes)


def mask_layer(name: str, found: tuple[Found, ...]) -> Layer:
    """Return the masks that were drawn for an answer as a layer; outlines are in it already."""
    shapes = []
    for number, one in enumerate(found):
        drawn = one.mask is not None and not isinstance(one.instance.geometry, Polygon)
        outline = outline_of(one.mask) if drawn and one.mask is not None else None
        if outline is not None:
            shape = smoothed(outline)
            mask = replace(one.instance, geometry=shape, confidence=one.mask_score)
            shapes.append(Shape(f"mask-{number}", mask))
    return Layer(name, "other", shapes)
