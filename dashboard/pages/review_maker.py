"""Where a queue is made: which frames, in which order, how many."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.pages.parts import asked_dataset
from drivegrid.dashboard.pages.review_spot import open_queue
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.datasets import SourceRow, list_datasets, list_sources
from drivegrid.dashboard.store.evaluations import StoredEvaluation, list_evaluations
from drivegrid.dashboard.store.people import list_views
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Plan, list_queues
from drivegrid.dashboard.store.ranking import NUM_SOURCES, Order, OrderName, rank

from drivegrid.errors import ConfigError

EXPLAINED: dict[OrderName, str] = {
    "number": "As they were recorded.",
    "worst score": "First what a run got most wrong in an evaluation.",
    "disagreement": "First where two sources differ most.",
    "offset instability": "First where a model still moved most of its anchors.",
    "lane flicker": "First where the number of lines differs from that of neighbouring frames.",
    "rare class": "First what has labels that few other frames have.",
    "random audit": "Frames that were reviewed already, drawn at random.",
}
MOST = 100_000


def make(shared: Hub, actor: Actor) -> None:
    """Show what a queue can be made of, and make it."""
    datasets = list_datasets(shared.database)
    if not datasets:
        st.info(
            "There are no frames to review yet. Import a data set first.", icon=":material/inbox:"
        )
        return
    dataset_id = asked_dataset(datasets).id
    st.subheader("New queue", anchor=False)
    st.caption("Choose a queue on the right, or make one: which frames, in which order, how many.")
    name = st.text_input("Name", key="review-name", max_chars=100)
    left, right = st.columns(2)
    with left:
        query = _query(shared, dataset_id)
    with right:
        budget = st.number_input("Frames at most", 1, MOST, 50, key="review-budget")
    order = _order(shared, dataset_id)
    is_audit = st.session_state["review-order"] == "random audit"
    fresh = st.toggle("Only frames that nobody reviewed", True, key="review-new", disabled=is_audit)
    if fresh and not is_audit:
        query = query.model_copy(update={"status": ("new",)})
    barred = actor.user.role == "viewer"
    if st.button("Make the queue", type="primary", disabled=barred or order is None) and order:
        _make(shared, actor, dataset_id, Plan(name, order.name, budget, query.to_json()), order)
    if barred:
        st.caption("You look on as a viewer: queues need the role reviewer.")


def _query(shared: Hub, dataset_id: int) -> Query:
    views = {view.id: view for view in list_views(shared.database, dataset_id)}
    picked = st.selectbox(
        "Frames",
        [0, *views],
        format_func=lambda one: views[one].name if one else "All frames",
        key=f"review-view-{dataset_id}",
    )
    return views[picked].query if picked else Query()


def _order(shared: Hub, dataset_id: int) -> Order | None:
    """Return the order that was picked; None where it cannot be had here."""
    name: OrderName = st.selectbox("Order", list(NUM_SOURCES), key="review-order")
    st.caption(EXPLAINED[name])
    sources = {source.id: source for source in list_sources(shared.database, dataset_id)}
    if name == "worst score":
        return _of_evaluation(list_evaluations(shared.database, dataset_id), sources)
    if len(sources) < NUM_SOURCES[name]:
        st.warning("This order needs more sources than the data set has.")
        return None
    picked = _pick_sources(sources, NUM_SOURCES[name], dataset_id)
    if len(set(picked)) < len(picked):
        st.warning("Choose two different sources.")
        return None
    # every audit draws others, and what it drew can be told again
    return Order(name, picked, seed=len(list_queues(shared.database, dataset_id)))


def _pick_sources(sources: dict[int, SourceRow], num: int, dataset_id: int) -> tuple[int, ...]:
    if not num:
        return ()
    return tuple(
        column.selectbox(
            "According to" if place == 0 else "and",
            list(sources),
            index=place,
            format_func=lambda one: sources[one].name,
            key=f"review-source-{num}-{place}-{dataset_id}",
        )
        for place, column in enumerate(st.columns(num))
    )


def _of_evaluation(
    evaluations: tuple[StoredEvaluation, ...], sources: dict[int, SourceRow]
) -> Order | None:
    if not evaluations:
        st.warning("No run was evaluated yet.")
        return None
    named = {
        one.id: f"{sources[one.pred_id].name} against {sources[one.true_id].name}, {one.rule}"
        for one in evaluations
    }
    picked = st.selectbox(
        "Evaluation",
        list(named),
        format_func=named.__getitem__,
        key=f"review-evaluation-{evaluations[0].dataset_id}",
    )
    return Order("worst score", evaluation_id=picked)


def _make(shared: Hub, actor: Actor, dataset_id: int, plan: Plan, order: Order) -> None:
    query = Query.from_json(plan.query)
    with st.spinner("Ordering the frames …"):
        ranked = rank(shared.database, dataset_id, query, order, plan.budget)
    if not ranked:
        raise ConfigError(f"queue must have frames, got none for {order.name}. Choose others.")
    open_queue(actor.make_queue(dataset_id, plan, ranked))
    st.rerun()
