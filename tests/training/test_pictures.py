"""Pictures of answers: of every kind of question, never the end of training."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.config import DataConfig, OptimConfig  # noqa: E402
from drivegrid.training.examples import DialogueDrawer  # noqa: E402
from drivegrid.training.nano_student import NanoStudent  # noqa: E402
from drivegrid.training.pictures import AnswerPictures, draw_questions  # noqa: E402

from drivegrid.data.images import load_image  # noqa: E402
from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.geometry import Box  # noqa: E402
from drivegrid.tasks.representation import representation  # noqa: E402
from tests.toy import toy  # noqa: E402, F401

KINDS = ("objects", "drivable", "attributes", "attributes_drawn")


class Frames:
    """An empty road, then one with two cones."""

    def __init__(self) -> None:
        boxes = [[4.0, 4, 40, 44], [60.0, 40, 90, 70]]
        cones = [
            Instance("obstacle/cone", Box(np.array(xyxy)), {"visible_state": "fully visible"})
            for xyxy in boxes
        ]
        sizes = [(128, 96), (200, 80)]
        instances: list[tuple[Instance, ...]] = [(), tuple(cones)]
        self.scenes = [
            Scene(Frame("", size), ones) for size, ones in zip(sizes, instances, strict=True)
        ]

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index):
        scene = self.scenes[index]
        width, height = scene.frame.size_wh
        return {"image": np.full((height, width, 3), 90, np.uint8)}, scene


class State:
    is_world_process_zero = True

    def __init__(self, step: int) -> None:
        self.global_step = step


def drawers(way, kinds=KINDS):
    return [
        DialogueDrawer(DataConfig(tasks={kind: 1.0}, refine=0), way, in_context=True)
        for kind in kinds
    ]


@pytest.fixture(autouse=True)
def _short_answers(monkeypatch) -> None:
    monkeypatch.setattr("drivegrid.training.pictures.MOST_TOKENS", 8)


def pictures_of(toy, folder):  # noqa: F811
    model, processor = toy
    student = NanoStudent(model, processor, 256, OptimConfig())
    way = representation("grid+offset", processor.grid)
    questions = draw_questions(Frames(), drawers(way))
    return AnswerPictures(student, way, questions, folder)


def test_kinds_without_a_frame_are_left_out() -> None:
    way = representation("grid+offset")
    assert draw_questions(Frames(), []) == []
    found = draw_questions(Frames(), drawers(way))
    assert [one.kind for one in found] == ["objects", "attributes", "attributes_drawn"]
    plain = Frames()[1][0]["image"]
    shown = [not np.array_equal(one.image, plain) for one in found]
    assert shown == [False, False, True]
    assert (found[2].image != plain).any()


def test_a_sheet_is_drawn_once_a_step_and_training_goes_on(toy, tmp_path) -> None:  # noqa: F811
    pictures = pictures_of(toy, tmp_path)
    model = pictures.student.model.train()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for step in (500, 500, 1000):
        pictures.on_evaluate(None, State(step), None)
    assert model.training
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000500.png", "step-001000.png"]
    assert load_image(tmp_path / "step-000500.png").shape[1] > 4 * 480
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())
    model.eval()


def test_the_label_is_drawn_beside_the_answer(toy, tmp_path) -> None:  # noqa: F811
    pictures = pictures_of(toy, tmp_path)
    sheet = pictures.sheet()
    label = sheet[4:274, 4:484]
    coloured = np.ptp(label[:190].astype(int), axis=2) > 60
    assert coloured.any()


def test_whatever_goes_wrong_is_told_in_the_picture(toy, tmp_path, monkeypatch) -> None:  # noqa: F811
    pictures = pictures_of(toy, tmp_path)
    speaker = pictures.student.speaker()

    def broken(image):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(speaker, "encode", broken)
    monkeypatch.setattr(pictures.student, "speaker", lambda: speaker)
    assert set(pictures._answers()) == {"no answer: RuntimeError: out of memory"}
    assert pictures.sheet().ndim == 3


def test_scores_that_are_no_numbers_end_nothing(toy, tmp_path) -> None:  # noqa: F811
    pictures = pictures_of(toy, tmp_path)
    kept = toy[0].embedding.weight.detach().clone()
    with torch.no_grad():
        toy[0].embedding.weight.fill_(torch.nan)
    try:
        assert pictures.sheet().ndim == 3
    finally:
        with torch.no_grad():
            toy[0].embedding.weight.copy_(kept)
