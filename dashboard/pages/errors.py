"""Errors: the matches of an evaluation, the worst first, each on its frame."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from drivegrid.dashboard.canvas.canvas import canvas
from drivegrid.dashboard.canvas.layers import Layer, Picture, Role, Shape
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.charts import NOTHING
from drivegrid.dashboard.pages.choices import change_address, choose, names_of
from drivegrid.dashboard.pages.evaluating import evaluations_under_way
from drivegrid.dashboard.pages.kept import kept
from drivegrid.dashboard.pages.parts import choose_dataset, page_at, plain, table
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import list_sources
from drivegrid.dashboard.store.evaluations import StoredEvaluation, list_evaluations
from drivegrid.dashboard.store.match_shapes import Side, both_sides
from drivegrid.dashboard.store.matches import (
    Cell,
    MatchFilter,
    MatchPage,
    StoredMatch,
    confusion,
    match_page,
)

PAGE = 50
MOST_PLACES = 100
"""Places of pages before that the address keeps."""
ANY: Cell = (None, None)
"""Stands for all cells: no match has neither side."""
HITS = {"Mistakes": False, "Hits": True, "All": None}
"""As the address has them, too."""
ORDERS = {"overlap": "least overlap first", "confidence": "surest first"}
FULL = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The match in question with its frame as both sides have it."""

    match: StoredMatch
    frame: browse.FrameRow
    pred: Side
    true: Side


def errors() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    first, second, third = st.columns([0.22, 0.33, 0.45])
    with first:
        dataset = choose_dataset(shared)
    if dataset is None:
        return
    with second:
        evaluation = _choose_evaluation(shared, actor, dataset.id)
    if evaluation is None:
        return
    with third:
        cell = _choose_cell(evaluation)
    left, right = st.columns([0.45, 0.55], gap="medium")
    with left:
        wanted = _filters(cell)
        page = match_page(shared.database, evaluation.id, wanted, _place(), PAGE)
        match = _rows(page, wanted)
        _steps(page)
    with right:
        if match is None:
            st.info("No match fits these filters.", icon=":material/filter_alt_off:")
        else:
            _frame(shared, evaluation, match)


def _choose_evaluation(shared: Hub, actor: Actor, dataset_id: int) -> StoredEvaluation | None:
    made = {one.id: one for one in list_evaluations(shared.database, dataset_id)}
    if not made:
        st.info(
            "Nothing was scored yet. Evaluate a run on the page Compare.",
            icon=":material/query_stats:",
        )
        evaluations_under_way(actor)
        return None
    named = names_of(list(made.values()), list_sources(shared.database, dataset_id))
    return made[choose("Evaluation", named, "evaluation", forget=("pred", "true", "after", "row"))]


def _filters(cell: Cell | None) -> MatchFilter:
    """Show the filters; whatever changes among them, the first page is shown."""
    hit, order = st.columns(2, vertical_alignment="bottom")
    which = hit.segmented_control(
        "Which", list(HITS), key="hit", default="Mistakes", required=True, bind="query-params",
        on_change=_from_start, label_visibility="collapsed",
    )  # fmt: skip
    ordered = order.selectbox(
        "Order", list(ORDERS), key="order", format_func=ORDERS.__getitem__, bind="query-params",
        on_change=_from_start, label_visibility="collapsed",
    )  # fmt: skip
    first, second = st.columns(2, gap="medium")
    overlap = first.slider(
        "Overlap", *FULL, FULL, 0.05, key="overlap", bind="query-params", on_change=_from_start
    )
    confidence = second.slider(
        "Confidence", *FULL, FULL, 0.05, key="confidence", bind="query-params",
        on_change=_from_start, help="The full range also has matches without a confidence.",
    )  # fmt: skip
    return MatchFilter(
        cell, HITS[which], overlap, None if confidence == FULL else confidence, ordered
    )


def _choose_cell(evaluation: StoredEvaluation) -> Cell | None:
    """Show the cells of the confusion matrix, the fullest first; None is all of them."""
    counts = kept(confusion, (evaluation,))
    cells = [ANY, *sorted(counts, key=lambda one: (-counts[one], str(one)))]
    chosen = st.query_params.get("pred"), st.query_params.get("true")
    if chosen not in cells:  # a link may name one that is empty: so it is shown
        cells.append(chosen)
    st.session_state["errors-cell"] = chosen
    st.selectbox(
        "Cell",
        cells,
        key="errors-cell",
        format_func=lambda one: _cell_name(one, cells.index(one), counts.get(one, 0)),
        on_change=_keep_cell,
    )
    return None if chosen == ANY else chosen


def _keep_cell() -> None:
    sides = zip(("pred", "true"), st.session_state["errors-cell"], strict=True)
    labels = {name: label for name, label in sides if label is not None}
    change_address(labels, ("pred", "true", "after", "row"))


