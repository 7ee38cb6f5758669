"""What a reviewer does on the canvas, written down: each deed is one transaction."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from drivegrid.dashboard.canvas.canvas import Fate, Outcome, forget
from drivegrid.dashboard.canvas.said import Commit, Said, Verdict
from drivegrid.dashboard.database import StoreAway
from drivegrid.dashboard.hub import hub
from drivegrid.dashboard.pages.review_spot import Spot, beside, go, next_open
from drivegrid.dashboard.refused import Conflict
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store import reviews
from drivegrid.dashboard.store.reviews import StaleVersion, VerdictKind

from drivegrid.data.scene import Instance
from drivegrid.errors import DriveGridError

CANVAS = "review-canvas"
"""Its key in the session."""
NO_STEP = {-1: "This is the first frame.", 1: "This is the last frame."}


@dataclass(frozen=True, slots=True)
class Told:
    """What the page says of the last deed; ``wrong`` where it was not done."""

    text: str
    wrong: bool = False


def tell(text: str, *, wrong: bool = False) -> None:
    """Say something of the last deed, until the next one."""
    st.session_state["review-told"] = Told(text, wrong)


def last_told() -> Told | None:
    """Return what was said of the last deed."""
    told: Told | None = st.session_state.get("review-told")
    return told


def last_outcome() -> Outcome | None:
    """Return what became of the last correction."""
    outcome: Outcome | None = st.session_state.get("review-outcome")
    return outcome


def _became(token: str, fate: Fate) -> None:
    st.session_state["review-outcome"] = Outcome(token, fate)


def note_key(picture: str, version: int) -> str:
    """Return the key of the note of a frame: each verdict begins a new one."""
    return f"review-note-{picture}-{version}"


def drop(actor: Actor, conflict: Conflict) -> None:
    """Leave the frame as it is now."""
    hub().refused.drop(actor.user.id, conflict.error.frame_id)
    _became(conflict.given.token, "dropped")
    tell("Dropped: the frame stays as it is.")


def act(actor: Actor, spot: Spot, conflict: Conflict | None, said: Said) -> bool:
    """Do what the canvas says; return whether anything may look different now.

    While two versions of the frame are to be decided between, no verdict on it is taken.

    It is about the frame that the person saw, which may be another than the one of the spot. While
    the database is away nothing is lost: the browser says it again until it is written.
    """
    if not isinstance(said, Commit | Verdict):
        return False
    try:
        if conflict is not None and _frame_id(said) == spot.frame.id and _judges(said):
            _refuse(said)
        elif isinstance(said, Commit):
            _correct(actor, said)
        elif said.verdict in ("accept", "reject"):
            if _judge(actor, said, said.verdict) and not said.stale:
                _go_on(actor, spot)
        elif said.verdict == "undo":
            outcome = actor.undo(_frame_id(said), said.token, said.revision)
            tell(f"Taken back: the frame is {outcome.status} again.")
        elif not said.stale:
            step_to(actor, spot, said.verdict)
    except StoreAway as error:
        forget(CANVAS)
        tell(f"Not saved yet: {error} What you said is said again by itself.", wrong=True)
        return False
    except DriveGridError as error:
        tell(str(error), wrong=True)
    return True


def _judges(said: Commit | Verdict) -> bool:
    return isinstance(said, Commit) or said.verdict in ("accept", "reject", "undo")


def _refuse(said: Commit | Verdict) -> None:
    """Say that something else is to be decided first."""
    if isinstance(said, Commit):
        _became(said.token, "failed")
    tell("Not counted: decide between the two versions first, on the right.", wrong=True)


def _correct(actor: Actor, said: Commit) -> None:
    """Write a correction; the canvas is told what became of it, once it is over."""
    try:
        counts = _judge(actor, said, "correct", tuple(shape.instance for shape in said.shapes))
    except StoreAway:  # it is not over: the browser says it again
        raise
    except DriveGridError:
        _became(said.token, "failed")
        raise
    if counts:
        _became(said.token, "saved")
        tell("Saved as corrected. A accepts it and goes on, U takes it back.")
    else:
        _became(said.token, "conflict")


def _frame_id(said: Said) -> int:
    """Return the frame that was seen; a number that no frame has where it is none."""
    return int(said.picture) if said.picture.isdecimal() and len(said.picture) <= 18 else -1


def _judge(
    actor: Actor,
    said: Commit | Verdict,
    kind: VerdictKind,
    shapes: tuple[Instance, ...] | None = None,
) -> bool:
    """Write a verdict; return whether it was new and counts."""
    note = st.session_state.get(note_key(said.picture, said.revision), "")
    return judge(
        actor, _frame_id(said), reviews.Verdict(kind, said.revision, said.token, shapes, note)
    )


def judge(actor: Actor, frame_id: int, given: reviews.Verdict) -> bool:
    """Write a verdict, or remember that it met another; return whether it counts."""
    try:
        outcome = actor.verdict(frame_id, given)
    except StaleVersion as error:
        if _said_already(actor, given, error):
            return False
        hub().refused.keep(actor.user.id, Conflict(given, error))
        st.session_state.pop("review-told", None)  # the page shows both sides
        return False
    tell(f"Frame {frame_id} is {outcome.status}. ← goes back to it, U takes a verdict back.")
    return True


def _said_already(actor: Actor, given: reviews.Verdict, error: StaleVersion) -> bool:
    """Tell whether a refused verdict says nothing new: its key was pressed twice."""
    last = error.last
    same = last is not None and (last.user_id, last.verdict) == (actor.user.id, given.kind)
    return same and given.shapes is None


def insist(actor: Actor, conflict: Conflict) -> None:
    """Give a refused verdict again, over what was said meanwhile and has now been seen."""
    old, version = conflict.given, conflict.error.version
    token = f"{old.token}-{version}"
    again = reviews.Verdict(old.kind, version, token, old.shapes, old.note)
    try:
        if judge(actor, conflict.error.frame_id, again):
            hub().refused.drop(actor.user.id, conflict.error.frame_id)
            _became(old.token, "saved")
    except DriveGridError as error:
        tell(str(error), wrong=True)


def _go_on(actor: Actor, spot: Spot) -> None:
    """Go to the next open frame of the queue; without one, stay."""
    if spot.queue is not None:
        after = -1 if spot.item is None else spot.item.place
        go(next_open(actor, spot.queue, after))


def step_to(actor: Actor, spot: Spot, step: str) -> None:
    """Go to the ``previous`` or the ``next`` frame, or ``skip`` this one; it is given back."""
    if step == "skip" and spot.queue is not None:
        _give_back(actor, spot)
        _go_on(actor, spot)
        tell("Skipped: the frame stays in the queue.")
        return
    distance = -1 if step == "previous" else 1
    found = beside(actor, spot, distance)
    if found is None:
        tell(NO_STEP[distance])
        return
    _give_back(actor, spot)
    st.session_state.pop("review-told", None)
    go(found)


def _give_back(actor: Actor, spot: Spot) -> None:
    if not spot.barred:
        actor.give_back(spot.frame.id)
