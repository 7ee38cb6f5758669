import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.training import experiment_attributes as module
from drivegrid.training.experiment_attributes import MACRO, score_attributes, shown_places

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Point

IMAGE = np.zeros((90, 160, 3), np.uint8)


def checkpoint(folder, **tasks):
    (folder / "training.json").write_text(json.dumps({"config": {"data": {"tasks": tasks}}}))
    return folder


def scene(*instances):
    return Scene(Frame("f.png", (160, 90)), tuple(instances))


def sign(color):
    return Instance("sign/regulatory/stop", Point((20.0, 20.0)), {"color": color})


def barrier():
    return Instance("obstacle/barrier", Box((40.0, 40.0, 80.0, 70.0)))


@pytest.mark.parametrize(
    ("tasks", "regions"),
    [({}, "tokens"), ({"attributes": 1}, "tokens"), ({"attributes_drawn": 2}, "drawn")],
)
def test_places_are_shown_as_in_training(tmp_path, tasks, regions) -> None:
    assert shown_places(checkpoint(tmp_path, **tasks)) == regions


def test_macro_is_the_mean_over_tasks_and_failures_count(tmp_path, monkeypatch) -> None:
    def says_red(predictor, image, places, settings):
        asked = (question for _, question in places)
        return [
            None if question.task == "obstacle_class" else SimpleNamespace(answer="red")
            for question in asked
        ]

    monkeypatch.setattr(module, "classify_all", says_red)
    frames = [(IMAGE, scene(sign("red"), sign("blue"), barrier())), (IMAGE, scene(sign("red")))]
    scores = {}
    score_attributes(None, checkpoint(tmp_path), frames, scores)
    shares = {
        name: sum(one.above) / sum(one.below) if sum(one.below) else None
        for name, one in scores.items()
    }
    assert shares["attribute sign_color"] == pytest.approx(2 / 3)
    assert shares["attribute obstacle_class"] == 0
    tasks = [share for name, share in shares.items() if name != MACRO]
    assert shares[MACRO] == pytest.approx(sum(tasks) / len(tasks))
    assert all(len(one.above) == len(one.below) == 2 for one in scores.values())


def test_nothing_asked_scores_nothing(tmp_path) -> None:
    scores = {}
    score_attributes(None, checkpoint(tmp_path), [(IMAGE, scene())], scores)
    assert scores[MACRO].above == [0.0]
