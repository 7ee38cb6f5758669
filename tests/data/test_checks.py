"""What files say is checked before it is used; what formats left in ``extra`` as well."""

import json

import pytest

from drivegrid.data.checks import check_extras, check_image_name
from drivegrid.data.formats import find_format
from drivegrid.data.formats.scene import open_scene
from drivegrid.data.store import scene_to_record
from drivegrid.errors import FormatError
from tests.data.builders import make_lane, make_scene


@pytest.mark.parametrize(
    "name",
    ["", None, 7, ["a.jpg"], "/etc/passwd", "../a.jpg", "a/../../b.jpg", "C:\\a.jpg", "C:a.jpg",
     "\\\\host\\a", "a\\..\\b.jpg", "a\nb.jpg", "a\0.jpg", "\ud800.jpg", "\udcff.jpg"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(FormatError, match="image name"):
        check_image_name(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "clips/0313-1/6040/20.jpg", "..a/b..c.jpg", "a/12:30.jpg", "Straße 1.jpg"]
)
def test_plain_names_pass(name):
    assert check_image_name(name) == name


FRAME_EXTRAS = {
    "no object": {"tusimple": 5},
    "rows are a text": {"tusimple": {"h_samples": "abc"}},
    "no rows": {"tusimple": {"h_samples": []}},
    "a row twice": {"tusimple": {"h_samples": [500, 500]}},
    "a huge row": {"tusimple": {"h_samples": [500, 10**30]}},
    "empty is a number": {"tusimple": {"h_samples": [500, 510], "empty": 5}},
    "empty has other rows": {"tusimple": {"h_samples": [500, 510], "empty": [[0, [-2]]]}},
    "empty is not empty": {"tusimple": {"h_samples": [500, 510], "empty": [[0, [-2, 5]]]}},
    "empty has no slot": {"tusimple": {"h_samples": [500, 510], "empty": [["a", [-2, -2]]]}},
    "rest is a list": {"tusimple": {"rest": [1]}},
    "rest replaces lanes": {"tusimple": {"rest": {"lanes": 5}}},
    "run_time is a text": {"tusimple": {"run_time": "1"}},
    "culane is a number": {"culane": 7},
    "exist is a number": {"culane": {"exist": 5}},
    "exist has twos": {"culane": {"exist": [0, 2]}},
    "lanes are a text": {"culane": {"exist": [1], "lanes": "1"}},
    "mask is a list": {"culane": {"mask": ["x"]}},
    "mask is two lines": {"culane": {"mask": "a\n/b.jpg"}},
    "assumed_size is a text": {"assumed_size": "no"},
}
LANE_EXTRAS = {
    "no object": {"tusimple": 5},
    "slot is a text": {"tusimple": {"slot": "z"}},
    "x are texts": {"tusimple": {"slot": 0, "x": ["1"]}},
    "culane is a number": {"culane": 3},
    "reversed is a text": {"culane": {"reversed": "yes"}},
    "box is a text": {"box_xyxy": "abc"},
    "box of two": {"box_xyxy": [1, 2]},
    "box of texts": {"box_xyxy": ["1", "2", "3", "4"]},
    "huge box": {"box_xyxy": [0, 0, 1e308, 1]},
}
SCENES = {
    **{f"frame: {name}": make_scene(extra=extra) for name, extra in FRAME_EXTRAS.items()},
    **{
        f"lane: {name}": make_scene(make_lane([[5, 700], [9, 500]], extra=extra))
        for name, extra in LANE_EXTRAS.items()
    },
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_extras_that_no_format_left_set_their_scene_aside(tmp_path, scene):
    records = [scene_to_record(make_scene()), scene_to_record(scene)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    loaded = open_scene(tmp_path / "a.jsonl").load()
    assert loaded.scenes == [make_scene()]
    [record] = loaded.quarantine.rejected
    assert record.line == 2
    assert "extra" in record.item or record.item == "h_samples"


GOOD_EXTRAS = [
    {},
    {"other": {"tusimple": 5}},
    {"tusimple": {"h_samples": [500.5, 510], "empty": [[1, [-2, -2]]], "rest": {"a": [None]}}},
    {"culane": {"mask": "/laneseg/b.png", "exist": [0, 1], "lanes": 2}, "assumed_size": True},
]


@pytest.mark.parametrize("extra", GOOD_EXTRAS, ids=str)
def test_what_formats_leave_and_what_nobody_reads_passes(extra):
    scene = make_scene(extra=extra)
    assert check_extras(scene) is scene


@pytest.mark.parametrize("source", ["tusimple", "culane"])
def test_what_readers_leave_passes(tmp_path, source):
    lanes = [make_lane([[5, 500], [9, 300]]), make_lane([[7, 300]])]
    find_format(source).save([make_scene(*lanes)], tmp_path / "a")
    [scene] = find_format(source).load(tmp_path / "a").scenes
    assert check_extras(scene).extra["assumed_size"] is True
    assert len(scene.instances) == 2
