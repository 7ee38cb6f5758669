"""From one label format to another, in one process or many.

A file or folder appears whole or not at all; a folder of shards grows, and is done when its
manifest is there (see ``shard_writer``).
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

from drivegrid.data.engines import IN_PROCESS, Engine
from drivegrid.data.files import atomic_folder, write_text
from drivegrid.data.folders import as_folder, is_url, plain_path
from drivegrid.data.formats import Format, Source, find_format, parse_entry
from drivegrid.data.formats.scene import open_scene
from drivegrid.data.quarantine import Loss, Quarantine, Rejected, Saved
from drivegrid.data.scene import Scene
from drivegrid.data.shard_writer import FRAMES_PER_SHARD, make_config, write_shards
from drivegrid.data.shards import read_rejected
from drivegrid.data.sizing import AssumedSizes
from drivegrid.errors import FormatError

FRAMES_PER_JOB = 256
"""Frames that a worker parses at a time, where one process writes them."""
FRAMES_LOOKED_AT = 1000
"""How many frames of a source are looked at for assumed sizes, where workers write."""
MAX_REJECTED = 10_000
"""How many frames set aside from shards a report names; the quarantine beside them names all."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a conversion did: read = written + quarantined.

    Args:
        read: Frames found in the source.
        written: Frames in the target.
        rejected: Frames set aside by the reader or the writer, with the reason; of shards the
            first ``MAX_REJECTED``.
        losses: What written frames hold in the source but not in the target; the first of many.
        loss_counts: Message to number of losses, all of them.
        assumed: Frames whose size was assumed; of shards among the first ``FRAMES_LOOKED_AT``.
    """

    read: int
    written: int
    rejected: list[Rejected]
    losses: list[Loss]
    loss_counts: dict[str, int]
    assumed: AssumedSizes = field(default_factory=AssumedSizes)

    @property
    def quarantined(self) -> int:
        """How many frames were set aside."""
        return self.read - self.written

    def to_dict(self) -> dict[str, Any]:
        """Return counts, records and losses as JSON values."""
        return {
            "read": self.read,
            "written": self.written,
            "quarantined": self.quarantined,
            "loss_counts": self.loss_counts,
            "assumed_sizes": self.assumed.counts.total(),
            "records": [asdict(record) for record in self.rejected],
            "losses": [asdict(loss) for loss in self.losses],
        }

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, atomically."""
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")


def convert(
    source: str | Path,
    source_format: str | Format,
    target: str | Path,
    target_format: str,
    report_file: str | Path | None = None,
    engine: Engine = IN_PROCESS,
) -> Report:
    """Read labels of one format and write them as another. Pictures are not copied.

    A folder is made under a hidden name and moved into place at the end (see ``atomic_folder``). A
    file that is already there is replaced, unless the source reads it; a folder that is already
    there must be empty. Scenes in a folder are shards: workers write them, and the same call after
    a kill does what is left. For other targets workers parse and this process writes.

    Args:
        source: File or folder, as the format has it; shards may lie behind a URL.
        source_format: A name in ``drivegrid.data.formats.FORMATS``, or a format as `with_sizes`
            and `with_classes` give it.
        target: File or folder to make; shards may go to a URL (see ``is_shard_target``).
        target_format: A name in ``FORMATS``.
        report_file: Where to write the report, if anywhere.
        engine: Where it is done, and who is told of progress.

    Raises:
        FormatError: If a format is unknown, the source cannot be read at all or holds no frame,
            or what would be written is read or written already; then nothing is written.
        OSError: If the disk is full or the folder cannot be written; then nothing is written but
            finished shards.
    """
    reader = find_format(source_format) if isinstance(source_format, str) else source_format
    writer = find_format(target_format)
    source, target = plain_path(source), plain_path(target)
    if writer.save is None:
        raise FormatError(f"target must be of a format that is written, got {target_format}.")
    sharded = target_format == "scene" and is_shard_target(target)
    if not sharded and Path(target).is_dir() and any(Path(target).iterdir()):
        raise FormatError("target must be new or an empty folder. Choose another.", target)
    report_path = None if report_file is None else Path(report_file)
    _check_files(_files_read(source, reader), _files_written(target, writer), report_path)
    if sharded:
        if report_path is not None and _inside(report_path, Path(target)) is not None:
            raise FormatError("report must not lie among shards. Choose another.", report_path)
        report = _to_shards(source, reader, target, engine)
    else:
        scenes = _scenes(_open(source, reader), engine)
        report = _to_labels(scenes, Path(source), Path(target), writer, report_path)
    if report_path is not None:
        report.save(report_path)
    return report


