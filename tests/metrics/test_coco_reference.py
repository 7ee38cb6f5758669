"""COCO AP of files, from reading to the figures, against pycocotools on the same files."""

import contextlib
import io
import json
from collections import defaultdict

import numpy as np
import pytest

from drivegrid.data.formats.coco import load_coco, save_coco
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rules.coco import evaluate_coco
from drivegrid.metrics.rules.settings import Settings

pytest.importorskip("faster_coco_eval")
reference = pytest.importorskip("pycocotools.coco", reason="needs pycocotools")
cocoeval = pytest.importorskip("pycocotools.cocoeval", reason="needs pycocotools")

SIZE = (640, 480)
FIGURES = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large")
SEEN = ("object/vehicle/car", "object/person/pedestrian", "obstacle/cone", "sign/regulatory/stop")
NEVER_FOUND, NEVER_THERE = "object/vehicle/bus", "object/animal"
CROWD = {"coco": {"rest": {"iscrowd": 1}}}
"""What the reader leaves of a region that stands for many things."""


def random_box(random):
    """A box of 3 to 300 px, most of them small; quarters of a pixel, so that sums are exact."""
    sides = np.exp(random.uniform(np.log(3), np.log(300), 2))
    low = random.uniform(0, 1, 2) * (np.array(SIZE) - sides)
    return Box(np.round(np.concatenate([low, low + sides]) * 4) / 4)


def moved(box, random):
    """A box that is off by up to a third of its sides, in quarters of a pixel."""
    sides = np.tile(box.xyxy[2:] - box.xyxy[:2], 2)
    corners = box.xyxy + np.round(random.normal(0, 0.1, 4).clip(-0.3, 0.3) * sides * 4) / 4
    return Box(corners)


def truth_of(random, crowds):
    labels = random.choice([*SEEN, NEVER_FOUND], random.integers(0, 10))
    return [
        Instance(
            str(label),
            random_box(random),
            extra=CROWD if random.uniform() < crowds else {},
        )
        for label in labels
    ]


def found_of(random, truth, num_false):
    """Most of the truth, moved and some of it twice or called otherwise, and false alarms."""
    known = [item for item in truth if item.label != NEVER_FOUND]
    boxes = [(i.label, moved(i.geometry, random)) for i in known if random.uniform() < 0.8]
    boxes += [(i.label, moved(i.geometry, random)) for i in known if random.uniform() < 0.2]
    boxes += [(str(random.choice(SEEN)), i.geometry) for i in known if random.uniform() < 0.1]
    boxes += [(SEEN[0], random_box(random)) for _ in range(num_false)]
    boxes += [(NEVER_THERE, random_box(random))]
    scores = random.integers(1, 100, len(boxes)) / 100  # of few values, so that some are equal
    return [
        Instance(label, box, confidence=float(score))
        for (label, box), score in zip(boxes, scores, strict=True)
    ]


def write_files(folder, seed, crowds, num_frames=12):
    """Write true boxes, and predictions as the list of results that goes with them."""
    random = np.random.default_rng(seed)
    truth = [truth_of(random, crowds) for _ in range(num_frames)]
    frames = [Frame(f"{i}.jpg", SIZE) for i in range(num_frames)]
    save_coco(
        [Scene(frame, tuple(t)) for frame, t in zip(frames, truth, strict=True)],
        folder / "a.json",
    )
    tables = json.loads((folder / "a.json").read_text())
    tables["categories"].append({"id": 99, "name": NEVER_THERE, "supercategory": "object"})
    (folder / "a.json").write_text(json.dumps(tables))
    image_ids = {image["file_name"]: image["id"] for image in tables["images"]}
    category_ids = {row["name"]: row["id"] for row in tables["categories"]}
    results = [
        {
            "image_id": image_ids[frame.image],
            "category_id": category_ids[item.label],
            "bbox": [*item.geometry.xyxy[:2], *(item.geometry.xyxy[2:] - item.geometry.xyxy[:2])],
            "score": item.confidence,
        }
        for i, (frame, true) in enumerate(zip(frames, truth, strict=True))
        for item in found_of(random, true, 130 if i == 0 else 2)
    ]
    (folder / "a.results.json").write_text(json.dumps(results))


def figures_of_pycocotools(folder):
    """The six figures, and AP, AP50 and AP75 of each class."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = reference.COCO(str(folder / "a.json"))
        evaluator = cocoeval.COCOeval(truth, truth.loadRes(str(folder / "a.results.json")), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    per_label = defaultdict(dict)
    for k, category_id in enumerate(evaluator.params.catIds):
        precision = evaluator.eval["precision"][:, :, k, 0, -1]
        for name, part in (("ap", precision), ("ap_50", precision[0]), ("ap_75", precision[5])):
            if (precision > -1).any():
                per_label[truth.cats[category_id]["name"]][name] = part.mean()
    return dict(zip(FIGURES, evaluator.stats[:6].tolist(), strict=True)), per_label


def with_segments(folder, random):
    """Give true boxes segmentations of a smaller area, some a bbox or an area of their own."""
    tables = json.loads((folder / "a.json").read_text())
    for row in tables["annotations"]:
        x, y, width, height = row["bbox"]
        kind = random.integers(4)
        if kind:
            ring = [x, y, x + width, y, x, y + height]
            row |= {"segmentation": [ring], "area": width * height / 2}
        if kind == 2:
            row["area"] = width * height / 3
        if kind == 3:
            row["bbox"] = [x, y, width + 2, height]
    (folder / "a.json").write_text(json.dumps(tables))


@pytest.mark.parametrize("seed", range(4))
def test_regions_count_by_their_bbox_and_area_as_in_pycocotools(tmp_path, seed):
    write_files(tmp_path, seed, 0.1)
    with_segments(tmp_path, np.random.default_rng(seed))
    truth, found = (load_coco(tmp_path / name) for name in ("a.json", "a.results.json"))
    ours = evaluate_coco(pair_scenes(found.scenes, truth.scenes), Settings())
    figures, _ = figures_of_pycocotools(tmp_path)
    assert {name: ours.figures[name] for name in FIGURES} == pytest.approx(figures, abs=1e-9)
    assert ours.figures["n"] == sum(len(scene.instances) for scene in truth.scenes)
    assert ours.figures["ap"] > 0.05


@pytest.mark.parametrize("crowds", [0, 0.25], ids=["no crowds", "crowds"])
@pytest.mark.parametrize("seed", range(6))
def test_equals_pycocotools(tmp_path, seed, crowds):
    write_files(tmp_path, seed, crowds)
    truth, found = (load_coco(tmp_path / name) for name in ("a.json", "a.results.json"))
    assert truth.quarantine.rejected == found.quarantine.rejected == []
    ours = evaluate_coco(pair_scenes(found.scenes, truth.scenes), Settings()).figures
    figures, per_label = figures_of_pycocotools(tmp_path)
    assert {name: ours[name] for name in FIGURES} == pytest.approx(figures, abs=1e-9)
    assert ours["per_label"].keys() == per_label.keys()
    for label, row in per_label.items():
        assert ours["per_label"][label] == pytest.approx(row, abs=1e-9), label
    assert 0.05 < ours["ap"] < 0.95
