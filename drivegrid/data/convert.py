"""From one label format to another; the target appears whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from drivegrid.data.files import atomic_folder, write_text
from drivegrid.data.formats import Source, find_format
from drivegrid.data.quarantine import Loss, Quarantine, Rejected
from drivegrid.data.scene import Scene
from drivegrid.errors import FormatError


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did: read = written + quarantined.

    Args:
        read: Frames found in the source.
        written: Frames in the target.
        rejected: Frames set aside by the reader or the writer, with the reason.
        losses: What written frames hold in the source but not in the target; the first of many.
        loss_counts: Message to number of losses, all of them.
    """

    read: int
    written: int
    rejected: list[Rejected]
    losses: list[Loss]
    loss_counts: dict[str, int]

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
            "loss_counts": self.loss_counts,
            "records": [asdict(record) for record in self.rejected],
            "losses": [asdict(loss) for loss in self.losses],
        }

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, atomically."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def convert(
    source: str | Path,
    source_format: str,
    target: str | Path,
    target_format: str,
    report_file: str | Path | None = None,
) -> Report:
    """Read labels of one format and write them as another. Pictures are not copied.

    A folder is made under a hidden name and moved into place at the end (see ``atomic_folder``). A
    file that is already there is replaced, unless the source reads it; a folder that is already
    there must be empty.

    Args:
        source: File or folder, as the format has it.
        source_format: A name in ``drivegrid.data.formats.FORMATS``.
        target: File or folder to make.
        target_format: A name in ``FORMATS``.
        report_file: Where to write the report, if anywhere.

    Raises:
        FormatError: If a format is unknown, the source cannot be read at all or holds no frame,
            or what would be written is read or written already; then nothing is written.
        OSError: If the disk is full or the folder cannot be written; then nothing is written.
    """
    reader, writer = find_format(source_format), find_format(target_format)
    save = writer.save
    if save is None:
        raise FormatError(f"target must be of a format that is written, got {target_format}.")
    source, target = Path(source), Path(target)
    if target.is_dir() and any(target.iterdir()):
        raise FormatError("target must be new or an empty folder. Choose another.", target)
    side = reader.side_read(source)
    read = _present(source, side, reader.side_written(source) if side else None)
    written = _present(target, writer.side_written(target))
    _check_written(written, read)
    if report_file is not None:
        _check_written([Path(report_file)], [*read, *written])
    quarantine = Quarantine()
    scenes = _good_scenes(reader.open(source), quarantine, source)
    if writer.path_is == "folder":
        with atomic_folder(target) as work:
            saved = save(scenes, work)
            if report_file is not None:
                _check_report(Path(report_file), target, work)
    else:
        saved = save(scenes, target)
    report = Report(
        read=quarantine.num_read,
        written=saved.quarantine.num_kept,
        rejected=quarantine.rejected
        + [replace(record, path=str(target)) for record in saved.quarantine.rejected],
        losses=saved.losses,
        loss_counts=dict(saved.loss_counts.most_common()),
    )
    if report_file is not None:
        report.save(report_file)
    return report


def _good_scenes(found: Source, quarantine: Quarantine, path: Path) -> Iterator[Scene]:
    """Yield the good frames of a data set; count them, and set the others aside.

    Raises:
        FormatError: At the end, if there was not a single frame, good or bad: likely a lost file.
    """
    for scene in found:
        if isinstance(scene, FormatError):
            quarantine.reject(scene)
        else:
            quarantine.keep()
            yield scene
    if quarantine.num_read == 0:
        raise FormatError("labels must hold at least one frame, got none.", path)


def _present(*paths: Path | None) -> list[Path]:
    return [path for path in paths if path is not None]


def _check_written(written: Iterable[Path], used: Sequence[Path]) -> None:
    """Refuse to write what is in use, under whatever name, or a file in a folder in use."""
    for path in written:
        for other in used:
            if _is_same(path, other) or (path.is_file() and _inside(path, other) is not None):
                raise FormatError(
                    f"file to write must not be read or written already, as {other} is. "
                    "Choose another name.",
                    path,
                )


def _is_same(path: Path, other: Path) -> bool:
    """Tell whether two names are one file, hard links included."""
    if path.exists() and other.exists():
        return path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)


def _inside(path: Path, folder: Path) -> Path | None:
    """Return the name of a path inside a folder; None if it lies elsewhere."""
    real, top = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    return real.relative_to(top) if top in real.parents else None


def _check_report(report_file: Path, target: Path, work: Path) -> None:
    """Refuse a report in place of a label file that is about to be moved to the target."""
    inside = _inside(report_file, target)
    if inside is not None and (work / inside).exists():
        raise FormatError("report must not replace what is converted. Choose another.", report_file)
