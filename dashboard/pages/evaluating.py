"""The form that asks to score a source against another, and the evaluations under way."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.evaluating import EVALUATE
from drivegrid.dashboard.pages.job_list import ACTIVE, JobView, job_list
from drivegrid.dashboard.pages.parts import plain, show_error, told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import SourceRow
from drivegrid.dashboard.store.jobs import Job, get_job

from drivegrid.metrics.rules.table import RULES

FOLLOWED = "evaluate-followed"
"""Of the session: the job whose evaluation is to be shown when it is there."""


def evaluate_form(actor: Actor, dataset_id: int, sources: list[SourceRow]) -> None:
    """Show the form; whoever sends it is shown the evaluation when it is there."""
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
            return
        asked = {"dataset_id": dataset_id, "pred_id": pred, "true_id": true, "rule": rule}
        with told():
            named = {"pred": names[pred], "true": names[true]}
            st.session_state[FOLLOWED] = actor.enqueue(EVALUATE, asked | named)


def evaluations_under_way(actor: Actor) -> None:
    """Show which evaluations are being made, of all data sets."""
    job_list(actor, JobView(EVALUATE, _name, lambda _: "", only_active=True))


def followed_evaluation(actor: Actor) -> int | None:
    """Return the evaluation that this session waited for, once; what went wrong is shown."""
    number = st.session_state.get(FOLLOWED)
    if number is None:
        return None
    job = get_job(actor.database, number)
    if job.state in ACTIVE:
        return None
    if job.state == "failed":
        show_error(job.message)
    del st.session_state[FOLLOWED]
    return job.result["evaluation_id"] if job.result is not None else None


def _name(job: Job) -> str:
    pred, true, rule = (plain(job.parameters[name]) for name in ("pred", "true", "rule"))
    return f"**{pred}** against {true} ({rule})"


def _kind(sources: list[SourceRow], source_id: int) -> str:
    return next(one.kind for one in sources if one.id == source_id)