def is_shard_target(target: str | Path) -> bool:
    """Tell whether scenes written to a path are a folder of shards, not one file.

    >>> [is_shard_target(path) for path in ("s3://bucket/a", "shards", "a.b/", "a.jsonl", "a.txt")]
    [True, True, True, False, False]
    """
    path = Path(target)
    return is_url(target) or str(target).endswith("/") or path.is_dir() or not path.suffix


def _open(source: str | Path, reader: Format) -> Source:
    return open_scene(source) if is_url(source) else reader.open(Path(source))


def _to_shards(source: str | Path, reader: Format, target: str | Path, engine: Engine) -> Report:
    found, read = _open(source, reader), 0

    def counted() -> Iterator[Any]:
        nonlocal read
        for entry in found.entries:
            read += 1
            yield entry

    entries = counted()
    for first in islice(entries, 1):
        config = make_config(Path(os.path.realpath(source)).name, reader.name, FRAMES_PER_SHARD)
        config |= {"reading": reader.reading} if reader.reading else {}
        folder = as_folder(target)
        manifest = write_shards(chain([first], entries), found.parse, folder, config, engine)
        assumed = AssumedSizes()
        deque(assumed.watch(islice(_open(source, reader), FRAMES_LOOKED_AT)), maxlen=0)
        rejected = read_rejected(folder, MAX_REJECTED)
        return Report(read, manifest.count, rejected, [], {}, assumed)
    raise _no_frame(source)


def _to_labels(
    scenes: Iterable[Scene | FormatError],
    source: Path,
    target: Path,
    writer: Format,
    report_file: Path | None,
) -> Report:
    """Write scenes from this process, one by one."""
    quarantine, assumed = Quarantine(), AssumedSizes()
    good = assumed.watch(_good_scenes(scenes, quarantine, source))
    save = cast("Callable[[Iterable[Scene], Path], Saved]", writer.save)
    if writer.path_is == "folder":
        with atomic_folder(target) as work:
            saved = save(good, work)
            if report_file is not None:
                _check_report(report_file, target, work)
    else:
        saved = save(good, target)
    return Report(
        read=quarantine.num_read,
        written=saved.quarantine.num_kept,
        rejected=quarantine.rejected
        + [replace(record, path=str(target)) for record in saved.quarantine.rejected],
        losses=saved.losses,
        loss_counts=dict(saved.loss_counts.most_common()),
        assumed=assumed,
    )


def _scenes(source: Source, engine: Engine) -> Iterator[Scene | FormatError]:
    """Yield each frame, parsed by an engine's workers, in order."""
    jobs = iter(lambda: list(islice(source.entries, FRAMES_PER_JOB)), [])
    for found in engine.map(partial(_parse_all, source.parse), jobs):
        yield from found
        engine.progress(len(found))


def _parse_all(parse: Callable[[Any], Scene], entries: Sequence[Any]) -> list[Scene | FormatError]:
    return [parse_entry(parse, entry) for entry in entries]


def _good_scenes(
    found: Iterable[Scene | FormatError], quarantine: Quarantine, path: Path
) -> Iterator[Scene]:
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
        raise _no_frame(path)


def _no_frame(source: str | Path) -> FormatError:
    return FormatError("labels must hold at least one frame, got none.", source)


def _files_read(source: str | Path, reader: Format) -> list[Path]:
    """Return the files of this machine that a source is read from, or would be."""
    if is_url(source):
        return []
    side = reader.side_read(Path(source))
    return _present(Path(source), side, reader.side_written(Path(source)) if side else None)


def _files_written(target: str | Path, writer: Format) -> list[Path]:
    return [] if is_url(target) else _present(Path(target), writer.side_written(Path(target)))


def _check_files(read: list[Path], written: list[Path], report_file: Path | None) -> None:
    _check_written(written, read)
    if report_file is not None:
        _check_written([report_file], [*read, *written])


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
