"""The job that writes a data set out of the store: a folder that appears whole, with a manifest."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.coverage import count_told
from drivegrid.dashboard.store.datasets import (
    DatasetRow,
    export_scenes,
    list_datasets,
    list_sources,
)
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.store.people import append_audit
from drivegrid.dashboard.store.reviewed import (
    count_since,
    count_statuses,
    count_verdicts,
    newest_event,
)
from drivegrid.dashboard.work import Beat, watched, within

from drivegrid.data.derive import copy_labels
from drivegrid.data.files import atomic_folder, walk_files, write_text
from drivegrid.data.formats import FORMATS, Format, Source, find_format
from drivegrid.data.pictures import PictureList, PictureMode, place_pictures
from drivegrid.data.scene import Scene
from drivegrid.data.sources import LabelSource
from drivegrid.data.target import Outcome, Target
from drivegrid.errors import ConfigError, FormatError

EXPORT = "export"
"""Kind of the job."""
CURRENT = "current"
"""Source that stands for what holds now: the reviewers' word, else the labels."""
ALL, ONLY_REVIEWED = "all", "reviewed"
MANIFEST = "manifest.json"
WRITABLE = tuple(name for name, known in FORMATS.items() if known.save is not None)
"""Names of the formats that can be written."""
MAX_NAME = 24
"""Letters of a data set's name that stay in the name of a folder."""
MAX_RECORDS = 20
"""Records that were set aside of which the result of the job tells; the manifest has all."""
_OF_SIZE = "without the picture"
"""What messages say about losses that the picture makes up for."""
WRITING, HASHING, PLACING = (0.0, 0.6), (0.6, 0.7), (0.7, 1.0)
"""From where to where in a job's progress its steps are."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported.

    Args:
        dataset: The data set.
        format: How labels are written.
        source_id: Whose word; None for what holds now.
        source: The name of that.
        pictures: Whether pictures are linked, copied or left where they are.
        reviewed: Only frames that were accepted or corrected.
    """

    dataset: DatasetRow
    format: Format
    source_id: int | None
    source: str
    pictures: PictureMode
    reviewed: bool


