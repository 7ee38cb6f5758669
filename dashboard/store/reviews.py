"""Verdicts on frames: an event log that is only added to, and the state that it amounts to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import (
    datasets,
    events,
    frames,
    queue_items,
    shapes,
    sources,
    users,
)
from drivegrid.dashboard.store.facts_now import follow_facts
from drivegrid.dashboard.store.leases import check_lease, locked_frame
from drivegrid.dashboard.store.records import from_records, shape_values, to_records

from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError

VerdictKind: TypeAlias = Literal["accept", "correct", "reject"]
Record: TypeAlias = dict[str, Any]
REVIEW = "review"
"""Kind and name of the source that holds what reviewers drew."""
NEW: Record = {"status": "new", "shapes": None}
NO_LEASE = {"lease_by": None, "lease_until": None}


@dataclass(frozen=True)
class Verdict:
    """What a reviewer says of a frame.

    Args:
        kind: ``accept``: right as shown; ``correct``: these shapes are; ``reject``: of no use.
        version: Of the frame that the reviewer saw.
        token: Made by the client for this verdict, so that a repeated request counts once.
        shapes: All that is in the frame, with ``correct`` and only then.
        note: Free text.

    Raises:
        ConfigError: If these do not go together.
    """

    kind: VerdictKind
    version: int
    token: str
    shapes: tuple[Instance, ...] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("accept", "correct", "reject"):
            raise ConfigError(f"verdict must be accept, correct or reject, got {self.kind!r:.50}.")
        if (self.kind == "correct") != (self.shapes is not None):
            raise ConfigError(f"shapes must come with correct and only then, got {self.kind}.")
        _check_text(self.token, "token")
        _check_text(self.note, "note")
        if not self.token:
            raise ConfigError("token must be a text of the client's own, got none.")


@dataclass(frozen=True)
class State:
    """What a frame has been found to be.

    Args:
        status: One of ``schema.STATUSES``.
        shapes: What reviewers drew; None where the labels were never corrected.
    """

    status: str
    shapes: tuple[Instance, ...] | None


@dataclass(frozen=True)
class Event:
    """One entry of a frame's log; ``undoes`` is the id of the event that an undo takes back."""

    id: int
    verdict: str
    user_id: int
    user: str
    at: int
    note: str
    before: State
    after: State
    version: int
    undoes: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request led to; repeating the request gives the same."""

    event_id: int
    frame_id: int
    status: str
    version: int
    at: int


@dataclass(frozen=True)
class Review:
    """What a log amounts to: the state, and whose verdict it is."""

    state: State = State("new", None)
    version: int = 0
    reviewed_by: int | None = None
    reviewed_at: int | None = None


class StaleVersion(StoreError):
    """The frame changed after the reviewer saw it.

    Args:
        frame_id: The frame.
        given: The version that the reviewer saw.
        version: The version now.
        last: What was said meanwhile, by whom, when, and what the frame is now.
    """

    def __init__(self, frame_id: int, given: int, version: int, last: Event | None) -> None:
        self.frame_id, self.given, self.version, self.last = frame_id, given, version, last
        told = ""
        if last is not None:
            when = datetime.fromtimestamp(last.at / 1000, UTC)
            told = f" {last.user} said {last.verdict} at {when:%Y-%m-%d %H:%M} UTC."
        super().__init__(
            f"version must be {version}, the frame's own, got {given} (frame {frame_id}).{told} "
            "Look at the frame again."
        )


def verdict(database: Database, frame_id: int, user_id: int, given: Verdict) -> Outcome:
    """Write what a reviewer says of a frame, release it and finish it in its queues.

    To accept a frame that was corrected is to accept the correction: it stays ``corrected``.

    Returns:
        The outcome; that of the first request if the token was used on this frame before.

    Raises:
        StaleVersion: If the frame changed since the reviewer saw it; carries both sides.
        Leased: If another reviewer works on it.
        FormatError: If the shapes hold what cannot be stored.
        StoreError: If there is no such frame, or the token was used on another.
    """
    drawn = None if given.shapes is None else to_records(given.shapes)
    with database.write() as connection:
        frame = locked_frame(connection, frame_id)
        repeated = _first_outcome(connection, frame_id, given.token)
        if repeated is not None:
            return repeated
        _check_version(connection, frame, given.version)
        check_lease(connection, frame, user_id)
        at, before = _last(connection, frame_id)
        event = {
            "frame_id": frame_id,
            "user_id": user_id,
            "at": at,
            "verdict": given.kind,
            "note": given.note,
            "before": before,
            "after": _after(given.kind, before, drawn),
            "version": given.version + 1,
            "undoes": None,
            "token": given.token,
        }
        reviewed = {"reviewed_by": user_id, "reviewed_at": at}
        outcome = _append(connection, frame, event, {**reviewed, **NO_LEASE})
        open_items = (queue_items.c.frame_id == frame_id) & queue_items.c.done_at.is_(None)
        connection.execute(sa.update(queue_items).where(open_items).values(done_at=at))
        return outcome


def undo(database: Database, frame_id: int, user_id: int, token: str, version: int) -> Outcome:
    """Take back the last verdict on a frame that is not taken back yet, whoever gave it.

    Status, shapes and reviewer are again what they were before it, and the queues that it finished
    the frame in have it again. Undoing once more goes one verdict further back.

    Raises:
        StaleVersion: If the frame changed since the reviewer saw it.
        Leased: If another reviewer works on it.
        StoreError: If there is nothing to take back, no such frame, or the token was used on
            another.
    """
    _check_text(token, "token")
    with database.write() as connection:
        frame = locked_frame(connection, frame_id)
        repeated = _first_outcome(connection, frame_id, token)
        if repeated is not None:
            return repeated
        _check_version(connection, frame, version)
        check_lease(connection, frame, user_id)
        standing = _standing(connection, frame_id)
        if not standing:
            raise StoreError(f"frame must have a verdict to undo, got none (frame {frame_id}).")
        undone, earlier = standing[0], standing[1] if len(standing) > 1 else None
        at, before = _last(connection, frame_id)
        event = {
            "frame_id": frame_id,
            "user_id": user_id,
            "at": at,
            "verdict": "undo",
            "note": "",
            "before": before,
            "after": undone.before,
            "version": version + 1,
            "undoes": undone.id,
            "token": token,
        }
        reviewed = {
            "reviewed_by": None if earlier is None else earlier.user_id,
            "reviewed_at": None if earlier is None else earlier.at,
        }
        outcome = _append(connection, frame, event, reviewed)
        finished = (queue_items.c.frame_id == frame_id) & (queue_items.c.done_at == undone.at)
        connection.execute(sa.update(queue_items).where(finished).values(done_at=None))
        return outcome


def history(database: Database, frame_id: int) -> tuple[Event, ...]:
    """Return all that was ever said of a frame, oldest first."""
    with database.read() as connection:
        rows = connection.execute(_log(frame_id).order_by(events.c.id))
        return tuple(_event(row) for row in rows)


def replay(log: Iterable[Event]) -> Review:
    """Return what a frame's log amounts to, worked out from its verdicts alone.

    It is what ``frames`` and the reviewers' shapes must hold.
    """
    standing, version = [(0, Review())], 0
    for event in log:
        version = event.version
        if event.verdict == "undo":
            standing.pop()
            continue
        shapes = event.after.shapes if event.verdict == "correct" else standing[-1][1].state.shapes
        right = "accepted" if shapes is None else "corrected"
        status = "rejected" if event.verdict == "reject" else right
        review = Review(State(status, shapes), version, event.user_id, event.at)
        standing.append((event.id, review))
    last = standing[-1][1]
    return Review(last.state, version, last.reviewed_by, last.reviewed_at)


def _check_text(value: str, what: str) -> None:
    if "\x00" in value:
        raise ConfigError(f"{what} must be a text without null bytes, got {value!r:.100}.")


def _after(kind: VerdictKind, before: Record, drawn: list[Record] | None) -> Record:
    shapes = drawn if kind == "correct" else before["shapes"]
    right = "accepted" if shapes is None else "corrected"
    return {"status": "rejected" if kind == "reject" else right, "shapes": shapes}


def _first_outcome(connection: sa.Connection, frame_id: int, token: str) -> Outcome | None:
    """Return what the token led to before; None if it is new."""
    event = connection.execute(sa.select(events).where(events.c.token == token)).one_or_none()
    if event is None:
        return None
    if event.frame_id != frame_id:
        raise StoreError(f"token must be a new one for each verdict, got {token!r:.100} again.")
    return Outcome(event.id, frame_id, event.after["status"], event.version, event.at)


def _check_version(connection: sa.Connection, frame: sa.Row[Any], given: int) -> None:
    if given == frame.version:
        return
    rows = connection.execute(_log(frame.id).order_by(events.c.id.desc()).limit(1)).one_or_none()
    raise StaleVersion(frame.id, given, frame.version, None if rows is None else _event(rows))


def _last(connection: sa.Connection, frame_id: int) -> tuple[int, Record]:
    """Return the time of the next event, later than any before, and the state now."""
    chosen = sa.select(events.c.at, events.c.after).where(events.c.frame_id == frame_id)
    row = connection.execute(chosen.order_by(events.c.id.desc()).limit(1)).one_or_none()
    return (now_ms(), NEW) if row is None else (max(now_ms(), row.at + 1), row.after)


def _standing(connection: sa.Connection, frame_id: int) -> list[sa.Row[Any]]:
    """Return the last two verdicts that are not undone, the last one first."""
    here = events.c.frame_id == frame_id
    undone = sa.select(events.c.undoes).where(here, events.c.undoes.is_not(None))
    chosen = sa.select(events).where(here, events.c.verdict != "undo", events.c.id.not_in(undone))
    return list(connection.execute(chosen.order_by(events.c.id.desc()).limit(2)))


def _append(
    connection: sa.Connection, frame: sa.Row[Any], event: Record, values: Mapping[str, Any]
) -> Outcome:
    """Add an event to the log, and bring the frame, its facts and reviewers' shapes to its state.

    ``values`` are what else the frame's row is to hold.
    """
    before, after = event["before"], event["after"]
    event_id = connection.execute(sa.insert(events).values(event)).inserted_primary_key.id
    if after["shapes"] != before["shapes"]:
        _replace_shapes(connection, frame, after["shapes"] or [])
        follow_facts(connection, frame, after["shapes"])
    row = {**values, "status": after["status"], "version": event["version"]}
    connection.execute(sa.update(frames).where(frames.c.id == frame.id).values(row))
    return Outcome(event_id, frame.id, after["status"], event["version"], event["at"])


def _replace_shapes(connection: sa.Connection, frame: sa.Row[Any], records: list[Record]) -> None:
    source_id = _review_source(connection, frame.dataset_id)
    old = (shapes.c.frame_id == frame.id) & (shapes.c.source_id == source_id)
    connection.execute(sa.delete(shapes).where(old))
    rows = shape_values({"instances": records}, frame.id, source_id)
    if rows:
        connection.execute(sa.insert(shapes), rows)


def _review_source(connection: sa.Connection, dataset_id: int) -> int:
    """Return the id of the data set's source of reviewers' shapes; it is made on first use."""
    chosen = sa.select(sources.c.id).where(
        sources.c.dataset_id == dataset_id, sources.c.kind == REVIEW
    )
    found = connection.scalar(chosen)
    if found is None:  # two may find none at once: the second waits here for the first
        whole = sa.select(datasets.c.id).where(datasets.c.id == dataset_id)
        connection.execute(whole.with_for_update(key_share=True))
        found = connection.scalar(chosen)
    if found is None:
        row = {"dataset_id": dataset_id, "name": REVIEW, "kind": REVIEW, "details": {}}
        made = connection.execute(sa.insert(sources).values(**row, created_at=now_ms()))
        found = made.inserted_primary_key.id
    return int(found)


def _log(frame_id: int) -> sa.Select[Any]:
    joined = events.join(users, users.c.id == events.c.user_id)
    chosen = sa.select(events, users.c.name.label("user")).select_from(joined)
    return chosen.where(events.c.frame_id == frame_id)


def _event(row: sa.Row[Any]) -> Event:
    return Event(
        row.id,
        row.verdict,
        row.user_id,
        row.user,
        row.at,
        row.note,
        _state(row.before),
        _state(row.after),
        row.version,
        row.undoes,
    )


def _state(record: Record) -> State:
    drawn = record["shapes"]
    return State(record["status"], None if drawn is None else from_records(drawn))
