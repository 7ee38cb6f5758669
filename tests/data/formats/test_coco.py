"""COCO: a golden file, what a file holds comes back, parts, masks, ids, results, wrong files."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats import FORMATS
from drivegrid.data.formats.coco import load_coco, open_coco, recognise_coco, save_coco
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.data.rasters import fill, rle_encode, rle_to_text
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Polygon
from tests.data.builders import SHAPES, make_lane, make_scene
from tests.data.formats.mutations import mutated

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "coco.json"
CATEGORIES = [
    {"id": 1, "name": "car", "supercategory": "vehicle"},
    {"id": 2, "name": "traffic cone"},
]


def annotation(number=1, **changes):
    usual = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    return {"id": number, **usual, "segmentation": [], **changes}


def content(*annotations, images=None, **members):
    image = {"id": 1, "file_name": "a.jpg", "width": 8, "height": 6}
    tables = {"images": images or [image], "annotations": list(annotations)}
    return {"categories": CATEGORIES, **tables, **members}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def load_one(tmp_path, *annotations, **members):
    [scene] = load_coco(write(tmp_path / "in.json", content(*annotations, **members))).scenes
    return scene


def written(tmp_path, *scenes):
    """The content of the file that is written, and the messages of what was lost."""
    saved = save_coco(scenes, tmp_path / "out.json")
    return json.loads((tmp_path / "out.json").read_text()), [loss.message for loss in saved.losses]


def by_id(value):
    """Content with annotations by id and keys in no order."""
    return value | {"annotations": {found["id"]: found for found in value["annotations"]}}


def box(*xyxy):
    return Box(np.array(xyxy, dtype=float))


def polygon(*rings):
    return Polygon(tuple(np.array(ring, dtype=float) for ring in rings))


SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4]]
HOLE = [[1, 1], [3, 1], [3, 3], [1, 3]]


def test_the_golden_file(tmp_path):
    loaded = load_coco(GOLDEN)
    [record] = loaded.quarantine.rejected
    assert record.item == "annotation 6"
    assert "image_id 99" in record.message
    street, empty = loaded.scenes
    assert (street.frame.image, street.frame.size_wh) == ("street/1.jpg", (8, 6))
    assert (street.frame.clip, street.frame.attributes) == ("drive 7", {"weather": "rain"})
    assert [(i.label, i.geometry, dict(i.attributes), i.confidence) for i in street.instances] == [
        ("object/vehicle/car", box(1.5, 2, 4.75, 5), {"visible_state": "partly hidden"}, None),
        ("obstacle/cone", polygon([[0, 0], [2.5, 0], [2.5, 2]], [[5, 1], [7, 1], [7, 3]]),
         {"color": "orange"}, 0.5),
        ("object/person", polygon([[1, 0], [3, 0], [3, 2], [1, 2]]), {}, None),
        ("D40", box(0, 0, 8, 6), {}, None),
    ]  # fmt: skip
    assert (empty.frame.image, empty.instances, empty.frame.clip) == ("street/2.jpg", (), None)
    source = json.loads(GOLDEN.read_text())
    source["annotations"] = [a for a in source["annotations"] if a["image_id"] != 99]
    found, lost = written(tmp_path, *loaded.scenes)
    assert (by_id(found), lost) == (by_id(source), [])
    assert load_coco(tmp_path / "out.json").scenes == loaded.scenes


def test_a_file_of_no_images(tmp_path):
    assert load_coco(write(tmp_path / "a.json", {"images": [], "categories": []})).scenes == []
    assert written(tmp_path)[0] == {"categories": [], "images": [], "annotations": []}


def test_compressed_files_and_images_without_annotations(tmp_path):
    text = json.dumps({k: v for k, v in content().items() if k != "annotations"})
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(text.encode()))
    loaded = load_coco(tmp_path / "a.json.gz")
    assert loaded.scenes[0].instances == ()
    save_coco(loaded.scenes, tmp_path / "b.json.gz")
    assert load_coco(tmp_path / "b.json.gz").scenes == loaded.scenes
    assert recognise_coco(Peek(tmp_path / "b.json.gz"))


# Shapes -------------------------------------------------------------------------------------------

FULL = {"size": [6, 8], "counts": [0, 12, 36]}
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


# Ids ----------------------------------------------------------------------------------------------


def test_ids_stay_and_new_ones_are_free(tmp_path):
    scene = load_one(tmp_path, annotation(1), annotation(3))
    new = Instance("obstacle/cone", box(0, 0, 1, 1))
    added = replace(scene, instances=(new, *scene.instances, new))
    other = make_scene(new, image="b.jpg")
    value, lost = written(tmp_path, added, other)
    assert [a["id"] for a in value["annotations"]] == [2, 1, 3, 4, 5]
    assert [(i["id"], i["file_name"]) for i in value["images"]] == [(1, "a.jpg"), (2, "b.jpg")]
    assert [a["image_id"] for a in value["annotations"]] == [1, 1, 1, 1, 2]
    assert lost == []


def test_two_data_sets_in_one_file(tmp_path):
    first = load_one(tmp_path, annotation())
    names = [{"id": 1, "name": "bus"}, {"id": 2, "name": "traffic cone"}]
    videos = [{"id": 1, "name": "b"}]
    images = [{"id": 1, "file_name": "b.jpg", "width": 8, "height": 6, "video_id": 1}]
    second = load_one(tmp_path, annotation(), categories=names, images=images, videos=videos)
    clip = replace(first, frame=replace(first.frame, clip="a"))
    value, lost = written(tmp_path, second, clip)
    assert lost == ["id changed: another has it"] * 2
    assert value["categories"] == [*names, {**CATEGORIES[0], "id": 3}]
    assert [a["category_id"] for a in value["annotations"]] == [1, 3]
    assert value["videos"] == [{"id": 1, "name": "b"}, {"id": 2, "name": "a"}]
    again = load_coco(tmp_path / "out.json").scenes
    assert [scene.instances[0].label for scene in again] == [
        "object/vehicle/bus", "object/vehicle/car"
    ]  # fmt: skip
    assert [scene.frame.clip for scene in again] == ["b", "a"]


_number = st.integers(-50, 2000).map(float) | st.floats(-1e6, 1e6)
_ring = st.lists(st.tuples(_number, _number), min_size=3, max_size=6).map(
    lambda points: np.array(points, float)
)
_shapes = st.one_of(
    st.tuples(_number, _number, _number, _number).map(
        lambda v: box(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
    ),
    st.lists(_ring, min_size=1, max_size=2).map(lambda rings: Polygon(tuple(rings))),
)
_labels = st.sampled_from(["object/vehicle/car", "obstacle/cone", "area/drivable", "d40"])
_scene = st.builds(
    Scene,
    st.builds(
        Frame,
        st.just("a.jpg"),
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        st.sampled_from([{}, {"weather": "rain", "time": "night"}]),
        st.none() | st.sampled_from("ab"),
    ),
    st.lists(
        st.builds(Instance, _labels, _shapes, confidence=st.none() | st.floats(0, 1)), max_size=4
    ).map(tuple),
)


@settings(max_examples=150)
@given(st.lists(_scene, max_size=3))
def test_any_scenes_come_back(tmp_path_factory, scenes):
    folder = tmp_path_factory.mktemp("any")
    saved = save_coco(scenes, folder / "a.json")
    first = load_coco(folder / "a.json").scenes
    assert [replace(scene, extra={}, instances=()) for scene in first] == [
        replace(scene, instances=()) for scene in scenes
    ]
    if not saved.losses:
        for before, after in zip(scenes, first, strict=True):
            for one, two in zip(before.instances, after.instances, strict=True):
                assert (one.label, one.confidence) == (two.label, two.confidence)
                close = np.allclose(one.geometry.vertices(), two.geometry.vertices(), atol=1e-9)
                assert close or isinstance(one.geometry, Polygon)
                if isinstance(one.geometry, Polygon) and len(one.geometry.rings) == 1:
                    assert one.geometry == two.geometry
    save_coco(first, folder / "b.json")
    assert load_coco(folder / "b.json").scenes == first


# Results ------------------------------------------------------------------------------------------


def test_results_lie_beside_their_images(tmp_path):
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 8, "height": 6} for n in (1, 2)]
    labels = write(tmp_path / "val.json", content(annotation(), images=images))
    result = {"image_id": 2, "category_id": 1, "bbox": [1.5, 1, 2, 2], "score": 0.25}
    masked = {"image_id": 2, "category_id": 2, "segmentation": FULL, "score": 1}
    stray = result | {"image_id": 3}
    results = write(tmp_path / "val.results.json", [result, masked, stray])
    loaded = load_coco(results)
    assert loaded.quarantine.num_rejected == 1
    first, second = loaded.scenes
    assert first.instances == ()
    assert [(i.label, i.confidence) for i in second.instances] == [
        ("object/vehicle/car", 0.25), ("obstacle/cone", 1.0)
    ]  # fmt: skip
    assert recognise_coco(Peek(results)) == "JSON list of results with image_id and category_id"
    assert FORMATS["coco"].side_read(results) == labels
    assert FORMATS["coco"].side_read(labels) is None
    value, lost = written(tmp_path, *loaded.scenes)
    assert [(a["id"], a["score"], a["area"], a["bbox"]) for a in value["annotations"]] == [
        (1, 0.25, 4, [1.5, 1, 2, 2]), (2, 1, 12, [0, 0, 2, 6])
    ]  # fmt: skip
    assert lost == []
    elsewhere = write(tmp_path / "other.json", [result])
    assert len(load_coco(elsewhere, labels=labels).scenes) == 2
    with pytest.raises(FormatError, match=r"x\.results\.json"):
        open_coco(elsewhere)


# Files --------------------------------------------------------------------------------------------


def test_size_of_the_picture(tmp_path):
    images = [{"id": 1, "file_name": "a.png"}]
    assert load_one(tmp_path, images=images).frame.size_wh == (640, 480)
    value, _ = written(tmp_path, load_one(tmp_path, images=images))
    assert value["images"] == images
    save_image(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint8))
    assert load_one(tmp_path, images=images).frame.size_wh == (4, 3)


BAD_FRAMES = {
    "category": (annotation(category_id=9), "annotation 1", "categories"),
    "category a list": (annotation(category_id=[1]), "category_id", "whole number"),
    "bbox": (annotation(bbox=[1, 2, 3]), "bbox", "width and height"),
    "bbox of texts": (annotation(bbox=["1", 2, 3, 4]), "bbox", "numbers"),
    "width": (annotation(bbox=[1, 2, -3, 4]), "bbox", "from 0"),
    "far": (annotation(bbox=[1e7, 2, 1e7, 4]), "bbox", "number"),
    "odd part": (annotation(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "segmentation", "7 numbers"),
    "flat part": (annotation(segmentation=[1, 2, 3, 4, 5, 6]), "segmentation", "list of numbers"),
    "mask's size": (annotation(segmentation={"size": [8, 6], "counts": [48]}), "segm", "height"),
    "runs": (annotation(segmentation={"size": [6, 8], "counts": [47]}), "segm", "fill"),
    "bad text": (annotation(segmentation={"size": [6, 8], "counts": "~"}), "segm", "text"),
    "counts": (annotation(segmentation={"size": [6, 8], "counts": 3}), "segmentation", "counts"),
    "area": (annotation(area="12"), "area", "number"),
    "attributes": (annotation(attributes=[]), "attributes", "object"),
    "huge masks": (annotation(segmentation={"size": [2**20] * 2, "counts": []}), "image", "pixels"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "item", "message"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_wrong_annotation_sets_its_image_aside(tmp_path, wrong, item, message):
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 8, "height": 6} for n in (1, 2)]
    value = content(wrong, annotation(7, image_id=2), images=images)
    loaded = load_coco(write(tmp_path / "a.json", value))
    assert [scene.frame.image for scene in loaded.scenes] == ["2.jpg"]
    [record] = loaded.quarantine.rejected
    assert record.path == str(tmp_path / "a.json")
    assert record.item.startswith("image 0 (1.jpg)")
    assert item in record.item
    assert message in record.message


BAD_IMAGES = {
    "no id": {"file_name": "a.jpg"},
    "same id": {"id": 2, "file_name": "a.jpg"},
    "climbs": {"id": 1, "file_name": "../a.jpg", "width": 8, "height": 6},
    "no name": {"id": 1, "width": 8, "height": 6},
    "half a size": {"id": 1, "file_name": "a.jpg", "width": 8},
    "no size": {"id": 1, "file_name": "a.jpg", "width": 0, "height": 6},
    "a number": 3,
}


@pytest.mark.parametrize("image", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_wrong_image_is_set_aside(tmp_path, image):
    good = {"id": 2, "file_name": "b.jpg", "width": 8, "height": 6}
    loaded = load_coco(write(tmp_path / "a.json", content(images=[good, image])))
    assert [scene.frame.image for scene in loaded.scenes] == ["b.jpg"]
    assert loaded.quarantine.num_rejected == 1


def test_a_number_too_large_sets_its_image_aside(tmp_path):
    text = json.dumps(content(annotation())).replace('"area": 12', '"area": 1e999')
    loaded = load_coco(write(tmp_path / "a.json", text))
    assert (loaded.scenes, loaded.quarantine.num_rejected) == ([], 1)


BAD_FILES = {
    "nothing": "",
    "a number": "3",
    "an empty object": "{}",
    "an empty list": "[]",
    "cut off": json.dumps(content(annotation()))[:-20],
    "categories twice": json.dumps(content(categories=[CATEGORIES[0]] * 2)),
    "a category without a name": json.dumps(content(categories=[{"id": 1}])),
    "categories no list": json.dumps(content(categories={})),
}


@pytest.mark.parametrize("text", BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_are_none(tmp_path, text):
    with pytest.raises(FormatError, match=r"a\.json"):
        load_coco(write(tmp_path / "a.json", text))
    with pytest.raises(FormatError, match=r"b\.json"):
        load_coco(tmp_path / "b.json")


@settings(max_examples=200)
@given(mutated(GOLDEN.read_bytes()))
def test_broken_files_are_read_or_refused(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "a.json").write_bytes(text)
    recognise_coco(Peek(folder / "a.json"))
    try:
        loaded = load_coco(folder / "a.json")
    except FormatError:
        return
    saved = save_coco(loaded.scenes, folder / "b.json")
    assert saved.quarantine.num_rejected == 0
    again = load_coco(folder / "b.json").scenes
    if not saved.losses:
        assert [s.instances for s in again] == [s.instances for s in loaded.scenes]


OTHERS = ["[]", "[1]", "{}", '{"images": []}', '{"frames": []}', '[{"name": "a.jpg"}]', "{", "x,y"]


@pytest.mark.parametrize("text", OTHERS)
def test_other_files_are_not_recognised(tmp_path, text):
    assert recognise_coco(Peek(write(tmp_path / "a.json", text))) is None
    assert recognise_coco(Peek(tmp_path)) is None


def test_large_files_are_recognised_by_their_head(tmp_path, monkeypatch):
    monkeypatch.setattr("drivegrid.data.formats.peek.MAX_WHOLE", 10)
    assert recognise_coco(Peek(GOLDEN))
    assert recognise_coco(Peek(write(tmp_path / "a.json", OTHERS[4]))) is None


LOST = {
    "a line": (make_lane([[1, 2], [3, 4]]), "line left out: COCO has boxes and polygons"),
    "a point": (Instance("sign", SHAPES["point"]), "point left out: COCO has boxes and polygons"),
    "anchors": (Instance("region", SHAPES["seg"]), "seg left out: COCO has boxes and polygons"),
    "no ring": (Instance("area", SHAPES["poly of no ring"]),
                "polygon of fewer than 3 points left out"),
    "a short ring": (Instance("area", polygon(SQUARE, [[7, 7]])),
                     "ring of fewer than 3 points left out"),
    "visibility": (Instance("sign", box(0, 0, 1, 1), visibility=0.5), "visibility left out"),
    "source": (Instance("sign", box(0, 0, 1, 1), source="nano"), "source left out"),
    "a point with a box": (
        Instance("sign", SHAPES["point"], extra={"box_xyxy": [0, 0, 2, 3]}),
        "point written as its box",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    value, lost = written(tmp_path, make_scene(instance))
    assert lost == [message]
    left_out = message.endswith("polygons") or message.startswith("polygon of")
    assert len(value["annotations"]) == (0 if left_out else 1)
    for found in value["annotations"]:
        assert found["bbox"] in ([0, 0, 2, 3], [0, 0, 1, 1], [0, 0, 4, 4])


def _with(**own):
    return make_scene(Instance("sign", box(0, 0, 1, 1), extra={"coco": own}))


HOSTILE = [
    make_scene(image="../a.jpg"),
    make_scene(extra={"coco": 3}),
    make_scene(extra={"coco": {"image": []}}),
    make_scene(extra={"coco": {"image": {"attributes": 3}}}),
    make_scene(extra={"coco": {"image": {"video_id": [1]}}}),
    make_scene(extra={"coco": {"other": 3}}),
    make_scene(extra={"coco": {"other": [[0, 3]]}}),
    make_scene(extra={"coco": {"other": [[0, {"category": {"id": 1}}]]}}),
    make_scene(extra={"coco": {"file": []}}),
    make_scene(extra={"coco": {"file": {"categories": [{"id": 1}]}}}),
    make_scene(extra={"coco": {"file": {"videos": 3}}}),
    make_scene(Instance("sign", box(0, 0, 1, 1), extra={"coco": 3})),
    make_scene(Instance("sign", SHAPES["point"], extra={"box_xyxy": [1]})),
    make_scene(Instance("sign", SHAPES["point"], extra={"box_xyxy": [1, 1, 0, 0]})),
    _with(category=[]),
    _with(category={"id": 1}),
    _with(attributes=[]),
    _with(rest=3),
]


@pytest.mark.parametrize("scene", HOSTILE)
def test_hostile_extras_set_their_frame_aside(tmp_path, scene):
    saved = save_coco([scene, make_scene(image="b.jpg")], tmp_path / "out.json")
    assert (saved.quarantine.num_rejected, saved.quarantine.num_kept) == (1, 1)
    assert len(load_coco(tmp_path / "out.json").scenes) == 1


@pytest.mark.parametrize("key", ["bbox", "area", "segmentation"])
def test_what_was_said_of_a_shape_is_checked(tmp_path, key):
    scene = load_one(tmp_path, annotation(bbox=[1, 2, 3.5, 4], area=9, segmentation=FULL))
    own = scene.instances[0].extra["coco"] | {key: {"size": [6, 8], "counts": [48]}}
    hostile = replace(scene, instances=(replace(scene.instances[0], extra={"coco": own}),))
    assert save_coco([hostile], tmp_path / "out.json").quarantine.num_rejected == 1


def test_saving_leaves_scenes_as_they_are(tmp_path):
    loaded = load_coco(GOLDEN)
    save_coco(loaded.scenes, tmp_path / "out.json")
    assert loaded.scenes == load_coco(GOLDEN).scenes
