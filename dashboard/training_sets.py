"""The job that makes a training set of reviewed frames: parts to learn from and to judge by.

Frames go by clip, and what looks like a frame that judges is not learnt from.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store.datasets import DatasetRow, export_scenes, list_datasets
from drivegrid.dashboard.store.jobs import Job
from drivegrid.dashboard.store.people import append_audit
from drivegrid.dashboard.store.reviewed import count_verdicts, splits
from drivegrid.dashboard.work import Beat

from drivegrid.data.benchmark import file_hash
from drivegrid.data.files import atomic_folder, write_text
from drivegrid.data.images import load_image
from drivegrid.data.leaks import Print, find_twins, picture_print
from drivegrid.data.parts import group_of, held_out
from drivegrid.data.pictures import place_pictures
from drivegrid.data.scene import Scene
from drivegrid.data.store import save_scenes
from drivegrid.errors import ConfigError, FormatError
from drivegrid.tasks.table import TASKS

TRAINING_SET = "training-set"
"""Kind of the job."""
TRAIN, HELD_OUT = "train", "held-out"
LABELS = "labels.jsonl"
MANIFEST = "set.json"
"""Not ``manifest.json``: a folder with that and labels is taken for a split of the benchmark."""
SHARES = (0.1, 0.2, 0.3, 0.5)
"""Of the clips that judge."""
MAX_TOLD = 50
"""Frames that were set aside of which the result of the job tells; the manifest has all."""
LOOKING, PLACING = 0.8, 0.9
"""How far a job is once every picture was looked at, and once the labels are written."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A reviewed frame that is in no part, and why.

    Args:
        frame: Name of its picture.
        why: In words.
    """

    frame: str
    why: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Reviewed frames, dealt out: none is lost.

    Args:
        train: To learn from.
        held_out: To judge by.
        aside: In neither.
    """

    train: tuple[Scene, ...]
    held_out: tuple[Scene, ...]
    aside: tuple[Aside, ...]


