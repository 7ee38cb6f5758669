"""The sections of the page Data that ask for work: ceilings of the lattice, and new labels."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from drivegrid.dashboard.ceilings import CEILING, LATTICES, MAX_FRAMES, MAX_ROUNDS
from drivegrid.dashboard.fine_tuning import FINE_TUNING
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.importing import IMPORT
from drivegrid.dashboard.model_runs import MODEL_RUN
from drivegrid.dashboard.pages.job_list import JobView, asked_job, job_list, may_ask, show_end
from drivegrid.dashboard.pages.parts import page_at, plain, show_error, table, told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import (
    DatasetRow,
    SourceRow,
    list_datasets,
    list_sources,
)
from drivegrid.dashboard.store.facts import MAX_FACT
from drivegrid.dashboard.store.jobs import Job, list_jobs
from drivegrid.dashboard.store.query import check_name

from drivegrid.metrics.report import flatten

IMPORTS, CEILINGS, RUNS = "Import", "Ceilings", "Runs"
"""Sections, as the address has them."""
ROWS = 4


def choose_source(sources: list[SourceRow], key: str) -> SourceRow | None:
    """Let people choose a source; None where there is none, and people are told."""
    if not sources:
        st.info("Nobody says anything about these frames yet.", icon=":material/label_off:")
        return None
    return st.selectbox("Source", sources, format_func=lambda one: one.name, key=key)


def ceilings(actor: Actor, shared: Hub, dataset: DatasetRow) -> None:
    """Show the scores of perfect tokens, worked out when asked for."""
    st.caption("Labels are written as tokens and read back: no model on the lattice does better.")
    with st.form("data-ceiling"):
        columns = st.columns(4)
        with columns[0]:
            source = choose_source(list_sources(shared.database, dataset.id), "data-source")
        side = columns[1].selectbox(
            "Lattice", LATTICES, index=2, format_func=lambda one: f"{one} x {one}", key="data-side"
        )
        rounds = columns[2].number_input("Rounds of offsets", 0, MAX_ROUNDS, 1, key="data-rounds")
        most = columns[3].number_input("First frames", 1, MAX_FRAMES, 20, key="data-most")
        may = source is not None and may_ask(actor, CEILING)
        asked = st.form_submit_button("Compute", type="primary", disabled=not may)
    if asked and source is not None:
        parameters = {"dataset_id": dataset.id, "source_id": source.id, "source": source.name}
        parameters |= {"side": side, "rounds": rounds, "most": most}
        _ask(actor, CEILING, parameters, CEILINGS)
    named = {one.id: one.name for one in list_datasets(shared.database)}
    job_list(actor, JobView(CEILING, lambda job: _name_ceiling(job, named), _came, rows=ROWS))
    with told():
        if (job := asked_job(shared, CEILING)) is not None:
            show_end(job, _ceiling)


def model_runs(actor: Actor, shared: Hub, dataset: DatasetRow) -> None:
    """Let a model answer about the frames, and show how far it is."""
    trainings = {
        job.id: f"training {job.id}"
        for job in list_jobs(shared.database, kinds=[FINE_TUNING])
        if job.state == "done"
    }
    checkpoint = shared.settings.checkpoint
    models = {0: "the packaged nano" if checkpoint is None else checkpoint.name} | trainings
    with st.form("data-model-run"):
        columns = st.columns([0.4, 0.3, 0.3], vertical_alignment="bottom")
        training = columns[0].selectbox("Model", list(models), format_func=models.__getitem__)
        most = columns[1].number_input("First frames", 1, None, min(100, dataset.num_frames))
        may = may_ask(actor, MODEL_RUN) and dataset.num_frames > 0
        asked = columns[2].form_submit_button("Run it", type="primary", disabled=not may)
    st.caption("A frame takes a few seconds on a processor. The run is then a source like others.")
    if asked:
        given = {"dataset_id": dataset.id, "training": training or None, "most": int(most)}
        _ask(actor, MODEL_RUN, given, RUNS)
    job_list(actor, JobView(MODEL_RUN, _name_run, _came_of_run, rows=ROWS))
    with told():
        if (job := asked_job(shared, MODEL_RUN)) is not None and job.state == "failed":
            show_error(job.message)


def _name_run(job: Job) -> str:
    training = job.parameters["training"]
    model = "the packaged model" if training is None else f"training {training}"
    return f"**{plain(model)}**, {job.parameters['most']:,} frames"


def _came_of_run(job: Job) -> str:
    aside = job.result["aside"]
    told_aside = f", {aside:,} set aside" if aside else ""
    return f"{job.result['answered']:,} answered as {job.result['name']}{told_aside}"


def _ask(actor: Actor, kind: str, parameters: dict[str, object], section: str) -> None:
    with told():
        number = actor.enqueue(kind, parameters)
        st.query_params.update({"job": str(number), "section": section})


def _name_ceiling(job: Job, datasets: dict[int, str]) -> str:
    asked = job.parameters
    dataset = datasets.get(asked["dataset_id"], "a data set that is gone")
    how = f"{asked['side']} x {asked['side']}, rounds {asked['rounds']}, frames {asked['most']}"
    return f"**{plain(dataset)}** {plain(asked['source'])}, {plain(how)}"


def _came(job: Job) -> str:
    return f"{job.result['parameters']['num_scenes']:,} frames"


def _ceiling(job: Job) -> None:
    """Show the tables of a ceiling."""
    report = job.result
    for column, part in zip(st.columns(4), ("lanes", "boxes", "points", "polygons"), strict=True):
        column.markdown(f"**{part.capitalize()}**")
        found = report[part].get("all", {}) if part == "boxes" else report[part]
        rows = [
            {"figure": name, "value": "-" if value is None else f"{value:,.4g}"}
            for name, value in flatten(found).items()
        ]
        with column:
            table(rows)
    st.caption(f"Percent, but for counts and pixels. {report['refused']} shapes have no tokens.")


def imports(actor: Actor, shared: Hub) -> None:
    """Bring labels, or pictures without any, into the store; the path is one of the server."""
    with st.form("data-import"):
        left, right = st.columns([0.7, 0.3])
        path = left.text_input(
            "File or folder of labels on the server, or folder of pictures", key="data-path",
            placeholder="/data/tusimple",
        )  # fmt: skip
        name = right.text_input("Name of the data set", max_chars=MAX_FACT, key="data-name")
        asked = st.form_submit_button("Import", type="primary")
    if asked and not path.strip():
        st.warning("Say where the labels are.", icon=":material/warning:")
    elif asked:
        with told():
            given = {"name": check_name(name), "path": str(Path(path.strip()).absolute())}
            _ask(actor, IMPORT, given, IMPORTS)
    job_list(actor, JobView(IMPORT, _name_import, _came_in, rows=ROWS))
    with told():
        if (job := asked_job(shared, IMPORT)) is not None:
            show_end(job, _imported)


def _name_import(job: Job) -> str:
    name, path = (plain(job.parameters[key]) for key in ("name", "path"))
    return f"**{name}** from {path}"


def _came_in(job: Job) -> str:
    aside = job.result["quarantined"]
    return f"{job.result['added']:,} new frames" + (f", {aside:,} set aside" if aside else "")


def _imported(job: Job) -> None:
    """Show what came in, and what was set aside."""
    found = job.result
    figures = {
        "Frames read": found["read"],
        "New": found["added"],
        "Known before": found["kept"] - found["added"],
        "Set aside": found["quarantined"],
    }
    for column, (name, num) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, f"{num:,}", border=True)
    st.page_link(
        page_at("browse"),
        label="Browse this data set",
        icon=":material/grid_view:",
        query_params={"dataset": str(found["dataset_id"])},
    )
    if unseen := found.get("unseen"):  # imports of before have none
        st.warning(
            f"{unseen:,} frames have no picture beside the labels: nobody can look at them.",
            icon=":material/hide_image:",
        )
    if found["records"]:
        st.markdown("**Set aside**")
        if len(found["records"]) < found["quarantined"]:
            st.caption(f"The first {len(found['records'])}")
        rows = [
            {"file": one["path"], "line": one["line"], "item": one["item"], "why": one["message"]}
            for one in found["records"]
        ]
        table(rows)
    if found["skipped"]:
        st.caption(plain(f"{found['skipped']} files of no known format were left out."))
