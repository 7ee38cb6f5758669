"""Verdicts that were refused because the frame had changed, kept until their giver decides."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from drivegrid.dashboard.store.records import FrameRow
from drivegrid.dashboard.store.reviews import Event, StaleVersion, Verdict

MAX_KEPT = 1_000
"""Over all people; then the oldest goes."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A verdict that was refused because the frame had changed.

    Args:
        given: What the reviewer said; its version is the one that they saw.
        error: What was said meanwhile.
    """

    given: Verdict
    error: StaleVersion


class Refused:
    """What is to be decided, by person and frame; it outlives a reload of the page.

    It lies in the memory of the process: a correction that was refused is nobody's word yet.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Conflict] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, user_id: int, conflict: Conflict) -> None:
        """Keep a verdict in place of an older one of the same person on the same frame."""
        with self._lock:
            self._kept[user_id, conflict.error.frame_id] = conflict
            self._kept.move_to_end((user_id, conflict.error.frame_id))
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)

    def of(self, user_id: int, frame: FrameRow, log: tuple[Event, ...]) -> Conflict | None:
        """Return what a person has to decide on a frame, beside what holds there now.

        Args:
            user_id: The person.
            frame: The frame as it is now.
            log: What was said of it.
        """
        with self._lock:
            found = self._kept.get((user_id, frame.id))
        if found is None or found.error.version == frame.version:
            return found
        last = log[-1] if log else None
        now = StaleVersion(frame.id, found.given.version, frame.version, last)
        return replace(found, error=now)

    def drop(self, user_id: int, frame_id: int) -> None:
        """Forget what was to be decided on a frame."""
        with self._lock:
            self._kept.pop((user_id, frame_id), None)
