"""The section of the page Train that makes sets of reviewed frames."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.pages.job_list import JobView, asked_job, job_list, may_ask, show_end
from drivegrid.dashboard.pages.parts import page_at, plain, table, told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import REVIEWED, list_datasets
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.store.reviewed import count_statuses
from drivegrid.dashboard.training_sets import SHARES, TRAINING_SET


def sets(shared: Hub, actor: Actor) -> None:
    """Show what can be made, what was made, and what came of it."""
    form, made = st.columns([0.32, 0.68], gap="large")
    largest_first = sorted(list_datasets(shared.database), key=lambda row: -row.num_frames)
    named = {row.id: row.name for row in largest_first}
    with form:
        _order(shared, actor, named)
    with made:
        st.subheader("Sets")
        empty = "No set yet. Review frames, then make one on the left."
        job_list(actor, JobView(TRAINING_SET, lambda job: name_set(job, named), _came, empty))
        with told():
            if (job := asked_job(shared, TRAINING_SET)) is not None:
                st.subheader(f"Set {job.id}")
                show_end(job, _result)


def name_set(job: Job, named: Mapping[int, str]) -> str:
    """Return what a set is of, as Markdown."""
    dataset = named.get(job.parameters["dataset_id"], "a data set that is gone")
    return f"**{plain(dataset)}**, {job.parameters['held_out']:.0%} judge"


def _order(shared: Hub, actor: Actor, named: Mapping[int, str]) -> None:
    st.subheader("New set")
    if not named:
        st.info("There is no data set yet. An admin imports one.", icon=":material/database:")
        return
    dataset_id = st.selectbox(
        "Data set", list(named), format_func=named.__getitem__, key="train-dataset"
    )
    counts = count_statuses(shared.database, dataset_id)
    reviewed = sum(counts[status] for status in REVIEWED)
    st.caption(
        f"{reviewed:,} frames were accepted or corrected, {counts['rejected']:,} rejected "
        f"and {counts['new']:,} not reviewed: only the first are taken."
    )
    share = st.radio(
        "Clips that judge", SHARES, index=1, format_func=lambda one: f"{one:.0%}", horizontal=True,
        key="train-share", help="Frames of a clip stay together. Frames of the data set's own val "
        "judge in their place, and those of its test are left out.",
    )  # fmt: skip
    st.caption(
        "A frame that looks like one that judges is set aside, so that the checkpoint is not "
        "judged by what it has learnt."
    )
    may = may_ask(actor, TRAINING_SET) and reviewed > 0
    if st.button("Make a set", type="primary", width="stretch", disabled=not may):
        with told():
            asked = {"dataset_id": dataset_id, "held_out": share}
            st.query_params["job"] = str(actor.enqueue(TRAINING_SET, asked))
    if not reviewed:
        st.page_link(page_at("review"), label="Review frames", icon=":material/rate_review:")


def _came(job: Job) -> str:
    counts = job.result["counts"]
    aside = f", {counts['aside']:,} set aside" if counts["aside"] else ""
    return f"{counts['train']:,} to learn from, {counts['held-out']:,} judge{aside}"


def _result(job: Job) -> None:
    counts = job.result["counts"]
    figures = {
        "Reviewed": counts["reviewed"],
        "To learn from": counts["train"],
        "Judge": counts["held-out"],
        "Set aside": counts["aside"],
    }
    for column, (name, number) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, f"{number:,}", border=True)
    st.code(job.result["folder"], language=None, wrap_lines=True)
    st.button(
        "Train on this set", icon=":material/model_training:", on_click=_train_on, args=(job.id,)
    )
    if job.result["aside"]:
        st.caption("Set aside; the file set.json names all of them")
        table(job.result["aside"])


def _train_on(set_id: int) -> None:
    # No link: one to the page that is open leaves the address as it was.
    st.query_params.from_dict({"section": "Trainings", "set": str(set_id)})
