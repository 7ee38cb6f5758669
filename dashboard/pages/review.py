"""Review: frames of a queue one after another, judged and corrected on the canvas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st
from drivegrid.dashboard.canvas.canvas import (
    DRAWING,
    VIEWING,
    Settings,
    View,
    hear,
    show,
    show_again,
)
from drivegrid.dashboard.canvas.layers import Layer, Picture, Role, Shape
from drivegrid.dashboard.database import StoreAway
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.parts import layer_of, number_in_address, plain, told
from drivegrid.dashboard.pages.review_deeds import (
    CANVAS,
    act,
    last_outcome,
    step_to,
)
from drivegrid.dashboard.pages.review_maker import make
from drivegrid.dashboard.pages.review_panel import chosen_runs, panel
from drivegrid.dashboard.pages.review_spot import (
    Spot,
    coming,
    find_spot,
    open_queue,
)
from drivegrid.dashboard.refused import Conflict
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store import browse, queues
from drivegrid.dashboard.store.datasets import SourceRow, list_sources
from drivegrid.dashboard.store.queues import Queue
from drivegrid.dashboard.store.reviews import Event, history

from drivegrid.data.scene import Instance
from drivegrid.labels import default_label_space

COMMON = (
    "lane/line",
    "lane/stop_line",
    "obstacle/cone",
    "obstacle/barrier",
    "object/vehicle/car",
    "object/person/pedestrian",
    "sign",
    "light/vehicle",
    "area/drivable",
)
"""Labels that the keys 1 to 9 pick."""
LABELS = (*COMMON, *(path for path in default_label_space().paths if path not in COMMON))


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a person stands.

    Args:
        queue: What is worked through, if anything.
        spot: The frame; None where there is none left.
        log: What was said of it.
        conflict: A verdict of the person's own that was refused and is to be decided.
        view: Its canvas, as it is for who can judge it: what they drew while they could is heard
            even where another has taken the frame since.
    """

    queue: Queue | None = None
    spot: Spot | None = None
    log: tuple[Event, ...] = ()
    conflict: Conflict | None = None
    view: View | None = None


def review() -> None:
    """Show the page."""
    shared = hub()
    shown, side = st.columns([0.74, 0.26], gap="medium")
    actor, stand = None, Stand()
    with shown, told():
        with _staying():
            actor = shared.actor()
            stand = _done(shared, actor, _stand(shared, actor))
        if stand.spot is not None and stand.view is not None:
            if stand.spot.barred:
                show(stand.view.locked())
                _barred(actor, stand.spot)
            else:
                show(stand.view)
        elif stand.queue is not None:
            _end(shared, stand.queue)
        else:
            make(shared, actor)
    if actor is not None:
        with side, told():
            panel(shared, actor, stand.queue, stand.spot, stand.log, stand.conflict)


def _stand(shared: Hub, actor: Actor) -> Stand:
    """Return where the address leads."""
    queue = _queue(shared)
    spot = find_spot(actor, queue)
    if spot is None:
        return Stand(queue)
    log = history(shared.database, spot.frame.id)
    conflict = shared.refused.of(actor.user.id, spot.frame, log)
    view = _view(shared, actor, spot, _layers(shared, spot, log, conflict))
    return Stand(queue, spot, log, conflict, view)


def _done(shared: Hub, actor: Actor, stand: Stand) -> Stand:
    """Do what the person says of the frame; return where that leads.

    Nothing is shown before, and no other run is asked for: the next picture comes at once.
    """
    if stand.spot is None or stand.view is None:
        return stand
    said = hear(stand.view)
    if said is not None and act(actor, stand.spot, stand.conflict, said):
        return _stand(shared, actor)
    return stand


@contextmanager
def _staying() -> Iterator[None]:
    """Keep the canvas on the page while the database is away: what is drawn there is not lost."""
    try:
        yield
    except StoreAway:
        show_again(CANVAS)
        raise


def _queue(shared: Hub) -> Queue | None:
    queue_id = number_in_address("queue")
    return None if queue_id is None else queues.find_queue(shared.database, queue_id)


def _view(shared: Hub, actor: Actor, spot: Spot, layers: list[Layer]) -> View:
    following = coming(actor, spot)
    address = shared.signer.address
    picture = Picture(
        str(spot.frame.id),
        address(spot.frame.id),
        spot.frame.size_wh,
        None if following is None else address(following),
    )
    settings = Settings(tools=(*VIEWING, *DRAWING), labels=LABELS, verdicts=True)
    return View(CANVAS, picture, layers, spot.frame.version, settings, last_outcome())


def _barred(actor: Actor, spot: Spot) -> None:
    """Say why one can only look; the canvas then has no keys to go on by."""
    text, again, before, behind = st.columns([0.43, 0.19, 0.19, 0.19], vertical_alignment="center")
    text.info(plain(spot.barred), icon=":material/lock:")
    again.button("Look again", icon=":material/refresh:", width="stretch")
    if before.button("Previous", icon=":material/chevron_left:", width="stretch"):
        step_to(actor, spot, "previous")
        st.rerun()
    if behind.button("Next", icon=":material/chevron_right:", width="stretch"):
        step_to(actor, spot, "next")
        st.rerun()


def _layers(
    shared: Hub, spot: Spot, log: tuple[Event, ...], conflict: Conflict | None
) -> list[Layer]:
    """Return labels and runs, and over them what holds now: that is what is corrected."""
    sources = list_sources(shared.database, spot.frame.dataset_id)
    rows = browse.shapes(shared.database, spot.frame.id)
    corrected = log[-1].after.shapes if log else None
    labels = [source for source in sources if source.kind == "label"]
    layers = []
    holding: list[Instance] = []
    for source in labels:
        of_source = [row for row in rows if row.source_id == source.id]
        holding += [row.instance for row in of_source]
        theirs = layer_of(source.name, "label", of_source)
        layers.append(Layer(theirs.name, theirs.role, theirs.shapes, visible=corrected is not None))
    # while two versions are compared, no run stands between them in the same colour
    for place, source in enumerate(_runs(sources) if conflict is None else []):
        role: Role = "model" if place == 0 else "other"
        layers.append(layer_of(source.name, role, [r for r in rows if r.source_id == source.id]))
    if conflict is not None and conflict.given.shapes is not None:
        layers.append(_drawn("yours, not saved", "other", conflict.given.shapes))
    holds = tuple(holding) if corrected is None else corrected
    return [*layers, _drawn("review", "review", holds, editable=True)]


def _runs(sources: list[SourceRow]) -> list[SourceRow]:
    chosen = chosen_runs(sources)
    return [source for source in sources if source.id in chosen]


def _drawn(
    name: str, role: Role, instances: tuple[Instance, ...], *, editable: bool = False
) -> Layer:
    shapes = [Shape(f"{name}-{number}", one) for number, one in enumerate(instances)]
    return Layer(name, role, shapes, editable=editable)


def _end(shared: Hub, queue: Queue) -> None:
    """Say that there is nothing left to do here."""
    progress = queues.progress(shared.database, queue.id)
    total = progress.done + progress.leased + progress.left
    if progress.leased or progress.left:
        st.info(
            f"Others work on the last {progress.leased + progress.left} of {total} frames.",
            icon=":material/group:",
        )
        st.button("Look again", icon=":material/refresh:")
    else:
        st.success(f"This queue is done: {total} frames reviewed.", icon=":material/task_alt:")
    st.button(
        "New queue", icon=":material/add:", key="review-after", on_click=open_queue, args=(None,)
    )
