"""bench-data, data validate and data stats from the command line, with a stand-in renderer."""

import json
import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app
from drivegrid.scenes.compositor import Compositor
from tests.data import toy_world


@pytest.fixture(autouse=True)
def renderer(monkeypatch):
    """Put the toy world in place of the renderer."""
    render = ModuleType("drivegrid.scenes.render")
    render.render_scene, render.default_renderer = toy_world.render, Compositor
    monkeypatch.setitem(sys.modules, render.__name__, render)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_both_splits_are_made_checked_and_counted(tmp_path) -> None:
    ran = run("bench-data", "--out", tmp_path / "b", "--limit", 3, "--workers", 1)
    assert ran.exit_code == 0, ran.output
    seeds = {
        name: json.loads((tmp_path / "b" / name / "manifest.json").read_text())["seeds"]
        for name in ("train", "test")
    }
    assert seeds == {
        "train": {"first": 1_000_000, "count": 3}, "test": {"first": 500_000, "count": 3},
    }  # fmt: skip
    checked = run("data", "validate", tmp_path / "b")
    assert (checked.exit_code, "no findings" in checked.output) == (0, True), checked.output
    counted = run("data", "stats", tmp_path / "b", "--json")
    assert json.loads(counted.stdout)["per_frame"]["frames"] == 6


def test_one_split_goes_to_the_folder_itself_and_the_seed_moves_on(tmp_path) -> None:
    asked = ("--limit", 1, "--workers", 1, "--split", "test", "--seed", 2)
    assert run("bench-data", "--out", tmp_path, *asked).exit_code == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["seeds"]["first"] == 700_000
    assert manifest["made_with"]["backend"] == "opencv"


@pytest.mark.parametrize("words", [("--seed", 5), ("--limit", 0), ("--split", "val")])
def test_impossible_parameters_are_refused(tmp_path, words) -> None:
    assert run("bench-data", "--out", tmp_path, *words).exit_code == 2


def test_a_folder_made_otherwise_is_refused(tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ran = run("bench-data", "--out", tmp_path, "--split", "test", "--limit", 1)
    assert "folder must be new or empty" in str(ran.exception)


def test_validate_names_findings_and_fails(tmp_path) -> None:
    run("bench-data", "--out", tmp_path, "--split", "test", "--limit", 2, "--workers", 1)
    (tmp_path / "images" / "000001.png").unlink()
    ran = run("data", "validate", tmp_path)
    assert ran.exit_code == 1
    assert "images/000001.png" in ran.output
    found = json.loads(run("data", "validate", tmp_path, "--json").stdout)
    assert {"file", "line", "item", "message"} == set(found["findings"][0])
    assert sum(found["rules"].values()) == len(found["findings"])
    assert (found["frames"], found["pictures"]) == (2, {"found": 1, "missing": 1})


def test_stats_fail_where_a_value_is_too_rare(tmp_path) -> None:
    run("bench-data", "--out", tmp_path, "--split", "test", "--limit", 2, "--workers", 1)
    assert run("data", "stats", tmp_path).exit_code == 0
    ran = run("data", "stats", tmp_path, "--least", 1)
    assert ran.exit_code == 1
    assert "too rare" in ran.output
    assert "frame time must occur at least 1 times, got 0 (night)" in " ".join(ran.output.split())
