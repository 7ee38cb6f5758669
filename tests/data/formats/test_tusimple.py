"""TuSimple: by hand, round trips, wrong lines set aside one by one, and all real labels."""

import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.tusimple import lane_rows, load_tusimple, save_tusimple
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from drivegrid.errors import FormatError
from drivegrid.geometry import Polyline
from tests.data.builders import SHAPES, make_lane, make_scene

ROWS = [100, 110, 120]


def make_frame(*lanes, **changes):
    return {"lanes": list(lanes), "h_samples": ROWS, "raw_file": "clips/a/20.jpg"} | changes


def write_frames(path, *frames):
    text = "".join(
        frame if isinstance(frame, str) else json.dumps(frame) + "\n" for frame in frames
    )
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read_frames(path):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
    with opened as file:
        return [json.loads(line) for line in file]


def assert_round_trip(folder, *frames):
    loaded = load_tusimple(write_frames(folder / "a.json", *frames))
    assert loaded.quarantine.rejected == []
    saved = save_tusimple(loaded.scenes, folder / "b.json")
    assert read_frames(folder / "b.json") == list(frames)
    assert saved.quarantine.num_kept == len(frames)
    return loaded.scenes, saved


def test_an_empty_file(tmp_path):
    assert_round_trip(tmp_path)


def test_a_frame_by_hand(tmp_path):
    [scene], saved = assert_round_trip(
        tmp_path, make_frame([-2, 30, 20.5], [-2, -2, -2], [9, 8, 7])
    )
    assert scene.frame.image == "clips/a/20.jpg"
    assert (scene.frame.size_wh, scene.frame.clip) == ((1280, 720), "clips/a")
    assert [i.geometry.vertices().tolist() for i in scene.instances] == [
        [[20.5, 120], [30, 110]],
        [[7, 120], [8, 110], [9, 100]],
    ]
    assert {i.label for i in scene.instances} == {"lane/line"}
    assert saved.losses == []


FRAMES = {
    "no lanes": make_frame(),
    "only empty lanes": make_frame([-2, -2, -2], [-2, -2, -2]),
    "a gap": make_frame([5, -2, 9]),
    "one point": make_frame([-2, 4, -2]),
    "other negative numbers": make_frame([-1, 4, -7.5], [-1, -3, -2]),
    "beyond the width": make_frame([1500, 1400.25, 1300]),
    "rows upside down": make_frame([1, 2, 3], h_samples=[120, 110, 100]),
    "rows in no order": make_frame([1, 2, 3], h_samples=[120, 100, 110]),
    "half rows": make_frame([1, 2, 3], h_samples=[100.5, 101.25, 107]),
    "prediction": make_frame([1, 2, 3], run_time=20.5),
    "no rows given": {"lanes": [[1, 2, 3]], "raw_file": "a.jpg"},
    "no rows and no lanes": {"lanes": [], "raw_file": "a.jpg"},
    "other keys": make_frame([1, 2, 3], classes=[4], note={"by": ["me"]}),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_odd_frames_come_back(tmp_path, frame):
    _, saved = assert_round_trip(tmp_path, frame, make_frame([3, 2, 1]))
    assert saved.losses == []


_x = st.one_of(st.just(-2), st.integers(-9, 2000), st.floats(-9, 2000))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_x, _x, _x).map(list), max_size=6))
def test_any_frame_comes_back(tmp_path_factory, lanes):
    assert_round_trip(tmp_path_factory.mktemp("any"), make_frame(*lanes))


def test_one_point_lanes_are_flagged(tmp_path):
    [scene], _ = assert_round_trip(tmp_path, make_frame([-2, 4, -2], [1, 2, 3]))
    assert [i.extra.get("flags") for i in scene.instances] == [["one-point"], None]


