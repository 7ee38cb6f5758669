"""Label Studio: wrong tasks, files that hold none, broken files."""

import json

import pytest
from hypothesis import given, settings

from drivegrid.data.formats.labelstudio import load_labelstudio, save_labelstudio
from drivegrid.errors import FormatError
from tests.data.formats.drawn import broken
from tests.data.formats.labelstudio_tasks import BOX, REGIONS, choice, load, region, task

POINT = region("keypointlabels", BOX)
BAD = {
    "nobody labelled": ({"annotations": []}, "labelled"),
    "cancelled": ({"annotations": [{"was_cancelled": True, "result": []}]}, "labelled"),
    "no data": ({"data": 1}, "data"),
    "no picture": ({"data": {"text": "x"}}, "picture"),
    "bad name": ({"data": {"image": "../a.jpg"}}, "image name"),
    "inline picture": ({"data": {"image": "data:" + "A" * 5000}}, "4096"),
    "annotations": ({"annotations": 5}, "annotations"),
    "results": ({"annotations": [{"result": 5}]}, "annotation"),
    "a result": ({"annotations": [{"result": [5]}]}, "result 0"),
    "a typo": ([region("rectanglelabel", BOX)], "type of a region must be one of rectangle"),
    "no type": ([{"id": "a", "value": BOX}], "type of a region must be one of rectangle"),
    "no number": ([region("rectanglelabels", BOX | {"x": "1"})], "number"),
    "missing": ([region("rectanglelabels", {"x": 1})], "y"),
    "far": ([region("keypointlabels", {"x": 1e9, "y": 1})], "number"),
    "half a point": ([region("polygonlabels", {"points": [[1]]})], "pairs"),
    "turn": ([region("rectanglelabels", BOX, image_rotation=45)], "image_rotation"),
    "size": ([region("rectanglelabels", BOX, original_width=0)], "size"),
    "two sizes": ([POINT, POINT | {"original_width": 9}], "one picture"),
    "rle of others": ([region("brushlabels", {"rle": ["x"]})], "bytes"),
    "rle cut off": ([region("brushlabels", {"rle": [0, 0, 1]})], "beginning"),
    "rle of another size": ([region("brushlabels", {"rle": [0, 0, 0, 9, 0, 0, 0]})], "200x100"),
    "no mask": ([region("bitmasklabels", {"imageDataURL": "data:,"})], "PNG"),
}


@pytest.mark.parametrize(("wrong", "message"), BAD.values(), ids=BAD)
def test_a_wrong_task_is_set_aside_and_the_rest_loads(tmp_path, wrong, message):
    bad = task(*wrong) if isinstance(wrong, list) else task() | wrong
    loaded = load(tmp_path, task(image="b.jpg"), bad, task(image="c.jpg"))
    assert [scene.frame.image for scene in loaded.scenes] == ["b.jpg", "c.jpg"]
    [rejected] = loaded.quarantine.rejected
    assert message in f"{rejected.message} {rejected.item}"
    assert rejected.item.startswith("task 1")


@pytest.mark.parametrize("text", ["", "text", "[", "[{]", "5", '[{"data": {}} x]'])
def test_files_that_are_no_list_of_tasks(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError):
        load_labelstudio(tmp_path / "a.json")
    with pytest.raises(FormatError):
        load_labelstudio(tmp_path / "absent.json")


GOOD = json.dumps(
    [
        task(*(region(kind, value) for kind, value, _ in REGIONS.values()), choice("color", "red")),
        task(predictions=[{"score": 0.5, "result": [region("rectanglelabels", BOX)]}]),
    ]
).encode()


@settings(max_examples=200)
@given(content=broken(GOOD))
def test_broken_files_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "a.json").write_bytes(content)
    try:
        scenes = load_labelstudio(folder / "a.json").scenes
    except FormatError:
        return
    save_labelstudio(scenes, folder / "b.json")
