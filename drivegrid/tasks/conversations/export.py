"""A whole data set to a file of records; nothing is lost on the way without being counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivegrid.data.quarantine import Quarantine
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError
from drivegrid.tasks.conversations.convert import convert
from drivegrid.tasks.conversations.files import FORMS, save_records
from drivegrid.tasks.conversations.record import Record
from drivegrid.tasks.settings import ConversationConfig

__all__ = ["FORMS", "Exported", "export"]


@dataclass(slots=True)
class Exported:
    """What an export did.

    Args:
        quarantine: Counts the frames and holds those that were set aside.
        num_silent: Good frames that allow no question.
        counts: Records written, by kind of conversation.
    """

    quarantine: Quarantine = field(default_factory=Quarantine)
    num_silent: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "frames": self.quarantine.num_read,
            "quarantined": self.quarantine.num_rejected,
            "without_records": self.num_silent,
            "records": self.counts.total(),
            "tasks": dict(self.counts.most_common()),
        }


def export(
    scenes: Iterable[Scene | FormatError],
    path: str | Path,
    form: str,
    config: ConversationConfig,
) -> Exported:
    """Write the training records of scenes; memory stays flat in their number.

    Args:
        scenes: Scenes, or why a frame is set aside, as a ``Source`` yields them.
        path: File to write, see `save_records`.
        form: "ours", "llava", "swift" or "trl".
        config: Settings.

    Raises:
        FormatError: If the form or the file's suffix is unknown.
        MissingExtraError: If the path is Parquet and pyarrow is absent.
        OSError: If the file cannot be written; then it does not appear.
    """
    done = Exported()
    save_records(_records(scenes, config, done), path, form, config)
    return done


def _records(
    scenes: Iterable[Scene | FormatError], config: ConversationConfig, done: Exported
) -> Iterator[Record]:
    for number, found in enumerate(scenes):
        if isinstance(found, FormatError):
            done.quarantine.reject(found)
            continue
        try:
            records = convert(found, config)
        except FormatError as error:
            item = ", ".join(filter(None, (found.frame.image or f"frame {number}", error.item)))
            done.quarantine.reject(FormatError(error.message, error.path, error.line, item))
            continue
        done.quarantine.keep()
        done.num_silent += not records
        done.counts.update(record.task for record in records)
        yield from records
