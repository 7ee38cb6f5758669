import json

import numpy as np
import pytest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Point, Polygon, Polyline
from drivegrid.inference.florence import florence_dict, post_process_generation
from drivegrid.inference.results import Answer, Found, signed_area
from drivegrid.labels import default_label_space
from drivegrid.plotting.trace import AnchorTrace

TRACE = AnchorTrace(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, bool))
SHAPES = {
    "lane/line": Polyline(np.array([[10.0, 90.0], [40.0, 50.0]])),
    "object/vehicle/car": Box(np.array([5.0, 6.0, 25.0, 16.0])),
    "sign/warning": Point(np.array([70.0, 20.0])),
    "area/drivable/direct": Polygon((np.array([[0.0, 90.0], [90.0, 90.0], [45.0, 50.0]]),)),
}


def answer(*labels: str) -> Answer:
    found = tuple(
        Found(Instance(label, SHAPES[label], confidence=0.5, source="m"), ("<x>",), TRACE)
        for label in labels
    )
    return Answer(("q",), (100, 90), found, ("t",), image="f.jpg")


def test_empty_answer_has_every_form() -> None:
    empty = answer()
    assert empty.to_dict()["instances"] == []
    assert empty.to_coco() == []
    assert empty.to_scene().instances == ()
    assert set(florence_dict(())) >= {"bboxes", "polygons", "polylines", "points"}


def test_json_form_holds_points_in_pixels() -> None:
    shown = json.loads(json.dumps(answer(*SHAPES).to_dict()))
    kinds = {i["geometry"]: i["points"] for i in shown["instances"]}
    assert kinds["line"] == [[10, 90], [40, 50]]
    assert kinds["box"] == [[5, 6], [25, 16]]
    assert kinds["point"] == [[70, 20]]
    assert kinds["poly"] == [[[0, 90], [90, 90], [45, 50]]]
    assert shown["size_wh"] == [100, 90]


def test_coco_boxes_are_xywh_and_polygons_have_their_area() -> None:
    box, polygon = answer(*SHAPES).to_coco(image_id=7)
    assert box["bbox"] == [5, 6, 20, 10]
    assert (box["image_id"], box["id"], polygon["id"]) == (7, 1, 2)
    assert default_label_space().paths[box["category_id"] - 1] == "object/vehicle/car"
    assert polygon["area"] == 90 * 40 / 2
    assert polygon["segmentation"] == [[0, 90, 90, 90, 45, 50]]


def test_supervision_detections() -> None:
    pytest.importorskip("supervision")
    detections = answer(*SHAPES).to_supervision()
    assert detections.xyxy.tolist() == [[5, 6, 25, 16]]
    assert detections.data["class_name"].tolist() == ["object/vehicle/car"]
    assert len(answer().to_supervision()) == 0


def test_florence_form() -> None:
    shown = florence_dict(answer(*SHAPES).instances)
    assert shown["bboxes"] == [[5, 6, 25, 16]]
    assert shown["polylines"] == [[[10, 90], [40, 50]]]
    assert shown["points"] == [[70, 20]]
    assert shown["polygons"] == [[[0, 90, 90, 90, 45, 50]]]
    assert shown["bboxes_labels"] == ["object/vehicle/car"]


def test_answers_about_one_frame_join() -> None:
    joined = answer("lane/line") + answer("sign/warning")
    assert [i.label for i in joined.instances] == ["lane/line", "sign/warning"]
    assert joined.queries == ("q", "q")


def test_signed_area_changes_sign_with_direction() -> None:
    ring = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]])
    assert signed_area(ring) == -signed_area(ring[::-1]) == 6.0


def test_model_text_becomes_shapes_and_diagnostics() -> None:
    text = "car: <bbox><grid_1_2><grid_3_4></bbox>\nlane line: <line><grid_0_31><grid_5_9>"
    moved = "<offset><box><OFF_1_0><OFF_0_0></box><line><OFF_0_0><DELETE></line></offset>"
    shown = post_process_generation(text, (320, 320), offsets=[moved])
    assert shown["bboxes"] == [[20, 25, 35, 45]]  # 10 px cells; the first corner moved by 5 px
    assert shown["polylines_labels"] == ["lane/line"]
    assert "truncated" in shown["diagnostics"]
    assert post_process_generation("", (320, 320))["bboxes"] == []
