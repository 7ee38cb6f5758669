"""The commands on small inputs, good and bad: counts add up, nothing half-written stays."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app
from drivegrid.cli.predict import base_of, name_in_scenes
from drivegrid.data.formats import load_culane, load_tusimple
from drivegrid.data.store import load_scenes

pytest.importorskip("torch")

from drivegrid.inference import predictor as module
from drivegrid.model.checkpoint import save_nano
from drivegrid.tokens.automaton import Limits
from tests.toy import toy  # noqa: F401


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def checkpoint(toy, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("model") / "toy"
    save_nano(*toy, folder, {})
    return folder


@pytest.fixture(autouse=True)
def short_answers(monkeypatch):
    monkeypatch.setattr(module, "LIMITS", Limits(items=2, anchors=4, text=4))


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (60, 100, 3)).astype(np.uint8))
    return folder


def test_predict_writes_json_scenes_and_overlays(frames, checkpoint, tmp_path) -> None:
    out = tmp_path / "out.json"
    ran = run(
        "predict", frames, "-q", "all lanes", "-q", "car", "--json", out, "--model", checkpoint,
        "--overlay", tmp_path / "pictures", "--trace", "--scenes", tmp_path / "s.jsonl",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    shown = json.loads(out.read_text())
    assert [frame["image"].rsplit("/")[-1] for frame in shown] == ["a.png", "b.jpg"]
    for frame in shown:
        assert set(frame) >= {"image", "size_wh", "instances", "diagnostics"}
        assert frame["size_wh"] == [100, 60]
        for instance in frame["instances"]:
            assert set(instance) >= {
                "label", "geometry", "points", "tokens", "confidence", "attributes",
            }  # fmt: skip
    assert len(list((tmp_path / "pictures").glob("*.jpg"))) == 2
    named = [scene.frame.image for scene in load_scenes(tmp_path / "s.jsonl")]
    assert named == ["frames/a.png", "frames/b.jpg"]


@pytest.mark.parametrize(
    ("given", "scenes", "named"),
    [
        (["frames"], "s.jsonl", "frames/a.png"),
        (["frames"], "out/s.jsonl", "a.png"),
        (["frames/a.png"], "out/s.jsonl", "a.png"),
        (["frames", "more"], "out/s.jsonl", "frames/a.png"),
        (["frames"], None, "a.png"),
    ],
)
def test_scenes_name_pictures_from_a_folder(frames, tmp_path, given, scenes, named) -> None:
    base = base_of([tmp_path / path for path in given], scenes and tmp_path / scenes)
    assert name_in_scenes(str(frames / "a.png"), base) == named


def test_predict_names_bad_frames_and_does_the_rest(frames, checkpoint, tmp_path) -> None:
    (frames / "empty.jpg").write_bytes(b"")
    whole = (frames / "b.jpg").read_bytes()
    (frames / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (frames / "text.png").write_text("no picture")
    out = tmp_path / "out.json"
    ran = run("predict", frames, "-q", "car", "--json", out, "--model", checkpoint)
    assert ran.exit_code == 1
    for name in ("empty.jpg", "torn.jpg", "text.png"):
        assert name in ran.output
    assert "2 frames answered, 3 failed" in ran.output
    assert len(json.loads(out.read_text())) == 2


def test_predict_resumes_where_it_stopped(frames, checkpoint, tmp_path) -> None:
    out, scenes = tmp_path / "out.json", tmp_path / "s.jsonl"
    asked = ("-q", "car", "--json", out, "--scenes", scenes, "--model", checkpoint)
    run("predict", frames / "a.png", *asked)
    first = json.loads(out.read_text())[0]
    first["diagnostics"] = ["kept"]
    out.write_text(json.dumps([first]))
    ran = run("predict", frames, *asked, "--resume")
    again = json.loads(out.read_text())
    assert ran.exit_code == 0
    assert [frame["image"].rsplit("/")[-1] for frame in again] == ["a.png", "b.jpg"]
    assert again[0]["diagnostics"] == ["kept"]
    assert [Path(scene.frame.image).name for scene in load_scenes(scenes)] == ["a.png", "b.jpg"]
    out.write_text("[1, 2")
    broken = run("predict", frames, "--json", out, "--model", checkpoint, "--resume")
    assert broken.exit_code == 1


@pytest.mark.parametrize("query", [("-q", "car", "-q", "all lanes"), ()], ids=["asked", "all"])
def test_predict_in_batches_answers_the_same(frames, checkpoint, tmp_path, query) -> None:
    found = []
    for batch in (1, 3):
        out = tmp_path / f"{batch}.json"
        ran = run("predict", frames, *query, "--json", out, "--model", checkpoint, "--batch", batch)
        assert ran.exit_code == 0, ran.stderr
        answers = json.loads(out.read_text())
        found.append([[i["tokens"] for i in answer["instances"]] for answer in answers])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda folder: (folder / "drivegrid.json").unlink(), "drivegrid.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "safetensors"),
        (
            lambda folder: (folder / "drivegrid.json").write_text(
                (folder / "drivegrid.json").read_text().replace('"cols": 8', '"cols": 9')
            ),
            "drivegrid.json",
        ),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json"),
    ],
    ids=["no manifest", "torn weights", "other lattice", "no tokenizer"],
)
def test_predict_refuses_a_checkpoint_that_does_not_fit(
    frames, checkpoint, tmp_path, break_it, named
) -> None:
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(checkpoint, folder)
    break_it(folder)
    ran = run("predict", frames, "--model", folder, "--json", tmp_path / "out.json")
    assert ran.exit_code == 1
    assert named in ran.output + str(ran.exception)
    assert not (tmp_path / "out.json").exists()


def test_failing_predict_leaves_an_older_result(frames, checkpoint, tmp_path) -> None:
    out = tmp_path / "old.json"
    out.write_text("old")
    assert run("predict", tmp_path / "no.jpg", "--json", out, "--model", checkpoint).exit_code == 1
    assert run("predict", frames, "-q", "", "--json", out, "--model", checkpoint).exit_code == 1
    assert out.read_text() == "old"


@pytest.mark.parametrize(
    ("option", "name"), [("--json", ""), ("--scenes", ""), ("--scenes", "scenes.json")]
)
def test_targets_are_checked_before_the_work(frames, checkpoint, tmp_path, option, name) -> None:
    ran = run("predict", frames, option, tmp_path / name, "--model", checkpoint)
    assert ran.exit_code == 1
    assert "answered" not in ran.output


def test_overlay_that_cannot_be_written_stops_nothing(frames, checkpoint, tmp_path) -> None:
    out, folder = tmp_path / "out.json", tmp_path / "pictures"
    folder.write_text("a file where a folder must be")
    ran = run(
        "predict", frames, "-q", "car", "--json", out, "--overlay", folder, "--model", checkpoint
    )
    assert ran.exit_code == 1
    assert "2 frames answered, 2 failed" in ran.output
    assert ran.output.count("overlay must be written") == 2
    assert len(json.loads(out.read_text())) == 2


def test_a_path_given_twice_is_answered_once(frames, checkpoint, tmp_path) -> None:
    out = tmp_path / "out.json"
    image = frames / "a.png"
    run("predict", image, image, "-q", "car", "--json", out, "--model", checkpoint)
    assert len(json.loads(out.read_text())) == 1


def test_predict_prints_where_things_are(frames, checkpoint) -> None:
    ran = run("predict", frames / "a.png", "-q", "the quickest car", "--model", checkpoint)
    assert "a.png: " in ran.output
    assert "note: query must use words the model was trained on, got quickest." in ran.output


def test_predict_without_readable_frames_fails(checkpoint, tmp_path) -> None:
    ran = run("predict", tmp_path / "nothing", "--model", checkpoint)
    assert ran.exit_code == 1
    assert "nothing" in ran.output


def test_demo_writes_a_page_with_scores_beside_ceilings(frames, checkpoint, tmp_path) -> None:
    ran = run(
        "demo", "--scenes", 1, "--frames", frames, "--out", tmp_path / "d", "--model", checkpoint,
        "--json",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    shown = json.loads(ran.stdout)
    assert shown["scores"].keys() == shown["ceilings"].keys()
    for name, ceiling in shown["ceilings"].items():
        assert shown["scores"][name] <= ceiling <= 1, name
    page = (tmp_path / "d" / "index.html").read_text()
    assert page.count("<img") == 4  # the scene, its steps, two frames
    assert "b.jpg" in page


TUSIMPLE = [
    {"raw_file": "clips/0/20.jpg", "h_samples": [500, 600, 700], "lanes": [[600, 500, 400]]},
    {"raw_file": "clips/1/20.jpg", "h_samples": [500, 600, 700], "lanes": [[-2, -2, -2]]},
]


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "label_data.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in TUSIMPLE))
    return path


def test_data_convert_there_and_back(labels, tmp_path) -> None:
    there = run("data", "convert", labels, tmp_path / "lanes", "--to", "culane", "--json")
    assert there.exit_code == 0, there.output
    assert json.loads(there.stdout)["written"] == 2
    (lane,) = load_culane(tmp_path / "lanes").scenes[0].instances
    assert lane.geometry.xy[[0, -1]].tolist() == [[400, 700], [600, 500]]
    back = tmp_path / "back.json"
    assert run("data", "convert", tmp_path / "lanes", back, "--to", "tusimple").exit_code == 0
    assert len(load_tusimple(back).scenes) == 2


def test_data_convert_counts_what_it_sets_aside(labels, tmp_path) -> None:
    with labels.open("a") as file:
        file.write("{broken\n")
    report = tmp_path / "report.json"
    ran = run("data", "convert", labels, tmp_path / "x.jsonl", "--to", "scene", "--report", report)
    assert ran.exit_code == 1
    counts = json.loads(report.read_text())
    assert (counts["read"], counts["written"], counts["quarantined"]) == (3, 2, 1)
    assert "line 3" in ran.output


def test_data_convert_into_shards_and_again(labels, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    shards = f"{tmp_path}/shards/"
    words = ("data", "convert", labels, shards, "--to", "scene", "--workers", 2, "--json")
    for _ in range(2):
        ran = run(*words)
        assert ran.exit_code == 0, ran.output
        assert json.loads(ran.stdout)["written"] == 2
    assert run("data", "convert", shards, tmp_path / "b.json", "--to", "tusimple").exit_code == 0
    assert load_tusimple(tmp_path / "b.json").scenes == load_tusimple(labels).scenes
    other = run("data", "convert", tmp_path / "b.json", shards, "--to", "scene")
    assert other.exit_code == 1
    assert "same conversion" in str(other.exception)


@pytest.mark.parametrize("option", [("--engine", "spark"), ("--workers", "0")])
def test_data_convert_refuses_engines_that_are_none(labels, tmp_path, option) -> None:
    ran = run("data", "convert", labels, tmp_path / "out", "--to", "scene", *option)
    assert ran.exit_code != 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("target", "said"), [("out", "are kept"), ("a.jsonl", "nothing was")])
def test_data_convert_says_what_ctrl_c_leaves(labels, tmp_path, monkeypatch, target, said) -> None:
    from drivegrid.data import convert as converting

    def stopped(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(converting, "convert", stopped)
    ran = run("data", "convert", labels, tmp_path / target, "--to", "scene")
    assert ran.exit_code == 130
    assert said in " ".join(ran.output.split())


@pytest.mark.parametrize("rule", ["tusimple", "culane"])
def test_eval_of_labels_against_themselves_is_perfect(labels, tmp_path, rule) -> None:
    path = labels
    if rule == "culane":
        path = tmp_path / "lanes"
        run("data", "convert", labels, path, "--to", "culane")
    ran = run("eval", path, path, "--format", rule, "--json")
    assert ran.exit_code == 0, ran.output
    shown = json.loads(ran.stdout)
    assert len(shown["per_frame"]) == 2
    assert shown["parameters"]
    if rule == "tusimple":
        assert (shown["accuracy"], shown["fp"], shown["fn"]) == (1.0, 0.0, 0.0)
    else:
        at_half = shown["at_iou"]["0.5"]
        assert (at_half["tp"], at_half["fp"], at_half["fn"], at_half["f1"]) == (1, 0, 0, 1.0)


def test_ceiling_prints_the_promised_object(labels) -> None:
    ran = run(
        "ceiling", labels, "--format", "tusimple", "--encoder", "rows", "--rounds", 2,
        "--gamma", 0.5, "--json",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    lanes = json.loads(ran.stdout)["lanes"]
    assert set(lanes) >= {"f1_50", "f1_75", "mf1", "anchors_per_lane", "tokens_per_lane", "n"}
    assert lanes["n"] == 1
    assert lanes["f1_50"] == 100.0


@pytest.mark.parametrize(
    "arguments",
    [
        ["ceiling", "missing.json", "--format", "tusimple"],
        ["eval", "missing.json", "missing.json", "--format", "tusimple"],
        ["data", "convert", "missing.json", "x", "--to", "culane", "--from", "tusimple"],
        ["ceiling", "missing.json", "--lattice", "wide", "--format", "tusimple"],
    ],
    ids=["ceiling", "eval", "convert", "lattice"],
)
def test_missing_input_ends_in_an_error(arguments, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments).exit_code == 1
    assert list(tmp_path.iterdir()) == []
