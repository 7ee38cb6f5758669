"""Histograms of facts; a click on a bar filters by it, and a second click no longer."""

from __future__ import annotations

import altair as alt
import streamlit as st
from drivegrid.dashboard.pages.filters import fact_words, show, words_of
from drivegrid.dashboard.pages.parts import plain
from drivegrid.dashboard.store.facets import MAX_LOOKED_AT, Facet
from drivegrid.dashboard.store.facts import LABEL, in_order
from drivegrid.dashboard.store.query import Query

NUM_CHARTS = 4
MAX_BARS = 6
HEIGHT = 150


def histograms(query: Query, counted: dict[str, list[Facet]]) -> None:
    """Show the facts that frames differ in most, labels first.

    Args:
        query: What is asked now.
        counted: The facets of the query.
    """
    names = sorted(counted, key=lambda name: (name != LABEL, len(counted[name]) < 2, name))
    for name, column in zip(names[:NUM_CHARTS], st.columns(NUM_CHARTS), strict=False):
        # of a fixed height, so that what is below stays where it is while charts load
        with column.container(height=HEIGHT + 40, border=False, gap="xsmall"):
            st.caption(plain(fact_words(name)) + partly(counted[name]))
            _histogram(query, name, counted[name])


def partly(counted: list[Facet]) -> str:
    """Return what people must know of counts that are not of all frames; empty where they are."""
    if not any(facet.count.more for facet in counted):
        return ""
    return f" :gray[(first {MAX_LOOKED_AT:,} frames)]"


def _histogram(query: Query, name: str, counted: list[Facet]) -> None:
    chosen = query.all_facts.get(name, ())
    # a chart that was clicked is another one: its own selection never contradicts the query
    key = f"browse-bars-{name}-{hash(chosen)}"
    st.altair_chart(
        chart_of(name, counted[:MAX_BARS], chosen),
        key=key,
        on_select=lambda: _clicked(query, name, key),
        selection_mode="bar",
    )


def chart_of(name: str, counted: list[Facet], chosen: tuple[str, ...]) -> alt.Chart:
    """Return horizontal bars of the values of a fact.

    Args:
        name: Of the fact.
        counted: Its values.
        chosen: Those that the query asks for; they stand out.
    """
    tell = words_of if name == LABEL else str
    rows = [
        {
            "value": facet.value,
            "shown": tell(facet.value),
            "frames": facet.count.num,
            "chosen": not chosen or facet.value in chosen,
        }
        for facet in in_order(name, counted, lambda facet: facet.value)
    ]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(cornerRadiusEnd=2, cursor="pointer")
    return (
        bars.encode(
            y=alt.Y(
                "shown:N",
                sort=None,
                title=None,
                axis=alt.Axis(labelLimit=90, labelOverlap=False, ticks=False),
            ),
            x=alt.X("frames:Q", title=None, axis=alt.Axis(tickCount=3, format="~s")),
            color=alt.condition(
                "datum.chosen", alt.value("#0072B2"), alt.value("rgba(128, 140, 150, 0.5)")
            ),
            tooltip=[alt.Tooltip("shown:N", title="value"), "frames:Q"],
        )
        .properties(height=HEIGHT)
        .add_params(alt.selection_point("bar", fields=["value"]))
    )


def _clicked(query: Query, name: str, key: str) -> None:
    picked = [point["value"] for point in st.session_state[key].selection.get("bar", ())]
    show(toggled(query, name, picked))


def toggled(query: Query, name: str, values: list[str]) -> Query:
    """Return a query with some values of a fact taken in, or out where they were in."""
    chosen = query.all_facts.get(name, ())
    kept = [value for value in chosen if value not in values]
    return query.with_fact(name, [*kept, *(value for value in values if value not in chosen)])
