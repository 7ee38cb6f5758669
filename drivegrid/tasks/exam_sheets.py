"""Sheets that need no model: of perfect tokens, and of predictors that look at nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from drivegrid.data.scene import Scene
from drivegrid.data.split import Split
from drivegrid.errors import GeometryError, TokenError
from drivegrid.geometry import Geometry
from drivegrid.tasks.baselines import (
    centre_of,
    everything_of,
    through_tokens,
    trivial_answers,
    usual_answers,
)
from drivegrid.tasks.exam import Exam, asked_scene, marked_place
from drivegrid.tasks.exam_score import Sheet
from drivegrid.tasks.regions import region_text
from drivegrid.tasks.scoring import perfect_answer
from drivegrid.tokens.codec import Codec

Shapes = tuple[Geometry, ...]


def perfect_sheets(exam: Exam, codec: Codec, places: Codec | None) -> list[Sheet]:
    """Return the best answers that tokens can give: the ceiling.

    Of several attribute questions whose places are the same cells only one answer can be given,
    and a place that has no tokens cannot be asked about.

    Args:
        exam: What is asked.
        codec: Writes the answers.
        places: Writes the places that are asked about; None if they are drawn, which tells all
            apart.
    """
    sheets = []
    split = exam.split
    frames = zip(split.scenes, split.expressions, split.questions, strict=True)
    for scene, expressions, questions in frames:
        size_wh = scene.frame.size_wh
        told = tuple(
            tuple(through_tokens([scene.instances[i] for i in e.targets], codec, size_wh))
            for e in expressions
        )
        prompts = [(q.task, _place(scene, q.instance, places)) for q in questions]
        answers: dict[tuple[str, str], Counter[str]] = {}
        for prompt, question in zip(prompts, questions, strict=True):
            answers.setdefault(prompt, Counter())[question.answer] += 1
        best = {prompt: count.most_common(1)[0][0] for prompt, count in answers.items()}
        choices = tuple(best[prompt] if prompt[1] else "" for prompt in prompts)
        answer = perfect_answer(asked_scene(scene, exam.lanes), codec)
        sheets.append(Sheet(answer, told, choices))
    return sheets


def _place(scene: Scene, index: int, places: Codec | None) -> str:
    if places is None:
        return f"#{index}"
    try:
        return region_text(marked_place(scene, index), places, scene.frame.size_wh)
    except (GeometryError, TokenError):
        return ""


def trivial_sheets(exam: Exam, codec: Codec) -> dict[str, list[Sheet]]:
    """Return the sheets of each trivial predictor by its name, see `baselines`.

    "everything" and "centre" answer an expression with all things of the kind asked for, or with
    the one in the middle, "average" with nothing; all but "nothing" choose the usual option.
    """
    split, training = exam.split, exam.training
    asked = [asked_scene(scene, exam.lanes) for scene in split.scenes]
    known: Sequence[Scene] = training.scenes if training else ()
    usual = usual_answers(split, training)
    return {
        name: [
            Sheet(
                answer,
                tuple(_referred(name, split, i)),
                tuple("" if name == "nothing" else usual[q.task] for q in split.questions[i]),
            )
            for i, answer in enumerate(answers)
        ]
        for name, answers in trivial_answers(asked, known, codec).items()
    }


def _referred(name: str, split: Split, index: int) -> list[Shapes]:
    scene, expressions = split.scenes[index], split.expressions[index]
    if name == "everything":
        return [tuple(everything_of(scene, e.root)) for e in expressions]
    if name == "centre":
        return [tuple(centre_of(scene, e.root)) for e in expressions]
    return [() for _ in expressions]
