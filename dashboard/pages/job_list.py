"""Jobs as pages show them: their state, how far they are, a way to stop them, what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st
from drivegrid.dashboard.hub import Hub, hub
from drivegrid.dashboard.pages.parts import number_in_address, plain, show_error, told
from drivegrid.dashboard.schema import ROLES
from drivegrid.dashboard.service import Actor, role_for
from drivegrid.dashboard.store.jobs import Job, get_job, list_jobs
from drivegrid.dashboard.store.people import list_users

from drivegrid.errors import ConfigError

POLL_S = 1.0
IDLE_S = 5.0
"""How often jobs are looked for where none is under way: others may ask for one."""
ACTIVE = ("waiting", "running")
ICONS = {
    "waiting": ":material/schedule:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
}


@dataclass(frozen=True, slots=True)
class JobView:
    """How a page shows the jobs of a kind.

    Args:
        kind: Of the jobs.
        name: What a job is about, as Markdown.
        came: What came of one that is done, in a few words.
        empty: Said where there is none; without it nothing is said.
        rows: Jobs at most.
        only_active: Only those that wait or run.
    """

    kind: str
    name: Callable[[Job], str]
    came: Callable[[Job], str]
    empty: str = ""
    rows: int = 8
    only_active: bool = False


def may_ask(actor: Actor, kind: str) -> bool:
    """Tell whether somebody may ask for jobs of a kind, and stop them."""
    return ROLES.index(actor.user.role) >= ROLES.index(role_for(kind))


def job_list(actor: Actor, view: JobView) -> None:
    """Show the newest jobs; the page follows when the state of one changes."""
    if problem := st.session_state.pop(f"{view.kind}-problem", None):
        show_error(problem)
    active = any(job.state in ACTIVE for job in _shown(actor, view))
    st.fragment(_rows, run_every=POLL_S if active else IDLE_S)(actor, view)


def asked_job(shared: Hub, kind: str) -> Job | None:
    """Return the job that the address names; None if it names none.

    Raises:
        ConfigError: If it is no number, or a job of another kind.
        StoreError: If there is no such job.
    """
    wanted = number_in_address("job")
    if wanted is None:
        return None
    job = get_job(shared.database, wanted)
    if job.kind != kind:
        raise ConfigError(f"job must be of the kind {kind}, got {job.kind}.")
    return job


def show_end(job: Job, result: Callable[[Job], None]) -> None:
    """Show what became of a job: its result, what went wrong, or how it stands."""
    if job.state == "done":
        result(job)
    elif job.state == "failed":
        show_error(job.message)
    else:
        st.caption(job.state.capitalize())


def _shown(actor: Actor, view: JobView) -> Sequence[Job]:
    before = st.session_state.get(f"{view.kind}-before")
    rows = list_jobs(actor.database, view.rows, before, [view.kind])
    return [job for job in rows if job.state in ACTIVE] if view.only_active else rows


def _rows(actor: Actor, view: JobView) -> None:
    rows = _shown(actor, view)
    states = [(job.id, job.state) for job in rows]
    if st.session_state.setdefault(f"{view.kind}-states", states) != states:
        st.session_state[f"{view.kind}-states"] = states
        st.rerun()
    if not rows and view.empty:
        st.info(view.empty, icon=":material/schedule:")
    people = {user.id: user.name for user in list_users(actor.database)}
    for job in rows:
        _row(actor, view, job, people.get(job.user_id, ""))
    before = st.session_state.get(f"{view.kind}-before")
    if not view.only_active and (before is not None or len(rows) == view.rows):
        older, newest = st.columns(2)
        older.button(
            "Older", disabled=len(rows) < view.rows, width="stretch", on_click=_turn,
            args=(view.kind, rows[-1].id if rows else None), key=f"{view.kind}-older",
        )  # fmt: skip
        newest.button(
            "Newest", disabled=before is None, width="stretch", on_click=_turn,
            args=(view.kind, None), key=f"{view.kind}-newest",
        )  # fmt: skip


def _row(actor: Actor, view: JobView, job: Job, who: str) -> None:
    """Show a job in a row of the same height, whatever its state."""
    what, state, deed = st.columns([0.45, 0.37, 0.18], vertical_alignment="center")
    at = datetime.fromtimestamp(job.created_at / 1000, UTC)
    small = plain(f"{job.id} · {who} · {at:%Y-%m-%d %H:%M} UTC")
    what.markdown(f"{view.name(job)}  \n:gray[:small[{small}]]")
    if job.state in ACTIVE:
        state.progress(job.progress, text=plain(job.message or job.state))
        deed.button(
            "Cancel", key=f"{view.kind}-cancel-{job.id}", width="stretch", on_click=_cancel,
            args=(job,), disabled=not may_ask(actor, view.kind),
        )  # fmt: skip
        return
    came = f": {view.came(job)}" if job.result is not None else ""
    state.markdown(f"{ICONS[job.state]} {job.state}{plain(came)}")
    shown = st.query_params.get("job") == str(job.id)
    deed.button(
        "Show", key=f"{view.kind}-show-{job.id}", width="stretch", on_click=_show, args=(job,),
        type="primary" if shown else "secondary",
    )  # fmt: skip


def _turn(kind: str, before: int | None) -> None:
    st.session_state[f"{kind}-before"] = before


def _show(job: Job) -> None:
    st.query_params["job"] = str(job.id)
    st.session_state[f"{job.kind}-states"] = None  # the whole page shows it, not the rows alone


def _cancel(job: Job) -> None:
    problem: list[str] = []
    with told(problem.append):
        hub().actor().cancel(job.id)
    if problem:
        st.session_state[f"{job.kind}-problem"] = problem[0]
