"""From one label format to another; the target appears whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from drivegrid.data.files import atomic_folder, write_text
from drivegrid.data.formats import find_format
from drivegrid.data.quarantine import Loss, Rejected, count_losses
from drivegrid.errors import FormatError


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did: read = written + quarantined.

    Args:
        read: Frames found in the source.
        written: Frames in the target.
        rejected: Frames set aside by the reader or the writer, with the reason.
        losses: What written frames hold in the source but not in the target.
    """

    read: int
    written: int
    rejected: list[Rejected]
    losses: list[Loss]

    @property
    def quarantined(self) -> int:
        """How many frames were set aside."""
        return len(self.rejected)

    def to_dict(self) -> dict[str, Any]:
        """Return counts, records and losses as JSON values."""
        return {
            "read": self.read,
            "written": self.written,
            "quarantined": self.quarantined,
            "loss_counts": count_losses(self.losses),
            "records": [asdict(record) for record in self.rejected],
            "losses": [asdict(loss) for loss in self.losses],
        }

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, atomically."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def convert(
    source: str | Path, source_format: str, target: str | Path, target_format: str
) -> Report:
    """Read labels of one format and write them as another. Pictures are not copied.

    A folder is made under a hidden name and moved into place at the end (see ``atomic_folder``). A
    file that is already there is replaced; a folder that is already there must be empty.

    Args:
        source: File or folder, as the format has it.
        source_format: A name in ``drivegrid.data.formats.FORMATS``.
        target: File or folder to make.
        target_format: A name in ``FORMATS``.

    Raises:
        FormatError: If a format is unknown, the source cannot be read at all, or the target is
            the source or a folder with content; then nothing is written.
        OSError: If the disk is full or the folder cannot be written; then nothing is written.
    """
    reader, writer = find_format(source_format), find_format(target_format)
    source, target = Path(source), Path(target)
    if target.resolve() == source.resolve() or (target.is_dir() and any(target.iterdir())):
        raise FormatError("target must be new or an empty folder. Choose another.", target)
    loaded = reader.load(source)
    if writer.is_folder:
        with atomic_folder(target) as work:
            saved = writer.save(loaded.scenes, work)
    else:
        saved = writer.save(loaded.scenes, target)
    return Report(
        read=loaded.quarantine.num_read,
        written=saved.quarantine.num_kept,
        rejected=loaded.quarantine.rejected
        + [replace(record, path=str(target)) for record in saved.quarantine.rejected],
        losses=saved.losses,
    )
