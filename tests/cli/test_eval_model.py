"""``drivegrid eval-model`` on a toy split, as a user runs it."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from drivegrid.cli import eval_pictures
from drivegrid.cli.eval_model import _best_of
from drivegrid.cli.main import app
from drivegrid.data.benchmark import Plan, write_split
from drivegrid.data.images import load_image
from drivegrid.inference import predictor as module
from drivegrid.inference.calibration import load_temperatures
from drivegrid.model.checkpoint import save_nano
from drivegrid.tokens.automaton import Limits
from tests.data.toy_world import render
from tests.toy import toy

__all__ = ["toy"]
FIGURES = {"lane F1@50", "box Acc@80", "sign hit", "drivable gIoU", "sign_color"}


@pytest.fixture(scope="module")
def model(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "toy"
    save_nano(*toy, folder, {})
    return folder


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LIMITS", Limits(items=2, anchors=4, text=4))
    monkeypatch.setattr(module, "Anything", partial(module.Anything, most=8))
    write_split(tmp_path / "bench", Plan("test", 0, 3, {}), render)
    return tmp_path / "bench"


def run(*args):
    return CliRunner().invoke(app, ["eval-model", *map(str, args)])


def test_every_figure_stands_beside_its_ceiling(model, bench, tmp_path) -> None:
    out = tmp_path / "deep" / "report.json"
    result = run(model, "--data", bench, "--frames", 2, "--rounds", 1, "--json", "--out", out)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads(out.read_text())
    assert set(report["figures"]) >= FIGURES
    for figure in report["figures"].values():
        low, high = figure["interval"]
        assert low <= figure["score"] <= high and figure["n"] > 0
        assert 0 <= figure["ceiling"] <= 1 and 0 <= figure["trivial"] <= 1
    assert report["frames"] == 2 and report["quarantined"] == 0
    assert report["well_formed"]["constrained"]["share"] == 1.0
    assert report["attributes"]["sign_color"]["n"] == report["figures"]["sign_color"]["n"]


def test_a_table_for_people(model, bench) -> None:
    result = run(model, "--data", bench, "--frames", 1, "--rounds", 0, "--regions", "drawn")
    assert result.exit_code == 0, result.output
    assert all(name in result.stdout for name in (*FIGURES, "95 % interval", "well-formed"))


def test_unreadable_pictures_are_counted_and_fail(model, bench) -> None:
    (bench / "images" / "000001.png").write_bytes(b"")
    (bench / "images" / "000002.png").unlink()
    result = run(model, "--data", bench, "--rounds", 0, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["frames"], report["quarantined"]) == (1, 2)
    assert "000001.png" in result.stderr and "000002.png" in result.stderr


def test_temperatures_are_fitted_and_used(model, bench, tmp_path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model, folder)
    result = run(folder, "--data", bench, "--frames", 1, "--rounds", 0, "--calibrate", "--json")
    assert result.exit_code == 0, result.output
    assert load_temperatures(folder) == pytest.approx(
        json.loads(result.stdout)["temperatures"], abs=1e-4
    )
    assert run(folder, "--data", bench, "--frames", 1, "--rounds", 0).exit_code == 0


def test_wrong_usage_is_told_apart(model, bench, tmp_path) -> None:
    assert run(model).exit_code == 2
    assert run(model, "--data", bench, "--frames", 0).exit_code == 2
    assert run(model, "--data", bench, "--out", tmp_path).exit_code == 1
    assert run(tmp_path / "none", "--data", bench).exit_code == 1
    assert run(model, "--data", tmp_path / "none").exit_code == 1


def test_best_and_worst_frames_are_drawn(model, bench, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(eval_pictures, "MOST", 2)
    folder = tmp_path / "seen"
    result = run(model, "--data", bench, "--rounds", 0, "--pictures", folder, "--json")
    assert result.exit_code == 0, result.output
    names = {path.name for path in folder.iterdir()}
    tasks = {"lanes", "objects", "signs", "drivable", "referring", "attributes"}
    assert {name.split("-")[0] for name in names} == tasks
    assert {f"lanes-{side}-0{i}.png" for side in ("best", "worst") for i in (1, 2)} <= names
    width = load_image(folder / "lanes-best-01.png").shape[1]
    assert width > 2 * eval_pictures.WIDTH_PX


@pytest.mark.parametrize(
    ("scores", "worst", "best"),
    [
        ([], [], []),
        ([0.5], [0], [0]),
        ([0.5, float("nan"), 0.0, 1.0], [2, 0], [3, 0]),
    ],
)
def test_ends_are_the_lowest_and_the_highest(monkeypatch, scores, worst, best) -> None:
    monkeypatch.setattr(eval_pictures, "MOST", 2)
    assert eval_pictures._ends(np.array(scores)) == (worst, best)


@pytest.mark.parametrize(
    ("scores", "figure", "best"),
    [
        ({"a": None, "b": None}, "lane F1@50", "a"),
        ({"a": 0.1, "b": 0.2}, "lane F1@50", "b"),
        ({"a": 0.1, "b": 0.2}, "lane FP (TuSimple)", "a"),
        ({"a": 0.3, "b": 0.2, "c": None}, "lane FN (TuSimple)", "b"),
    ],
)
def test_the_best_trivial_predictor_makes_the_fewest_mistakes(scores, figure, best) -> None:
    assert _best_of(scores, figure) == best
