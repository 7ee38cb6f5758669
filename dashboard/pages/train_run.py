"""The section of the page Train that starts trainings and shows how they go."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st
from drivegrid.dashboard.fine_tuning import FINE_TUNING, METHODS, MOST_RATE, NANO, read_order
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.pages.job_list import JobView, asked_job, job_list, may_ask
from drivegrid.dashboard.pages.parts import told
from drivegrid.dashboard.pages.train_progress import progress
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.jobs import Job, list_jobs
from drivegrid.dashboard.training_sets import TRAINING_SET

MOST = 200
"""Sets and trainings that can be chosen from, the newest ones."""
METHOD_NAMES = {
    "sft": "Fine-tune on the labels",
    "grpo-1": "Reinforce: proposals",
    "grpo-2": "Reinforce: refinements",
}
STEPS = {"sft": 200, "grpo-1": 40, "grpo-2": 40}
SHARES_RENDERED = {0.0: "None", 0.5: "Half as many", 1.0: "As many"}


def trainings(shared: Hub, actor: Actor) -> None:
    """Show what can be trained, what was trained, and how it goes."""
    form, made = st.columns([0.32, 0.68], gap="large")
    with form:
        _order(shared, actor)
    with made:
        st.subheader("Trainings")
        view = JobView(FINE_TUNING, _name, _came, "Nothing was trained yet.", rows=4)
        job_list(actor, view)
        with told():
            if (job := asked_job(shared, FINE_TUNING)) is not None:
                progress(shared, actor, job)


def _order(shared: Hub, actor: Actor) -> None:
    st.subheader("New training")
    made = _done(shared, TRAINING_SET)
    if not made:
        st.info("A training needs a set of reviewed frames: see Sets.", icon=":material/dataset:")
        return
    wanted = st.query_params.get("set", "")
    known = [str(number) for number in made]
    chosen = st.selectbox(
        "Set", list(made), index=known.index(wanted) if wanted in known else 0,
        format_func=lambda number: _describe(made[number]), key="train-set",
    )  # fmt: skip
    method = st.selectbox(
        "Method", METHODS, format_func=METHOD_NAMES.__getitem__, key="train-method"
    )
    starts = {0: "the packaged nano"} | {
        number: f"training {number}" for number in _done(shared, FINE_TUNING)
    }
    left, right = st.columns([0.6, 0.4])
    start = left.selectbox(
        "Go on from", list(starts), format_func=starts.__getitem__, key="train-start"
    )
    steps = right.number_input("Steps", 1, 100_000, STEPS[method], key=f"train-steps-{method}")
    rendered = st.radio(
        "Rendered scenes beside them", SHARES_RENDERED, index=2, horizontal=True,
        format_func=SHARES_RENDERED.__getitem__, key="train-rendered",
        help="They keep the model from forgetting what reviewers did not label.",
    )  # fmt: skip
    with st.expander("More"):
        rate = st.number_input(
            "Learning rate", 0.0, MOST_RATE, None, format="%.1e", key="train-rate",
            placeholder="that of the config nano-reviewed",
        )  # fmt: skip
        seed = st.number_input("Seed", 0, 2**31, 0, key="train-seed")
    asked = {"set": chosen, "method": method, "start": start or None, "steps": int(steps)}
    asked |= {"rendered": rendered, "learning_rate": rate or None, "seed": int(seed)}
    _command(shared, asked)
    may = may_ask(actor, FINE_TUNING)
    if st.button("Train", type="primary", width="stretch", disabled=not may):
        with told():
            st.query_params["job"] = str(actor.enqueue(FINE_TUNING, asked))
    if not may:
        st.caption("Admins can start trainings.")


def _command(shared: Hub, asked: Mapping[str, Any]) -> None:
    with st.expander("As a command"), told():
        command = read_order(shared.database, asked).command("OUT", resume=False)
        st.code(shlex.join(command), language="bash", wrap_lines=True)


def _done(shared: Hub, kind: str) -> dict[int, Job]:
    """Return the jobs of a kind that are done, the newest first."""
    jobs = list_jobs(shared.database, MOST, kinds=[kind])
    return {job.id: job for job in jobs if job.state == "done"}


def _describe(made: Job) -> str:
    counts = made.result["counts"]
    return f"Set {made.id}: {counts['train']:,} to learn from, {counts['held-out']:,} judge"


def _name(job: Job) -> str:
    asked = job.parameters
    begun = NANO if asked.get("start") is None else f"training {asked['start']}"
    told = [f"**{METHOD_NAMES[asked['method']]}**", f"set {asked['set']}", f"from {begun}"]
    told.append(f"{asked['steps']:,} steps")
    if rate := asked.get("learning_rate"):
        told.append(f"rate {rate:g}")
    if seed := asked.get("seed"):
        told.append(f"seed {seed}")
    return ", ".join(told)


def _came(job: Job) -> str:
    found = job.result
    if found["best"] is None:
        return f"{job.parameters['steps']:,} steps"
    what = "loss" if job.parameters["method"] == "sft" else "reward"
    return f"held-out {what} {found['before']:.3f} to {found['best']:.3f}"
