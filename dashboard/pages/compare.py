"""Compare: two evaluations side by side, and the frames behind what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages import charts
from drivegrid.dashboard.pages.choices import change_address, choose, names_of
from drivegrid.dashboard.pages.evaluating import (
    evaluate_form,
    evaluations_under_way,
    followed_evaluation,
)
from drivegrid.dashboard.pages.kept import kept
from drivegrid.dashboard.pages.parts import choose_dataset, page_at, plain, table
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store import rates
from drivegrid.dashboard.store.confusion import CellCount, Matrix, most_confused
from drivegrid.dashboard.store.datasets import list_sources
from drivegrid.dashboard.store.evaluations import StoredEvaluation, figures, list_evaluations
from drivegrid.dashboard.store.facets import facets
from drivegrid.dashboard.store.matches import confusion
from drivegrid.dashboard.store.query import Cell, OfEvaluation, Query
from streamlit.delta_generator import DeltaGenerator

ALL = "all labels"
BOX_SIZE = "size of boxes"
MOST_SLICES = 15
CELL_SIDES = ("pred", "true")
"""Of the address: the labels of the picked cell; a side that is missing there is nothing."""

Runs = dict[str, StoredEvaluation]
"""What is shown, by its name in legends: the run that is compared with, then the other."""


def compare() -> None:
    """Show the page."""
    shared = hub()
    actor = shared.actor()
    places = st.columns([0.2, 0.32, 0.32, 0.16], vertical_alignment="bottom", gap="small")
    with places[0]:
        dataset = choose_dataset(shared)
    if dataset is None:
        return
    with places[3], st.popover("Evaluate", icon=":material/add:", width="stretch"):
        evaluate_form(actor, dataset.id, list_sources(shared.database, dataset.id))
    evaluations_under_way(actor)
    _follow(shared, actor)
    made = list_evaluations(shared.database, dataset.id)
    if not made:
        st.info(
            "Nothing was scored yet. Evaluate a run against the labels: the button is above.",
            icon=":material/query_stats:",
        )
        return
    named = names_of(made, list_sources(shared.database, dataset.id))
    runs = _choose_runs(places[1], places[2], made, named)
    _figures(runs)
    left, right = st.columns(2, gap="medium")
    with left.container(border=True):
        _confusion(runs)
    with right.container(border=True):
        _curves(runs)
    with right.container(border=True):
        _slices(shared, runs)


def _follow(shared: Hub, actor: Actor) -> None:
    """Put the evaluation that people waited for into the address, beside one of its rule."""
    made = followed_evaluation(actor)
    if made is None:
        return
    new, first = figures(shared.database, made), st.query_params.get("first", "")
    if str(new.dataset_id) != st.session_state["dataset"]:
        return
    same = first.isdecimal() and figures(shared.database, int(first)).rule == new.rule
    change_address({"second" if same else "first": str(made)}, () if same else ("second",))
    st.toast("Evaluated.", icon=":material/check:")


def _choose_runs(
    first_place: DeltaGenerator,
    second_place: DeltaGenerator,
    made: Sequence[StoredEvaluation],
    named: Mapping[int, str],
) -> Runs:
    """Return the chosen evaluations; the second is missing where no other has the first's rule."""
    by_id = {one.id: one for one in made}
    newest = made[0]
    older = [one.id for one in made[1:] if one.rule == newest.rule]
    with first_place:
        default = older[0] if older else newest.id
        first = choose("First", named, "first", default, forget=("second", *CELL_SIDES))
    others = {
        one.id: named[one.id] for one in made if one.rule == by_id[first].rule and one.id != first
    }
    with second_place:
        if not others:
            st.selectbox("Second", ["no other one of this rule"], disabled=True)
            return {named[first]: by_id[first]}
        second = choose("Second", others, "second", forget=CELL_SIDES)
    return {named[one]: by_id[one] for one in (first, second)}


