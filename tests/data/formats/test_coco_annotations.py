"""Annotations of COCO: shapes, parts, masks, names, attributes."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.formats.coco import load_coco
from drivegrid.data.formats.coco_annotations import is_crowd
from drivegrid.data.rasters import fill, rle_encode, rle_to_text
from drivegrid.data.scene import Instance
from tests.data.builders import make_scene
from tests.data.formats.coco_content import (
    CATEGORIES,
    FULL,
    HOLE,
    SQUARE,
    annotation,
    box,
    load_one,
    polygon,
    written,
)

SHAPES_READ = {
    "no segmentation": ({"segmentation": None}, box(1, 2, 4, 6)),
    "an empty part": ({"segmentation": [[]]}, box(1, 2, 4, 6)),
    "a part of four numbers": ({"segmentation": [[1, 2, 3, 4]]}, box(1, 2, 4, 6)),
    "off the image": ({"bbox": [-3.5, 2, 30, 1]}, box(-3.5, 2, 26.5, 3)),
    "runs": ({"segmentation": FULL}, polygon([[0, 0], [2, 0], [2, 6], [0, 6]])),
    "text of runs": ({"segmentation": {"size": [6, 8], "counts": rle_to_text(FULL["counts"])}},
                     polygon([[0, 0], [2, 0], [2, 6], [0, 6]])),
    "an empty mask": ({"segmentation": {"size": [6, 8], "counts": [48]}}, box(1, 2, 4, 6)),
    "parts apart": ({"segmentation": [[0, 0, 1, 0, 1, 1], [3, 3, 4, 3, 4, 4.5]]},
                    polygon([[0, 0], [1, 0], [1, 1]], [[3, 3], [4, 3], [4, 4.5]])),
    "no bbox": ({"bbox": None, "segmentation": [[0, 0, 1, 0, 1, 1]]},
                polygon([[0, 0], [1, 0], [1, 1]])),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "shape"), SHAPES_READ.values(), ids=SHAPES_READ)
def test_shapes(tmp_path, changes, shape):
    given = annotation(**changes)
    scene = load_one(tmp_path, given)
    assert scene.instances[0].geometry == shape
    [again] = written(tmp_path, scene)[0]["annotations"]
    empty = (None, [])
    assert {k: again[k] for k in given if given[k] not in empty} == {
        k: given[k] for k in given if given[k] not in empty
    }
    assert load_coco(tmp_path / "out.json").scenes == [scene]


@pytest.mark.parametrize("count", [1, 300])
def test_parts_that_overlap_add_up(tmp_path, count):
    steps = np.linspace(0, 4, count + 1)
    first = [*[[x, 0] for x in steps], *[[x, 4] for x in steps[::-1]]]
    parts = [np.array(ring, float).ravel().tolist() for ring in (first, HOLE, np.array(first) + 2)]
    images = [{"id": 1, "file_name": "a.jpg", "width": 600, "height": 300}]
    scene = load_one(tmp_path, annotation(segmentation=parts), images=images)
    covered = fill(scene.instances[0].geometry, (8, 8))
    expected = np.zeros((8, 8), bool)
    expected[:4, :4] = expected[2:6, 2:6] = True
    assert np.array_equal(covered, expected)
    assert written(tmp_path, scene)[0]["annotations"][0]["segmentation"] == parts


def test_many_points_are_joined_by_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("drivegrid.data.formats.coco_shapes.MAX_EXACT_VERTICES", 0)
    test_parts_that_overlap_add_up(tmp_path, 1)


def test_a_hole_becomes_a_mask(tmp_path):
    whole = make_scene(Instance("area/drivable", polygon(SQUARE, HOLE)), size_wh=(8, 6))
    value, lost = written(tmp_path, whole)
    [found] = value["annotations"]
    assert found["segmentation"]["counts"] == rle_to_text(
        rle_encode(fill(polygon(SQUARE, HOLE), (8, 6)))
    )
    assert (found["area"], found["bbox"], lost) == (12, [0, 0, 4, 4], [])
    [scene] = load_coco(tmp_path / "out.json").scenes
    assert scene.instances[0].geometry == polygon(SQUARE, HOLE)
    moved = make_scene(Instance("area/drivable", polygon(SQUARE, np.array(HOLE) + 0.25)))
    assert written(tmp_path, moved)[1] == ["polygon with a hole written as a mask of whole pixels"]


def test_a_changed_shape_forgets_what_was_said_of_it(tmp_path):
    given = annotation(segmentation=[[0, 0, 4, 0, 4, 4]], bbox=[0, 0, 5, 5], area=99, keypoints=[1])
    scene = load_one(tmp_path, given)
    changed = replace(scene.instances[0], geometry=polygon([[0, 0], [2, 0], [2, 2]]))
    [found] = written(tmp_path, replace(scene, instances=(changed,)))[0]["annotations"]
    expected = {"segmentation": [[0, 0, 2, 0, 2, 2]], "bbox": [0, 0, 2, 2], "area": 2}
    assert found == given | expected


# Words --------------------------------------------------------------------------------------------

NAMES = {
    "a path": ({"name": "obstacle/cone"}, "obstacle/cone"),
    "words": ({"name": "Traffic Light", "supercategory": "none"}, "light"),
    "a name of COCO's": ({"name": "giraffe"}, "object/animal"),
    "an unknown name": ({"name": "Spaceship", "supercategory": "vehicle"}, "Spaceship"),
    "an orange lamp": ({"name": "orange", "supercategory": "lamps"}, "orange"),
    "a fruit": ({"name": "orange", "supercategory": "food"}, None),
}


@pytest.mark.parametrize(("category", "label"), NAMES.values(), ids=NAMES)
def test_names(tmp_path, category, label):
    scene = load_one(tmp_path, annotation(category_id=7), categories=[{"id": 7, **category}])
    assert [found.label for found in scene.instances] == ([label] if label else [])
    value, lost = written(tmp_path, scene)
    assert value["annotations"] == [annotation(category_id=7)]
    assert (value["categories"], lost) == ([{"id": 7, **category}], [])


FACTS = {
    "none": ({}, {}),
    "of the taxonomy": ({"color": "orange"}, {"color": "orange"}),
    "unknown": ({"color": "mauve", "size": 3, "blur": None}, {}),
    "occluded": ({"occluded": True}, {"visible_state": "partly hidden"}),
    "not occluded": ({"occluded": False}, {}),
    "both": ({"occluded": True, "visible_state": "cut off"}, {"visible_state": "cut off"}),
}


@pytest.mark.parametrize(("attributes", "facts"), FACTS.values(), ids=FACTS)
def test_attributes(tmp_path, attributes, facts):
    given = annotation(category_id=2, attributes=attributes)
    scene = load_one(tmp_path, given)
    assert scene.instances[0].attributes == facts
    assert written(tmp_path, scene)[0]["annotations"] == [given]
    changed = replace(scene.instances[0], attributes={"color": "red"})
    [found] = written(tmp_path, replace(scene, instances=(changed,)))[0]["annotations"]
    rest = {k: v for k, v in attributes.items() if k not in ("color", "occluded", "visible_state")}
    assert found["attributes"] == rest | {"color": "red"}


def test_a_changed_label_gets_a_category_of_its_own(tmp_path):
    scene = load_one(tmp_path, annotation())
    changed = replace(scene, instances=(replace(scene.instances[0], label="object/vehicle/bus"),))
    value, _ = written(tmp_path, changed)
    new = {"id": 3, "name": "object/vehicle/bus", "supercategory": "object/vehicle"}
    assert value["categories"] == [*CATEGORIES, new]
    assert value["annotations"] == [annotation(category_id=3)]


CROWDS = {
    "nothing said": ({}, False),
    "one thing": ({"iscrowd": 0}, False),
    "a crowd": ({"iscrowd": 1}, True),
    "as a flag": ({"iscrowd": True}, True),
    "odd": ({"iscrowd": [1]}, False),
}


@pytest.mark.parametrize(("changes", "expected"), CROWDS.values(), ids=CROWDS)
def test_crowds(tmp_path, changes, expected):
    scene = load_one(tmp_path, annotation(**changes))
    assert is_crowd(scene.instances[0]) is expected
    written(tmp_path, scene)
    [again] = load_coco(tmp_path / "out.json").scenes
    assert is_crowd(again.instances[0]) is expected


@pytest.mark.parametrize("own", [None, 1, [], {"rest": 1}, {"rest": []}])
def test_extras_that_no_reader_left_are_no_crowds(own):
    assert not is_crowd(Instance("object/person", box(0, 0, 1, 1), extra={"coco": own}))