BAD = {
    "no JSON": ("{\n", None, "must be JSON"),
    "no object": ([1], None, "JSON object"),
    "missing keys": ({"h_samples": []}, None, "no lanes and no raw_file"),
    "NaN": (make_frame([1, 2, 3], [1, float("nan"), 3]), None, "finite numbers, got: NaN"),
    "infinity": (make_frame([1, 2, float("inf")]), None, "finite numbers, got: Infinity"),
    "null": (make_frame([1, 2, None]), "lane 0", "got None"),
    "text": (make_frame([1, 2, "3"]), "lane 0", "got '3'"),
    "true": (make_frame([1, 2, True]), "lane 0", "got True"),
    "huge": (make_frame([1, 2, 10**400]), "lane 0", "pixel numbers"),
    "short lane": (make_frame([1, 2, 3], [1, 2]), "lane 1", "3 h_samples, got 2"),
    "long lane": (make_frame([1, 2, 3, 4]), "lane 0", "3 h_samples, got 4"),
    "lane is a number": (make_frame(3), "lane 0", "list of numbers"),
    "lanes are an object": (make_frame(lanes={}), "lanes", "must be a list"),
    "no rows": (make_frame([], h_samples=[]), "h_samples", "at least one row"),
    "no rows and no lanes": (make_frame(h_samples=[]), "h_samples", "at least one row"),
    "no x and no rows given": ({"lanes": [[]], "raw_file": "a"}, "h_samples", "at least one"),
    "a row twice": (make_frame([1, 2, 3], h_samples=[100, 100, 110]), "h_samples", "each once"),
    "far": (make_frame([1, 2, 10**11]), "lane 0", "pixel numbers"),
    "half a surrogate pair": (make_frame(raw_file="\ud800.jpg"), None, "UTF-8"),
    "NaN row": (make_frame([1, 2, 3], h_samples=[1, 2, float("nan")]), None, "got: NaN"),
    "raw_file is a number": (make_frame(raw_file=3), "image name", "got 3"),
    "raw_file climbs": (make_frame(raw_file="../../etc/a.jpg"), "image name", "relative"),
    "raw_file is absolute": (make_frame(raw_file="/etc/a.jpg"), "image name", "relative"),
    "raw_file is endless": (make_frame(raw_file="a" * 9999), None, "usable"),
    "run_time is a text": (make_frame(run_time="fast"), "run_time", "number"),
    "run_time is endless": (make_frame(run_time=10**400), "run_time", "number"),
    "run_time is NaN": (make_frame(run_time=float("nan")), None, "got: NaN"),
    "other key is NaN": (make_frame(note=float("nan")), None, "got: NaN"),
    "other key is beyond floats": (
        json.dumps(make_frame(note=7)).replace("7", "1e999") + "\n",
        None,
        "got: 1e999",
    ),
}


@pytest.mark.parametrize(("bad", "item", "message"), BAD.values(), ids=BAD)
def test_a_wrong_line_is_set_aside_and_the_rest_loads(tmp_path, bad, item, message):
    path = write_frames(tmp_path / "a.json.gz", make_frame([1, 2, 3]), "\n", bad, make_frame())
    loaded = load_tusimple(path)
    assert [len(scene.instances) for scene in loaded.scenes] == [1, 0]
    [record] = loaded.quarantine.rejected
    assert (record.path, record.line) == (str(path), 3)
    assert message in record.message
    assert item is None or record.item == item
    assert loaded.quarantine.num_read == 3


def test_a_missing_file(tmp_path):
    with pytest.raises(FormatError, match=r"absent\.json"):
        load_tusimple(tmp_path / "absent.json")


def test_the_size_comes_from_the_picture(tmp_path):
    save_image(tmp_path / "root" / "clips/a/20.jpg", np.zeros((30, 40, 3), np.uint8))
    path = write_frames(tmp_path / "a.json", make_frame())
    assert load_tusimple(path).scenes[0].frame.size_wh == (1280, 720)
    [sized] = load_tusimple(path, tmp_path / "root").scenes
    assert sized.frame.size_wh == (40, 30)
    assert "assumed_size" not in sized.extra
    assert load_tusimple(path).scenes[0].extra["assumed_size"] is True


def test_a_broken_picture_sets_its_frame_aside(tmp_path):
    path = write_frames(tmp_path / "a.json", make_frame())
    (tmp_path / "clips/a").mkdir(parents=True)
    (tmp_path / "clips/a/20.jpg").write_bytes(b"")
    [record] = load_tusimple(path).quarantine.rejected
    assert (record.path, record.line) == (str(path), 1)
    assert "clips/a/20.jpg" in record.item


# Sampling -----------------------------------------------------------------------------------------


def test_predictions_are_sampled_at_the_default_rows(tmp_path):
    saved = save_tusimple([make_scene(make_lane([[100, 710], [650, 160]]))], tmp_path / "a.json")
    [record] = read_frames(tmp_path / "a.json")
    assert record["h_samples"] == list(range(160, 720, 10))
    assert record["lanes"] == [[810 - y for y in record["h_samples"]]]
    assert saved.losses == []


def test_rows_that_are_not_given_end_at_710(tmp_path):
    path = write_frames(tmp_path / "a.json", {"lanes": [[1, 2, 3]], "raw_file": "a.jpg"})
    [scene] = load_tusimple(path).scenes
    assert scene.instances[0].geometry.vertices().tolist() == [[3, 710], [2, 700], [1, 690]]


