"""Data: what a data set holds, who says so, how far tokens can follow it, and new labels."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.data_jobs import (
    CEILINGS,
    IMPORTS,
    RUNS,
    ceilings,
    choose_source,
    imports,
    model_runs,
)
from drivegrid.dashboard.pages.filters import evaluation_name, words_of
from drivegrid.dashboard.pages.parts import choose_dataset, plain, table
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.coverage import count_covered
from drivegrid.dashboard.store.datasets import DatasetRow, SourceRow, list_sources
from drivegrid.dashboard.store.evaluations import list_evaluations
from drivegrid.dashboard.store.facets import Facet, facets
from drivegrid.dashboard.store.facts import LABEL, in_order
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import REVIEW
from drivegrid.dashboard.store.statistics import (
    shape_counts,
    status_counts,
    tree_counts,
)

from drivegrid.labels import default_label_space

MAX_VALUES = 500
"""Values of a fact that are listed."""
HEIGHT = 420
WHEN = st.column_config.DatetimeColumn("made (UTC)", format="YYYY-MM-DD HH:mm")


def data() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    left, right = st.columns([0.35, 0.65], vertical_alignment="bottom")
    with left:
        dataset = choose_dataset(shared)
    sections = {"Overview": _overview, "Taxonomy": _taxonomy, RUNS: partial(_runs, actor)}
    sections[CEILINGS] = partial(ceilings, actor)
    names = [*(sections if dataset is not None else ()), *_for_admins(actor)]
    if not names:
        return
    asked = st.query_params.get("section", names[0])
    st.session_state["data-section"] = asked if asked in names else names[0]
    section = right.segmented_control(
        "Section",
        names,
        key="data-section",
        required=True,
        label_visibility="collapsed",
        on_change=_open_section,
    )
    if section == IMPORTS:
        imports(actor, shared)
    elif dataset is not None and section is not None:
        sections[section](shared, dataset)


def _for_admins(actor: Actor) -> list[str]:
    return [IMPORTS] if actor.user.role == "admin" else []


def _open_section() -> None:
    st.query_params.pop("job", None)
    st.query_params["section"] = st.session_state["data-section"]


def _overview(shared: Hub, dataset: DatasetRow) -> None:
    counts = status_counts(shared.database, dataset.id)
    figures = {"Frames": dataset.num_frames, **{s.capitalize(): n for s, n in counts.items()}}
    for column, (name, num) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, f"{num:,}", border=True)
    st.caption(plain(f"Pictures lie in {dataset.root}"))
    counted = facets(shared.database, Query(), dataset.id, top=MAX_VALUES)
    if not counted:
        st.info("These frames have no labels and no attributes.", icon=":material/label_off:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Labels**")
        _shares(dataset, LABEL, counted.pop(LABEL, []))
    with right:
        st.markdown("**Attributes and other facts**")
        name = st.selectbox("Fact", list(counted), label_visibility="collapsed", key="data-fact")
        if name is not None:
            _shares(dataset, name, in_order(name, counted[name], lambda facet: facet.value))


def _shares(dataset: DatasetRow, name: str, counted: list[Facet]) -> None:
    """Show how many frames have each value of a fact."""
    if not counted:
        st.caption("None.")
        return
    rows = [
        {
            name: facet.value,
            "frames": facet.count.num,
            "share": 100 * facet.count.num / dataset.num_frames,
        }
        for facet in counted
    ]
    share = st.column_config.ProgressColumn("share", min_value=0, max_value=100, format="%.0f %%")
    table(rows, height="auto", column_config={"share": share})


def _taxonomy(shared: Hub, dataset: DatasetRow) -> None:
    """Show the tree of labels with the shapes of a source on each branch."""
    source = choose_source(list_sources(shared.database, dataset.id), "data-tree-source")
    if source is None:
        return
    with st.spinner("Counting shapes..."):
        found = tree_counts(shape_counts(shared.database, source.id))
    space = default_label_space()
    everything = st.toggle("Labels without shapes too", key="data-tree-all")
    paths = {*found, *(space.labels if everything else ())}
    if not paths:
        st.info("This source has no shapes.", icon=":material/label_off:")
        return
    rows = [
        {
            "label": "\N{EM SPACE}" * 2 * path.count("/") + path.split("/")[-1],
            "words": words_of(path),
            "shapes": found.get(path, 0),
            "shape": space.labels[path].geometry if path in space.labels else "not in the taxonomy",
        }
        for path in sorted(paths, key=lambda path: path.split("/"))
    ]
    table(rows, height=HEIGHT)


def _runs(actor: Actor, shared: Hub, dataset: DatasetRow) -> None:
    """Show who says something about the frames, how runs were scored, and make new ones."""
    sources = list_sources(shared.database, dataset.id)
    st.markdown("**Sources**")
    said = [
        {
            "source": source.name,
            "kind": source.kind,
            "frames": count_covered(shared.database, source.id),
            "details": _details(source),
            "made": _time(source.created_at),
        }
        for source in sources
    ]
    table(said, column_config={"made": WHEN})
    st.markdown("**Run a model**")
    model_runs(actor, shared, dataset)
    st.markdown("**Evaluations**")
    known = list_evaluations(shared.database, dataset.id)
    if not known:
        st.caption("No run has been scored yet.")
        return
    names = {source.id: source.name for source in sources}
    scored = [
        {
            "evaluation": evaluation_name(one, names),
            "on": one.told_frames,
            "figures": ", ".join(f"{k} {v:.3g}" for k, v in one.figures.items() if _is_number(v)),
            "made": _time(one.created_at),
        }
        for one in known
    ]
    table(scored, column_config={"made": WHEN})


def _details(source: SourceRow) -> str:
    if source.kind == REVIEW:
        return "frames that were corrected; accepted ones keep their labels"
    return ", ".join(f"{name}: {value}" for name, value in source.details.items())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(at_ms: int) -> datetime:
    """Return UTC without saying so: tables with time zones warn where pandas is newer."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)
