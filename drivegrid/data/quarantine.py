"""Records that were set aside, with the reason: read = kept + quarantined, always."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from drivegrid.data.files import write_text
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError


@dataclass(frozen=True, slots=True)
class Rejected:
    """One record that was set aside.

    Args:
        path: File it stands in.
        message: What must hold and what was found.
        line: 1-based line in the file, if there are lines.
        item: What inside the line is wrong, for example ``"lane 2"``.
    """

    path: str
    message: str
    line: int | None = None
    item: str | None = None


@dataclass(slots=True)
class Quarantine:
    """Collects rejected records and counts the kept ones.

    A record is a frame: one label file of CULane, one line of TuSimple. One wrong lane sets the
    whole frame aside, since a frame with a lane missing would teach that no lane is there.

    >>> quarantine = Quarantine()
    >>> quarantine.keep(2)
    >>> quarantine.reject(FormatError("lane must have an even count, got 3", "a.txt", 1, "lane 0"))
    >>> quarantine.num_read, quarantine.num_kept, quarantine.num_rejected
    (3, 2, 1)
    """

    rejected: list[Rejected] = field(default_factory=list)
    num_kept: int = 0

    def keep(self, count: int = 1) -> None:
        """Count records that were good."""
        self.num_kept += count

    def reject(self, error: FormatError) -> None:
        """Set one record aside for an error that says where it stands."""
        path = "" if error.path is None else str(error.path)
        self.rejected.append(Rejected(path, error.message, error.line, error.item))

    @property
    def num_rejected(self) -> int:
        """How many records were set aside."""
        return len(self.rejected)

    @property
    def num_read(self) -> int:
        """How many records there were."""
        return self.num_kept + self.num_rejected

    def to_dict(self) -> dict[str, Any]:
        """Return counts and records as JSON values."""
        return {
            "read": self.num_read,
            "kept": self.num_kept,
            "quarantined": self.num_rejected,
            "records": [asdict(record) for record in self.rejected],
        }

    def save(self, path: str | Path) -> None:
        """Write counts and records as JSON, atomically."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a reader found: the good scenes and, apart from them, what was set aside."""

    scenes: list[Scene]
    quarantine: Quarantine

    def require_frames(self, path: str | Path) -> None:
        """Refuse labels without any frame, good or bad: likely a wrong or lost file.

        Args:
            path: Where they were read, for the message.

        Raises:
            FormatError: If nothing was read.
        """
        if self.quarantine.num_read == 0:
            raise FormatError("labels must hold at least one frame, got none.", path)


@dataclass(frozen=True, slots=True)
class Loss:
    """Something a target format cannot hold.

    Args:
        image: Frame it belongs to.
        message: What was left out; equal for equal causes, so that causes can be counted.
        item: Which instance, for example ``"instance 3 (obstacle/cone)"``; None for the frame.
    """

    image: str
    message: str
    item: str | None = None


MAX_LOSSES = 10_000
"""How many losses are kept one by one; all are counted."""


@dataclass(slots=True)
class Saved:
    """What a writer did.

    Args:
        quarantine: Counts the frames written and holds those that could not be written at all.
        losses: What written frames lost, the first ``MAX_LOSSES`` of them.
        loss_counts: Message to number of losses, all of them.

    >>> saved = Saved()
    >>> saved.lose([Loss("a.jpg", "a box"), Loss("b.jpg", "a mask"), Loss("b.jpg", "a box")])
    >>> saved.loss_counts.most_common()
    [('a box', 2), ('a mask', 1)]
    """

    quarantine: Quarantine = field(default_factory=Quarantine)
    losses: list[Loss] = field(default_factory=list)
    loss_counts: Counter[str] = field(default_factory=Counter)

    def lose(self, losses: Iterable[Loss]) -> None:
        """Note what a written frame lost."""
        for loss in losses:
            self.loss_counts[loss.message] += 1
            if len(self.losses) < MAX_LOSSES:
                self.losses.append(loss)
