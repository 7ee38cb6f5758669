"""The form that scores a source against another."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.pages.parts import told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import SourceRow

from drivegrid.metrics.rules.table import RULES


def evaluate_form(actor: Actor, dataset_id: int, sources: list[SourceRow]) -> int | None:
    """Show the form; return the id of the evaluation that was just made."""
    names = {one.id: one.name for one in sources}
    runs = sorted(names, key=lambda one: _kind(sources, one) != "model")
    truths = sorted(names, key=lambda one: _kind(sources, one) == "model")
    with st.form("compare-evaluate", border=False):
        pred = st.selectbox("Prediction", runs, format_func=names.__getitem__, key="compare-pred")
        true = st.selectbox("Truth", truths, format_func=names.__getitem__, key="compare-true")
        rule = st.selectbox(
            "Rule", list(RULES), index=list(RULES).index("boxes"), key="compare-rule"
        )
        if not st.form_submit_button("Evaluate", type="primary", width="stretch"):
            return None
        made = None
        with told(), st.spinner("Scoring every frame. Large sets take minutes."):
            made = actor.evaluate(dataset_id, pred, true, rule)
        return made


def _kind(sources: list[SourceRow], source_id: int) -> str:
    return next(one.kind for one in sources if one.id == source_id)
