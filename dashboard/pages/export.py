"""Export: a data set as files that others read, made in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st
from drivegrid.dashboard.exporting import ALL, CURRENT, EXPORT, ONLY_REVIEWED, WRITABLE
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.parts import plain, show_error, table, told
from drivegrid.dashboard.schema import ROLES
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import DatasetRow, list_datasets, list_sources
from drivegrid.dashboard.store.jobs import Job, get_job, list_jobs
from drivegrid.dashboard.store.people import list_users

from drivegrid.data.formats import find_format
from drivegrid.errors import ConfigError

POLL_S = 1.0
ROWS = 8
PICTURES = {"link": "Link", "copy": "Copy", "none": "Leave out"}
FRAMES = {ALL: "All frames", ONLY_REVIEWED: "Only reviewed"}
ICONS = {
    "waiting": ":material/schedule:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
}


def export() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    shared.start_worker()
    datasets = list_datasets(shared.database)
    if not datasets:
        st.info("There is no data set yet. An admin imports one.", icon=":material/database:")
        return
    order, work = st.columns([0.32, 0.68], gap="large")
    with order:
        _order(actor, datasets)
    with work:
        st.subheader("Exports")
        if problem := st.session_state.pop("export-problem", None):
            show_error(problem)
        _jobs(actor, {one.id: one.name for one in datasets})
        with told():
            _chosen(shared)


def _order(actor: Actor, datasets: Sequence[DatasetRow]) -> None:
    """Show what can be asked for, and take it."""
    st.subheader("New export")
    names = {one.id: f"{one.name} ({one.num_frames:,} frames)" for one in datasets}
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
    if lost := find_format(name).lost_out:
        st.caption(plain(f"Cannot say: {lost}"))
    pictures = st.radio("Pictures", PICTURES, format_func=PICTURES.__getitem__, horizontal=True)
    only = st.radio("Frames", FRAMES, format_func=FRAMES.__getitem__, horizontal=True)
    may = actor.user.role != ROLES[0]
    parameters = {"dataset_id": dataset_id, "source": source, "format": name}
    parameters |= {"pictures": pictures, "only": only}
    if st.button("Export", type="primary", width="stretch", disabled=not may):
        with told():
            st.query_params["job"] = str(actor.enqueue(EXPORT, parameters))
    if not may:
        st.caption("Reviewers can start and cancel exports.")


@st.fragment(run_every=POLL_S)
def _jobs(actor: Actor, datasets: Mapping[int, str]) -> None:
    """Show the newest jobs; the page follows when the state of one changes."""
    before = st.session_state.get("export-before")
    rows = list_jobs(actor.database, ROWS, before, [EXPORT])
    states = [(job.id, job.state) for job in rows]
    if st.session_state.setdefault("export-states", states) != states:
        st.session_state["export-states"] = states
        st.rerun()
    if not rows:
        st.info("Nothing was exported yet.", icon=":material/archive:")
    people = {user.id: user.name for user in list_users(actor.database)}
    for job in rows:
        told_of = datasets.get(job.parameters["dataset_id"], "a data set that is gone")
        _job(actor, job, told_of, people.get(job.user_id, ""))
    if before is not None or len(rows) == ROWS:
        older, newest = st.columns(2)
        older.button(
            "Older", disabled=len(rows) < ROWS, width="stretch", on_click=_turn,
            args=(rows[-1].id if rows else None,),
        )  # fmt: skip
        newest.button(
            "Newest", disabled=before is None, width="stretch", on_click=_turn, args=(None,)
        )


def _job(actor: Actor, job: Job, dataset: str, who: str) -> None:
    """Show a job in a row of the same height, whatever its state."""
    what, state, deed = st.columns([0.45, 0.37, 0.18], vertical_alignment="center")
    at = datetime.fromtimestamp(job.created_at / 1000, UTC)
    small = plain(f"{job.id} · {who} · {at:%Y-%m-%d %H:%M} UTC")
    name = f"**{plain(dataset)}** as {plain(job.parameters['format'])}"
    what.markdown(f"{name}  \n:gray[:small[{small}]]")
    active = job.state in ("waiting", "running")
    if active:
        state.progress(job.progress, text=plain(job.message or job.state))
        deed.button(
            "Cancel", key=f"export-cancel-{job.id}", width="stretch", on_click=_cancel,
            args=(job.id,), disabled=actor.user.role == ROLES[0],
        )  # fmt: skip
        return
    state.markdown(f"{ICONS[job.state]} {job.state}{plain(_short(job))}")
    shown = st.query_params.get("job") == str(job.id)
    deed.button(
        "Show", key=f"export-show-{job.id}", width="stretch", on_click=_show, args=(job.id,),
        type="primary" if shown else "secondary",
    )  # fmt: skip


def _short(job: Job) -> str:
    if job.result is None:
        return ""
    counts = job.result["counts"]
    aside = f", {counts['quarantined']:,} set aside" if counts["quarantined"] else ""
    return f": {counts['written']:,} frames{aside}"


def _turn(before: int | None) -> None:
    st.session_state["export-before"] = before


def _show(job_id: int) -> None:
    st.query_params["job"] = str(job_id)
    st.session_state.pop("export-states", None)


def _cancel(job_id: int) -> None:
    problem: list[str] = []
    with told(problem.append):
        hub().actor().cancel(job_id)
    if problem:
        st.session_state["export-problem"] = problem[0]


def _chosen(shared: Hub) -> None:
    """Show what became of the job in the address."""
    wanted = st.query_params.get("job", "")
    if not wanted:
        return
    if not wanted.isdecimal() or len(wanted) > 18:
        raise ConfigError(f"job must be a number, got {wanted!r:.50}.")
    job = get_job(shared.database, int(wanted))
    if job.kind != EXPORT:
        raise ConfigError(f"job must be an export, got {job.kind}.")
    st.subheader(f"Export {job.id}")
    if job.state == "done":
        _result(shared, job)
    elif job.state == "failed":
        show_error(job.message)
    else:
        st.caption(job.state.capitalize())


def _result(shared: Hub, job: Job) -> None:
    counts = job.result["counts"]
    pictures = counts["pictures"]
    numbers = {
        "Frames written": counts["written"],
        "Set aside": counts["quarantined"],
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
    if counts["loss_counts"]:
        st.caption("What the format cannot say")
        losses = [{"times": n, "what": message} for message, n in counts["loss_counts"].items()]
        table(losses, width="stretch")
    if job.result["records"]:
        st.caption("Set aside; the manifest names all of them")
        table(job.result["records"], width="stretch")
