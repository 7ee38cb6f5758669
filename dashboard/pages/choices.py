"""Choices among evaluations; the address keeps them, so that a link shows a colleague the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st
from drivegrid.dashboard.store.datasets import SourceRow
from drivegrid.dashboard.store.evaluations import StoredEvaluation

from drivegrid.errors import ConfigError


def choose(
    label: str,
    named: Mapping[int, str],
    param: str,
    default: int | None = None,
    forget: tuple[str, ...] = (),
) -> int:
    """Show a list and return the id that is chosen in it.

    Args:
        label: Above the list.
        named: Ids and what they are called, no two alike; at least one.
        param: Of the address, which keeps the choice.
        default: What is chosen where the address says nothing; None takes the first.
        forget: What else of the address hangs on the choice, and goes with it.

    Raises:
        ConfigError: If the address names another one.
    """
    key = f"choose-{param}"
    chosen = _in_address(named, param, next(iter(named)) if default is None else default)
    st.session_state[key] = chosen
    st.selectbox(
        label,
        list(named),
        key=key,
        format_func=lambda one: named[one],
        on_change=lambda: change_address({param: str(st.session_state[key])}, forget),
    )
    return chosen


def change_address(values: Mapping[str, str], forget: Iterable[str] = ()) -> None:
    """Put values into the address, and take others out of it."""
    for name in forget:
        st.query_params.pop(name, None)
    st.query_params.update(values)


def _in_address(named: Mapping[int, str], param: str, default: int) -> int:
    wanted = st.query_params.get(param)
    if wanted is None:
        return default
    found = next((one for one in named if str(one) == wanted), None)
    if found is None:
        raise ConfigError(
            f"{param} must be one that is listed here, got {wanted!r:.50}. "
            "Open the page again without it."
        )
    return found


def names_of(
    evaluations: Sequence[StoredEvaluation], sources: Sequence[SourceRow]
) -> dict[int, str]:
    """Return what evaluations are called: run, rule, what it was scored against, and number."""
    names = {one.id: one.name for one in sources}
    return {
        one.id: f"{names[one.pred_id]} · {one.rule} · {names[one.true_id]} · #{one.id}"
        for one in evaluations
    }
