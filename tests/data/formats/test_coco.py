"""COCO: a golden file, results, wrong files, real boxes and masks."""

import gzip
import json
import pickle
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings

from drivegrid.data.formats import FORMATS, detect_format
from drivegrid.data.formats.coco import load_coco, open_coco, recognise_coco, save_coco
from drivegrid.data.formats.peek import Peek
from drivegrid.data.images import save_image
from drivegrid.errors import FormatError
from tests.data.formats.coco_content import (
    CATEGORIES,
    FULL,
    GOLDEN,
    annotation,
    box,
    by_id,
    content,
    load_one,
    polygon,
    write,
    written,
)
from tests.data.formats.mutations import mutated


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
    "a size of many digits": (annotation(segmentation={"size": [10**400, 2], "counts": []}),
                              "image", "pixels"),
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


def test_files_are_of_no_other_format(tmp_path):
    assert detect_format(GOLDEN)[0] == "coco"
    results = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    assert detect_format(write(tmp_path / "a.results.json", results))[0] == "coco"


def test_entries_travel_to_other_processes():
    source = pickle.loads(pickle.dumps(open_coco(GOLDEN).parse))
    [first, *_] = open_coco(GOLDEN).entries
    assert source(pickle.loads(pickle.dumps(first))) == load_coco(GOLDEN).scenes[0]


def test_large_files_are_recognised_by_their_head(tmp_path, monkeypatch):
    monkeypatch.setattr("drivegrid.data.formats.peek.MAX_WHOLE", 10)
    assert recognise_coco(Peek(GOLDEN))
    assert recognise_coco(Peek(write(tmp_path / "a.json", OTHERS[4]))) is None


def test_real_boxes_come_back(realdata, tmp_path):
    scenes = FORMATS["voc"].load(realdata / "road_signs_voc").scenes
    assert save_coco(scenes, tmp_path / "a.json").losses == []
    first = load_coco(tmp_path / "a.json").scenes
    for before, after in zip(scenes, first, strict=True):
        assert before.frame.image == after.frame.image
        for one, two in zip(before.instances, after.instances, strict=True):
            assert (one.label, one.geometry) == (two.label, two.geometry)
    save_coco(first, tmp_path / "b.json")
    assert load_coco(tmp_path / "b.json").scenes == first


def test_real_masks_come_back(realdata, tmp_path):
    root = realdata / "camvid11"
    scenes = list(islice(FORMATS["masks"].open(root), 4))
    assert save_coco(scenes, tmp_path / "a.json").losses == []
    first = load_coco(tmp_path / "a.json").scenes
    for before, after in zip(scenes, first, strict=True):
        assert [i.geometry for i in before.instances] == [i.geometry for i in after.instances]
    save_coco(first, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
