"""Browse: the frames of a data set, narrowed by filters; the address holds the view."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.filters import asked_query, bound, rail, show
from drivegrid.dashboard.pages.gallery import gallery
from drivegrid.dashboard.pages.histograms import histograms
from drivegrid.dashboard.pages.parts import choose_dataset, plain, told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store import browse as store
from drivegrid.dashboard.store.evaluations import frame_scores
from drivegrid.dashboard.store.facets import facets
from drivegrid.dashboard.store.facts import MAX_FACT
from drivegrid.dashboard.store.people import SavedView, list_views
from drivegrid.dashboard.store.query import Query
from streamlit.delta_generator import DeltaGenerator

from drivegrid.errors import DriveGridError

PAGE_SIZE = 28
ORDERS = {
    "number": "Order of the data",
    "status": "Status",
    "reviewed_at": "Last review",
    "score": "Score",
}


def browse() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    with st.sidebar:
        dataset = choose_dataset(shared)
    if dataset is None:
        return
    query = asked_query()
    counted = facets(shared.database, query, dataset.id)
    with st.sidebar:
        rail(shared, dataset.id, query, counted)
    found = _found(shared, query, dataset.id)
    count = _bar(shared, actor, dataset.id, query, found)
    if st.session_state["browse-histograms"]:
        histograms(query, counted)
    _gallery(shared, query, found)
    # counting may take longer than the page; so it comes last
    num = store.count(shared.database, query, dataset.id)
    count.markdown(f"**{plain(str(num))}** frames")


def _found(shared: Hub, query: Query, dataset_id: int) -> store.Page:
    """Return the page of the query that the address names."""
    before = st.query_params.get("before")
    if before is not None:
        return store.page_before(shared.database, query, dataset_id, before, PAGE_SIZE)
    after = st.query_params.get("after")
    return store.page(shared.database, query, dataset_id, after, PAGE_SIZE)


def _bar(
    shared: Hub, actor: Actor, dataset_id: int, query: Query, found: store.Page
) -> DeltaGenerator:
    """Show count, order, views and the way to other pages; return the place of the count."""
    bar = st.container(horizontal=True, vertical_alignment="center", gap="small")
    count = bar.empty()
    count.markdown("Counting...")
    bar.space("stretch")
    bar.toggle("Histograms", value=True, key="browse-histograms")
    bar.selectbox(
        "Order",
        [name for name in ORDERS if name != "score" or query.evaluation],
        format_func=ORDERS.__getitem__,
        label_visibility="collapsed",
        width=180,
        **bound("browse-order", query.order, lambda order: query.changed(order=order)),
    )
    bar.button(
        ":material/arrow_upward:" if query.descending else ":material/arrow_downward:",
        key="browse-turn",
        help="From the last to the first" if not query.descending else "From the first to the last",
        on_click=lambda: show(query.changed(descending=not query.descending)),
    )
    with bar.popover("Views", icon=":material/bookmark:"):
        _views(shared, actor, dataset_id, query)
    bar.button(
        ":material/chevron_left:",
        key="browse-previous",
        help="Frames before these",
        disabled=found.before is None,
        on_click=lambda: _turn_to("before", found.before),
    )
    bar.button(
        ":material/chevron_right:",
        key="browse-next",
        help="Frames after these",
        disabled=found.after is None,
        on_click=lambda: _turn_to("after", found.after),
    )
    return count


def _turn_to(side: str, place: str | None) -> None:
    for name in ("after", "before"):
        if name in st.query_params:
            del st.query_params[name]
    if place is not None:
        st.query_params[side] = place


def _views(shared: Hub, actor: Actor, dataset_id: int, query: Query) -> None:
    """Show saved views, and save this one."""
    views = list_views(shared.database, dataset_id)
    if not views:
        st.caption("No view is saved yet.")
    for view in views:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                plain(view.name),
                key=f"browse-view-{view.id}",
                help=plain(f"Saved by {view.user}"),
                width="stretch",
                on_click=show,
                args=(view.query,),
            )
            st.button(
                ":material/delete:",
                key=f"browse-view-delete-{view.id}",
                help="Delete this view",
                on_click=_delete,
                args=(actor, view),
            )
    with st.form("browse-save", clear_on_submit=True, border=False), told():
        name = st.text_input("Name of this view", max_chars=MAX_FACT, key="browse-view-name")
        if st.form_submit_button("Save", type="primary"):
            actor.save_view(dataset_id, name, query)
            st.rerun()


def _delete(actor: Actor, view: SavedView) -> None:
    try:
        actor.delete_view(view.id)
    except DriveGridError as error:
        st.toast(plain(str(error)), icon=":material/error:")


def _gallery(shared: Hub, query: Query, found: store.Page) -> None:
    if not found.frames:
        st.info(
            "No frame is like this. Take a filter away on the left.", icon=":material/filter_alt:"
        )
        return
    notes = {}
    if query.evaluation is not None:
        ids = [frame.id for frame in found.frames]
        scores = frame_scores(shared.database, query.evaluation.id, ids)
        notes = {frame_id: f"{score:.2f}" for frame_id, score in scores.items()}
    gallery(found.frames, shared.signer, "browse-gallery", notes)
