"""What is worked out of evaluations, kept: an evaluation never changes once it is stored."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import streamlit as st
from drivegrid.dashboard.hub import hub
from drivegrid.dashboard.store.evaluations import StoredEvaluation

T = TypeVar("T")


def kept(work: Callable[..., T], evaluations: tuple[StoredEvaluation, ...], *more: object) -> T:
    """Return ``work(database, *ids of the evaluations, *more)``, worked out once.

    Args:
        work: A function of the store.
        evaluations: Of which ones.
        more: What else it takes.
    """
    shared = hub()
    ids = tuple(one.id for one in evaluations)
    # ids alone are not enough: another database has the same ones
    stored = (shared.settings.url, *(one.created_at for one in evaluations))
    found: T = _cache()(work.__qualname__, stored, (*ids, *more), work)
    return found


@cache
def _cache() -> Callable[..., Any]:
    """Return `_keep` with Streamlit's cache, which it wants to make while a server runs."""
    return st.cache_data(max_entries=200, show_spinner="Reading the matches …")(_keep)


def _keep(name: str, stored: tuple[Any, ...], arguments: tuple[Any, ...], _work: Any) -> Any:
    return _work(hub().database, *arguments)
