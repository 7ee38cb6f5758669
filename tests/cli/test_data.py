"""``drivegrid data`` as people run it: counts, exit codes, reports, help."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from drivegrid.cli.convert import data
from drivegrid.cli.main import app
from drivegrid.data.formats import FORMATS

FRAMES = 12


def run(*arguments: object):
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


@pytest.fixture
def labels(tmp_path):
    """Return a TuSimple file of clips, with pictures."""
    path = tmp_path / "in" / "label_data.json"
    path.parent.mkdir()
    lines = []
    for number in range(FRAMES):
        name = f"clips/{number}/20.jpg"
        lanes = [[600, 500, 400], [700, 690, -2]][: 1 + number % 2]
        lines.append(json.dumps({"raw_file": name, "h_samples": [700, 600, 500], "lanes": lanes}))
        (path.parent / name).parent.mkdir(parents=True)
        Image.new("RGB", (1280, 720), (90, 120, 150)).save(path.parent / name)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("command", data.registered_commands, ids=lambda command: command.name)
def test_every_command_has_help_with_an_example(command) -> None:
    ran = run(command.name, "--help")
    assert ran.exit_code == 0
    assert f"drivegrid data {command.name}" in ran.stdout.split("Example:")[1]


def test_formats() -> None:
    listed = run("formats").stdout
    assert all(f"\n{name} " in f"\n{listed}" for name in FORMATS)
    rows = json.loads(run("formats", "--json").stdout)
    assert [row["name"] for row in rows] == list(FORMATS)
    assert rows[0].keys() == {
        "name", "title", "path_is", "written", "holds", "marks", "lost_in", "lost_out",
    }  # fmt: skip


def test_import_validate_stats_export(labels, tmp_path) -> None:
    ran = run("import", labels, tmp_path / "mine")
    assert ran.exit_code == 0, ran.output
    assert f"read {FRAMES}, written {FRAMES}, left 0, quarantined 0" in ran.stdout
    assert f"pictures linked {FRAMES}" in ran.stdout
    checked = run("validate", tmp_path / "mine")
    assert (checked.exit_code, "no findings" in checked.stdout) == (0, True), checked.output
    counted = json.loads(run("stats", tmp_path / "mine", "--json").stdout)
    assert counted["lanes_per_frame"] == {"1": FRAMES // 2, "2": FRAMES // 2}
    ran = run("export", tmp_path / "mine", tmp_path / "back", "--to", "tusimple", "--json")
    assert json.loads(ran.stdout)["written"] == FRAMES
    back, given = (
        [json.loads(line) for line in path.read_text().splitlines()]
        for path in (tmp_path / "back" / "labels.json", labels)
    )
    assert back == given


def test_a_root_without_any_of_the_pictures_is_an_error(labels, tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    wrong = ("--size", "1280x720", "--root", tmp_path / "elsewhere")
    ran = run("import", labels, tmp_path / "mine", *wrong)
    assert ran.exit_code == 1
    assert (
        f"--root must hold the pictures, got none of them ({tmp_path / 'elsewhere'})" in ran.output
    )
    assert (tmp_path / "mine").is_dir()  # the labels are read all the same
    ran = run("import", labels, tmp_path / "bare", "--size", "1280x720", "--pictures", "none")
    assert ran.exit_code == 0, ran.output


def test_import_takes_class_names_from_a_file(labels, tmp_path) -> None:
    classes = tmp_path / "mine.yaml"
    classes.write_text("labels: {lane/line: lane/stop_line}", "utf-8")
    ran = run("import", labels, tmp_path / "mine", "--classes", classes)
    assert ran.exit_code == 0, ran.output
    counted = json.loads(run("stats", tmp_path / "mine", "--json").stdout)
    assert list(counted["classes"]) == ["lane/stop_line"]
    classes.write_text("labels: {lane/line: nowhere}", "utf-8")
    ran = run("import", labels, tmp_path / "other", "--classes", classes)
    assert "target must be a taxonomy path" in str(ran.exception)
    assert not (tmp_path / "other").exists()


def test_split_merge_sample(labels, tmp_path) -> None:
    report = tmp_path / "report.json"
    parts = ("--parts", "a=.6,b=.4", "--to", "culane", "--report", report)
    assert run("split", labels, tmp_path / "parts", *parts).exit_code == 0
    counts = json.loads(report.read_text())
    assert sum(counts["parts"].values()) == counts["read"] == FRAMES
    both = tmp_path / "parts" / "a", tmp_path / "parts" / "b"
    ran = run("merge", *both, tmp_path / "all", "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["written"]) == (0, FRAMES), ran.output
    again = run("merge", both[0], both[0], tmp_path / "twice", "--on-duplicate", "keep-first")
    assert again.exit_code == 1
    assert "image must occur once" in again.output
    few = run("sample", tmp_path / "all", tmp_path / "few", "-n", 5, "--label", "lane")
    assert (few.exit_code, "written 5, left 7" in few.stdout) == (0, True)
    more = run("sample", tmp_path / "all", tmp_path / "more", "-n", 50)
    assert (more.exit_code, "got 12" in more.output) == (1, True)


def test_what_is_set_aside_is_named_and_exits_with_1(labels, tmp_path) -> None:
    with labels.open("a") as file:
        file.write("{broken\n")
    ran = run("import", labels, tmp_path / "mine", "--report", tmp_path / "r.json")
    assert ran.exit_code == 1
    assert f"read {FRAMES + 1}, written {FRAMES}, left 0, quarantined 1" in ran.stdout
    assert f"line {FRAMES + 1}" in " ".join(ran.output.split())
    assert json.loads((tmp_path / "r.json").read_text())["records"][0]["line"] == FRAMES + 1
    assert run("validate", labels).exit_code == 1
    assert run("stats", labels).exit_code == 1


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_validate_exits_with_2_where_it_cannot_read(tmp_path, as_json) -> None:
    (tmp_path / "a.txt").write_text("no labels")
    for path in (tmp_path / "missing", tmp_path / "a.txt", tmp_path):
        ran = run("validate", path, *as_json)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "error: labels must" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("split", "{labels}", "{out}", "--parts", "a=1,b=0"),
        ("merge", "{labels}", "{out}.json", "--to", "coco"),
        ("split", "{labels}", "{out}", "--to", "nothing"),
        ("merge", "{labels}", "{labels}", "{out}"),
        ("import", "{labels}", "{full}"),
        ("sample", "{labels}", "{out}", "-n", "3", "--label", "sign"),
        ("export", "{out}", "{out}", "--to", "scene"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_failures_make_nothing(labels, tmp_path, arguments) -> None:
    before = sorted(tmp_path.rglob("*"))
    places = {"labels": labels, "out": tmp_path / "out", "full": labels.parent}
    assert run(*(word.format(**places) for word in arguments)).exit_code == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_merge_needs_a_source(tmp_path) -> None:
    assert run("merge", tmp_path / "out").exit_code == 2


def test_stats_draws_plots(labels, tmp_path) -> None:
    assert run("stats", labels, "--plots", tmp_path / "plots").exit_code == 0
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "classes.svg", "attributes.svg", "instances_per_frame.svg", "lanes_per_frame.svg",
        "positions.svg", "stats.json", "index.html",
    }  # fmt: skip
    assert json.loads((tmp_path / "plots" / "stats.json").read_text())["per_frame"]["frames"] == 12
    assert run("stats", labels, "--plots", tmp_path / "plots").exit_code == 1


def test_what_was_left_out_is_said_once(labels, tmp_path) -> None:
    ran = run("convert", labels, tmp_path / "lanes", "--to", "culane")
    assert "12 times: image size left out: readers without the picture" in ran.stdout
    assert "left out 12 times" not in ran.stdout
    ran = run("export", labels, tmp_path / "more", "--to", "culane")
    assert "without the picture" not in ran.stdout  # it was linked


def test_lanes_without_points_are_named_as_lost(labels, tmp_path) -> None:
    row = {"raw_file": "x.jpg", "h_samples": [700, 600], "lanes": [[5, 6], [-2, -2]]}
    labels.write_text(json.dumps(row) + "\n")
    ran = run("convert", labels, tmp_path / "lanes", "--to", "culane", "--json")
    assert json.loads(ran.stdout)["loss_counts"]["lane without points left out"] == 1