class Exporter:
    """Does jobs of the kind ``export``.

    Args:
        database: The store.
        folder: Where exports go, each into a folder of its own.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def run(self, job: Job, beat: Beat) -> dict[str, Any]:
        """Write a data set into a folder; return where it is, its counts and its losses.

        What an earlier try of the same job left is removed first.

        Raises:
            ConfigError: If the parameters are none of an export, or no frame is to be written.
            FormatError: If a scene cannot be read.
            OSError: If the disk is full or the folder cannot be written; then nothing is left.
        """
        order = read_order(self._database, job.parameters)
        statuses = count_statuses(self._database, order.dataset.id)
        before = newest_event(self._database)
        total, not_covered = self._count(order)
        name = f"{_letters(order.dataset.name)}-{_letters(order.format.name)}-{job.id}"
        made = self._folder.resolve() / name
        self._clear(name)
        with atomic_folder(made) as part, PictureList() as pictures:
            outcome = self._write(order, part, pictures, beat, total)
            paths = _files_in(part)
            files = [
                _hashed(path, part)
                for path in watched(within(beat, *HASHING), paths, len(paths), "files")
            ]
            written = sum(outcome.written.values())
            placing = watched(within(beat, *PLACING), pictures, written, "pictures")
            outcome.pictures = place_pictures(placing, part, order.pictures)
            _forget_sizes(outcome)
            manifest = {
                **self._said(order, statuses),
                "verdicts_while_written": count_since(self._database, order.dataset.id, before),
                "frames_not_covered": not_covered,
                "files": files,
                **outcome.counts(),
                "records": _records(outcome),
                "losses": [asdict(loss) for loss in outcome.losses],
            }
            write_text(part / MANIFEST, json.dumps(manifest, indent=1) + "\n")
            beat(1.0, "done")
            with self._database.write() as connection:
                details = {"format": order.format.name, "folder": name, "written": written}
                append_audit(connection, job.user_id, EXPORT, order.dataset.name, details)
        return {
            "folder": str(made),
            "manifest": str(made / MANIFEST),
            "counts": outcome.counts() | {"not_covered": not_covered},
            "records": _records(outcome)[:MAX_RECORDS],
            "verdicts_while_written": manifest["verdicts_while_written"],
        }

    def manifest(self, job: Job) -> Path:
        """Return where the manifest of an export lies that is done.

        Raises:
            FormatError: If it is not here: another machine made it, or somebody removed it.
        """
        path = self._folder / Path((job.result or {}).get("folder", "")).name / MANIFEST
        if not path.is_file():
            raise FormatError(
                "manifest must be on this machine, got none. Another may have made the export.",
                path,
            )
        return path

    def _count(self, order: Order) -> tuple[int, int]:
        """Return how many frames are to be written, and how many the source says nothing of.

        Raises:
            ConfigError: If there are none to write: such an export would say nothing.
        """
        total, not_covered = count_told(
            self._database, order.dataset.id, order.source_id, reviewed=order.reviewed
        )
        if total == 0:
            kind = "that was accepted or corrected" if order.reviewed else "to write"
            where = f"{order.dataset.name}, {order.source}"
            raise ConfigError(f"data set must have a frame {kind}, got none ({where}).")
        return total, not_covered

    def _clear(self, name: str) -> None:
        """Remove what an earlier try left: a hidden folder, or one that was done but not told."""
        for old in self._folder.glob(f".{name}.*.part"):
            shutil.rmtree(old)
        if (self._folder / name).exists():
            shutil.rmtree(self._folder / name)

    def _write(
        self, order: Order, folder: Path, pictures: PictureList, beat: Beat, total: int
    ) -> Outcome:
        """Write the labels, and note which pictures belong beside them."""
        root = order.dataset.root
        scenes = export_scenes(
            self._database, order.dataset.id, order.source_id, reviewed=order.reviewed
        )

        def noted() -> Iterator[Scene]:
            for scene in watched(within(beat, *WRITING), scenes, total, "frames"):
                pictures.add(root, scene.frame.image)
                yield scene

        in_store = replace(
            find_format("scene"), open=lambda _: Source(noted(), lambda scene: scene)
        )
        source = LabelSource(root / "labels in the store", in_store)
        return copy_labels(source, Target(folder, order.format, "none", root))

    def _said(self, order: Order, statuses: Mapping[str, int]) -> dict[str, Any]:
        return {
            "dataset": order.dataset.name,
            "source": order.source,
            "format": order.format.name,
            "only": ONLY_REVIEWED if order.reviewed else ALL,
            "drivegrid": version("drivegrid"),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "frames_by_status": dict(statuses),
            "verdicts_by_reviewer": count_verdicts(self._database, order.dataset.id),
        }


def read_order(database: Database, parameters: Mapping[str, Any]) -> Order:
    """Return what a job asks for.

    Raises:
        ConfigError: If there is no such data set, source, format or choice.
    """
    dataset_id, source_id = parameters.get("dataset_id"), parameters.get("source", CURRENT)
    datasets = {row.id: row for row in list_datasets(database)}
    if dataset_id not in datasets:
        raise ConfigError(f"data set must exist, got {dataset_id!r:.50}.")
    names = {row.id: row.name for row in list_sources(database, dataset_id)}
    if source_id != CURRENT and source_id not in names:
        raise ConfigError(f"source must be one of the data set, got {source_id!r:.50}.")
    format_name = _one_of("format", parameters.get("format"), WRITABLE)
    pictures = _one_of("pictures", parameters.get("pictures", "link"), get_args(PictureMode))
    only = _one_of("only", parameters.get("only", ALL), (ALL, ONLY_REVIEWED))
    current = source_id == CURRENT
    return Order(
        datasets[dataset_id],
        find_format(format_name),
        None if current else source_id,
        CURRENT if current else names[source_id],
        pictures,
        only == ONLY_REVIEWED,
    )


def _one_of(what: str, value: Any, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise ConfigError(f"{what} must be one of {', '.join(known)}, got {value!r:.50}.")
    return value


def _letters(name: str) -> str:
    """Return a name as plain letters, which no path is made of.

    >>> _letters("../Münich <drive>.json"), _letters("שלום")
    ('m-nich-drive-json', 'data')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_NAME].strip("-") or "data"


def _files_in(folder: Path) -> list[Path]:
    """Return the files of a folder; those of an export are there before its pictures."""
    found = list(walk_files(folder))
    unreadable = [one for one in found if isinstance(one, FormatError)]
    if unreadable:
        raise unreadable[0]
    return [one for one in found if isinstance(one, Path)]


def _hashed(path: Path, folder: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = path.relative_to(folder).as_posix()
    return {"name": name, "bytes": path.stat().st_size, "sha256": digest}


def _forget_sizes(outcome: Outcome) -> None:
    """A size that was left out is no loss where the picture lies beside."""
    if not outcome.pictures or outcome.pictures["missing"]:
        return
    for message in [one for one in outcome.loss_counts if _OF_SIZE in one]:
        del outcome.loss_counts[message]
    outcome.losses = [one for one in outcome.losses if _OF_SIZE not in one.message]


def _records(outcome: Outcome) -> list[dict[str, str | None]]:
    """Return what was set aside: which frame, and why."""
    return [{"frame": one.item, "message": one.message} for one in outcome.rejected]
