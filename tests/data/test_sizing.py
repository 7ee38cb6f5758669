"""Sizes that labels do not say: told by people or pictures, counted where assumed."""

import json
from pathlib import Path

import pytest
from PIL import Image

from drivegrid.data.convert import convert
from drivegrid.data.formats import FORMATS
from drivegrid.data.sizing import AssumedSizes, parse_size, with_sizes
from drivegrid.errors import ConfigError, FormatError

LINE = {"raw_file": "clips/1/20.jpg", "h_samples": [700, 600], "lanes": [[5, 6]]}


@pytest.fixture
def labels(tmp_path) -> Path:
    path = tmp_path / "in" / "label_data.json"
    path.parent.mkdir()
    path.write_text(json.dumps(LINE) + "\n")
    return path


@pytest.mark.parametrize("text", ["", "1280", "x", "0x9", "9x-1", "1x2x3", "9" * 30 + "x1", "²x2"])
def test_what_is_no_size(text) -> None:
    with pytest.raises(ConfigError, match="size must be WIDTHxHEIGHT"):
        parse_size(text)


def test_no_scene_no_warning() -> None:
    assert AssumedSizes().warning() == ""


def test_a_size_is_taken_where_there_is_no_picture(labels) -> None:
    known = FORMATS["tusimple"]
    [before] = known.load(labels).scenes
    [after] = with_sizes(known, None, (640, 360)).load(labels).scenes
    assert before.extra["assumed_size"] is True
    assert "assumed_size" not in after.extra
    assert (after.frame.size_wh, after.instances) == ((640, 360), before.instances)
    assert with_sizes(known, None, None) is known


def test_pictures_elsewhere_tell_the_size(labels, tmp_path) -> None:
    picture = tmp_path / "pictures" / LINE["raw_file"]
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (64, 36)).save(picture)
    for size in (None, (9, 9)):
        [scene] = with_sizes(FORMATS["tusimple"], tmp_path / "pictures", size).load(labels).scenes
        assert scene.frame.size_wh == (64, 36)


def test_shares_of_a_picture_grow_with_its_size(tmp_path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.25\n")
    (tmp_path / "data.yaml").write_text("names: [car]\n")
    [scene] = with_sizes(FORMATS["yolo"], None, (400, 200)).load(tmp_path).scenes
    assert scene.instances[0].geometry.xyxy.tolist() == [100, 75, 300, 125]


def test_a_conversion_counts_them_and_resumes_with_the_same_size(labels, tmp_path) -> None:
    for target, to in ((tmp_path / "a.jsonl", "scene"), (tmp_path / "shards", "scene")):
        report = convert(labels, "tusimple", target, to)
        assert report.assumed.warning().startswith("size of 1 frame is assumed, 1280x720")
    sized = with_sizes(FORMATS["tusimple"], None, (640, 360))
    assert convert(labels, sized, tmp_path / "b.jsonl", "scene").assumed.warning() == ""
    with pytest.raises(FormatError, match="begun by the same conversion"):
        convert(labels, sized, tmp_path / "shards", "scene")
    convert(labels, sized, tmp_path / "more", "scene")
    with pytest.raises(FormatError, match="begun by the same conversion"):
        convert(labels, "tusimple", tmp_path / "more", "scene")
