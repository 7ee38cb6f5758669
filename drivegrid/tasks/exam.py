"""What a model is examined on: labelled frames with their pictures, and what is asked of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from drivegrid.data.attributes import attribute_questions
from drivegrid.data.expressions import Expression, kind_of
from drivegrid.data.scene import Scene
from drivegrid.data.sources import LabelSource, find_sources
from drivegrid.data.split import Split, is_split, load_split
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import Geometry
from drivegrid.metrics.rules.expressions import expressions_of
from drivegrid.tasks.conversations.talk import answer_shape
from drivegrid.tasks.lanes import Lanes
from drivegrid.tasks.scoring import asked_part
from drivegrid.tasks.table import SCORED

LanesAsked: TypeAlias = Literal["all", "ego"]
EGO_LINES = 2


@dataclass(frozen=True)
class Exam:
    """Frames with labels and pictures.

    Args:
        split: (N,) scenes, their referring expressions and attribute questions.
        pictures: (N,) where the pictures lie.
        lanes: Whether all lane lines are asked for, or the two of our lane.
        rejected: Why frames were set aside.
        notes: What was left out as a whole, in words.
        training: Where averages and usual answers come from, if anywhere.
        formats: Of the labels.
    """

    split: Split
    pictures: tuple[Path, ...]
    lanes: LanesAsked = "all"
    rejected: tuple[FormatError, ...] = ()
    notes: tuple[str, ...] = ()
    training: Split | None = None
    formats: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that some frame has an answer to; others are not asked."""
        return tuple(
            name for name, task in SCORED.items() if any(map(task.instances, self.split.scenes))
        )

    def only(self, places: Sequence[int]) -> Exam:
        """Return the exam with some of its frames."""
        split = Split(
            tuple(self.split.scenes[i] for i in places),
            tuple(self.split.expressions[i] for i in places),
            tuple(self.split.questions[i] for i in places),
        )
        return replace(self, split=split, pictures=tuple(self.pictures[i] for i in places))

    def spread(self, count: int) -> Exam:
        """Return at most so many frames, spread evenly over all: those of a clip are alike."""
        total = len(self.pictures)
        if count >= total:
            return self
        return self.only(np.linspace(0, total - 1, count).round().astype(int).tolist())


def load_exam(path: str | Path, lanes: LanesAsked | None = None) -> Exam:
    """Return what a folder asks: a benchmark split (or its ``test``), or labels of any format.

    Args:
        path: Label file or folder; the pictures lie where the labels say.
        lanes: What is asked of lanes. None asks for the lines of our lane where nothing but lanes
            is labelled and no frame has more than two.

    Labels without a single picture are left out with a note; where others have some, a frame
    without one is set aside.

    Raises:
        FormatError: If there is no data set or it cannot be read.
        ConfigError: If there is not a single frame with a picture.
    """
    path = Path(path)
    folder = next((one for one in (path, path / "test") if is_split(one)), None)
    exam = _of_labels(path) if folder is None else _of_split(folder)
    if not exam.pictures:
        why = exam.rejected[0] if exam.rejected else "; ".join(exam.notes) or "no label"
        raise ConfigError(f"data must hold frames with pictures, got none ({why}).")
    return replace(exam, lanes=lanes or _lanes_of(exam.split.scenes))


def asked_scene(scene: Scene, lanes: LanesAsked) -> Scene:
    """Return the scene with only what the tasks ask for; of lanes perhaps our own lines.

    Where no line says whose it is, all lines are those of our lane.
    """
    asked = asked_part(scene)
    roles = [i.attributes.get("role", "") for i in asked.instances if i.label == "lane/line"]
    if lanes == "all" or not any(role.startswith("ego") for role in roles):
        return asked
    kept = (
        i
        for i in asked.instances
        if i.label != "lane/line" or i.attributes.get("role", "").startswith("ego")
    )
    return replace(asked, instances=tuple(kept))


def marked_place(scene: Scene, index: int) -> Geometry:
    """Return the shape by which questions point at an instance, as conversations do."""
    return answer_shape(scene.instances[index]).geometry


def _lanes_of(scenes: Sequence[Scene]) -> LanesAsked:
    lines = [len(Lanes().instances(scene)) for scene in scenes]
    others = any(i.label != "lane/line" for scene in scenes for i in scene.instances)
    return "ego" if not others and 0 < max(lines) <= EGO_LINES else "all"


def _of_split(folder: Path) -> Exam:
    beside = folder.resolve().parent / "train"
    learnt = beside != folder.resolve() and is_split(beside)
    split = load_split(folder)
    pictures = tuple(folder / scene.frame.image for scene in split.scenes)
    exam = Exam(split, pictures, training=load_split(beside) if learnt else None)
    return _with_pictures(replace(exam, formats=("drivegrid-bench",)))


def _of_labels(path: Path) -> Exam:
    scenes: list[Scene] = []
    pictures: list[Path] = []
    rejected: list[FormatError] = []
    notes, formats = [], []
    for source in find_sources(path):
        found = _frames(source)
        good = [one for one in found if not isinstance(one, FormatError)]
        rejected += [one for one in found if isinstance(one, FormatError)]
        if good and not any(picture.is_file() for _, picture in good):
            notes.append(f"{source.path}: {len(good)} frames left out, none has its picture")
            continue
        scenes += [scene for scene, _ in good]
        pictures += [picture for _, picture in good]
        formats.append(source.format.name)
    split = Split(
        tuple(scenes),
        tuple(map(_expressions, scenes)),
        tuple(tuple(attribute_questions(scene)) for scene in scenes),
    )
    exam = Exam(split, tuple(pictures), "all", tuple(rejected), tuple(notes))
    return _with_pictures(replace(exam, formats=tuple(dict.fromkeys(formats))))


def _frames(source: LabelSource) -> list[tuple[Scene, Path] | FormatError]:
    """Return scenes as answers have them, each with its picture; or why one is set aside."""
    frames: list[tuple[Scene, Path] | FormatError] = []
    for _, found in source.placed():
        if isinstance(found, FormatError):
            frames.append(found)
            continue
        shown = replace(found, instances=tuple(map(answer_shape, found.instances)))
        frames.append((shown, source.root / found.frame.image))
    return frames


def _expressions(scene: Scene) -> tuple[Expression, ...]:
    """Return the expressions that a data set brings; what kind of thing they ask for is unknown."""
    return tuple(
        Expression(text, kind_of(targets), targets, "") for text, targets in expressions_of(scene)
    )


def _with_pictures(exam: Exam) -> Exam:
    """Set aside the frames whose picture is not there."""
    places = [i for i, picture in enumerate(exam.pictures) if picture.is_file()]
    gone = [picture for picture in exam.pictures if not picture.is_file()]
    missing = tuple(FormatError("picture must exist, got none.", picture) for picture in gone)
    kept = exam.only(places) if gone else exam
    return replace(kept, rejected=exam.rejected + missing)
