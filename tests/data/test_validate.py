"""Every fault is found, by file, line and item; good labels have none."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from drivegrid.data.benchmark import Plan, write_split
from drivegrid.data.convert import convert
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.data.validate import Validation, check_scene, validate
from drivegrid.errors import FormatError
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline
from drivegrid.labels import default_label_space
from tests.data import toy_world
from tests.data.builders import make_lane, make_scene

SQUARE = np.array([[10.0, 10.0], [90.0, 10.0], [90.0, 90.0], [10.0, 90.0]])
BOW = SQUARE[[0, 2, 1, 3]]
ROAD = "area/drivable"


def faults(scene):
    return [message for _, message in check_scene(scene, default_label_space())]


def test_a_scene_without_anything_is_good() -> None:
    assert faults(make_scene()) == []


@pytest.mark.parametrize(
    ("instance", "named"),
    [
        (make_lane([[5, 5], [9, 9]]), ""),
        (make_lane([[-50, 50], [2000, 60]]), ""),
        (make_lane(np.zeros((0, 2))), "line must have points"),
        (make_lane([[5, 5]]), "line must have at least 2 points"),
        (make_lane([[5, 5], [5, 5]]), "line must have a length"),
        (make_lane([[-5, 5], [-9, 9]]), "line must meet the image 1280x720"),
        (make_lane([[5, 5], [9, 9]], attributes={"style": "solid"}), ""),
        (make_lane([[5, 5], [9, 9]], attributes={"style": "wavy"}), "style must be one of solid"),
        (make_lane([[5, 5], [9, 9]], attributes={"mood": "sad"}), "attribute must be one of role"),
        (Instance("lane/lines", Polyline(np.eye(2))), "label must be in the taxonomy"),
        (Instance(ROAD, Polygon((SQUARE,))), ""),
        (Instance(ROAD, Polygon((SQUARE, 0.5 * SQUARE + 20))), ""),
        (Instance(ROAD, Polygon(())), "poly must have points"),
        (
            Instance(ROAD, Polygon((BOW,))),
            "got a crossing in ring 0",
        ),
        (
            Instance(ROAD, Polygon((SQUARE, BOW))),
            "got a crossing in ring 1",
        ),
        (
            Instance(ROAD, Polygon((SQUARE[:2],))),
            "at least 3 points, got 2 in ring 0",
        ),
        (Instance(ROAD, Polygon((SQUARE - 500,))), "poly must meet the image"),
        (Instance("obstacle/cone", Box(np.array([1.0, 1, 1, 9]))), "box must have an area"),
        (Instance("obstacle/cone", Box(np.array([-9.0, -9, 2000, 2000]))), ""),
        (Instance("obstacle/cone", Box(np.array([1281.0, 1, 1290, 9]))), "box must meet"),
        (Instance("sign", Point(np.array([1280.0, 720.0]))), ""),
        (Instance("sign", Point(np.array([1280.0, 721.0]))), "point must meet"),
        (Instance("region/puddle", Anchors(np.array([[4.0, 4.0]]))), ""),
    ],
)
def test_shapes_and_words(instance, named) -> None:
    found = faults(make_scene(instance))
    assert len(found) == bool(named), found
    assert not named or named in found[0]


def test_frame_attributes_and_twins() -> None:
    lane = make_lane([[5, 5], [9, 9]])
    other = make_lane([[5, 5], [9, 9.5]])
    scene = Scene(Frame("a.png", (64, 48), {"time": "noon", "mood": "sad"}), (lane, other, lane))
    assert [item for item, _ in check_scene(scene, default_label_space())] == [
        "frame", "frame", "instance 2 (lane/line)",
    ]  # fmt: skip


def test_the_other_edge_of_a_marking() -> None:
    edges = [make_lane([[x, 700], [600 + x / 50, 400]]) for x in (100, 120)]
    items = list(check_scene(make_scene(*edges), default_label_space()))
    message = "line must be a marking of its own, got the other edge of instance 0"
    assert items == [("instance 1 (lane/line)", message)]
    assert len(faults(make_scene(edges[0], edges[0]))) == 1


def save(path, *scenes, pictures=True):
    for scene in scenes if pictures else ():
        image = path.parent / scene.frame.image
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", scene.frame.size_wh).save(image)
    save_scenes(scenes, path)


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz", "s.parquet"])
def test_findings_name_file_line_and_item(tmp_path, name) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    good = make_scene(make_lane([[5, 5], [9, 9]]), image="a.png", size_wh=(64, 48))
    bad = make_scene(make_lane([[5, 5]]), image="b.png", size_wh=(64, 48))
    save(tmp_path / name, good, bad)
    (finding,) = validate(tmp_path / name)
    assert (finding.file, finding.line) == (str(tmp_path / name), 2)
    assert finding.item == "instance 0 (lane/line)"
    assert str(finding).endswith(f"({tmp_path / name}, line 2, instance 0 (lane/line))")


def test_pictures(tmp_path) -> None:
    scenes = [make_scene(image=name, size_wh=(64, 48)) for name in ("a.png", "b.png", "a.png")]
    save(tmp_path / "s.jsonl", *scenes)
    Image.new("RGB", (64, 49)).save(tmp_path / "b.png")
    found = [(f.line, f.message) for f in validate(tmp_path / "s.jsonl")]
    assert found == [
        (2, "picture must have the size of its labels, got 64x49 for 64x48"),
        (3, "image must occur once, got a.png again"),
    ]
    (tmp_path / "a.png").write_text("no picture")
    (tmp_path / "b.png").unlink()
    assert len(list(validate(tmp_path / "s.jsonl"))) == 4


@pytest.mark.parametrize("name", ["../a.png", "/etc/../../a.png"])
def test_pictures_outside_the_folder_are_not_opened(tmp_path, name) -> None:
    save(tmp_path / "s.jsonl", make_scene(image=name), pictures=False)
    (finding,) = validate(tmp_path / "s.jsonl")
    assert "must be relative" in finding.message


def test_broken_lines_do_not_stop_the_rest(tmp_path) -> None:
    save(tmp_path / "s.jsonl", make_scene(make_lane([[5, 5]]), image="a.png", size_wh=(64, 48)))
    line = (tmp_path / "s.jsonl").read_text()
    (tmp_path / "s.jsonl").write_text(f"{line}nonsense\n{line.replace('a.png', 'c.png')}")
    assert [f.line for f in validate(tmp_path / "s.jsonl")] == [1, 2, 3, 3]


def test_a_folder_without_labels_is_an_error(tmp_path) -> None:
    with pytest.raises(FormatError, match="labels must be of a known format, got an empty"):
        list(validate(tmp_path))
    (tmp_path / "empty.jsonl").write_text("")
    assert [f.message for f in validate(tmp_path)]


def test_other_formats_are_read(tmp_path) -> None:
    row = {"lanes": [[5, -2], [-2, -2]], "h_samples": [10, 20], "raw_file": "a.jpg"}
    (tmp_path / "label_data.json").write_text(json.dumps(row))
    assert "line must have at least 2 points, got 1" in [
        f.message for f in validate(tmp_path / "label_data.json")
    ]


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "test"
    write_split(folder, Plan("test", 500_000, 4, {"backend": "toy"}), toy_world.render)
    return folder


def rewrite(name, old, new):
    def act(folder):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return act


def drop_line(name):
    def act(folder):
        lines = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(lines[1:]))

    return act


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda folder: None, []),
        (lambda folder: (folder / "more.txt").write_text("x"), ["more.txt"]),
        (lambda folder: (folder / "attributes.jsonl").unlink(), ["attributes.jsonl"]),
        (lambda folder: (folder / "manifest.json").write_text("{"), ["manifest.json"]),
        (lambda folder: (folder / "manifest.json").write_text("{}"), ["one of drivegrid-bench v1"]),
        (rewrite("manifest.json", '"single": ', '"single": 1'), ["counts must be"]),
        (rewrite("manifest.json", '"content_sha256": "', '"content_sha256": "0'), ["hash must be"]),
        (
            rewrite("expressions.jsonl", '"kind":"single"', '"kind":"multiple"'),
            ["sha256", "kind must be 'single'", "counts"],
        ),
        (rewrite("expressions.jsonl", '"scene":0', '"scene":44'), ["index of one of 4"]),
        (
            rewrite("attributes.jsonl", '"answer":"open"', '"answer":"blocked"'),
            ["question must be one of its scene", "every question must be asked"],
        ),
        (drop_line("attributes.jsonl"), ["every question must be asked", "counts"]),
        (drop_line("scenes.jsonl"), ["sha256", "index of one of 3"]),
    ],
)
def test_altered_splits(split, tmp_path, change, named) -> None:
    shutil.copytree(split, tmp_path / "b")
    change(tmp_path / "b")
    found = "\n".join(map(str, validate(tmp_path / "b")))
    assert bool(found) == bool(named)
    for part in named:
        assert part in found


def save_tusimple(path, *lanes):
    row = {"lanes": lanes, "h_samples": [10, 20, 30], "raw_file": f"{len(lanes)}.jpg"}
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def test_empty_lanes_by_line_and_slot(tmp_path) -> None:
    path = tmp_path / "label_data.json"
    save_tusimple(path, [5, 6, 7])
    save_tusimple(path, [5, 6, 7], [-2, -2, -2])
    (finding,) = validate(path)
    assert (finding.file, finding.line, finding.item) == (str(path), 2, "lane 1")
    assert finding.rule == "lane must have points"
    curved = Scene(Frame("a.png", (64, 48)), (), {"curvelanes": {"empty": [0, 2]}})
    assert faults(curved) == ["lane must have points, got none"] * 2
    opened = {"frame": {"lane_lines": [[1, {"uv": [[], []]}]]}}
    assert len(faults(Scene(Frame("a.png", (64, 48)), (), {"openlane": opened}))) == 1


@pytest.mark.parametrize(
    "extra", [3, [], {"empty": 3}, {"frame": 3}, {"frame": {"lane_lines": "x"}}]
)
def test_extras_of_other_forms_have_no_empty_lanes(extra) -> None:
    names = ("tusimple", "curvelanes", "openlane")
    for name in names:
        assert faults(Scene(Frame("a.png", (64, 48)), (), {name: extra})) == []


def test_labels_that_travel_alone_are_good_unless_pictures_are_asked_for(tmp_path) -> None:
    scenes = [make_scene(image=f"{n}.png", size_wh=(64, 48)) for n in range(3)]
    save(tmp_path / "s.jsonl", *scenes, pictures=False)
    checked = validate(tmp_path / "s.jsonl")
    assert (list(checked), checked.pictures, checked.frames) == ([], {"missing": 3}, 3)
    asked = Validation(tmp_path / "s.jsonl", root=tmp_path)
    assert [f.item for f in asked] == ["0.png", "1.png", "2.png"]
    Image.new("RGB", (64, 48)).save(tmp_path / "1.png")
    assert [f.item for f in validate(tmp_path / "s.jsonl")] == ["0.png", "2.png"]


def test_findings_are_counted_by_rule(tmp_path) -> None:
    scenes = [make_scene(make_lane([[5, n]]), image=f"{n}.png") for n in range(3)]
    save(tmp_path / "s.jsonl", *scenes, pictures=False)
    checked = validate(tmp_path / "s.jsonl")
    assert len(list(checked)) == 3
    assert checked.rules == {"line must have at least 2 points": 3}
    assert (checked.instances, checked.quarantined) == (3, 0)


def test_real_data_is_read(realdata) -> None:
    for name, clean in (("culane_sample", True), ("openlane_sample", False)):
        checked = validate(realdata / name)
        assert bool(list(checked)) != clean, name
        assert checked.frames > 0
        assert checked.quarantined == 0


def test_shards_are_checked_by_shard_and_row(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    scenes = [make_scene(make_lane([[5, n]]), image=f"{n}.png") for n in range(2)]
    save_scenes(scenes, tmp_path / "s.jsonl")
    convert(tmp_path / "s.jsonl", "scene", tmp_path / "shards", "scene")
    found = list(validate(tmp_path / "shards"))
    assert [(f.file.rsplit("/")[-1], f.line) for f in found] == [
        ("part-00000.parquet", 1), ("part-00000.parquet", 2),
    ]  # fmt: skip
    (tmp_path / "shards" / "part-00000.parquet").write_bytes(b"torn")
    assert any("sha256" in f.message for f in validate(tmp_path / "shards"))
