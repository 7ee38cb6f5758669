"""Admin: who is let in, what they may do, and what was done."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st
from drivegrid.dashboard.hub import hub
from drivegrid.dashboard.pages.parts import plain, show_error, table, told
from drivegrid.dashboard.schema import ROLES
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.serving.access import require
from drivegrid.dashboard.store.people import AuditRow, audit_page, list_users

AUDIT_ROWS = 100
MEANING = {
    "viewer": "looks and asks",
    "reviewer": "judges frames, makes queues, evaluates",
    "admin": "imports data, lets people in",
}


def admin() -> None:
    """Show the page."""
    actor = hub().actor()
    require(actor.user.role, "admin")
    people, log = st.columns([0.4, 0.6], gap="large")
    with people:
        _people(actor)
    with log:
        _log(actor)


def _people(actor: Actor) -> None:
    st.subheader("People")
    for role, meaning in MEANING.items():
        st.caption(f"**{role}** {meaning}")
    for user in list_users(actor.database):
        name, role = st.columns([0.6, 0.4], vertical_alignment="center")
        name.markdown(plain(user.name))
        key = f"admin-role-{user.id}"
        role.selectbox(
            "Role",
            ROLES,
            index=ROLES.index(user.role),
            key=key,
            label_visibility="collapsed",
            on_change=_set_role,
            args=(actor, user.id, key),
        )
    if problem := st.session_state.pop("admin-problem", None):
        show_error(problem)
    with st.form("admin-new", clear_on_submit=True):
        name = st.text_input("Name", help="As the login or the proxy says it, letter by letter.")
        role = st.selectbox("Role", ROLES)
        if st.form_submit_button("Let in", width="stretch"):
            with told():
                actor.add_user(name, role)
                st.rerun()


def _set_role(actor: Actor, user_id: int, key: str) -> None:
    """Give a role; what is refused is told on the page, where the old role stands again."""
    problem: list[str] = []
    with told(problem.append):
        actor.set_role(user_id, st.session_state[key])
    if problem:
        st.session_state["admin-problem"] = problem[0]
        del st.session_state[key]


def _log(actor: Actor) -> None:
    st.subheader("What was done")
    before = st.session_state.get("admin-before")
    rows = audit_page(actor.database, before, AUDIT_ROWS)
    if not rows:
        st.info("Nothing yet.", icon=":material/history:")
        return
    table([_shown(row) for row in rows], width="stretch")
    older, newest = st.columns(2)
    if older.button("Older", disabled=len(rows) < AUDIT_ROWS, width="stretch"):
        st.session_state["admin-before"] = rows[-1].id
        st.rerun()
    if newest.button("Newest", disabled=before is None, width="stretch"):
        del st.session_state["admin-before"]
        st.rerun()


def _shown(row: AuditRow) -> dict[str, object]:
    return {
        "when (UTC)": datetime.fromtimestamp(row.at / 1000, UTC).replace(tzinfo=None),
        "who": row.user or "",
        "what": row.action,
        "to what": row.subject,
        "more": ", ".join(f"{name}: {value}" for name, value in row.details.items()),
    }
