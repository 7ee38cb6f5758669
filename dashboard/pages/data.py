"""Data: what a data set holds, who says so, how far tokens can follow it, and new labels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.filters import evaluation_name, words_of
from drivegrid.dashboard.pages.parts import choose_dataset, page_at, plain, told
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import DatasetRow, Imported, SourceRow, list_sources
from drivegrid.dashboard.store.evaluations import list_evaluations
from drivegrid.dashboard.store.facets import Facet, facets
from drivegrid.dashboard.store.facts import LABEL, MAX_FACT, in_order
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.statistics import (
    ceiling_of,
    shape_counts,
    status_counts,
    tree_counts,
)

from drivegrid.labels import default_label_space
from drivegrid.metrics.report import flatten
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec

LATTICES = (16, 24, 32, 48, 64)
MAX_VALUES = 500
"""Values of a fact that are listed."""
MAX_LISTED = 200
"""Frames of a quarantine that are listed."""
HEIGHT = 420
WHEN = st.column_config.DatetimeColumn("made (UTC)", format="YYYY-MM-DD HH:mm")


def data() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    left, right = st.columns([0.35, 0.65], vertical_alignment="bottom")
    with left:
        dataset = choose_dataset(shared)
    sections = {"Overview": _overview, "Taxonomy": _taxonomy, "Runs": _runs, "Ceilings": _ceilings}
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
    if section == IMPORT:
        _import(actor)
    elif dataset is not None and section is not None:
        sections[section](shared, dataset)


IMPORT = "Import"


def _for_admins(actor: Actor) -> list[str]:
    return [IMPORT] if actor.user.role == "admin" else []


def _open_section() -> None:
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
    st.dataframe(rows, hide_index=True, height="auto", column_config={"share": share})


def _taxonomy(shared: Hub, dataset: DatasetRow) -> None:
    """Show the tree of labels with the shapes of a source on each branch."""
    source = _choose_source(list_sources(shared.database, dataset.id), "data-tree-source")
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
    st.dataframe(rows, hide_index=True, height=HEIGHT)


def _choose_source(sources: list[SourceRow], key: str) -> SourceRow | None:
    if not sources:
        st.info("Nobody says anything about these frames yet.", icon=":material/label_off:")
        return None
    return st.selectbox("Source", sources, format_func=lambda one: one.name, key=key)


def _runs(shared: Hub, dataset: DatasetRow) -> None:
    """Show who says something about the frames, and how runs were scored."""
    sources = list_sources(shared.database, dataset.id)
    st.markdown("**Sources**")
    said = [
        {
            "source": source.name,
            "kind": source.kind,
            "details": ", ".join(f"{name}: {value}" for name, value in source.details.items()),
            "made": _time(source.created_at),
        }
        for source in sources
    ]
    st.dataframe(said, hide_index=True, column_config={"made": WHEN})
    st.markdown("**Evaluations**")
    known = list_evaluations(shared.database, dataset.id)
    if not known:
        st.caption("No run has been scored yet.")
        return
    names = {source.id: source.name for source in sources}
    scored = [
        {
            "evaluation": evaluation_name(one, names),
            "figures": ", ".join(f"{k} {v:.3g}" for k, v in one.figures.items() if _is_number(v)),
            "made": _time(one.created_at),
        }
        for one in known
    ]
    st.dataframe(scored, hide_index=True, column_config={"made": WHEN})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(at_ms: int) -> datetime:
    """Return UTC without saying so: tables with time zones warn where pandas is newer."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).replace(tzinfo=None)


def _ceilings(shared: Hub, dataset: DatasetRow) -> None:
    """Show the score of perfect tokens, when asked for it."""
    st.caption("Labels are written as tokens and read back: no model on the lattice does better.")
    with st.form("data-ceiling"):
        columns = st.columns(4)
        with columns[0]:
            source = _choose_source(list_sources(shared.database, dataset.id), "data-source")
        side = columns[1].selectbox(
            "Lattice", LATTICES, index=2, format_func=lambda one: f"{one} x {one}", key="data-side"
        )
        rounds = columns[2].number_input("Rounds of offsets", 0, 4, 1, key="data-rounds")
        most = columns[3].number_input("First frames", 1, 2000, 20, key="data-most")
        asked = st.form_submit_button("Compute", type="primary", disabled=source is None)
    if not asked or source is None:
        return
    codec = Codec(GridSpec(side, side, 2 * side, 2 * side, 0.5), "fewest", rounds)
    with st.spinner("Writing labels as tokens..."):
        report = ceiling_of(shared.database, dataset.id, source.id, codec, most).as_dict()
    for column, part in zip(st.columns(4), ("lanes", "boxes", "points", "polygons"), strict=True):
        column.markdown(f"**{part.capitalize()}**")
        found = report[part].get("all", {}) if part == "boxes" else report[part]
        rows = [
            {"figure": name, "value": "-" if value is None else f"{value:,.4g}"}
            for name, value in flatten(found).items()
        ]
        column.dataframe(rows, hide_index=True)
    st.caption(f"Percent, but for counts and pixels. {report['refused']} shapes have no tokens.")


def _import(actor: Actor) -> None:
    """Bring labels into the store; the path is one of the server."""
    with st.form("data-import"):
        left, right = st.columns([0.7, 0.3])
        path = left.text_input(
            "File or folder of labels on the server", key="data-path", placeholder="/data/tusimple"
        )
        name = right.text_input("Name of the data set", max_chars=MAX_FACT, key="data-name")
        asked = st.form_submit_button("Import", type="primary")
    if asked and not path.strip():
        st.warning("Say where the labels are.", icon=":material/warning:")
    elif asked:
        with told(), st.status("Reading labels...") as status:
            imported = actor.add_dataset(
                name, Path(path.strip()), lambda num: status.update(label=f"{num:,} frames read")
            )
            status.update(label="Imported", state="complete")
            st.session_state["data-imported"] = imported
    if "data-imported" in st.session_state:
        _imported(st.session_state["data-imported"])


def _imported(imported: Imported) -> None:
    """Show what came in, and what was set aside."""
    quarantine = imported.quarantine
    figures = {
        "Frames read": quarantine.num_read,
        "New": imported.added,
        "Known before": quarantine.num_kept - imported.added,
        "Set aside": quarantine.num_rejected,
    }
    for column, (name, num) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(name, f"{num:,}", border=True)
    st.page_link(
        page_at("browse"),
        label="Browse this data set",
        icon=":material/grid_view:",
        query_params={"dataset": str(imported.id)},
    )
    if quarantine.rejected:
        st.markdown("**Set aside**")
        rows = [
            {"file": one.path, "line": one.line, "item": one.item, "why": one.message}
            for one in quarantine.rejected[:MAX_LISTED]
        ]
        st.dataframe(rows, hide_index=True)
    if imported.skipped:
        st.caption(plain(f"{len(imported.skipped)} files of no known format were left out."))
