"""Scalabel: frames by hand, curves and masks, round trips, hostile files and extras."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.bdd100k import load_bdd100k, recognise_bdd100k
from drivegrid.data.formats.peek import Peek
from drivegrid.data.formats.scalabel import load_scalabel, recognise_scalabel, save_scalabel
from drivegrid.data.formats.scalabel_shapes import flatten
from drivegrid.data.rasters import fill, outline, rle_encode, rle_to_text
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Anchors, Box, Polygon, Polyline
from drivegrid.labels import default_label_space
from tests.data.builders import make_scene

SPACE = default_label_space()
BOX = {"x1": 1, "y1": 2.5, "x2": 10, "y2": 20}
SQUARE = [[0, 0], [9, 0], [9, 9], [0, 9]]


def path2d(vertices, types=None, *, closed=True):
    return {"vertices": vertices, "types": types or "L" * len(vertices), "closed": closed}


def label(**keys):
    return {"id": "7", "category": "car"} | keys


def frame(*labels, **keys):
    return {"name": "a.jpg", "labels": list(labels)} | keys


def write(path, content):
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def load_one(folder, *labels, **keys):
    loaded = load_scalabel(write(folder / "one.json", [frame(*labels, **keys)]))
    assert loaded.quarantine.rejected == []
    return loaded.scenes[0]


def save_one(folder, scene):
    saved = save_scalabel([scene], folder / "saved.json")
    assert saved.quarantine.rejected == []
    [record] = json.loads((folder / "saved.json").read_text())["frames"]
    return record, dict(saved.loss_counts)


FRAMES = {
    "no labels": frame(),
    "labels null": frame() | {"labels": None},
    "no list of labels": {"name": "a.jpg", "attributes": {"weather": "clear"}},
    "a box": frame(label(box2d=BOX)),
    "numbers as ids": frame(label(id=3, box2d=BOX)),
    "nulls": frame(
        label(box2d=BOX, poly2d=None, box3d=None, attributes=None, score=None, index=None),
        url=None,
        videoName=None,
        attributes=None,
    ),
    "a score": frame(label(box2d=BOX, score=0.25)),
    "a score in percent": frame(label(box2d=BOX, score=87)),
    "digits that a pixel more rounds away": frame(label(box2d=BOX | {"x2": 1156.978645000001})),
    "only a box in space": frame(label(box3d={"alpha": 1}), label(id="8", box2d=BOX)),
    "no class": frame({"id": "1", "score": 1}, label(box2d=BOX)),
    "a class of nobody": frame(label(category="spaceship", box2d=BOX, attributes={"warp": 9})),
    "a class by its word": frame(label(category="fire truck", box2d=BOX)),
    "box beside a path": frame(label(box2d=BOX, poly2d=[path2d(SQUARE)])),
    "a line": frame(label(category="single white", poly2d=[path2d(SQUARE, closed=False)])),
    "a curve": frame(label(poly2d=[path2d(SQUARE, "LCCL")])),
    "a curve back to the start": frame(label(poly2d=[path2d([*SQUARE, [1, 5]], "LLLCC")])),
    "a path without letters": frame(label(poly2d=[{"vertices": SQUARE, "closed": True}])),
    "two areas": frame(label(poly2d=[path2d(SQUARE), path2d([[20, 0], [30, 0], [30, 5]])])),
    "an area on an area": frame(label(poly2d=[path2d(SQUARE), path2d([[1, 1], [5, 1], [5, 5]])])),
    "an area and lines": frame(
        label(poly2d=[path2d(SQUARE), path2d(SQUARE, closed=False), path2d(SQUARE, closed=False)]),
        label(id="8", box2d=BOX),
    ),
    "a mask": frame(label(rle={"counts": "021O", "size": [2, 2]})),
    "other keys": frame(label(box2d=BOX, graph={"nodes": []}), extrinsics={"location": [1, 2, 3]}),
    "facts of both": frame(
        label(box2d=BOX, attributes={"Occluded": True, "crowd": False, "speed": 3.5}),
        attributes={"weather": "undefined", "city": "Berkeley", "timeofday": "night"},
    ),
    "a video": frame(label(box2d=BOX), videoName="b1c66a42", frameIndex=4, timestamp=1e4),
    "a name with folders": frame(name="https://host/val/a.jpg"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_an_unchanged_frame_is_written_as_it_was_read(tmp_path, name):
    source = FRAMES[name] | {"size": {"width": 640, "height": 480}}
    first = load_scalabel(write(tmp_path / "a.json", [source]))
    assert (first.quarantine.num_kept, first.quarantine.rejected) == (1, [])
    record, lost = save_one(tmp_path, first.scenes[0])
    assert (record, lost) == (source, {})
    assert load_scalabel(tmp_path / "saved.json").scenes == first.scenes
    assert load_bdd100k(tmp_path / "saved.json").quarantine.num_kept == 1


def test_an_empty_file(tmp_path):
    for content in ([], {"frames": []}, {"groups": [], "frames": [], "config": None}):
        assert load_scalabel(write(tmp_path / "a.json", content)).quarantine.num_read == 0
    save_scalabel([], tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == {"frames": []}
    assert detect_format(tmp_path / "b.json")[0] == "scalabel"


def test_a_frame_by_hand(tmp_path):
    scene = load_one(
        tmp_path,
        label(box2d=BOX, score=0.5, attributes={"occluded": True, "truncated": False}),
        label(category="stop sign", box2d=BOX),
        attributes={"weather": "foggy", "surface": "wet", "scene": "undefined"},
        videoName="clip",
        size={"width": 640, "height": 480},
    )
    assert scene.frame == Frame("a.jpg", (640, 480), {"weather": "fog", "surface": "wet"}, "clip")
    car, sign = scene.instances
    assert car.label == "object/vehicle/car"
    assert car.geometry == Box([1, 2.5, 11, 21])  # the last pixel belongs to it
    assert (car.confidence, car.attributes) == (0.5, {"visible_state": "partly hidden"})
    assert (sign.label, sign.confidence) == ("sign/regulatory/stop", None)


def test_sizes_come_from_the_frame_then_the_config_then_the_usual(tmp_path):
    config = {"imageSize": {"width": 30, "height": 20}, "categories": [{"name": "x"}]}
    frames = [frame(), frame(name="b.jpg", size={"width": 3, "height": 2})]
    scenes = load_scalabel(write(tmp_path / "a.json", {"frames": frames, "config": config})).scenes
    assert [scene.frame.size_wh for scene in scenes] == [(30, 20), (3, 2)]
    scene = load_one(tmp_path)
    assert (scene.frame.size_wh, scene.extra["assumed_size"]) == ((1280, 720), True)
    assert "size" not in save_one(tmp_path, scene)[0]


def test_curves_stay_within_a_tenth_of_a_pixel():
    ends = np.array([[100.0, 700], [400, 100], [900, 900], [1200, 50]])
    line = flatten(ends, "LCCL", closed=False)
    assert line[[0, -1]].tolist() == ends[[0, -1]].tolist()
    assert flatten(ends, "LCCC", closed=False).tolist() == line.tolist()
    t = np.linspace(0, 1, 5001)[:, None]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    curve = sum(weight * end for weight, end in zip(weights, ends, strict=True))
    start, step = line[:-1, None], np.diff(line, axis=0)[:, None]
    share = ((curve[None] - start) * step).sum(-1) / (step**2).sum(-1)
    off = curve[None] - start - np.clip(share, 0, 1)[..., None] * step
    assert 0.01 < np.linalg.norm(off, axis=-1).min(axis=0).max() <= 0.1
    assert len(line) < 200


def test_paths_of_a_label_add_up(tmp_path):
    inner, apart = [[2, 2], [5, 2], [5, 5]], [[20, 0], [30, 0], [30, 5]]
    scene = load_one(tmp_path, label(poly2d=[path2d(p) for p in (SQUARE, inner, apart)]))
    painted = fill(scene.instances[0].geometry, (40, 20))
    parts = [fill(Polygon((np.array(p, float),)), (40, 20)) for p in (SQUARE, apart)]
    assert (painted == (parts[0] | parts[1])).all()


def test_masks_become_polygons_and_back(tmp_path):
    mask = np.zeros((40, 60), bool)
    mask[5:30, 10:50] = True
    mask[10:20, 20:30] = False
    mask[35:, 5:9] = True
    rle = {"counts": rle_to_text(rle_encode(mask)), "size": [40, 60]}
    scene = load_one(tmp_path, label(rle=rle), size={"width": 60, "height": 40})
    assert (fill(scene.instances[0].geometry, (60, 40)) == mask).all()
    assert save_one(tmp_path, scene)[0]["labels"][0]["rle"] == rle


def test_a_hole_is_cut_open(tmp_path):
    mask = np.ones((12, 12), bool)
    mask[2:4, 2:5] = mask[7:9, 6:8] = False
    [ringed] = outline(mask)
    scene = make_scene(Instance("area/drivable", ringed), size_wh=(12, 12))
    record, lost = save_one(tmp_path, scene)
    assert lost == {"polygon with a hole cut into pieces without": 1}
    [again] = load_scalabel(tmp_path / "saved.json").scenes[0].instances
    assert len(record["labels"][0]["poly2d"]) > 1
    assert (fill(again.geometry, (12, 12)) == mask).all()


def test_what_cannot_be_said_is_told(tmp_path):
    instances = (
        Instance("region/crack", Anchors([[1, 2]])),
        Instance("lane/line", Polyline([])),
        Instance("obstacle/cone", Box([0, 0, 1, 1]), visibility=0.5),
    )
    record, lost = save_one(tmp_path, make_scene(*instances))
    assert lost == {
        "point or anchors left out": 1,
        "empty line left out": 1,
        "visibility left out": 1,
    }
    assert [entry["category"] for entry in record["labels"]] == ["traffic cone"]


_coordinates = st.floats(-2000, 2000).map(lambda value: round(value * 64) / 64)
_points = st.lists(st.tuples(_coordinates, _coordinates), min_size=1, max_size=5)
_shapes = st.one_of(
    st.tuples(_coordinates, _coordinates, _coordinates, _coordinates).map(
        lambda v: Box([min(v[:2]), min(v[2:]), max(v[:2]), max(v[2:])])
    ),
    _points.map(lambda points: Polyline(sorted(points, key=lambda point: -point[1]))),
    _points.map(lambda points: Polygon((points,))),
)


@st.composite
def _instances(draw):
    path = draw(st.sampled_from(SPACE.paths))
    allowed = SPACE.attributes_of(path)
    chosen = draw(
        st.lists(st.sampled_from(sorted(allowed)), unique=True) if allowed else st.just([])
    )
    facts = {name: draw(st.sampled_from(allowed[name])) for name in chosen}
    return Instance(path, draw(_shapes), facts, confidence=draw(st.none() | st.floats(0, 1)))


@st.composite
def _scenes(draw):
    known = SPACE.frame_attributes
    chosen = draw(st.lists(st.sampled_from(sorted(known)), unique=True))
    facts = {name: draw(st.sampled_from(known[name])) for name in chosen}
    about = Frame("a.jpg", draw(st.sampled_from([(1280, 720), (9, 5)])), facts, draw(_clips))
    return Scene(about, tuple(draw(st.lists(_instances(), max_size=4))))


_clips = st.none() | st.text("ab/0", min_size=1, max_size=3)


@given(_scenes())
def test_everything_it_holds_comes_back(tmp_path_factory, scene):
    path = tmp_path_factory.getbasetemp() / "scalabel.json"
    assert save_scalabel([scene], path).losses == []
    [again] = load_scalabel(path).scenes
    assert again.frame == scene.frame
    bare = tuple(replace(instance, extra={}) for instance in again.instances)
    assert bare == scene.instances
    save_scalabel([again], path)
    assert load_scalabel(path).scenes == [again]


OTHERS = {
    "COCO": {"images": [], "annotations": [], "categories": []},
    "labelme": {"version": "5", "shapes": [], "imagePath": "a.jpg"},
    "Label Studio": [{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}],
    "names only": [{"name": "a.jpg"}],
    "labels in words": [{"name": "a.jpg", "labels": ["car"]}],
    "numbers": [1, 2],
    "frames of something": {"frames": [{"objects": []}], "clip": 3},
    "no frames of nothing": {"frames": [], "video": "a"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_not_recognised(tmp_path, name):
    path = write(tmp_path / "a.json", OTHERS[name])
    assert recognise_scalabel(Peek(path)) is None
    assert recognise_bdd100k(Peek(path)) is None


REAL = {
    "bdd100k/label/example_annotation.json": ("bdd100k", 4),
    "bdd100k/label/example_ignore_annotation.json": ("bdd100k", 2),
    "bdd100k/label/to_rle/test-out-rle.json": ("scalabel", 11),
    "bdd100k/label/to_rle/test-rle.json": ("scalabel", 11),
    "scalabel/example_annotation.json": ("bdd100k", 4),
    "scalabel/image_list_with_auto_labels.json": ("bdd100k", 25),
    "scalabel/kitti_detection.json": ("scalabel", 8),
    "scalabel/scalabel_det.json": ("bdd100k", 4),
    "scalabel/scalabel_ins_seg.json": ("bdd100k", 2),
    "scalabel/tag_gts.json": ("bdd100k", 0),
    "scalabel/track_sample_anns.json": ("bdd100k", 3241),
    "scalabel/waymo_cam_anns.json": ("scalabel", 21),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(realdata, tmp_path, name):
    path, (found, count) = realdata / "format_fixtures" / name, REAL[name]
    assert detect_format(path)[0] == found
    loaded = load_scalabel(path)
    assert loaded.quarantine.rejected == []
    assert sum(len(scene.instances) for scene in loaded.scenes) == count
    saved = save_scalabel(loaded.scenes, tmp_path / "a.json")
    assert (saved.quarantine.num_kept, saved.losses) == (len(loaded.scenes), [])
    source, written = json.loads(path.read_text()), json.loads((tmp_path / "a.json").read_text())
    frames = source if isinstance(source, list) else source["frames"]
    for before, after in zip(frames, written["frames"], strict=True):
        after = {"size": before.get("size"), **after} if "size" in before else after
        assert after == before
    assert load_scalabel(tmp_path / "a.json").scenes == loaded.scenes
