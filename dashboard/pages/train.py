"""Train: a set of what people reviewed, and checkpoints that learn from it."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.hub import hub
from drivegrid.dashboard.pages.train_run import trainings
from drivegrid.dashboard.pages.train_set import sets

SETS, TRAININGS = "Sets", "Trainings"
SECTIONS = {SETS: sets, TRAININGS: trainings}


def train() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    asked = st.query_params.get("section", SETS)
    st.session_state["train-section"] = asked if asked in SECTIONS else SETS
    st.space("xsmall")
    section = st.segmented_control(
        "Section",
        list(SECTIONS),
        key="train-section",
        required=True,
        label_visibility="collapsed",
        on_change=_open_section,
    )
    SECTIONS[section or SETS](shared, actor)


def _open_section() -> None:
    st.query_params.from_dict({"section": st.session_state["train-section"]})
