"""The rail of filters: every control shows what the address says, and writes into it.

The address is the one place where a view is kept, so that a link shows it to somebody else. Each
control is set from it before it is drawn, and its callback writes the changed query back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.pages.parts import plain
from drivegrid.dashboard.schema import STATUSES
from drivegrid.dashboard.store.browse import list_clips
from drivegrid.dashboard.store.datasets import list_sources
from drivegrid.dashboard.store.evaluations import StoredEvaluation, list_evaluations
from drivegrid.dashboard.store.facets import MAX_LOOKED_AT, Facet
from drivegrid.dashboard.store.facts import LABEL, MAX_FACT
from drivegrid.dashboard.store.query import OfEvaluation, Query

from drivegrid.errors import DriveGridError
from drivegrid.labels import default_label_space

OPEN_FACTS = 4
"""So many facts are unfolded at first."""


def asked_query() -> Query:
    """Return the query of the address.

    Raises:
        ConfigError: If it is none.
    """
    return Query.from_text(st.query_params.get("q", ""))


def show(query: Query) -> None:
    """Put a query into the address, at its first page."""
    text = query.to_text()
    for name in ("q", "after", "before"):
        if name in st.query_params:
            del st.query_params[name]
    if text:
        st.query_params["q"] = text


def bound(key: str, value: Any, change: Callable[[Any], Query]) -> dict[str, Any]:
    """Return what ties a control to the query: its key, its value, and what a change does.

    Args:
        key: Of the control in the session.
        value: That the query has now.
        change: The query that another value leads to.
    """
    st.session_state[key] = value
    return {"key": key, "on_change": _changed, "args": (key, change)}


def _changed(key: str, change: Callable[[Any], Query]) -> None:
    try:
        show(change(st.session_state[key]))
    except DriveGridError as error:
        st.toast(plain(str(error)), icon=":material/error:")


def rail(shared: Hub, dataset_id: int, query: Query, counted: dict[str, list[Facet]]) -> None:
    """Show all filters.

    Args:
        shared: The hub.
        dataset_id: Of which data set.
        query: What is asked now.
        counted: The facets of the query.
    """
    st.text_input(
        "Search",
        max_chars=MAX_FACT,
        placeholder="words in names and labels",
        icon=":material/search:",
        **bound("browse-text", query.text, lambda text: query.changed(text=text)),
    )
    st.pills(
        "Status",
        STATUSES,
        selection_mode="multi",
        **bound("browse-status", list(query.status), lambda some: query.changed(status=some)),
    )
    st.button(
        "Clear all filters",
        icon=":material/filter_alt_off:",
        disabled=not query.narrows,
        width="stretch",
        on_click=_clear,
    )
    if any(facet.count.more for values in counted.values() for facet in values):
        st.caption(
            f"Counts with + are of the first {MAX_LOOKED_AT:,} of the frames found; "
            "there may be more."
        )
    others = sorted(name for name in counted if name != LABEL)
    if LABEL in counted:
        with st.expander("Labels", expanded=True):
            _labels(query, counted[LABEL])
    for place, name in enumerate(others):
        with st.expander(
            plain(fact_words(name)), expanded=place < OPEN_FACTS or name in query.facts
        ):
            _values(f"browse-fact-{name}", query, name, counted[name])
    _clip(shared, dataset_id, query)
    _evaluation(shared, dataset_id, query)


def _clear() -> None:
    show(Query())


def fact_words(name: str) -> str:
    """Return what people call a fact."""
    return name.replace("_", " ").replace("instance.", "of objects: ").capitalize()


def words_of(label: str) -> str:
    """Return short words for a label; one that no taxonomy has stays as it is."""
    space = default_label_space()
    return space.words(label) if label in space.labels else label


def _labels(query: Query, counted: list[Facet]) -> None:
    """Show labels by the branches of the taxonomy."""
    branches: dict[str, list[Facet]] = {}
    for facet in counted:
        branches.setdefault(facet.value.split("/")[0], []).append(facet)
    for branch, inside in sorted(branches.items()):
        _values(f"browse-label-{branch}", query, LABEL, inside, title=words_of(branch))


def _values(key: str, query: Query, name: str, counted: list[Facet], title: str = "") -> None:
    """Show values of a fact with their counts; what is chosen among other values stays chosen."""
    chosen = query.all_facts.get(name, ())
    counts = {facet.value: str(facet.count) for facet in counted}
    if not title:  # the only list of its fact
        counts |= {value: "0" for value in chosen if value not in counts}
    others = [value for value in chosen if value not in counts]
    tell = words_of if name == LABEL else str
    st.pills(
        plain(title or name),
        list(counts),
        selection_mode="multi",
        format_func=lambda value: f"{plain(tell(value))} :gray[{counts[value]}]",
        label_visibility="visible" if title else "collapsed",
        **bound(
            key,
            [value for value in chosen if value in counts],
            lambda some: query.with_fact(name, [*others, *some]),
        ),
    )


def _clip(shared: Hub, dataset_id: int, query: Query) -> None:
    clips = list_clips(shared.database, dataset_id)
    if query.clip is not None and query.clip not in clips:
        clips.append(query.clip)
    if clips:
        st.selectbox(
            "Clip",
            clips,
            placeholder="any",
            accept_new_options=True,  # only the first clips are listed
            **bound("browse-clip", query.clip, lambda clip: query.changed(clip=clip)),
        )


def _evaluation(shared: Hub, dataset_id: int, query: Query) -> None:
    known = {one.id: one for one in list_evaluations(shared.database, dataset_id)}
    if not known:
        return
    names = {one.id: one.name for one in list_sources(shared.database, dataset_id)}
    asked = query.evaluation

    def choose(chosen: int | None) -> Query:
        if chosen is None:
            order = "number" if query.order == "score" else query.order
            return query.changed(evaluation=None, order=order)
        return query.changed(evaluation={"id": chosen})

    st.selectbox(
        "Evaluation",
        [None, *known],
        format_func=lambda key: "none" if key is None else evaluation_name(known[key], names),
        **bound("browse-evaluation", asked.id if asked and asked.id in known else None, choose),
    )
    if asked is not None:
        _how_it_did(query, asked)


def evaluation_name(one: StoredEvaluation, sources: dict[int, str]) -> str:
    """Return what people call an evaluation."""
    return f"{sources[one.pred_id]} against {sources[one.true_id]} ({one.rule})"


def _how_it_did(query: Query, asked: OfEvaluation) -> None:
    def change(**fields: Any) -> Query:
        said = {**asked.model_dump(mode="json"), **fields}
        return query.changed(evaluation=said)

    kinds = ("misses", "false_alarms")
    st.pills(
        "Only frames with",
        kinds,
        selection_mode="multi",
        format_func=lambda kind: kind.replace("_", " "),
        **bound(
            "browse-mistakes",
            [kind for kind in kinds if getattr(asked, kind)],
            lambda some: change(**{kind: kind in some for kind in kinds}),
        ),
    )
    ends = (asked.score_from or 0.0, 1.0 if asked.score_to is None else asked.score_to)
    st.slider(
        "Score",
        0.0,
        1.0,
        **bound(
            "browse-score",
            (min(max(ends[0], 0.0), 1.0), min(max(ends[1], 0.0), 1.0)),
            lambda ends: change(
                score_from=ends[0] if ends[0] > 0 else None,
                score_to=ends[1] if ends[1] < 1 else None,
            ),
        ),
    )
    if asked.cell is not None:
        cell = f"{asked.cell.pred_label or 'nothing'} for {asked.cell.true_label or 'nothing'}"
        st.button(
            plain(f"Confusion: {cell}"),
            icon=":material/close:",
            help="Show frames outside this cell of the confusion matrix too",
            on_click=lambda: show(change(cell=None)),
        )
