"""A user's class names: looked up as the data set writes them; what they do not name stays."""

import json

import pytest

from drivegrid.data.formats import FORMATS
from drivegrid.data.renaming import load_classes, with_classes
from drivegrid.errors import ConfigError

CLASSES = """
labels:
  crosswalk: sign/information/pedestrian_crossing
  stop: {to: sign/regulatory/stop, with: {color: red}, aka: [STOP]}
rules:
  - {match: "limit-(\\\\d+)", to: sign/regulatory/speed_limit, with: {limit: "{1}"}}
"""


def write_labelme(folder, names):
    shapes = [
        {"label": name, "points": [[1, 2], [5, 9]], "shape_type": "rectangle"} for name in names
    ]
    record = {"shapes": shapes, "imagePath": "a.png", "imageWidth": 64, "imageHeight": 48}
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(record), "utf-8")
    return folder


def read(tmp_path, names, classes=CLASSES):
    (tmp_path / "classes.yaml").write_text(classes, "utf-8")
    known = with_classes(FORMATS["labelme"], load_classes(tmp_path / "classes.yaml"))
    [scene] = known.load(write_labelme(tmp_path / "in", names)).scenes
    return scene.instances


def test_a_frame_without_instances_has_nothing_to_rename(tmp_path) -> None:
    assert read(tmp_path, []) == ()


@pytest.mark.parametrize(
    ("name", "label", "attributes"),
    [
        ("crosswalk", "sign/information/pedestrian_crossing", {}),  # else the paint on the road
        ("stop", "sign/regulatory/stop", {"color": "red"}),
        ("STOP", "sign/regulatory/stop", {"color": "red"}),
        ("limit-30", "sign/regulatory/speed_limit", {"limit": "30"}),
        ("limit-31", "limit-31", {}),
        ("car", "object/vehicle/car", {}),
        ("d40", "d40", {}),
    ],
)
def test_names_become_what_the_user_says(tmp_path, name, label, attributes) -> None:
    [instance] = read(tmp_path, [name])
    assert (instance.label, dict(instance.attributes)) == (label, attributes)


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        ("", "classes must be consistent"),
        ("labels: {}", "got none"),
        ("labels: {stop: {drop: not wanted}}", "got drop for stop"),
        ("labels: {stop: sign/nowhere}", "stop: target must be a taxonomy path"),
        ("labels: [stop]", "must be a mapping"),
        ("classes: {stop: sign}", "key must be one of"),
    ],
)
def test_a_file_that_names_no_targets_is_refused(tmp_path, classes, problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        read(tmp_path, [], classes)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_classes(tmp_path / "nowhere.yaml")