def _figures(runs: Runs) -> None:
    if len(runs) == 2:
        _differences(runs)
    else:
        st.info(
            "Evaluate another run by the same rule to see what differs.",
            icon=":material/compare_arrows:",
        )
    on = [f"{name.split(' · ')[0]}: {one.told_frames}" for name, one in runs.items()]
    if any(one.told_frames for one in runs.values()):
        st.caption(plain("Scored: " + "; ".join(on)))
    with st.expander("All figures, with 95 % intervals", expanded=len(runs) == 1):
        table(_figure_rows(runs), height=320)


def _differences(runs: Runs) -> None:
    first, second = runs.values()
    found = kept(rates.compare, (first, second))
    cards, chart = st.columns([0.64, 0.36], gap="medium", vertical_alignment="center")
    for place, (name, title) in zip(cards.columns(4), charts.RATES.items(), strict=True):
        rate = found.rates[name]
        sure = rate.low is not None and rate.high is not None and rate.low * rate.high > 0
        place.metric(
            title,
            _number(rate.second),
            None if rate.difference is None else f"{rate.difference:+.3f}",
            delta_color="normal" if sure else "off",
            help=f"First {_number(rate.first)}, second {_number(rate.second)}.",
            border=True,
        )
    cards.caption(
        f"Large: the second. Below: second minus first, in colour where 95 % of the resampled "
        f"differences lie on one side. {found.frames:,} shared frames, drawn by {found.drawn}."
    )
    if any(rate.difference is not None for rate in found.rates.values()):
        chart.altair_chart(charts.differences(found.rates), width="stretch")


def _figure_rows(runs: Runs) -> list[dict[str, str]]:
    names = [
        name
        for name, value in next(iter(runs.values())).figures.items()
        if value is None or isinstance(value, int | float)
    ]
    return [
        {"figure": name, **{run: _with_ends(one, name) for run, one in runs.items()}}
        for name in names
    ]


def _with_ends(evaluation: StoredEvaluation, name: str) -> str:
    value, ends = evaluation.figures.get(name), evaluation.intervals.get(name)
    if isinstance(value, int):
        return f"{value:,}"
    if ends is None or None in ends:
        return _number(value)
    return f"{_number(value)}  [{_number(ends[0])}, {_number(ends[1])}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


@st.fragment
def _confusion(runs: Runs) -> None:
    st.markdown("**Confusion**")
    run = _choose_run(runs)
    evaluation = runs[run]
    matrix = most_confused(kept(confusion, (evaluation,)))
    if not matrix.cells:
        st.info(f"The rule {plain(evaluation.rule)} matches nothing one by one.")
        return
    text = "#fafafa" if st.context.theme.type == "dark" else "#1f2328"
    picked = _cell_in_address(matrix)
    key = f"compare-cells-{evaluation.id}"
    if key not in st.session_state:  # afterwards the chart itself knows what was clicked
        st.session_state[f"{key}-first"] = picked
    st.altair_chart(
        charts.confusion_matrix(matrix, text, st.session_state[f"{key}-first"]),
        key=key,
        on_select=lambda: _keep_cell(key, matrix),
        selection_mode=[charts.CELL],
        width="stretch",
    )
    if matrix.left_out:
        st.caption(f"The labels with the most mistakes; {matrix.left_out} others are left out.")
    if picked is None:
        st.caption("Click a cell to open what is behind it.")
    else:
        _cell(evaluation, matrix.cells[picked])


def _cell_in_address(matrix: Matrix) -> int | None:
    """Return the number of the cell that the address names, if it is one of those shown."""
    pred, true = (st.query_params.get(side) for side in CELL_SIDES)
    cells = [(cell.pred_label, cell.true_label) for cell in matrix.cells]
    return cells.index((pred, true)) if (pred, true) in cells else None


def _keep_cell(key: str, matrix: Matrix) -> None:
    picked = st.session_state[key]["selection"].get(charts.CELL)
    cell = matrix.cells[picked[0][charts.CELL]] if picked else None
    sides = (cell.pred_label, cell.true_label) if cell else (None, None)
    named = {side: label for side, label in zip(CELL_SIDES, sides, strict=True) if label}
    change_address(named, CELL_SIDES)