def test_lane_rows_are_those_of_the_file_unless_given(tmp_path):
    path = write_frames(tmp_path / "a.json", make_frame([10, 20, 30], [-2, -2, -2]))
    [scene] = load_tusimple(path).scenes
    assert lane_rows(scene) == (ROWS, [[10, 20, 30], [-2, -2, -2]], [0, None])
    assert lane_rows(scene, [105, 300]) == ([105, 300], [[15, -2]], [0])
    assert lane_rows(make_scene(make_lane([[5, 700], [5, 690]]), size_wh=(99, 180))) == (
        [160, 170], [], []
    )  # fmt: skip


def test_given_rows_win_over_a_frame_own_rows(tmp_path):
    path = write_frames(tmp_path / "a.json", make_frame([10, 20, 30], [-2, -2, -2]))
    save_tusimple(load_tusimple(path).scenes, tmp_path / "b.json", h_samples=[105, 115, 200])
    [record] = read_frames(tmp_path / "b.json")
    assert (record["lanes"], record["h_samples"]) == ([[15, 25, -2]], [105, 115, 200])


def test_an_edited_lane_is_written_as_edited(tmp_path):
    frame = make_frame([5, -2, 9], [-2, -2, -2], [7, 8, 9])
    [scene] = load_tusimple(write_frames(tmp_path / "a.json", frame)).scenes
    moved = replace(scene.instances[0], geometry=Polyline([[1, 120], [0, 100]]))
    edited = replace(scene, instances=(scene.instances[1], moved, make_lane([[4, 120], [4, 100]])))
    save_tusimple([edited], tmp_path / "b.json")
    assert read_frames(tmp_path / "b.json")[0]["lanes"] == [
        [0, 0.5, 1], [-2, -2, -2], [7, 8, 9], [4, 4, 4]
    ]  # fmt: skip


LOST = {
    "a box": ([Instance("object/vehicle/car", SHAPES["box"])], "object/vehicle/car (box) left out"),
    "a curb": ([Instance("lane/curb", SHAPES["line"])], "lane/curb (line) left out"),
    "a lane of no points": ([make_lane([])], "meets no row"),
    "between the rows": ([make_lane([[5, 163]])], "meets no row"),
    "left of the image": ([make_lane([[-5, 300], [-9, 200]])], "meets no row"),
    "partly left": ([make_lane([[-5, 300], [9, 200]])], "left of the image"),
    "above the rows": ([make_lane([[5, 300], [9, 100]])], "beyond the rows"),
    "across": ([make_lane([[0, 300], [50, 300]])], "does not climb"),
    "confidence": ([make_lane([[5, 300], [9, 200]], confidence=0.5)], "confidence"),
    "role": ([make_lane([[5, 300], [9, 200]], attributes={"role": "left"})], "attribute role"),
    "blue": ([make_lane([[5, 300], [9, 200]], attributes={"color": "blue"})], "color blue"),
}


