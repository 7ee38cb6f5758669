"""What stands beside the frame in a review: the queue, the frame, a note, its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.pages.parts import choose_dataset, plain
from drivegrid.dashboard.pages.review_deeds import (
    Told,
    drop,
    insist,
    last_told,
    note_key,
)
from drivegrid.dashboard.pages.review_spot import Spot, go, open_queue
from drivegrid.dashboard.refused import Conflict
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store import queues
from drivegrid.dashboard.store.datasets import SourceRow, list_datasets, list_sources
from drivegrid.dashboard.store.queues import Queue
from drivegrid.dashboard.store.reviews import Event

RUNS = 2
"""Runs that are shown at first: the canvas has a colour for one and one for the other."""
KEYS = "A accepts, X rejects, S saves a correction, U takes back. ? shows all keys."
COLORS = {"new": "gray", "accepted": "green", "corrected": "blue", "rejected": "red"}


def panel(
    shared: Hub,
    actor: Actor,
    queue: Queue | None,
    spot: Spot | None,
    log: Sequence[Event],
    conflict: Conflict | None,
) -> None:
    """Show all that stands beside the frame."""
    dataset_id = _dataset_of(shared, queue, spot)
    if dataset_id is None:
        return
    _choose_queue(shared, dataset_id, queue)
    if queue is not None:
        _progress(shared, queue, spot)
    if spot is None:
        return
    if conflict is not None:
        _conflict(actor, conflict, spot)
    last = last_told()
    if conflict is None or (last is not None and last.wrong):
        _told(last)
    _about(spot)
    if not spot.barred:
        st.text_input(
            "Note",
            key=note_key(str(spot.frame.id), spot.frame.version),
            max_chars=500,
            placeholder="Goes with the next verdict",
        )
    _history(log)
    _choose_runs(list_sources(shared.database, spot.frame.dataset_id))


def _dataset_of(shared: Hub, queue: Queue | None, spot: Spot | None) -> int | None:
    """Return the data set: that of the queue or the frame, or else the one that is picked."""
    if queue is not None:
        return queue.dataset_id
    if spot is not None:
        return spot.frame.dataset_id
    chosen = choose_dataset(shared) if list_datasets(shared.database) else None
    return None if chosen is None else chosen.id


def _choose_queue(shared: Hub, dataset_id: int, queue: Queue | None) -> None:
    names = {one.id: one.plan.name for one in queues.list_queues(shared.database, dataset_id)}
    here = None if queue is None else queue.id
    # the key changes with the address, so that the box always shows what is open
    key = f"review-queue-{dataset_id}-{here}"
    ids = list(names)
    box, new = st.columns([0.8, 0.2], vertical_alignment="bottom", gap="small")
    box.selectbox(
        "Queue",
        ids,
        index=None if here is None else ids.index(here),
        format_func=names.__getitem__,
        key=key,
        placeholder="Choose a queue" if ids else "None yet",
        on_change=lambda: open_queue(st.session_state[key]),
    )
    new.button(
        "",
        icon=":material/add:",
        key="review-add",
        help="Make another queue",
        disabled=here is None,
        on_click=open_queue,
        args=(None,),
    )


def _progress(shared: Hub, queue: Queue, spot: Spot | None) -> None:
    progress = queues.progress(shared.database, queue.id)
    total = progress.done + progress.leased + progress.left
    st.progress(
        progress.done / total if total else 1.0,
        text=f"{progress.done} of {total} done, {progress.leased} being worked on",
    )
    if spot is not None and spot.item is None:
        st.caption("This frame is not in the queue.")
        st.button("Back to the queue", on_click=go, args=(None,), width="stretch")


def _told(last: Told | None) -> None:
    if last is not None and last.wrong:
        st.warning(plain(last.text), icon=":material/warning:")
    else:
        st.caption(plain(KEYS if last is None else last.text))


def _conflict(actor: Actor, conflict: Conflict, spot: Spot) -> None:
    """Show both versions of a frame in words, and let the reviewer decide."""
    given, last = conflict.given, conflict.error.last
    said = "The frame changed meanwhile."
    if last is not None:
        said = f"{last.user} said {last.verdict} at {_time(last.at)}{_shapes(last.after.shapes)}"
        said += f": {last.note}" if last.note else "."
    mine = f"You said {given.kind}{_shapes(given.shapes)}; that was not counted."
    st.warning(f"{plain(one_line(said))}  \n{plain(mine)}", icon=":material/call_split:")
    over, leave = st.columns(2)
    barred = {"disabled": bool(spot.barred), "help": plain(spot.barred) or None}
    if over.button("Save mine over it", width="stretch", **barred):
        insist(actor, conflict)
        st.rerun()
    if leave.button("Drop mine", width="stretch"):
        drop(actor, conflict)
        st.rerun()


def _about(spot: Spot) -> None:
    frame = spot.frame
    place = "" if spot.item is None else f"{spot.item.place + 1}. "
    st.markdown(
        f"**{plain(place + one_line(frame.image))}** :{COLORS[frame.status]}-badge[{frame.status}]"
    )
    facts = [f"{name}: {value}" for name, value in frame.attributes.items()]
    if spot.item is not None and spot.item.why is not None and spot.queue is not None:
        facts.insert(0, f"{spot.queue.plan.order}: {spot.item.why:.3g}")
    if facts:
        st.caption(plain(one_line(", ".join(facts))))


def _history(log: Sequence[Event]) -> None:
    with st.container(height=140, border=True):
        if not log:
            st.caption("Nobody has judged this frame yet.")
        for event in reversed(log):
            note = f": {event.note}" if event.note else ""
            said = f"{event.user} {event.verdict}{_shapes(event.after.shapes)}{note}"
            st.caption(f"{plain(_time(event.at))}  \n{plain(one_line(said))}")


def chosen_runs(sources: Sequence[SourceRow]) -> list[int]:
    """Return the ids of the runs that are to be shown."""
    runs = [source.id for source in sources if source.kind == "model"]
    chosen: list[int] = st.session_state.get(_runs_key(sources), runs[:RUNS]) if runs else []
    return chosen


def _runs_key(sources: Sequence[SourceRow]) -> str:
    return f"review-runs-{sources[0].dataset_id}"


def _choose_runs(sources: Sequence[SourceRow]) -> None:
    names = {source.id: source.name for source in sources if source.kind == "model"}
    if names:
        st.multiselect(
            "Runs shown",
            list(names),
            default=chosen_runs(sources),
            format_func=names.__getitem__,
            key=_runs_key(sources),
        )


def one_line(text: str) -> str:
    """Return a text without line breaks, which Markdown would read."""
    return " ".join(text.split())


def _shapes(shapes: Sequence[object] | None) -> str:
    return "" if shapes is None else f", {len(shapes)} shapes"


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