def _choose_run(runs: Runs) -> str:
    if len(runs) == 1:
        return next(iter(runs))
    which = st.segmented_control(
        "Run", ["First", "Second"], default="Second", key="run", required=True,
        label_visibility="collapsed", bind="query-params",
    )  # fmt: skip
    return list(runs)[which == "Second"]


def _cell(evaluation: StoredEvaluation, cell: CellCount) -> None:
    """Show what a cell is, and the ways to its frames and rows."""
    pred, true = (plain(one or charts.NOTHING) for one in (cell.pred_label, cell.true_label))
    st.markdown(f"**{cell.count:,}** × truth {true}, predicted {pred}")
    asked = OfEvaluation(
        id=evaluation.id, cell=Cell(pred_label=cell.pred_label, true_label=cell.true_label)
    )
    query = Query(evaluation=asked, order="score")
    dataset = {"dataset": str(evaluation.dataset_id)}
    labels = {"pred": cell.pred_label, "true": cell.true_label}
    rows = {name: label for name, label in labels.items() if label is not None}
    rows |= dataset | {"evaluation": str(evaluation.id), "hit": "All"}
    left, right = st.columns(2)
    left.page_link(
        page_at("browse"), label="Frames", icon=":material/grid_view:",
        query_params=dataset | {"q": query.to_text()},
    )  # fmt: skip
    right.page_link(
        page_at("errors"), label="Matches", icon=":material/format_list_numbered:",
        query_params=rows,
    )  # fmt: skip


@st.fragment
def _curves(runs: Runs) -> None:
    st.markdown("**Precision and recall**")
    cells = [cell for one in runs.values() for cell in kept(confusion, (one,))]
    labels = sorted({label for cell in cells for label in cell if label is not None})
    if not labels:
        st.info("This rule matches nothing one by one, so there is no curve.")
        return
    left, right = st.columns(2)
    chosen = left.selectbox("Label", [ALL, *labels], key="label", bind="query-params")
    least = right.slider("Least confidence", 0.0, 1.0, 0.5, 0.01, key="least", bind="query-params")
    label = None if chosen == ALL else chosen
    found = {run: kept(rates.curve, (one,), label) for run, one in runs.items()}
    marked = {run: rates.at_least(points, least) for run, points in found.items()}
    thin = {run: rates.thinned(points) for run, points in found.items()}
    st.altair_chart(charts.precision_recall(thin, marked), width="stretch")
    rows = [
        {
            "run": run,
            "precision": _number(point and point.precision),
            "recall": _number(point and point.recall),
            "F1": _number(point and point.f1),
        }
        for run, point in marked.items()
    ]
    table(rows)


@st.fragment
def _slices(shared: Hub, runs: Runs) -> None:
    st.markdown("**Slices**")
    dataset_id = next(iter(runs.values())).dataset_id
    names = list(facets(shared.database, Query(), dataset_id, top=1))
    first = [name for name in ("weather", "density", "time") if name in names]
    options = [*first, BOX_SIZE, *(name for name in names if name not in first)]
    by, which = st.columns([0.4, 0.6], vertical_alignment="bottom")
    fact = by.selectbox("By", options, key="compare-fact")
    rate = which.segmented_control(
        "Rate", ["f1", "precision", "recall"], default="f1", key="compare-rate", required=True,
        format_func=charts.RATES.__getitem__,
    )  # fmt: skip
    parts = {
        run: kept(rates.slices_by_size, (one,))
        if fact == BOX_SIZE
        else kept(rates.slices, (one,), fact)
        for run, one in runs.items()
    }
    sizes: dict[str, int] = {}
    for one in (one for found in parts.values() for one in found):
        sizes[one.value] = max(one.frames, sizes.get(one.value, 0))
    if not sizes:
        st.info("No frame of these evaluations has this fact.")
        return
    values = list(sizes) if fact == BOX_SIZE else sorted(sizes, key=lambda one: -sizes[one])
    st.altair_chart(charts.sliced(parts, rate, values[:MOST_SLICES]), width="stretch")
    if len(values) > MOST_SLICES:
        st.caption(f"The {MOST_SLICES} most frequent of {len(values)} values.")
