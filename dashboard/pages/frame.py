"""Frame: one picture with everything that anybody says about it."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from drivegrid.dashboard.canvas.canvas import canvas
from drivegrid.dashboard.canvas.layers import Layer, Picture, Role
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.parts import asked_frame, layer_of, page_at, plain, table
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.coverage import covering
from drivegrid.dashboard.store.datasets import list_sources
from drivegrid.dashboard.store.records import FrameRow
from drivegrid.dashboard.store.reviews import history

KINDS: dict[str, Role] = {"label": "label", "model": "model", "review": "review"}


def frame() -> None:
    """Show the page."""
    shared = hub()
    shared.actor()  # who is not known sees nothing
    shown = asked_frame(shared)
    if shown is None:
        st.info("Open a frame from Browse.", icon=":material/image:")
        st.page_link(page_at("browse"), label="Browse", icon=":material/grid_view:")
        return
    before, behind = browse.neighbours(shared.database, shown.id)
    left, right = st.columns([0.72, 0.28], gap="medium")
    with left:
        layers = _layers(shared, shown)
        picture = Picture(
            str(shown.id),
            shared.signer.address(shown.id),
            shown.size_wh,
            None if behind is None else shared.signer.address(behind),
        )
        canvas(picture, layers, revision=0, key="frame-canvas")
    with right:
        _ways(shown, before, behind)
        _facts(shown)
        _not_covered(shared, shown)
        _history(shared, shown)


def _layers(shared: Hub, shown: FrameRow) -> list[Layer]:
    """Return a layer for each source; the first run is told from the others by its style."""
    layers: list[Layer] = []
    for source in list_sources(shared.database, shown.dataset_id):
        role = KINDS[source.kind]
        if role == "model" and any(layer.role == "model" for layer in layers):
            role = "other"
        rows = browse.shapes(shared.database, shown.id, [source.id])
        layers.append(layer_of(source.name, role, rows))
    return layers


def _ways(shown: FrameRow, before: int | None, behind: int | None) -> None:
    """Show the ways to other pages, and to the neighbours in the clip."""
    st.subheader(plain(shown.image), anchor=False)
    st.page_link(
        page_at("ask"),
        label="Ask about this frame",
        icon=":material/forum:",
        query_params={"frame": str(shown.id)},
    )
    st.page_link(
        page_at("review"),
        label="Review",
        icon=":material/rate_review:",
        query_params={"frame": str(shown.id)},
    )
    with st.container(horizontal=True):
        for label, icon, other in (
            ("Before", ":material/chevron_left:", before),
            ("After", ":material/chevron_right:", behind),
        ):
            st.button(
                label,
                icon=icon,
                disabled=other is None,
                help="In the clip",
                width="stretch",
                on_click=_open,
                args=(other,),
            )


def _open(frame_id: int) -> None:
    st.query_params["frame"] = str(frame_id)


def _facts(shown: FrameRow) -> None:
    width, height = shown.size_wh
    known = [
        ("status", shown.status),
        ("size", f"{width} x {height}"),
        ("clip", shown.clip),
        ("split", shown.split),
        ("number", f"{shown.number + 1:,}"),
        *sorted(shown.attributes.items()),
    ]
    table(
        [{"what": name, "is": value} for name, value in known if value is not None],
    )


def _not_covered(shared: Hub, shown: FrameRow) -> None:
    """Show which labels and runs do not know the frame: they did not find it empty."""
    known = covering(shared.database, shown.id)
    others = [
        source.name
        for source in list_sources(shared.database, shown.dataset_id)
        if source.kind != "review" and source.id not in known
    ]
    if others:
        st.caption(plain(f"Not covered by {', '.join(others)}."))


def _history(shared: Hub, shown: FrameRow) -> None:
    st.markdown("**Verdicts**")
    events = history(shared.database, shown.id)
    if not events:
        st.caption("Nobody has reviewed this frame yet.")
        return
    rows = [
        {
            "when": datetime.fromtimestamp(event.at / 1000, UTC).replace(tzinfo=None),
            "who": event.user,
            "verdict": event.verdict,
            "note": event.note,
        }
        for event in reversed(events)
    ]
    when = st.column_config.DatetimeColumn("when (UTC)", format="YYYY-MM-DD HH:mm")
    table(rows, column_config={"when": when})
