"""Sitting an exam: every question is put to the model and every answer counted."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.data.benchmark import Plan, write_split  # noqa: E402
from drivegrid.data.images import save_image  # noqa: E402
from drivegrid.inference import examine  # noqa: E402
from drivegrid.inference import predictor as module  # noqa: E402
from drivegrid.inference.classify import Choice, ClassifySettings  # noqa: E402
from drivegrid.inference.examine import sit, well_formed  # noqa: E402
from drivegrid.inference.predictor import Predictor  # noqa: E402
from drivegrid.inference.results import Answer, Found  # noqa: E402
from drivegrid.plotting.trace import AnchorTrace  # noqa: E402
from drivegrid.tasks.exam import load_exam  # noqa: E402
from drivegrid.tasks.exam_score import score_sheets  # noqa: E402
from drivegrid.tasks.exam_sheets import perfect_sheets  # noqa: E402
from drivegrid.tasks.table import TASKS  # noqa: E402
from drivegrid.tokens.automaton import Limits  # noqa: E402
from drivegrid.tokens.codec import Codec  # noqa: E402
from drivegrid.tokens.grid import GridSpec  # noqa: E402
from tests.data.toy_world import render  # noqa: E402

FRAMES = 3
GRID = GridSpec(cols=8, rows=8, offset_cols=16, offset_rows=16)
CODEC = Codec(GRID, "fewest")


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "test"
    write_split(folder, Plan("test", 0, FRAMES, {}), render)
    return load_exam(folder)


@pytest.fixture
def predictor(toy, monkeypatch):
    monkeypatch.setattr(module, "LIMITS", Limits(items=2, anchors=4, text=4))
    monkeypatch.setattr(module, "Anything", partial(module.Anything, most=8))
    return Predictor(*toy)


NO_TRACE = AnchorTrace(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, bool), np.zeros((0, 2, 2)))


class Stub:
    """Answers as a function of query and frame says; frame i is 1 brighter than frame i - 1."""

    def __init__(self, answer):
        self.answer, self.processor, self.queries = answer, self, []
        self.grid = GRID

    def ask_batch(self, images, queries, rounds=1, constrained=True):
        self.queries += queries
        return [self._one(int(i[1, 1, 0]), query) for i, query in zip(images, queries, strict=True)]

    def _one(self, index, query):
        found = tuple(Found(i, (), NO_TRACE, query) for i in self.answer(index, query))
        return Answer((query,), (320, 180), found, ("none",))


def perfect(exam, sheets):
    """Return the answerer that knows what perfect tokens decode to."""
    tasks = {task.question: task for task in TASKS.values()}

    def answer(index, query):
        if query in tasks:
            kind = tasks[query].kind
            return [i for i in sheets[index].scene.instances if i.geometry.kind == kind]
        texts = [e.text for e in exam.split.expressions[index]]
        blank = exam.split.scenes[index].instances[0]
        shapes = sheets[index].expressions[texts.index(query)]
        return [replace(blank, geometry=shape) for shape in shapes]

    return answer


def as_dict(figures):
    return {name: figure.as_dict() for name, figure in figures.items()}


def test_a_perfect_answerer_reaches_the_ceiling(exam, monkeypatch) -> None:
    sheets = perfect_sheets(exam, CODEC, CODEC)
    answers = iter([choice for sheet in sheets for choice in sheet.choices])

    def choose(predictor, image, asked, settings):
        chosen = [next(answers) for _ in asked]
        return [Choice((answer,), np.ones(1), answer, np.zeros(1)) for answer in chosen]

    monkeypatch.setattr(examine, "classify_all", choose)
    sitting = sit(Stub(perfect(exam, sheets)), exam, ClassifySettings())
    assert as_dict(score_sheets(exam.split, sitting.sheets)) == as_dict(
        score_sheets(exam.split, sheets)
    )


def test_a_silent_answerer_scores_nothing(exam, monkeypatch) -> None:
    def refuse(predictor, image, asked, settings):
        return [None] * len(asked)

    monkeypatch.setattr(examine, "classify_all", refuse)
    silent = Stub(lambda index, query: [])
    figures = score_sheets(exam.split, sit(silent, exam, ClassifySettings()).sheets, resamples=0)
    rates = {name: figure.value for name, figure in figures.items()}
    assert rates.pop("no target accuracy") == 1.0  # it does say that there is nothing
    told = {name for name in rates if name.startswith("all expressions")}
    assert {rate for name, rate in rates.items() if name not in told} == {0.0}


def test_the_model_is_asked_everything(exam, predictor) -> None:
    sitting = sit(predictor, exam, ClassifySettings())
    assert len(sitting.sheets) == FRAMES and not sitting.rejected
    num_expressions = sum(map(len, exam.split.expressions))
    assert sitting.constrained.as_dict() == {
        "share": 1.0,
        "n": FRAMES * len(exam.tasks) + num_expressions,
    }
    assert sitting.unconstrained.asked == FRAMES * len(exam.tasks)
    for index, sheet in enumerate(sitting.sheets):
        assert len(sheet.expressions) == len(exam.split.expressions[index])
        for choice, question in zip(sheet.choices, exam.split.questions[index], strict=True):
            assert choice in question.options
    assert sum(map(len, sitting.scores.values())) == sum(map(len, exam.split.questions))


def test_our_lane_is_asked_for_where_only_it_is_labelled(exam) -> None:
    stub = Stub(lambda index, query: [])
    blank = replace(exam.split, questions=((),) * FRAMES, expressions=((),) * FRAMES)
    sit(stub, replace(exam, lanes="ego", split=blank), ClassifySettings())
    assert "the ego lane lines" in stub.queries
    assert TASKS["lanes"].question not in stub.queries


def test_pictures_that_cannot_be_used_are_set_aside(exam, tmp_path) -> None:
    broken, other = tmp_path / "broken.png", tmp_path / "other.png"
    broken.write_bytes(b"no picture")
    save_image(other, np.zeros((10, 10, 3), np.uint8))
    blank = replace(exam.split, questions=((),) * FRAMES, expressions=((),) * FRAMES)
    damaged = replace(exam, split=blank, pictures=(broken, other, exam.pictures[2]))
    sitting = sit(Stub(lambda index, query: []), damaged, ClassifySettings())
    assert sitting.exam.pictures == (exam.pictures[2],)
    assert [error.path for error in sitting.rejected] == [broken, other]
    assert len(sitting.sheets) == len(sitting.exam.split.scenes) == 1


@pytest.mark.parametrize(
    ("texts", "good"),
    [
        (("none",), True),
        (("car: <box><grid_1_1><grid_2_2></box>",), True),
        (
            (
                "car: <box><grid_1_1><grid_2_2></box>",
                "<offset><box><OFF_0_0><OFF_1_0></box></offset>",
            ),
            True,
        ),
        (("car: <box><grid_1_1></box>",), False),
        (("car: <box><grid_1_1><grid_2_2>",), False),
        (("a car",), False),
        (("car: <box><grid_1_1><grid_99_2></box>",), False),
        (("car: <box><grid_1_1><grid_2_2></box>", "<offset><box><OFF_0_0></box></offset>"), False),
    ],
)
def test_form_is_that_of_the_grammar(texts, good) -> None:
    assert well_formed(texts, GRID) is good
