"""A model sits an exam: it answers every question about every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drivegrid.data.images import Picture, load_image
from drivegrid.data.scene import Scene
from drivegrid.data.split import Split
from drivegrid.errors import ConfigError, FormatError
from drivegrid.geometry import FloatArray
from drivegrid.inference.asked import check_query
from drivegrid.inference.classify import ClassifySettings, classify_all
from drivegrid.inference.predictor import Predictor
from drivegrid.inference.results import Answer
from drivegrid.tasks.exam import Exam, marked_place
from drivegrid.tasks.exam_score import Sheet
from drivegrid.tasks.lanes import EGO
from drivegrid.tasks.lanes import Lanes as LanesTask
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.grammar import parse_answer, parse_offsets
from drivegrid.tokens.grid import GridSpec


@dataclass
class Forms:
    """How many answers were well formed."""

    good: int = 0
    asked: int = 0

    def add(self, good: bool) -> None:
        """Count an answer."""
        self.good += good
        self.asked += 1

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the share, None over nothing, and n."""
        return {"share": self.good / self.asked if self.asked else None, "n": self.asked}


@dataclass
class Sitting:
    """What came of an exam.

    Args:
        exam: The frames that were answered: those whose picture could be read.
        sheets: One a frame.
        rejected: Why others were set aside, on reading the labels or the pictures.
        constrained: Answers under the grammar.
        unconstrained: Answers to the plain questions without it.
        scores: Task to (scores of the options, index of the right one) of each question.
    """

    exam: Exam
    sheets: list[Sheet]
    rejected: list[FormatError]
    constrained: Forms = field(default_factory=Forms)
    unconstrained: Forms = field(default_factory=Forms)
    scores: dict[str, list[tuple[FloatArray, int]]] = field(default_factory=dict)


def sit(
    predictor: Predictor,
    exam: Exam,
    settings: ClassifySettings,
    rounds: int = 1,
    watch: Callable[[range], Iterator[int]] = iter,
) -> Sitting:
    """Let a model answer an exam.

    Args:
        predictor: The model.
        exam: What is asked.
        settings: How it is asked about places.
        rounds: Refine turns.
        watch: Passes the numbers of the frames on, one by one, and may count them.

    A frame whose picture cannot be read, or has another size than its labels say, is set aside.
    """
    sitting = Sitting(exam, [], list(exam.rejected))
    examinee = _Examinee(predictor, settings, rounds, sitting)
    answered = []
    for index in watch(range(len(exam.pictures))):
        try:
            image = _picture(exam, index)
        except FormatError as error:
            sitting.rejected.append(error)
            continue
        answered.append(index)
        sitting.sheets.append(examinee.sheet(image, exam, index))
    sitting.exam = exam.only(answered)
    return sitting


def _picture(exam: Exam, index: int) -> Picture:
    image, size_wh = load_image(exam.pictures[index]), exam.split.scenes[index].frame.size_wh
    if image.shape[1::-1] != size_wh:
        raise FormatError(
            f"picture must be {size_wh[0]} x {size_wh[1]} as its labels say, got "
            f"{image.shape[1]} x {image.shape[0]}.",
            exam.pictures[index],
        )
    return image


@dataclass
class _Examinee:
    predictor: Predictor
    settings: ClassifySettings
    rounds: int
    sitting: Sitting

    def sheet(self, image: Picture, exam: Exam, index: int) -> Sheet:
        """Answer everything that is asked about a frame; plain questions and expressions first."""
        plain = [_question(name, exam) for name in exam.tasks]
        texts = [expression.text for expression in exam.split.expressions[index]]
        askable = [text for text in texts if _is_askable(text)]
        answers = self._ask(image, [*plain, *askable])
        for answer in self._ask(image, plain, freely=True):
            self.sitting.unconstrained.add(well_formed(answer.texts, self._grid))
        for answer in answers:
            self.sitting.constrained.add(well_formed(answer.texts, self._grid))
        found = tuple(i for answer in answers[: len(plain)] for i in answer.instances)
        told = {
            text: tuple(instance.geometry for instance in answer.instances)
            for text, answer in zip(askable, answers[len(plain) :], strict=True)
        }
        return Sheet(
            Scene(exam.split.scenes[index].frame, found),
            tuple(map(told.get, texts)),
            self._choices(image, exam.split, index),
        )

    @property
    def _grid(self) -> GridSpec:
        return self.predictor.processor.grid

    def _ask(self, image: Picture, queries: list[str], *, freely: bool = False) -> list[Answer]:
        rounds = 0 if freely else self.rounds
        return self.predictor.ask_batch(
            [image] * len(queries), queries, rounds, constrained=not freely
        )

    def _choices(self, image: Picture, split: Split, index: int) -> tuple[str, ...]:
        """Answer the attribute questions; empty where a place cannot be pointed at."""
        scene, questions = split.scenes[index], split.questions[index]
        asked = [(marked_place(scene, question.instance), question) for question in questions]
        chosen = classify_all(self.predictor, image, asked, self.settings)
        for question, choice in zip(questions, chosen, strict=True):
            if choice is not None and question.answer in choice.options:
                rows = self.sitting.scores.setdefault(question.task, [])
                rows.append((choice.scores, choice.options.index(question.answer)))
        return tuple("" if choice is None else choice.answer for choice in chosen)


def _question(task: str, exam: Exam) -> str:
    ego = task == LanesTask.name and exam.lanes == "ego"
    return EGO[0] if ego else TASKS[task].question


def _is_askable(text: str) -> bool:
    try:
        check_query(text)
    except ConfigError:
        return False
    return True


def well_formed(texts: tuple[str, ...], grid: GridSpec) -> bool:
    """Tell whether a proposal and its refinements are exactly of the grammar.

    Args:
        texts: The answer, then the offsets of each round.
        grid: Lattice.
    """
    parsed = parse_answer(texts[0], grid)
    problems = list(parsed.diagnostics)
    geometries = tuple(item.geometry for item in parsed.items)
    for text in texts[1:]:
        refined = parse_offsets(text, geometries)
        problems += refined.diagnostics
        geometries = refined.geometries
    return not problems
