"""The table of formats and telling them apart."""

import json

import numpy as np
import pytest

from drivegrid.data.formats import FORMATS, detect_format, find_format
from drivegrid.data.scene import Instance
from drivegrid.data.store import save_scenes
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Polygon
from tests.data.builders import make_lane, make_scene

PATHS = {
    "bdd100k": "b.json",
    "cityscapes": "folder",
    "coco": "d.json",
    "culane": "folder",
    "cvat": "a.xml",
    "labelme": "folder",
    "labelstudio": "a.json",
    "curvelanes": "folder",
    "masks": "folder",
    "gtsrb": "a.csv",
    "kitti": "folder",
    "mtsd": "folder",
    "nuimages": "folder",
    "openlane": "folder",
    "scalabel": "c.json",
    "scene": "a.jsonl",
    "talk2car": "t.json",
    "tusimple": "a.json",
    "vistas": "folder",
    "voc": "folder",
    "yolo": "folder",
}
LANE = make_lane([[10, 300], [20, 290]])
REGION = Instance("area/drivable", Polygon((np.array([[0, 9], [5, 9], [5, 12], [0, 12]]),)))
_BOX = Box(np.array([10.0, 20.0, 40.0, 50.0]))
KEPT = {
    "cityscapes": REGION,
    "coco": Instance("obstacle/cone", _BOX),
    "gtsrb": Instance("sign/regulatory/stop", _BOX),
    "kitti": Instance("object/vehicle/car", _BOX),
    "masks": REGION,
    "mtsd": Instance("sign/regulatory/stop", _BOX),
    "nuimages": Instance("obstacle/cone", _BOX),
    "talk2car": Instance("object/vehicle/car", _BOX),
    "vistas": REGION,
    "voc": Instance("obstacle/cone", _BOX),
    "yolo": Instance("obstacle/cone", _BOX),
}
"""What a format keeps that has no lanes."""


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].save])
def test_every_format_keeps_an_instance_and_is_recognised(tmp_path, name):
    said = [{"text": "follow it", "targets": [0]}]
    scene = make_scene(KEPT.get(name, LANE), extra={"expressions": said})
    path = tmp_path / PATHS[name]
    assert find_format(name).save([scene], path).quarantine.num_kept == 1
    [again] = find_format(name).load(path).scenes
    assert again.instances[0].label == scene.instances[0].label
    np.testing.assert_allclose(
        again.instances[0].geometry.vertices(), scene.instances[0].geometry.vertices(), rtol=1e-12
    )
    found, reason = detect_format(path)
    assert found == name
    assert reason


def test_parquet_is_recognised(tmp_path):
    save_scenes([], tmp_path / "a.parquet")
    assert detect_format(tmp_path / "a.parquet")[0] == "scene"


def test_a_broken_first_line_is_passed_over(tmp_path):
    frame = {"lanes": [], "h_samples": [], "raw_file": "a.jpg"}
    (tmp_path / "a").write_text("{\n\n" + json.dumps(frame))
    assert detect_format(tmp_path / "a")[0] == "tusimple"


@pytest.mark.parametrize(("name", "file"), [("cvat", "a.xml"), ("voc", "Annotations/a.xml")])
def test_xml_in_utf16_is_recognised_and_read(tmp_path, name, file):
    saved = tmp_path / "saved"
    find_format(name).save([make_scene(KEPT.get(name, LANE))], saved)
    written = saved if saved.is_file() else next(saved.rglob("*.xml"))
    text = written.read_text().replace('encoding="utf-8"', 'encoding="utf-16"')
    path = tmp_path / "in" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("utf-16"))
    opened = path if path.parent.name == "in" else tmp_path / "in"
    assert detect_format(opened)[0] == name
    assert len(find_format(name).load(opened).scenes) == 1


@pytest.mark.parametrize("content", [b"", b"text", b"[1]\n", b'{"images": []}', b"\x89PNG"])
def test_unknown_files_list_the_known_formats(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FormatError, match="scene, tusimple, culane"):
        detect_format(tmp_path / "a")


def test_unknown_folders_names_and_missing_files(tmp_path):
    with pytest.raises(FormatError, match="scene, tusimple, culane"):
        detect_format(tmp_path)
    with pytest.raises(FormatError, match=r"scene, tusimple, culane.*, got 'cocoa'"):
        find_format("cocoa")
    with pytest.raises(FormatError, match="absent"):
        detect_format(tmp_path / "absent")


def test_each_format_is_loaded_and_saved_by_name() -> None:
    from drivegrid.data import formats

    for name, entry in FORMATS.items():
        if name != "scene":
            assert f"load_{name}" in formats.__all__
            assert (f"save_{name}" in formats.__all__) == (entry.save is not None)
    assert all(hasattr(formats, name) for name in formats.__all__)


@pytest.mark.parametrize(
    ("content", "sight"), [(b"", "an empty file"), (b"\x89PNG\r\n", "a picture")]
)
def test_what_is_no_label_is_said_first(tmp_path, content, sight) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FormatError, match=f"must be of a known format, got {sight}"):
        detect_format(tmp_path / "a")
