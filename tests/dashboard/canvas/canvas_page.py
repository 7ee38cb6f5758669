"""A page with a canvas that saves commits and writes down all it hears, for the tests."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st
from drivegrid.dashboard.canvas.canvas import Fate, Outcome, Settings, canvas
from drivegrid.dashboard.canvas.layers import Layer, Picture, Shape, TokenTrace, parts_to_data
from drivegrid.dashboard.canvas.said import Commit, Region, Select, Verdict

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Polyline

HOSTILE = "<img src=x onerror=\"document.title='taken'\">"
LINE = Shape("line", Instance("lane/line", Polyline([[200, 500], [300, 300], [400, 200]])))
BOX = Shape("box", Instance(HOSTILE, Box([600, 100, 700, 200]), {"<b>": HOSTILE}))
FOUND = Shape(
    "found",
    Instance("lane/line", Polyline([[500, 500], [520, 300]]), confidence=0.75),
    TokenTrace([[500, 500], [525, 300], [50, 50]], (np.full((3, 2), -5.0),), [False, False, True]),
)


def heard(said) -> dict:
    """Return what was said in plain JSON."""
    note = {"what": type(said).__name__, "picture": said.picture, "stale": said.stale}
    match said:
        case Commit():
            parts = {s.id: parts_to_data(s.instance.geometry) for s in said.shapes}
            labels = {s.id: s.instance.label for s in said.shapes}
            return {**note, "parts": parts, "labels": labels}
        case Verdict():
            return {**note, "verdict": said.verdict}
        case Select():
            return {**note, "shape": said.shape_id}
        case Region():
            kind = said.geometry.kind
            return {**note, "kind": kind, "parts": parts_to_data(said.geometry)}


def fate_of(commit: Commit) -> Fate:
    """Return what becomes of a commit."""
    if commit.stale:
        return "conflict"
    return "failed" if st.session_state.full else "saved"


def act_on(said) -> None:
    """Save a commit that is not stale, unless it is to fail; go on after a verdict."""
    state = st.session_state
    state.log = [*state.log, heard(said)]
    if "log" in st.query_params:
        Path(st.query_params["log"]).write_text(json.dumps(state.log), encoding="utf-8")
    if isinstance(said, Commit):
        state.outcome = Outcome(said.token, fate_of(said))
        if state.outcome.fate == "saved":
            state.shapes, state.revision = said.shapes, state.revision + 1
        st.rerun()
    if isinstance(said, Verdict) and not said.stale:
        state.frame += 1
        st.rerun()


st.set_page_config(layout="wide")
for name, value in {"log": [], "revision": 1, "frame": 1, "shapes": (LINE, BOX)}.items():
    st.session_state.setdefault(name, value)
left, right = st.columns(2)
left.text_input("note", key="note")
right.checkbox("disk full", key="full")
if st.button("saved elsewhere"):
    moved = replace(LINE.instance, geometry=Polyline([[100, 500], [110, 200]]))
    st.session_state.shapes = (replace(LINE, instance=moved), BOX)
    st.session_state.revision += 1
act_here = canvas(
    Picture(
        f"frame {st.session_state.frame}",
        st.query_params.get("picture", "/app/static/frame.png"),
        (800, 600),
        "/app/static/next.png",
    ),
    [
        Layer("labels", "label", st.session_state.shapes, editable=True),
        Layer(HOSTILE, "model", [FOUND]),
    ],
    revision=st.session_state.revision,
    key="canvas",
    settings=Settings(
        ("select", "hand", "point", "box", "line", "poly", "region"),
        labels=("lane/line", "sign", HOSTILE),
        keyboard="mouse" not in st.query_params,
        verdicts=True,
    ),
    outcome=st.session_state.get("outcome"),
)
if act_here is not None:
    act_on(act_here)
st.code(json.dumps(st.session_state.log))