class SetBuilder:
    """Does jobs of the kind ``training-set``.

    Args:
        database: The store.
        folder: Where sets go, each into a folder of its own.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder

    def run(self, job: Job, beat: Beat) -> dict[str, Any]:
        """Make a set of the frames of a data set that were accepted or corrected.

        Raises:
            ConfigError: If there is no such data set, or too little was reviewed.
            FormatError: If a scene cannot be read.
            OSError: If the disk is full or the folder cannot be written; then nothing is left.
        """
        dataset, share = self._asked(job.parameters)
        scenes = list(export_scenes(self._database, dataset.id, reviewed=True))
        if not scenes:
            raise ConfigError(
                f"data set must have frames that were accepted or corrected, got none "
                f"({dataset.name}). Review some first."
            )
        prints, broken = _looked_at(scenes, dataset.root, beat)
        sound = [scene for scene in scenes if scene.frame.image in prints]
        names = splits(self._database, dataset.id)
        parts = deal(sound, prints, names, share)
        asked = _asked_of(parts.held_out)
        if not asked:
            raise ConfigError(
                "frames that judge must hold lanes, objects, signs or drivable area, got none "
                f"({len(parts.held_out)} frames). Label some, or take a larger share."
            )
        aside = (*broken, *parts.aside)
        target = self._folder.resolve() / f"set-{job.id}"
        shutil.rmtree(target, ignore_errors=True)  # an earlier try, done but not told
        with atomic_folder(target) as part:
            beat(LOOKING, "writing labels")
            counts = self._write(part, dataset, parts)
            counts |= {"reviewed": len(scenes), "aside": len(aside)}
            counts["asked"] = asked
            said = self._said(dataset, share) | {"counts": counts}
            told = said | {"aside": [asdict(one) for one in aside], "files": _hashes(part)}
            write_text(part / MANIFEST, json.dumps(told, indent=1) + "\n")
            beat(1.0, "done")
            with self._database.write() as connection:
                append_audit(connection, job.user_id, TRAINING_SET, dataset.name, counts)
        few = [asdict(one) for one in aside[:MAX_TOLD]]
        return {"folder": str(target), "counts": counts, "aside": few}

    def _asked(self, parameters: Mapping[str, Any]) -> tuple[DatasetRow, float]:
        dataset_id, share = parameters.get("dataset_id"), parameters.get("held_out", 0.2)
        datasets = {row.id: row for row in list_datasets(self._database)}
        if dataset_id not in datasets:
            raise ConfigError(f"data set must exist, got {dataset_id!r:.50}.")
        if share not in SHARES:
            raise ConfigError(f"held-out share must be one of {SHARES}, got {share!r:.50}.")
        return datasets[dataset_id], share

    def _write(self, folder: Path, dataset: DatasetRow, parts: Parts) -> dict[str, Any]:
        counts: dict[str, Any] = {}
        pictures: Counter[str] = Counter()
        for name, scenes in ((TRAIN, parts.train), (HELD_OUT, parts.held_out)):
            counts[name] = save_scenes(scenes, folder / name / LABELS)
            images = [(dataset.root, scene.frame.image) for scene in scenes]
            pictures += place_pictures(images, folder / name, "link")
        return counts | {"pictures": dict(pictures)}

    def _said(self, dataset: DatasetRow, share: float) -> dict[str, Any]:
        return {
            "dataset": dataset.name,
            "dataset_id": dataset.id,
            "held_out": share,
            "drivegrid": version("drivegrid"),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "verdicts_by_reviewer": count_verdicts(self._database, dataset.id),
        }


def deal(
    scenes: Sequence[Scene], prints: Mapping[str, Print], names: Mapping[str, str], share: float
) -> Parts:
    """Deal reviewed frames out to learn from and to judge by.

    Frames that their data set keeps for testing are in neither part. Those of its ``val`` judge;
    if there are any, no others do. Else a share of the clips judges. A frame that is nearly the
    same picture as one that judges or tests is set aside.

    Args:
        scenes: What was reviewed.
        prints: Print of each picture by its name.
        names: Split of each frame that has one, by the name of its picture.
        share: Of the clips.

    Raises:
        ConfigError: If there are too few clips, or nothing would be left to learn from.
    """
    split = {scene.frame.image: names.get(scene.frame.image) for scene in scenes}
    tests = [scene for scene in scenes if split[scene.frame.image] == "test"]
    rest = [scene for scene in scenes if split[scene.frame.image] != "test"]
    judges = {scene.frame.image for scene in rest if split[scene.frame.image] == "val"}
    if not judges:
        groups = held_out({group_of(scene.frame, "clip") for scene in rest}, share, seed=0)
        judges = {s.frame.image for s in rest if group_of(s.frame, "clip") in groups}
    learnt = [scene for scene in rest if scene.frame.image not in judges]
    judging = [scene for scene in rest if scene.frame.image in judges]
    kept = [Aside(scene.frame.image, "its data set keeps it for testing") for scene in tests]
    leaks = _leaks(learnt, [*judging, *tests], prints)
    train = tuple(scene for scene in learnt if scene.frame.image not in leaks)
    if not train:
        raise ConfigError(
            "set must have frames to learn from, got none: all look like frames that judge "
            f"({len(learnt)}). Review frames of other places."
        )
    aside = (*kept, *(Aside(name, why) for name, why in leaks.items()))
    return Parts(train, tuple(judging), aside)


def _leaks(
    learnt: Sequence[Scene], judging: Sequence[Scene], prints: Mapping[str, Print]
) -> dict[str, str]:
    """Return which frames to learn from are nearly the same as one that judges, and which one."""
    found = find_twins(
        [prints[scene.frame.image] for scene in learnt],
        [prints[scene.frame.image] for scene in judging],
    )
    return {
        learnt[twin.index].frame.image: "nearly the same picture as "
        f"{judging[twin.other].frame.image}, which judges ({twin.bits} of 256 bits differ)"
        for twin in found
    }


def _looked_at(
    scenes: Sequence[Scene], root: Path, beat: Beat
) -> tuple[dict[str, Print], list[Aside]]:
    """Return the print of each picture, and the frames whose picture cannot be learnt from."""
    prints, broken = {}, []
    for number, scene in enumerate(scenes):
        name = scene.frame.image
        beat(LOOKING * number / len(scenes), f"pictures {number:,} of {len(scenes):,}")
        try:
            picture = load_image(root / name)
        except FormatError as error:
            broken.append(Aside(name, str(error)))
            continue
        size_wh = picture.shape[1], picture.shape[0]
        if size_wh != scene.frame.size_wh:
            why = f"picture must be {scene.frame.size_wh} as its labels say, got {size_wh}"
            broken.append(Aside(name, why))
            continue
        prints[name] = picture_print(picture)
    return prints, broken


def _asked_of(scenes: Sequence[Scene]) -> dict[str, int]:
    """Return how many frames hold what each task asks for, of the tasks that any does."""
    counts = {
        name: sum(any(True for _ in task.instances(scene)) for scene in scenes)
        for name, task in TASKS.items()
    }
    return {name: count for name, count in counts.items() if count}


def _hashes(folder: Path) -> list[dict[str, Any]]:
    """Return hashes of the labels; pictures are links to where they were."""
    labels: Iterable[Path] = (folder / TRAIN / LABELS, folder / HELD_OUT / LABELS)
    return [
        {"name": path.relative_to(folder).as_posix(), "sha256": file_hash(path)} for path in labels
    ]
