"""``drivegrid data conversations`` from label file to records."""

import json

import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app

LABELS = {
    "raw_file": "clips/a/20.jpg",
    "h_samples": list(range(160, 720, 10)),
    "lanes": [[600 - k * 8 for k in range(56)], [700 + k * 8 for k in range(56)]],
}


def run(*arguments):
    return CliRunner().invoke(app, ["data", "conversations", *map(str, arguments)])


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "label_data.json"
    path.write_text(json.dumps(LABELS) + "\n")
    return path


def test_one_frame(labels, tmp_path) -> None:
    ran = run(labels, tmp_path / "r.jsonl", "--as", "swift", "--tasks", "lanes", "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["tasks"] == {"lanes": 1}
    (row,) = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    assert row["images"] == ["clips/a/20.jpg"]
    assert row["messages"][1]["content"].count("lane line: <line>") == 2


def test_seed_and_config_decide(labels, tmp_path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("tasks: {lane_query: 3}\nseed: 5\n")
    texts = []
    for options in (["--config", config], ["--config", config, "--seed", 5], ["--seed", 6]):
        path = tmp_path / "r.jsonl"
        assert run(labels, path, "--tasks", "lane_query", *options).exit_code == 0
        texts.append(path.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_an_assumed_size_is_told_and_can_be_said(labels, tmp_path) -> None:
    ran = run(labels, tmp_path / "r.jsonl", "--tasks", "lanes")
    assert "warning: size of 1 frame is assumed, 1280x720" in ran.stderr
    ran = run(labels, tmp_path / "r.jsonl", "--tasks", "lanes", "--size", "1400x800")
    assert "warning" not in ran.stderr
    assert json.loads((tmp_path / "r.jsonl").read_text())["size_wh"] == [1400, 800]


def test_image_names_take_a_prefix(labels, tmp_path) -> None:
    run(labels, tmp_path / "r.jsonl", "--tasks", "lanes", "--as", "trl", "--prefix", "/data/t/")
    assert json.loads((tmp_path / "r.jsonl").read_text())["images"] == ["/data/t/clips/a/20.jpg"]


def test_no_record_has_a_reason(labels, tmp_path) -> None:
    ran = run(labels.parent, tmp_path / "r.jsonl", "--tasks", "drivable,signs")
    assert "no frame allows a question of the kinds drivable, signs" in ran.stderr
    assert "its labels are lane/line" in ran.stderr


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--as", "csv"], "form must be one of ours"),
        (["--tasks", "lane"], "lane_query"),
        (["--config", "none.yaml"], "config must exist"),
        (["--from", "nothing"], "format must be one of"),
        (["--size", "big"], "size must be WIDTHxHEIGHT"),
        (["--root", "nowhere"], "folder of the pictures must exist"),
    ],
)
def test_wrong_options_are_named(labels, tmp_path, options, found) -> None:
    ran = run(labels, tmp_path / "r.jsonl", *options)
    assert ran.exit_code == 1
    assert found in str(ran.exception)
    assert not (tmp_path / "r.jsonl").exists()


def test_what_was_set_aside_is_told(labels, tmp_path) -> None:
    with labels.open("a") as file:
        file.write('{"raw_file": "b.jpg", "h_samples": [1], "lanes": [[1, 2]]}\n')
    ran = run(labels, tmp_path / "r.jsonl", "--tasks", "lanes")
    assert ran.exit_code == 1
    assert "set aside 1" in ran.output
    assert "line 2" in ran.output
