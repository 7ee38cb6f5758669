"""Where somebody stands in a review: the frame in the address, its queue, and the ways on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st
from drivegrid.dashboard.database import now_ms
from drivegrid.dashboard.pages.parts import number_in_address
from drivegrid.dashboard.service import LEASE_S, Actor
from drivegrid.dashboard.serving.access import AccessDenied
from drivegrid.dashboard.store import browse, queues
from drivegrid.dashboard.store.leases import Leased
from drivegrid.dashboard.store.queues import Queue, QueueFrame
from drivegrid.dashboard.store.records import FrameRow


@dataclass(frozen=True, slots=True)
class Spot:
    """A frame that is looked at.

    Args:
        frame: The frame.
        queue: The queue that is worked through, if any.
        item: Its place there; None if it was opened by itself.
        barred: Why the person can only look at it; empty where they can judge it.
    """

    frame: FrameRow
    queue: Queue | None
    item: QueueFrame | None
    barred: str


def go(frame_id: int | None) -> None:
    """Put a frame into the address; None leaves it to the queue which one is next."""
    if frame_id is None:
        st.query_params.pop("frame", None)
    else:
        st.query_params["frame"] = str(frame_id)


def open_queue(queue_id: int | None) -> None:
    """Put a queue into the address, at its next frame; None goes to where queues are made."""
    go(None)
    if queue_id is None:
        st.query_params.pop("queue", None)
    else:
        st.query_params["queue"] = str(queue_id)


def find_spot(actor: Actor, queue: Queue | None) -> Spot | None:
    """Return where a person stands, with the frame taken for them if they may judge it.

    Returns:
        None where no frame is named and the queue has none left.

    Raises:
        ConfigError: If the address holds something else.
        StoreError: If there is no such frame.
    """
    frame_id = number_in_address("frame")
    if frame_id is None and queue is not None:
        frame_id = next_open(actor, queue, -1)
        go(frame_id)
    if frame_id is None:
        return None
    frame = browse.frame(actor.database, frame_id)
    item = None if queue is None else queues.place_of(actor.database, queue.id, frame_id)
    return Spot(frame, queue, item, _take(actor, frame))


def _take(actor: Actor, frame: FrameRow) -> str:
    """Take a frame, or keep it for longer; return why not."""
    lease = frame.lease
    mine = lease is not None and lease.user == actor.user.name
    if mine and lease is not None and lease.until - now_ms() > 500 * LEASE_S:
        return ""
    try:
        actor.take(frame.id)
    except Leased as error:
        until = datetime.fromtimestamp(error.until / 1000, UTC)
        return f"{error.holder} works on this frame until {until:%H:%M} UTC."
    except AccessDenied:
        return f"You look on as a {actor.user.role}: verdicts need the role reviewer."
    return ""


def next_open(actor: Actor, queue: Queue, after: int) -> int | None:
    """Take the next frame of a queue that is not done, from its start again behind the last.

    Who cannot review gets the first frame, whatever became of it.
    """
    try:
        found = actor.next_frame(queue.id, after)
        if found is None and after >= 0:
            found = actor.next_frame(queue.id)
    except AccessDenied:
        found = queues.frame_at(actor.database, queue.id, max(after + 1, 0))
    return None if found is None else found.frame_id


def coming(actor: Actor, spot: Spot) -> int | None:
    """Return the frame that a verdict would lead to."""
    if spot.queue is None or spot.item is None:
        return None
    for after in (spot.item.place, -1):
        found = queues.peek(actor.database, spot.queue.id, actor.user.id, after)
        if found is not None and found.frame_id != spot.frame.id:
            return found.frame_id
    return None


def beside(actor: Actor, spot: Spot, step: int) -> int | None:
    """Return the frame one step before or behind: in the queue, or else in its clip."""
    if spot.queue is None or spot.item is None:
        before, behind = browse.neighbours(actor.database, spot.frame.id)
        return before if step < 0 else behind
    found = queues.frame_at(actor.database, spot.queue.id, spot.item.place + step)
    return None if found is None else found.frame_id
