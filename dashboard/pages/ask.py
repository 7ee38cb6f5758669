"""Ask: a question in words about a picture, and how tokens led to the answer."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st
from drivegrid.dashboard.canvas.canvas import Settings, canvas
from drivegrid.dashboard.canvas.layers import Layer, Picture
from drivegrid.dashboard.canvas.said import Region
from drivegrid.dashboard.database import StoreError
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.gallery import gallery
from drivegrid.dashboard.pages.parts import (
    answer_layer,
    asked_dataset,
    asked_frame,
    layer_of,
    mask_layer,
    plain,
    table,
    told,
)
from drivegrid.dashboard.serving.containment import contained
from drivegrid.dashboard.serving.model_worker import Ticket
from drivegrid.dashboard.serving.uploads import keep_upload
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import LABELS, list_datasets, list_sources
from drivegrid.dashboard.store.pictures import add_upload, find_picture
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.records import FrameRow

from drivegrid.data.images import Picture as Pixels
from drivegrid.data.images import load_image
from drivegrid.geometry import Geometry
from drivegrid.inference.results import Answer
from drivegrid.labels import default_label_space

EXAMPLES = (
    "Detect all lane lines.",
    "Find the second lane line from the left.",
    "Find the line on the left of our lane.",
    "Detect all obstacles.",
    "Is anything blocking our lane?",
    "Detect all traffic signs.",
    "Detect the drivable area.",
)
LANES = ("lanes",)
EVERYTHING = ("lanes", "objects", "signs", "drivable")
POLL_S = 0.25
NUM_OFFERED = 12


def ask() -> None:
    """Show the page."""
    shared = hub()
    shared.actor()  # who is not known sees nothing
    shown, panel = st.columns([0.68, 0.32], gap="medium")
    with panel:
        frame = _choose_picture(shared)
    if frame is None:
        with shown:
            _offer(shared)
        return
    with panel:
        _questions(shared, frame)
    with shown:
        _picture(shared, frame)
        _result(frame)


def _offer(shared: Hub) -> None:
    """Say what to begin with, and offer frames of the store."""
    datasets = list_datasets(shared.database)
    if not datasets:
        st.info("Upload a road picture on the right.", icon=":material/image:")
        return
    st.info("Upload a road picture on the right, or take one of these.", icon=":material/image:")
    dataset = asked_dataset(datasets)
    frames = browse.page(shared.database, Query(), dataset.id, limit=NUM_OFFERED).frames
    gallery(frames, shared.signer, "ask-gallery", page="ask")


def _choose_picture(shared: Hub) -> FrameRow | None:
    """Return the frame that is asked about: the one in the address, or what is uploaded."""
    upload = st.file_uploader(
        "Picture", type=["jpg", "jpeg", "png", "webp"], key="ask-upload", label_visibility="visible"
    )
    if upload is not None and st.session_state.get("ask-uploaded") != upload.file_id:
        with told():  # below it the picture before stays
            st.query_params["frame"] = str(_keep(shared, upload.getvalue()))
            st.session_state["ask-uploaded"] = upload.file_id
    return asked_frame(shared)


def _keep(shared: Hub, content: bytes) -> int:
    """Keep an uploaded picture as a frame; return its id."""
    name, size_wh = keep_upload(content, shared.uploads)
    return add_upload(shared.database, shared.uploads.resolve(), name, size_wh)


def _questions(shared: Hub, frame: FrameRow) -> None:
    with st.form("ask-form", border=False):
        query = st.text_input("Question", key="ask-query", placeholder=EXAMPLES[1])
        asked = st.form_submit_button("Ask", type="primary", width="stretch")
    masks = st.toggle(
        "Draw masks",
        key="ask-masks",
        help="A mask of everything an answer names, but lines: a box or a point tells a segmenter "
        "what is meant.",
    )
    lanes, everything = st.columns(2)
    if lanes.button("Detect lanes", width="stretch", icon=":material/road:"):
        _put(frame, shared.model.detect(_pixels(shared, frame), LANES))
    if everything.button("Detect everything", width="stretch", icon=":material/select_all:"):
        _put(frame, shared.model.detect(_pixels(shared, frame), EVERYTHING))
    with st.container():  # directly in a column they would stand in one row, cut off
        example = st.pills("Examples", EXAMPLES, key="ask-example")
    chosen = query.strip() if asked else ""
    if example and example != st.session_state.get("ask-example-done"):
        chosen = example
    st.session_state["ask-example-done"] = example
    if chosen:
        how = shared.model.segment if masks else shared.model.ask
        _put(frame, how(_pixels(shared, frame), chosen))
    st.selectbox(
        "About a place that you draw with the region tool",
        list(default_label_space().tasks),
        key="ask-task",
        format_func=lambda task: task.replace("_", " "),
        help="The third button above the picture: draw a box or click a point, and this is told.",
    )
    st.caption(plain(f"Answered by {shared.model_name}."))


def _pixels(shared: Hub, frame: FrameRow) -> Pixels:
    """Return the picture of a frame, as the model is given it."""
    found = find_picture(shared.database, frame.id)
    if found is None:
        raise StoreError(f"frame must be in the store, got {frame.id}. It may have been removed.")
    return load_image(contained(*found))


def _put(frame: FrameRow, ticket: Ticket) -> None:
    """Remember what was asked; what was asked before and still runs is given up."""
    old = st.session_state.pop("ask-ticket", None)
    if old is not None:
        old[1].cancel()
    st.session_state["ask-ticket"] = (frame.id, ticket)


def _ticket(frame: FrameRow) -> Ticket | None:
    about, ticket = st.session_state.get("ask-ticket", (None, None))
    return ticket if about == frame.id else None


def _picture(shared: Hub, frame: FrameRow) -> None:
    layers = _layers(shared, frame)
    picture = Picture(str(frame.id), shared.signer.address(frame.id), frame.size_wh)
    said = canvas(
        picture,
        layers,
        revision=0,
        key="ask-canvas",
        settings=Settings(tools=("select", "hand", "region")),
    )
    if isinstance(said, Region) and not said.stale:
        _classify(shared, frame, said.geometry)
    ticket = _ticket(frame)
    if ticket is not None and ticket.state in ("waiting", "running"):
        _waiting(ticket)


def _classify(shared: Hub, frame: FrameRow, region: Geometry) -> None:
    task = st.session_state["ask-task"]
    _put(frame, shared.model.classify(_pixels(shared, frame), region, task))


def _layers(shared: Hub, frame: FrameRow) -> list[Layer]:
    labels = [s.id for s in list_sources(shared.database, frame.dataset_id) if s.name == LABELS]
    layers = []
    if labels:
        rows = browse.shapes(shared.database, frame.id, labels)
        layers.append(layer_of("labels", "label", rows))
    ticket = _ticket(frame)
    if ticket is not None and isinstance(ticket.result, Answer):
        layers.append(answer_layer("answer", ticket.result.found))
        masks = mask_layer("masks", ticket.result.found)
        layers += [masks] if masks.shapes else []
    return layers


@st.fragment(run_every=POLL_S)
def _waiting(ticket: Ticket) -> None:
    """Show where a question stands until it is over."""
    if ticket.state not in ("waiting", "running"):
        st.rerun()
    told = f"{ticket.place} in the queue" if ticket.state == "waiting" else "the model is at work"
    left, right = st.columns([0.8, 0.2])
    left.status(told.capitalize())
    if right.button("Cancel", width="stretch"):
        ticket.cancel()
        st.rerun()


def _result(frame: FrameRow) -> None:
    ticket = _ticket(frame)
    if ticket is None or ticket.state in ("waiting", "running"):
        return
    if ticket.state != "done":
        st.warning(plain(f"No answer: {ticket.error}"), icon=":material/warning:")
    elif isinstance(ticket.result, Answer):
        _answer(ticket.result, Path(frame.image).stem)
    else:
        _shares(ticket.result)


def _answer(answer: Answer, name: str) -> None:
    if not answer.found:
        st.info("Nothing of this kind is seen.", icon=":material/visibility_off:")
    rows = [
        {
            "label": one.instance.label,
            "shape": one.instance.geometry.kind,
            "confidence": one.instance.confidence,
            "attributes": ", ".join(f"{k}: {v}" for k, v in one.instance.attributes.items()),
            "proposed": one.tokens[0],
            "offsets": " ".join(one.tokens[1:]),
        }
        for one in answer.found
    ]
    if rows:
        confidence = st.column_config.ProgressColumn(
            "confidence", min_value=0.0, max_value=1.0, format="%.2f"
        )
        table(rows, column_config={"confidence": confidence})
    for note in answer.diagnostics:
        st.caption(plain(f"{note.code}: {note.message}"))
    with st.expander("What the model wrote"):
        for turn, text in enumerate(answer.texts, start=1):
            st.code(f"{turn}. {text}", language=None, wrap_lines=True)
    content = json.dumps(answer.to_dict(), indent=1)
    st.download_button("Answer as JSON", content, f"{name}.json", "application/json")


def _shares(shares: dict[str, float]) -> None:
    for option, share in shares.items():
        st.progress(share, text=plain(f"{option.replace('_', ' ')}: {100 * share:.0f} %"))