@pytest.mark.parametrize(("instances", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instances, message):
    saved = save_tusimple([make_scene(*instances)], tmp_path / "a.json")
    assert any(message in loss.message for loss in saved.losses)
    assert saved.losses[0].item.startswith("instance 0")


def test_another_image_size_is_reported(tmp_path):
    saved = save_tusimple([make_scene(size_wh=(640, 480))], tmp_path / "a.json")
    assert [message for message, _ in saved.loss_counts.most_common()] == [
        "image size left out: readers without the picture take 1280x720"
    ]
    assert read_frames(tmp_path / "a.json")[0]["h_samples"][-1] == 470


def test_an_image_above_the_usual_rows_keeps_its_lanes(tmp_path):
    save_tusimple([make_scene(make_lane([[5, 90], [5, 0]]), size_wh=(99, 95))], tmp_path / "a.json")
    [record] = read_frames(tmp_path / "a.json")
    assert record["h_samples"] == list(range(0, 95, 10))
    assert record["lanes"] == [[5] * 10]


def test_frames_without_a_usable_name_are_set_aside(tmp_path):
    saved = save_tusimple([make_scene(image=""), make_scene()], tmp_path / "a.json")
    assert saved.quarantine.num_kept == len(read_frames(tmp_path / "a.json")) == 1
    assert saved.quarantine.rejected[0].item.startswith("scene 0")


# Lane types ---------------------------------------------------------------------------------------

SIDES = {
    "lane_types.jsonl": '{"raw_file": "clips/a/20.jpg", "lane_types": ["dashed", "unknown", "1"]}',
    "a_classes.txt": "3 7 1\n",
}


@pytest.mark.parametrize("name", SIDES)
def test_lane_types_become_attributes_and_come_back(tmp_path, name):
    (tmp_path / name).write_text(SIDES[name])
    path = write_frames(tmp_path / "a.json", make_frame([1, 2, 3], [-2, -2, -2], [4, 5, 6]))
    [scene] = load_tusimple(path).scenes
    expected = [{"style": "dashed"}, {"style": "solid", "color": "yellow"}]
    assert [instance.attributes for instance in scene.instances] == expected
    save_tusimple([scene], tmp_path / "new" / "b.json.gz")
    assert read_frames(tmp_path / "new" / "b.lane_types.jsonl") == [
        {"raw_file": "clips/a/20.jpg", "lane_types": ["dashed", "unknown", "continuous yellow"]}
    ]
    assert load_tusimple(tmp_path / "new" / "b.json.gz").scenes == [scene]


def test_stale_lane_types_are_not_read_again(tmp_path):
    (tmp_path / "a_classes.txt").write_text("3\n")
    path = write_frames(tmp_path / "a.json", make_frame([1, 2, 3]))
    [scene] = load_tusimple(path).scenes
    save_tusimple([replace(scene, instances=(replace(scene.instances[0], attributes={}),))], path)
    assert load_tusimple(path).scenes[0].instances[0].attributes == {"style": "unknown"}


def test_types_that_cannot_be_written_leave_no_labels(tmp_path):
    lane = make_lane([[5, 300], [9, 200]], attributes={"style": "dashed"})
    (tmp_path / "a.lane_types.jsonl").mkdir()
    with pytest.raises(OSError, match=r"a\.lane_types\.jsonl"):
        save_tusimple([make_scene(lane)], tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.lane_types.jsonl"]


def test_beside_a_pipe_types_are_lost_and_said_to_be(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    lane = make_lane([[5, 300], [9, 200]], attributes={"style": "dashed"})
    with ThreadPoolExecutor() as pool:
        text = pool.submit((tmp_path / "a.json").read_text)
        saved = save_tusimple([make_scene(lane), make_scene()], tmp_path / "a.json")
        assert len(text.result().splitlines()) == 2
    assert [loss.message[:19] for loss in saved.losses] == ["lane types left out"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_count_of_types_that_differs_sets_the_frame_aside(tmp_path):
    (tmp_path / "a_classes.txt").write_text("3 3\n3\n")
    path = write_frames(tmp_path / "a.json", make_frame([1, 2, 3]), make_frame([1, 2, 3]))
    loaded = load_tusimple(path)
    assert len(loaded.scenes) == 1
    assert loaded.quarantine.rejected[0].item == f"{tmp_path / 'a_classes.txt'}, line 1"


def test_too_few_type_lines(tmp_path):
    (tmp_path / "a_classes.txt").write_text("3\n")
    path = write_frames(tmp_path / "a.json", make_frame([1, 2, 3]), make_frame([1, 2, 3]))
    assert [record.line for record in load_tusimple(path).quarantine.rejected] == [2]


SIDES_OF_OTHERS = {
    "a_classes.txt": ("3\n3\n", "each of 1 label lines, got 2"),
    "a.lane_types.jsonl": ('{"raw_file": "a.jpg"}\n', "lane_types.*line 1"),
    "lane_types.jsonl": ('\n{"raw_file": "a.jpg", "lane_types": ["red"]}\n', "got 'red'.*line 2"),
}


@pytest.mark.parametrize("name", SIDES_OF_OTHERS)
def test_wrong_side_files_are_refused(tmp_path, name):
    content, message = SIDES_OF_OTHERS[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(FormatError, match=message):
        load_tusimple(write_frames(tmp_path / "a.json", make_frame([1, 2, 3])))


# Real data ----------------------------------------------------------------------------------------


def test_all_real_labels_come_back(realdata, tmp_path):
    num_frames = num_lanes = num_empty = 0
    for path in sorted((realdata / "tusimple" / "labels_only").glob("*.json.gz")):
        loaded = load_tusimple(path)
        assert loaded.quarantine.rejected == []
        num_frames += len(loaded.scenes)
        num_lanes += sum(len(scene.instances) for scene in loaded.scenes)
        num_empty += sum(len(scene.extra["tusimple"]["empty"]) for scene in loaded.scenes)
        saved = save_tusimple(loaded.scenes, tmp_path / path.name)
        assert saved.losses == []
        assert read_frames(tmp_path / path.name) == read_frames(path)
    assert (num_frames, num_lanes + num_empty, num_empty) == (6408, 24_284, 537)


def test_real_frames_with_pictures_and_types(realdata, tmp_path):
    loaded = load_tusimple(realdata / "tusimple" / "label_data.json")
    assert loaded.quarantine.num_read == loaded.quarantine.num_kept == 132
    styles = [i.attributes["style"] for scene in loaded.scenes for i in scene.instances]
    assert (len(styles), styles.count("botts dots"), styles.count("unknown")) == (510, 192, 0)
    save_tusimple(loaded.scenes, tmp_path / "a.json")
    types = read_frames(tmp_path / "a.lane_types.jsonl")
    assert types == read_frames(realdata / "tusimple" / "lane_types.jsonl")
