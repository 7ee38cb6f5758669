"""Export: a data set as files that others read, made in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from drivegrid.dashboard.exporting import ALL, CURRENT, EXPORT, ONLY_REVIEWED, WRITABLE
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.job_list import JobView, asked_job, job_list, may_ask, show_end
from drivegrid.dashboard.pages.parts import plain, table, told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import DatasetRow, list_datasets, list_sources
from drivegrid.dashboard.store.jobs import Job

from drivegrid.data.formats import find_format

PICTURES = {"link": "Link", "copy": "Copy", "none": "Leave out"}
FRAMES = {ALL: "All frames", ONLY_REVIEWED: "Only reviewed"}


def export() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    datasets = list_datasets(shared.database)
    if not datasets:
        st.info("There is no data set yet. An admin imports one.", icon=":material/database:")
        return
    order, work = st.columns([0.32, 0.68], gap="large")
    with order:
        _order(actor, datasets)
    with work:
        st.subheader("Exports")
        named = {one.id: one.name for one in datasets}
        view = JobView(EXPORT, lambda job: _name(job, named), _came, "Nothing was exported yet.")
        job_list(actor, view)
        with told():
            if (job := asked_job(shared, EXPORT)) is not None:
                st.subheader(f"Export {job.id}")
                show_end(job, lambda done: _result(shared, done))


def _order(actor: Actor, datasets: Sequence[DatasetRow]) -> None:
    """Show what can be asked for, and take it."""
    st.subheader("New export")
    largest_first = sorted(datasets, key=lambda one: -one.num_frames)
    names = {one.id: f"{one.name} ({one.num_frames:,} frames)" for one in largest_first}
    wanted = st.query_params.get("dataset", "")
    known = [str(number) for number in names]
    dataset_id = st.selectbox(
        "Data set",
        list(names),
        index=known.index(wanted) if wanted in known else 0,
        format_func=names.__getitem__,
        key="export-dataset",
    )
    st.query_params["dataset"] = str(dataset_id)
    sources = {CURRENT: "What holds now: reviewers, else labels"}
    sources |= {one.id: one.name for one in list_sources(actor.database, dataset_id)}
    source = st.selectbox("Source", list(sources), format_func=sources.__getitem__)
    name = st.selectbox("Format", WRITABLE, format_func=lambda one: find_format(one).title)
    if (lost := find_format(name).lost_out) != "nothing":
        st.caption(plain(f"Cannot say: {lost}"))
    pictures = st.radio("Pictures", PICTURES, format_func=PICTURES.__getitem__, horizontal=True)
    only = st.radio("Frames", FRAMES, format_func=FRAMES.__getitem__, horizontal=True)
    may = may_ask(actor, EXPORT)
    parameters = {"dataset_id": dataset_id, "source": source, "format": name}
    parameters |= {"pictures": pictures, "only": only}
    if st.button("Export", type="primary", width="stretch", disabled=not may):
        with told():
            st.query_params["job"] = str(actor.enqueue(EXPORT, parameters))
    if not may:
        st.caption("Reviewers can start and cancel exports.")


def _name(job: Job, datasets: Mapping[int, str]) -> str:
    dataset = datasets.get(job.parameters["dataset_id"], "a data set that is gone")
    return f"**{plain(dataset)}** as {plain(job.parameters['format'])}"


def _came(job: Job) -> str:
    counts = job.result["counts"]
    aside = f", {counts['quarantined']:,} set aside" if counts["quarantined"] else ""
    return f"{counts['written']:,} frames{aside}"


def _result(shared: Hub, job: Job) -> None:
    counts = job.result["counts"]
    pictures = counts["pictures"]
    numbers = {
        "Frames written": counts["written"],
        "Set aside": counts["quarantined"],
        "Not covered": counts["not_covered"],
        "Pictures": sum(pictures.values()) - pictures.get("missing", 0),
        "Pictures missing": pictures.get("missing", 0),
        "Losses": sum(counts["loss_counts"].values()),
    }
    for column, (name, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, f"{number:,}")
    st.code(job.result["folder"], language=None, wrap_lines=True)
    with told():
        path = shared.exporter.manifest(job)
        name = f"{path.parent.name}-{path.name}"
        st.download_button(
            "Manifest", path.read_bytes, name, "application/json", icon=":material/download:",
            on_click="ignore",
        )  # fmt: skip
    if meanwhile := job.result.get("verdicts_while_written"):  # exports of before have none
        st.warning(
            f"{meanwhile:,} verdicts came while it was written: it holds some of them, and of "
            "others the frames as they were before.",
            icon=":material/call_split:",
        )
    if counts["loss_counts"]:
        st.caption("What the format cannot say")
        losses = [{"times": n, "what": message} for message, n in counts["loss_counts"].items()]
        table(losses, width="stretch")
    if job.result["records"]:
        st.caption("Set aside; the manifest names all of them")
        table(job.result["records"], width="stretch")
