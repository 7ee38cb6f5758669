"""Nothing vanishes silently: clips, and what readers can make no instance of."""

import json
from dataclasses import replace

import pytest

from drivegrid.data.formats import FORMATS
from drivegrid.data.formats.losing import UNREAD
from drivegrid.data.formats.table import FORMATS as TABLE
from drivegrid.data.scene_checks import check_scene
from drivegrid.errors import FormatError
from drivegrid.labels import default_label_space
from tests.data.builders import make_scene
from tests.data.formats import cvat_text
from tests.data.formats.boxed import make_box
from tests.data.formats.test_formats import KEPT, LANE, PATHS

SAID = [{"text": "follow it", "targets": [0]}]
NAMES = ["clips/drive/20.jpg", "20.jpg"]


@pytest.mark.parametrize("image", NAMES)
@pytest.mark.parametrize("name", PATHS)
def test_a_clip_is_kept_or_reported(tmp_path, name, image):
    scene = make_scene(KEPT.get(name, LANE), image=image, extra={"expressions": SAID})
    scene = replace(scene, frame=replace(scene.frame, clip="drive 7"))
    path = tmp_path / PATHS[name]
    saved = FORMATS[name].save([scene], path)
    [again] = FORMATS[name].load(path).scenes
    lost = [loss.message for loss in saved.losses if loss.message.startswith("clip")]
    if again.frame.clip == "drive 7":
        assert lost == []
    else:
        changed = "clip changed to what the image name says"
        assert lost == [changed if again.frame.clip else "clip left out"]
    (tmp_path / "b").mkdir()
    assert (
        FORMATS[name]
        .save([again], tmp_path / "b" / PATHS[name])
        .loss_counts.keys()
        .isdisjoint(lost)
    )


def test_every_written_format_is_tried():
    assert PATHS.keys() == {name for name, entry in TABLE.items() if entry.save}


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
    "categories": [{"id": 1, "name": "car"}],
}
BOX2D = {"x1": 1, "y1": 2, "x2": 30, "y2": 40}
ODD = {
    "coco, no category": ("coco", [{"id": 7, "image_id": 1, "bbox": [1, 2, 3, 4]}], "category"),
    "coco, no box": ("coco", [{"id": 7, "image_id": 1, "category_id": 1}], "shape"),
    "scalabel": ("scalabel", {"id": "1", "box2d": BOX2D}, "label without a category"),
    "bdd100k": ("bdd100k", {"id": "1", "category": "car", "box2d": None}, "label without a shape"),
    "cvat, a cuboid": ("cvat", '<cuboid label="car" xtl1="1"/>', "element <cuboid>"),
    "cvat, a typo": ("cvat", '<bos label="car" xtl="1"/>', "element <bos>"),
}


def _read(folder, name, odd):
    path = folder / PATHS[name]
    content = {
        "coco": lambda: json.dumps(COCO | {"annotations": odd}),
        "cvat": lambda: cvat_text.images(odd),
    }.get(name, lambda: json.dumps([{"name": "a.jpg", "labels": [odd]}]))
    path.write_text(content())
    return FORMATS[name].load(path).scenes


@pytest.mark.parametrize(("name", "odd", "what"), ODD.values(), ids=ODD)
def test_what_becomes_no_instance_is_found_and_reported(tmp_path, name, odd, what):
    [scene] = _read(tmp_path, name, odd)
    [(_, message)] = check_scene(scene, default_label_space())
    assert message.startswith("label must become an instance, got ")
    assert what in message
    assert FORMATS[name].save([scene], tmp_path / "same").loss_counts == {}
    for other in ("tusimple", "culane", "labelme", "labelstudio", "kitti", "coco"):
        if other != name:
            lost = FORMATS[other].save([scene], tmp_path / other / PATHS[other]).loss_counts
            assert any(what in reason and reason.endswith("left out") for reason in lost)


@pytest.mark.parametrize("value", [None, {"7": {}}, "zz", 5, True])
def test_annotations_of_coco_that_are_no_list_are_refused(tmp_path, value):
    with pytest.raises(FormatError, match="annotations must be a list"):
        _read(tmp_path, "coco", value)


NOTES = [
    3,
    {},
    {"format": "x"},
    {"format": 1, "found": []},
    {"format": "x", "found": [3]},
    {"format": "x", "found": [["a"]]},
]


@pytest.mark.parametrize("odd", NOTES)
def test_a_malformed_note_is_found_and_set_aside(tmp_path, odd):
    scene = make_scene(make_box("obstacle/cone"), extra={UNREAD: odd})
    [(item, message)] = check_scene(scene, default_label_space())
    assert (item, "unread" in message) == ("frame", True)
    assert FORMATS["voc"].save([scene], tmp_path / "a").quarantine.num_rejected == 1


def test_more_annotations_than_any_image_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("drivegrid.data.formats.coco.MAX_ANNOTATIONS", 1)
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    assert len(_read(tmp_path, "coco", [box])) == 1
    assert _read(tmp_path, "coco", [box, box]) == []


def test_a_lane_is_written_as_a_lane_line_and_says_so(tmp_path):
    scene = make_scene(replace(LANE, label="lane"))
    for name in ("tusimple", "culane", "curvelanes", "openlane"):
        saved = FORMATS[name].save([scene], tmp_path / name)
        assert saved.loss_counts["lane written as lane/line"] == 1
