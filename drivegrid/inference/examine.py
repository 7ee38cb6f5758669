"""A model sits an exam: it answers every question about every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drivegrid.data.expressions import Expression
from drivegrid.data.images import Picture, load_image
from drivegrid.data.scene import Scene
from drivegrid.data.split import Split
from drivegrid.errors import ConfigError, FormatError, GeometryError, TokenError
from drivegrid.geometry import FloatArray, Geometry
from drivegrid.inference.classify import Choice, ClassifySettings, classify
from drivegrid.inference.decoding import Dialogue
from drivegrid.inference.predictor import MAX_QUERY, Predictor
from drivegrid.tasks.exam import Exam, marked_place
from drivegrid.tasks.exam_score import Sheet
from drivegrid.tasks.lanes import EGO
from drivegrid.tasks.lanes import Lanes as LanesTask
from drivegrid.tasks.table import TASKS
from drivegrid.tokens.grammar import parse_answer, parse_offsets
from drivegrid.tokens.grid import GridSpec

MAX_FREE_TOKENS = 400
"""Longest answer without the grammar's help; one that has not ended by then is not well formed."""


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
        rejected: Why other frames were set aside.
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
    sitting = Sitting(exam, [], [])
    examinee = _Examinee(predictor, settings, rounds, sitting)
    answered = []
    for index in watch(range(len(exam.pictures))):
        scene = exam.split.scenes[index]
        try:
            image = _picture(exam, index)
        except FormatError as error:
            sitting.rejected.append(error)
            continue
        answered.append(index)
        answer = examinee.plain(image, scene)
        told = tuple(examinee.refer(image, e) for e in exam.split.expressions[index])
        choices = examinee.choose(image, exam.split, index)
        sitting.sheets.append(Sheet(answer, told, choices))
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

    def plain(self, image: Picture, scene: Scene) -> Scene:
        """Answer the plain question of each task that is asked."""
        instances = []
        for name in self.sitting.exam.tasks:
            ego = name == LanesTask.name and self.sitting.exam.lanes == "ego"
            query = EGO[0] if ego else TASKS[name].question
            instances += self._ask(image, query).instances
            text, ended = free_answer(self.predictor, image, query)
            grid = self.predictor.processor.grid
            self.sitting.unconstrained.add(ended and well_formed((text,), grid))
        return Scene(scene.frame, tuple(instances))

    def refer(self, image: Picture, expression: Expression) -> tuple[Geometry, ...] | None:
        """Answer an expression; None where it cannot be asked."""
        try:
            found = self._ask(image, expression.text[:MAX_QUERY]).instances
        except ConfigError:
            return None
        return tuple(instance.geometry for instance in found)

    def choose(self, image: Picture, split: Split, index: int) -> tuple[str, ...]:
        """Answer the attribute questions; empty where a place cannot be pointed at."""
        chosen = []
        for question in split.questions[index]:
            region = marked_place(split.scenes[index], question.instance)
            try:
                choice: Choice | None = classify(
                    self.predictor, image, region, question, self.settings
                )
            except (GeometryError, TokenError):
                choice = None
            if choice is not None and question.answer in choice.options:
                right = choice.options.index(question.answer)
                rows = self.sitting.scores.setdefault(question.task, [])
                rows.append((choice.scores, right))
            chosen.append("" if choice is None else choice.answer)
        return tuple(chosen)

    def _ask(self, image: Picture, query: str):
        answer = self.predictor.ask(image, query, self.rounds)
        grid = self.predictor.processor.grid
        self.sitting.constrained.add(well_formed(answer.texts, grid))
        return answer


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


def free_answer(predictor: Predictor, image: Picture, query: str) -> tuple[str, bool]:
    """Return what the model writes when nothing keeps it to the grammar, and whether it ended."""
    processor = predictor.processor
    dialogue = Dialogue(predictor.model, predictor.encode(image))
    end = processor.special_ids["end"]
    scores = dialogue.feed(processor.prompt_ids(query))[-1]
    ids: list[int] = []
    while (token := int(scores.argmax())) != end and len(ids) < MAX_FREE_TOKENS:
        ids.append(token)
        scores = dialogue.feed([token])[-1]
    return processor.text_of(ids), token == end
