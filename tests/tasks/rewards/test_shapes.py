from itertools import permutations

import numpy as np
import pytest

from drivegrid.tasks.rewards.shapes import assign, equal_labels, objects_of, shapes_of
from drivegrid.tokens.grammar import parse_answer
from drivegrid.tokens.grid import GridSpec

GRID = GridSpec()
SIZE = (320, 320)  # cells of 10 px, centres at 5, 15, ..


def parsed(*texts: str):
    return [parse_answer(text, GRID) for text in texts]


def best_sum(similarity, allowed) -> float:
    """Return the largest summed similarity over every full assignment within the labels."""
    rows, cols = similarity.shape
    if rows > cols:
        return best_sum(similarity.T, allowed.T)
    sums = []
    for chosen in permutations(range(cols), rows):
        pairs = [(i, j) for i, j in enumerate(chosen) if allowed[i, j]]
        sums.append((len(pairs), sum(similarity[i, j] for i, j in pairs)))
    return max(sums)[1]


@pytest.mark.parametrize("seed", range(30))
def test_assignment_equals_the_best_of_all_permutations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(1, 5, 2)
    similarity = rng.random((rows, cols)) * 3 * (rng.random((rows, cols)) < 0.7)
    allowed = equal_labels(rng.choice(["a", "b"], rows).tolist(), rng.choice(["a", "b"], cols))
    pred, true = assign(similarity, allowed, np.zeros(rows, dtype=np.int64))
    assert len(set(pred)) == len(pred) == len(set(true))
    assert allowed[pred, true].all()
    assert similarity[pred, true].sum() == pytest.approx(best_sum(similarity, allowed))


def test_every_answer_is_matched_apart() -> None:
    similarity = np.array([[0.5], [0.9], [0.0]])
    pred, true = assign(similarity, np.ones((3, 1), bool), np.array([0, 0, 4]))
    assert pred.tolist() == [1, 2]
    assert true.tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (2, 0)])
def test_nothing_to_match(shape) -> None:
    pred, true = assign(np.zeros(shape), np.ones(shape, bool), np.zeros(shape[0], np.int64))
    assert len(pred) == len(true) == 0


def test_shapes_are_the_centres_of_their_cells() -> None:
    texts = ("none", "a: <line><grid_0_1><grid_0_0></line>\nb: <point><grid_3_4></point>", "")
    shapes = shapes_of(parsed(*texts), "line", GRID, SIZE)
    assert shapes.answers.tolist() == [1]
    assert shapes.labels == ("a",)
    assert shapes.vertices[0].tolist() == [[5.0, 15.0], [5.0, 5.0]]


def test_rings_stay_together() -> None:
    text = "a: <poly><grid_0_0><grid_9_0><grid_9_9><ring><grid_1_1><grid_2_1><grid_2_2></poly>"
    shapes = shapes_of(parsed(text), "poly", GRID, SIZE)
    assert [len(ring) for ring in shapes.parts[0]] == [3, 3]


@pytest.mark.parametrize(
    ("text", "boxes", "anchors"),
    [
        ("none", [], []),
        ("a: <box><grid_0_0><grid_1_1></box>", [True], [0]),
        ("a: <box><grid_0_0><grid_1_1></box><seg><grid_0_0></seg>", [True], [1]),
        ("a: <seg><grid_0_0><grid_1_1></seg><box><grid_0_0><grid_1_1></box>", [True], [2]),
        ("a: <seg><grid_0_0></seg>\na: <box><grid_0_0><grid_1_1></box>", [False, True], [1, 0]),
        ("a: <seg><grid_0_0></seg><seg><grid_0_0></seg>", [False, False], [1, 1]),
        ("a: <point><grid_0_0></point>", [], []),
    ],
)
def test_box_and_anchors_of_one_line_are_one_object(text, boxes, anchors) -> None:
    objects = objects_of(parsed(text), GRID, SIZE)
    assert np.isfinite(objects.boxes[:, 0]).tolist() == boxes
    assert [len(points) for points in objects.anchors] == anchors