def _cell_name(cell: Cell, rank: int, count: int) -> str:
    if cell == ANY:
        return "Any truth, any prediction"
    pred, true = (label or NOTHING for label in cell)
    return f"{rank}. truth {true}, predicted {pred} ({count:,})"


def _from_start() -> None:
    change_address({}, ("after", "row"))


def _place() -> str | None:
    """Return where this page begins; the address has the places of those before it, too."""
    places = st.query_params.get_all("after")
    return places[-1] if places else None


def _rows(page: MatchPage, wanted: MatchFilter) -> StoredMatch | None:
    """Show the rows; return the one that is picked."""
    if not page.rows:
        return None
    rows = [
        {
            "truth": row.true_label or NOTHING,
            "predicted": row.pred_label or NOTHING,
            "overlap": row.overlap,
            "confidence": row.confidence,
            "frame": row.frame_id,
        }
        for row in page.rows
    ]
    # another page or filter is another table: nothing stays picked in it
    key = f"errors-rows-{hash((wanted, page.rows[0].id))}"
    event = table(
        rows,
        key=key,
        height=318,
        placeholder="–",
        on_select=lambda: _keep_row(key, page),
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [_row_in_address(page)]}},
        column_config={
            "truth": st.column_config.TextColumn("truth", width=140),
            "predicted": st.column_config.TextColumn("predicted", width=140),
            "overlap": st.column_config.NumberColumn("overlap", format="%.2f", width=65),
            "confidence": st.column_config.NumberColumn("confidence", format="%.2f", width=85),
            "frame": st.column_config.NumberColumn("frame", format="%d", width=50),
        },
    )
    picked = event["selection"]["rows"]
    return page.rows[picked[0] if picked else 0]


def _row_in_address(page: MatchPage) -> int:
    """Return which row the address names; the first where it names none of this page."""
    ids = [str(row.id) for row in page.rows]
    wanted = st.query_params.get("row")
    return ids.index(wanted) if wanted in ids else 0


def _keep_row(key: str, page: MatchPage) -> None:
    picked = st.session_state[key]["selection"]["rows"]
    if picked:
        st.query_params["row"] = str(page.rows[picked[0]].id)


def _steps(page: MatchPage) -> None:
    places = st.query_params.get_all("after")
    before, behind = st.columns(2)
    before.button(
        "Previous", icon=":material/chevron_left:", width="stretch", key="errors-previous",
        disabled=not places, on_click=_go, args=(places[:-1],),
    )  # fmt: skip
    behind.button(
        "Next", icon=":material/chevron_right:", width="stretch", key="errors-next",
        disabled=page.after is None, on_click=_go, args=([*places, page.after],),
    )  # fmt: skip


def _go(places: list[str]) -> None:
    st.query_params.pop("row", None)
    st.query_params["after"] = places[-MOST_PLACES:]


def _frame(shared: Hub, evaluation: StoredEvaluation, match: StoredMatch) -> None:
    frame = browse.frame(shared.database, match.frame_id)
    pred, true = both_sides(shared.database, evaluation, frame)
    _title(_Shown(match, frame, pred, true))
    picture = Picture(str(frame.id), shared.signer.address(frame.id), frame.size_wh)
    layers = [
        *_layers("label", true, match.true_number, "truth"),
        *_layers("model", pred, match.pred_number, "predicted"),
    ]
    canvas(picture, layers, revision=0, key="errors-canvas")
    st.caption(
        "Shown is the match alone; the legend brings back the others. "
        "Shapes are as they are now, which may be after the evaluation."
    )


def _title(shown: _Shown) -> None:
    name, link = st.columns([0.72, 0.28], vertical_alignment="center")
    match = shown.match
    verdict = "Hit" if match.hit else _mistake(match)
    name.markdown(f"**{verdict}** in {plain(shown.frame.image)}")
    link.page_link(
        page_at("review"), label="Review", icon=":material/fact_check:",
        query_params={"frame": str(shown.frame.id)},
    )  # fmt: skip


def _mistake(match: StoredMatch) -> str:
    if match.true_number is None:
        return "False alarm"
    return "Miss" if match.pred_number is None else "Wrong label"


def _layers(role: Role, side: Side, number: int | None, what: str) -> list[Layer]:
    """Return the shape in question, and hidden at first all others of its source."""
    shapes = {n: Shape(f"{what}-{n}", row.instance) for n, row in side.shapes.items()}
    alone = [shapes.pop(number)] if number in shapes else []
    name = side.source.name
    return [
        Layer(f"{what}: others of {name}", role, list(shapes.values()), visible=False),
        Layer(f"{what}: {name}", role, alone),
    ]
