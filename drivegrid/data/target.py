"""Writing a data set, or its parts, into a folder that appears whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from drivegrid.data.files import atomic_folder
from drivegrid.data.formats import Format
from drivegrid.data.pictures import PictureList, PictureMode, place_pictures
from drivegrid.data.quarantine import MAX_LOSSES, Loss, Quarantine, Rejected, Saved
from drivegrid.data.scene import Scene
from drivegrid.data.sizing import AssumedSizes
from drivegrid.data.sources import LABEL_SUFFIXES, LabelSource, Watch
from drivegrid.errors import FormatError

WHOLE = "all"
"""Part of a data set that has no parts: it lies in the folder itself."""

Keep: TypeAlias = Callable[[int, LabelSource, Scene], bool | FormatError]
"""Whether the frame of a number, counted from 0, goes to a part, or why it is set aside."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a data set goes.

    Args:
        folder: New or empty folder.
        format: How labels are written there.
        pictures: Whether pictures are linked, copied or left where they are.
        root: Folder that the sources' image names are relative to; by default each source's own.
        watch: Told of each frame that is read.
    """

    folder: Path
    format: Format
    pictures: PictureMode = "link"
    root: Path | None = None
    watch: Watch = iter


@dataclass(slots=True)
class Outcome:
    """What was done: read = written + left + quarantined.

    Args:
        read: Frames found.
        written: Part to frames written; ``WHOLE`` where there are no parts.
        left: Frames that were not asked for.
        rejected: Frames set aside by reader or writer, with the reason.
        pictures: ``linked``, ``copied``, ``missing`` to pictures.
        losses: What written frames lost; the first of many.
        loss_counts: Message to number of losses, all of them.
        torn: Clips that stand in more than one part.
        assumed: Frames written whose size was assumed.
    """

    read: int = 0
    written: dict[str, int] = field(default_factory=dict)
    left: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    pictures: Counter[str] = field(default_factory=Counter)
    losses: list[Loss] = field(default_factory=list)
    loss_counts: Counter[str] = field(default_factory=Counter)
    torn: int = 0
    assumed: AssumedSizes = field(default_factory=AssumedSizes)

    def add(self, part: str, saved: Saved, folder: Path) -> None:
        """Count what a writer did with a part; it wrote where the folder was made, not there."""
        self.written[part] = saved.quarantine.num_kept
        self.rejected += [replace(one, path=str(folder)) for one in saved.quarantine.rejected]
        self.losses += saved.losses[: MAX_LOSSES - len(self.losses)]
        self.loss_counts += saved.loss_counts

    def counts(self) -> dict[str, Any]:
        """Return every number as JSON values."""
        return {
            "read": self.read,
            "written": sum(self.written.values()),
            "parts": self.written,
            "left": self.left,
            "quarantined": len(self.rejected),
            "torn_clips": self.torn,
            "pictures": dict(self.pictures),
            "loss_counts": dict(self.loss_counts.most_common()),
            "assumed_sizes": self.assumed.counts.total(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return counts, records and losses as JSON values."""
        return self.counts() | {
            "records": [asdict(record) for record in self.rejected],
            "losses": [asdict(loss) for loss in self.losses],
        }


def write_parts(
    sources: Sequence[LabelSource], target: Target, parts: Mapping[str, Keep]
) -> Outcome:
    """Write parts of data sets, each into a folder of its name; ``WHOLE`` into the folder itself.

    The sources are read once for each part, so that memory holds one frame at a time.

    Args:
        sources: Data sets, in order.
        target: Where the parts go.
        parts: Name of each part to what it keeps; no frame goes to two. Those of none are left.

    Raises:
        FormatError: If a source cannot be read, changes on the way or lies around the target, the
            target is not empty, or a part would have no frame; then nothing is written.
        OSError: If the disk is full or the folder cannot be written; then nothing is written.
    """
    save = target.format.save
    if save is None:
        raise FormatError(f"target must be of a format that is written, got {target.format.name}.")
    _check_folder(target.folder, sources)
    outcome = Outcome()
    with atomic_folder(target.folder) as work:
        for number, (part, keep) in enumerate(parts.items()):
            folder = work if part == WHOLE else work / part
            folder.mkdir(exist_ok=True)
            found = Quarantine()
            with PictureList() as pictures:
                scenes = _kept(sources, target, keep, pictures, found)
                saved = save(outcome.assumed.watch(scenes), labels_path(folder, target.format))
                outcome.pictures += place_pictures(pictures, folder, target.pictures)
            outcome.add(part, saved, target.folder)
            if number == 0:
                outcome.read = found.num_read
                outcome.rejected += found.rejected
            _check_part(part, found, outcome, sources)
    outcome.left = outcome.read - sum(outcome.written.values()) - len(outcome.rejected)
    return outcome


def labels_path(folder: Path, written: Format) -> Path:
    """Return where the labels of a data set lie in the folder that was made for it.

    >>> from drivegrid.data.formats import FORMATS
    >>> [labels_path(Path("lanes"), FORMATS[name]).name for name in ("culane", "tusimple")]
    ['lanes', 'labels.json']
    """
    return folder if written.path_is == "folder" else folder / f"labels{written.suffix}"


def _kept(
    sources: Sequence[LabelSource],
    target: Target,
    keep: Keep,
    pictures: PictureList,
    quarantine: Quarantine,
) -> Iterator[Scene]:
    """Yield the frames that a part keeps; count the good ones and set the others aside."""
    frames = ((source, found) for source in sources for _, found in source.placed())
    for number, (source, found) in enumerate(target.watch(frames)):
        kept = found if isinstance(found, FormatError) else keep(number, source, found)
        if isinstance(kept, FormatError):
            quarantine.reject(kept)
            continue
        quarantine.keep()
        if kept and not isinstance(found, FormatError):
            pictures.add(target.root or source.root, found.frame.image)
            yield found


def _check_part(
    part: str, found: Quarantine, outcome: Outcome, sources: Sequence[LabelSource]
) -> None:
    """Refuse a part without frames, and sources that are not what they were."""
    if found.num_read == 0:
        raise FormatError("labels must hold at least one frame, got none.", sources[0].path)
    if found.num_read != outcome.read:
        raise FormatError(
            f"labels must stay as they are while they are read, got {found.num_read} frames "
            f"after {outcome.read}.",
            sources[0].path,
        )
    if outcome.written[part] == 0 and part != WHOLE:
        raise FormatError(
            f"part {part} must get frames, got none. Choose other shares or another --seed, "
            "or let frames go one by one with --by frame.",
            sources[0].path,
        )


def _check_folder(folder: Path, sources: Sequence[LabelSource]) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FormatError("target must be a new or an empty folder. Choose another.", folder)
    if folder.name.endswith(LABEL_SUFFIXES):
        raise FormatError(
            "target must be a folder to make, got the name of a file. Labels get a name in it, "
            "beside their pictures; one file is written by `drivegrid data convert`.",
            folder,
        )
    for source in sources:
        if source.path.is_dir() and folder.resolve().is_relative_to(source.path.resolve()):
            raise FormatError(
                f"target must not lie in {source.path}, which is read. Choose another.", folder
            )
