"""Choices that the address keeps, so that a link shows a colleague the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.store.datasets import DatasetRow, SourceRow, list_datasets
from drivegrid.dashboard.store.evaluations import StoredEvaluation

from drivegrid.errors import ConfigError


def choose(
    label: str, named: Mapping[int, str], *, key: str, param: str, default: int | None = None
) -> int:
    """Show a list and return the id that is chosen in it.

    Args:
        label: Above the list.
        named: Ids and what they are called, no two alike; at least one.
        key: Of the list in the session.
        param: Of the address.
        default: What is chosen at first where the address says nothing; None takes the first.

    Raises:
        ConfigError: If the address names another one.
    """
    if st.session_state.get(key) not in named:
        st.session_state[key] = _in_address(named, param, default)
    chosen: int = st.selectbox(label, list(named), key=key, format_func=lambda one: named[one])
    st.query_params[param] = str(chosen)
    return chosen


def _in_address(named: Mapping[int, str], param: str, default: int | None) -> int:
    wanted = st.query_params.get(param)
    if wanted is None:
        return next(iter(named)) if default is None else default
    found = next((one for one in named if str(one) == wanted), None)
    if found is None:
        raise ConfigError(
            f"{param} must be one that is listed here, got {wanted!r:.50}. "
            "Open the page again without it."
        )
    return found


def choose_dataset(shared: Hub, page: str) -> DatasetRow | None:
    """Show the data sets and return the chosen one; None, with what to do, if there is none.

    What else the address says belongs to a data set: it goes when another one is chosen.
    """
    datasets = {one.id: one for one in list_datasets(shared.database) if one.num_frames}
    if not datasets:
        st.info(
            "There is no data set yet. Import labels on the page Data.", icon=":material/image:"
        )
        return None
    key, before = f"{page}-dataset", st.session_state.get(f"{page}-dataset-before")
    if before is not None and st.session_state.get(key) not in (None, before):
        st.query_params.clear()
    named = {one.id: one.name for one in datasets.values()}
    chosen = choose("Data set", named, key=key, param="dataset")
    st.session_state[f"{page}-dataset-before"] = chosen
    return datasets[chosen]


def names_of(
    evaluations: Sequence[StoredEvaluation], sources: Sequence[SourceRow]
) -> dict[int, str]:
    """Return what evaluations are called: number, run, rule and what it was scored against."""
    names = {one.id: one.name for one in sources}
    return {
        one.id: f"{names[one.pred_id]} · {one.rule} · against {names[one.true_id]} · no. {one.id}"
        for one in evaluations
    }
