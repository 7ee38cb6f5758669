"""``drivegrid eval``: any pair of formats, every output, honest exit codes."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app
from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.errors import MissingExtraError
from drivegrid.geometry import Box, Polyline

HOSTILE = "<script>alert(1)</script>"
SIZE = (320, 180)
LINE = np.array([[160.0, 170.0], [150.0, 100.0], [140.0, 50.0]])


def run(*arguments):
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


def scene(name, dx, *, sure=None, label="object/vehicle/car", clip="x"):
    box = np.array([40.0 + dx, 40, 100 + dx, 100])
    return Scene(
        Frame(name, SIZE, clip=clip),
        (
            Instance("lane/line", Polyline(LINE + np.array([dx, 0.0])), confidence=sure),
            Instance(label, Box(box), confidence=sure),
        ),
    )


@pytest.fixture
def data(tmp_path):
    """Truth of 12 frames with pictures, a third of which is found badly."""
    names = [f"clip{i % 4}/{i}.jpg" for i in range(12)]
    truth = [scene(name, 0, clip=name[:5]) for name in names]
    pred = [scene(name, 1 if i % 3 else 60, sure=0.9 - i / 50) for i, name in enumerate(names)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_image(tmp_path / name, np.full((SIZE[1], SIZE[0], 3), 80, np.uint8))
    save_scenes(truth, tmp_path / "gt.jsonl")
    save_scenes(pred, tmp_path / "pred.jsonl")
    return tmp_path


def test_all_rules_that_apply_are_printed_with_parameters_and_intervals(data):
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--resamples", 100)
    assert ran.exit_code == 0, ran.output
    for expected in ("culane", "boxes", "width=30", "seed=0", "resamples=100", "densify_px=10"):
        assert expected in ran.stdout
    assert re.search(r"f1_50 +0\.6667  \[0\.\d{4} to \d\.\d{4}\]", ran.stdout)


def test_json_of_one_rule_is_flat_and_of_several_by_name(data):
    one = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "boxes", "--json")
    shown = json.loads(one.stdout)
    assert (shown["acc_50"], shown["num_frames"]) == (pytest.approx(2 / 3), 12)
    assert shown["intervals"]["parameters"]["by"] == "frame"
    assert shown["per_frame"]["clip0/0.jpg"]["acc_50"] == 0
    two = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "boxes", "--rule", "culane",
              "--json", "--by", "clip", "--seed", 3)  # fmt: skip
    rules = json.loads(two.stdout)["rules"]
    assert list(rules) == ["boxes", "culane"]
    assert rules["boxes"]["intervals"]["parameters"]["by"] == "clip"


def test_equal_seeds_print_equal_text(data):
    arguments = data / "pred.jsonl", data / "gt.jsonl", "--seed", 5, "--resamples", 50
    assert run(*arguments).stdout == run(*arguments).stdout


def test_formats_may_differ(data):
    made = CliRunner().invoke(
        app, ["data", "convert", str(data / "gt.jsonl"), str(data / "lanes"), "--to", "culane"]
    )
    assert made.exit_code == 0, made.output
    for told in ([], ["--from-pred", "scene", "--from-gt", "culane"]):
        ran = run(data / "pred.jsonl", data / "lanes", "--rule", "culane", "--images", data,
                  "--json", *told)  # fmt: skip
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout)["f1_50"] == pytest.approx(2 / 3)


def test_splits_restrict_and_tell_apart(data):
    lists = data / "lists"
    lists.mkdir()
    (lists / "good.txt").write_text("/clip1/1.jpg\n/clip2/2.jpg\n")
    (lists / "bad.txt").write_text("/clip0/0.jpg\n")
    arguments = data / "pred.jsonl", data / "gt.jsonl", "--rule", "culane", "--splits", lists
    ran = run(*arguments, "--json")
    shown = json.loads(ran.stdout)
    assert shown["num_frames"] == 3
    assert [shown["splits"][name]["f1_50"] for name in ("good", "bad")] == [1, 0]
    assert "good" in run(*arguments).stdout
    (lists / "bad.txt").write_text("/clip0/0.jpg\n/lost.jpg\n")
    ran = run(*arguments, "--json")
    assert ran.exit_code == 1
    assert "names 1 images without labels, first lost.jpg" in ran.output


def test_lists_with_shorter_paths_name_the_same_frames(data):
    (data / "list.txt").write_text("1.jpg\n2.jpg\nlost.jpg\nlost too.jpg\n")
    page = data / "page.html"
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "culane", "--html", page,
              "--splits", data / "list.txt", "--json")  # fmt: skip
    assert (ran.exit_code, json.loads(ran.stdout)["num_frames"]) == (1, 2)
    assert "<td>unknown images</td><td>2</td>" in page.read_text()


def test_no_frame_in_common_is_an_error(data):
    save_scenes([scene("other.jpg", 0)], data / "other.jsonl")
    for pred in ("other.jsonl", "none.jsonl"):
        (data / "none.jsonl").touch()
        ran = run(data / pred, data / "gt.jsonl", "--from-pred", "scene")
        assert (ran.exit_code, ran.stdout) == (1, "")
        assert "frame in common" in str(ran.exception)
    (data / "list.txt").write_text("other.jpg\n")
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--splits", data / "list.txt")
    assert "must name frames of the labels" in str(ran.exception)


def test_nothing_to_score_is_an_error(data):
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "points", "--rule", "boxes")
    assert ran.exit_code == 1
    assert "nothing to score by the rule points" in ran.stderr
    assert "boxes" in ran.stdout
    empty = data / "empty.jsonl"
    save_scenes([replace(one, instances=()) for one in load_scenes(data / "gt.jsonl")], empty)
    assert "something to score" in str(run(empty, empty).exception)


def test_attributes_that_no_prediction_has_are_left_out_unless_asked_for(data):
    truth = load_scenes(data / "gt.jsonl")
    told = [replace(one, frame=replace(one.frame, attributes={"weather": "rain"})) for one in truth]
    save_scenes(told, data / "told.jsonl")
    ran = run(data / "pred.jsonl", data / "told.jsonl")
    assert "attributes: left out" in ran.stderr
    assert "top_1" not in ran.stdout
    ran = run(data / "pred.jsonl", data / "told.jsonl", "--rule", "attributes", "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["top_1"]) == (0, 0)


def test_coco_results_of_any_name_take_images_and_classes_from_the_truth(data):
    truth = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 320, "height": 180}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [9, 9, 40, 30]}],
    }
    found = [{"image_id": 7, "category_id": 3, "bbox": [9, 9, 40, 30], "score": 0.5}]
    (data / "labels").mkdir()
    (data / "labels" / "val.json").write_text(json.dumps(truth))
    (data / "found.json").write_text(json.dumps(found))
    ran = run(data / "found.json", data / "labels" / "val.json", "--rule", "boxes", "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["f1_50"] == 1
    ran = run(data / "found.json", data / "gt.jsonl")
    assert "drivegrid eval takes the images from the labels" in str(ran.exception)


@pytest.mark.parametrize(
    ("options", "package"),
    [(["--rows", "rows"], "pyarrow"), (["--rule", "coco"], "faster_coco_eval")],
)
def test_missing_packages_are_named_before_anything_is_read(monkeypatch, options, package):
    monkeypatch.setitem(sys.modules, package, None)
    ran = run("missing.json", "missing.json", *options)
    assert isinstance(ran.exception, MissingExtraError)


def test_rows_are_written(data):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "boxes", "--rows", data / "rows")
    assert ran.exit_code == 0, ran.output
    frames = pandas.read_parquet(data / "rows" / "boxes_frames.parquet")
    matches = pandas.read_parquet(data / "rows" / "boxes_matches.parquet")
    assert len(frames) == 12
    assert frames["clip"].tolist()[:2] == ["clip0", "clip1"]
    assert matches["hit"].sum() == frames["tp_50"].sum() == 8


def test_the_page_is_one_file_without_scripts_and_shows_the_worst(data):
    save_scenes([scene("clip0/0.jpg", 0, label=HOSTILE)], data / "hostile.jsonl")
    for pred, pictures in (("pred.jsonl", True), ("hostile.jsonl", True)):
        page = data / "page.html"
        ran = run(data / pred, data / "gt.jsonl", "--html", page)
        assert ran.exit_code == 0, ran.output
        text = page.read_text()
        assert "<script" not in text
        assert not re.findall(r'(?:src|href)="(?!data:)', text)
        assert ("data:image/jpeg" in text) == pictures
    run(data / "pred.jsonl", data / "gt.jsonl", "--html", page)
    text = page.read_text()
    assert text.index("clip0/0.jpg: culane") < text.index("clip1/9.jpg: culane")
    assert "clip1/1.jpg: culane" not in text  # nothing is wrong there
    assert text.count("<svg") >= 4
    assert "ECE" in text


def test_the_page_shows_how_frames_fare_and_no_frame_that_is_perfect(data):
    page = data / "page.html"
    ran = run(data / "gt.jsonl", data / "gt.jsonl", "--rule", "culane", "--html", page)
    assert ran.exit_code == 0, ran.output
    text = page.read_text()
    assert "data:image" not in text
    assert "culane: frames by f1_50" in text
    assert "culane: F1 by IoU" in text


@pytest.mark.parametrize("rule", ["culane", "tusimple"])
def test_missed_lanes_of_the_worst_frames_are_yellow(data, monkeypatch, rule):
    drawn = []
    monkeypatch.setattr(
        "drivegrid.cli.eval_page.draw_comparison",
        lambda image, _pred, _gt, compared: drawn.append(compared) or image,
    )
    save_scenes([Scene(Frame("clip0/0.jpg", SIZE))], data / "none.jsonl")
    run(data / "none.jsonl", data / "gt.jsonl", "--rule", rule, "--html", data / "page.html")
    assert [(list(one.missed), list(one.hit)) for one in drawn] == [([0], [])] * len(drawn)
    assert drawn


def test_splits_stand_side_by_side_where_that_is_narrower(data):
    (data / "list.txt").write_text("clip1/1.jpg\n")
    page = data / "page.html"
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "culane", "--html", page,
              "--splits", data / "list.txt")  # fmt: skip
    assert re.search(r"\n  frames +1\n", ran.stdout)
    assert "<th>list</th>" in page.read_text()
    assert max(map(len, ran.stdout.splitlines()[1:])) <= 100


def test_pictures_that_are_not_there_are_left_out(data, tmp_path):
    page = tmp_path / "page.html"
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--html", page, "--images", data / "rows")
    assert ran.exit_code == 0, ran.output
    assert "data:image" not in page.read_text()


def test_bad_records_and_doubles_are_named_and_the_rest_is_scored(data):
    with (data / "pred.jsonl").open("a") as file:
        file.write("{broken\n")
    ran = run(data / "pred.jsonl", data / "gt.jsonl", "--rule", "boxes", "--json")
    assert ran.exit_code == 1
    assert "line 13" in ran.output
    save_scenes([scene("clip0/0.jpg", 0)] * 2, data / "twice.jsonl")
    ran = run(data / "twice.jsonl", data / "gt.jsonl", "--rule", "boxes", "--json")
    assert ran.exit_code == 1
    assert "each image once" in ran.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "best"], "one of culane"),
        (["--from-gt", "jpeg"], "format must be one of"),
        (["--splits", "missing.txt"], "readable"),
    ],
)
def test_wrong_usage_is_named(data, arguments, message):
    ran = run(data / "pred.jsonl", data / "gt.jsonl", *arguments)
    assert ran.exit_code == 1
    assert message in str(ran.exception)
