"""``drivegrid masks`` and ``drivegrid train masks``, as they are called."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from drivegrid.cli.main import app
from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.errors import DriveGridError
from drivegrid.geometry import Polygon
from tests.masks.tiny_sam2_package import make_pair


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


def facts(result):
    return json.loads(result.stdout)


@pytest.fixture
def data(tmp_path):
    ring = np.array([[10.0, 10.0], [60.0, 12.0], [58.0, 40.0], [12.0, 38.0]])
    scenes = []
    for name in ("a", "b"):
        save_image(tmp_path / f"{name}.png", np.full((64, 96, 3), 90, np.uint8))
        puddle = Instance("region/puddle", Polygon((ring,)))
        scenes.append(Scene(Frame(f"{name}.png", (96, 64)), (puddle,)))
    save_scenes(scenes, tmp_path / "scenes.jsonl")
    return tmp_path


def test_words_there_and_back(data) -> None:
    words, drawn = data / "words.jsonl", data / "out" / "masks.jsonl"
    common = ("--tokenizer", "himtok", "--json")
    made = run("masks", "encode", data / "scenes.jsonl", "--out", words, *common)
    assert made.exit_code == 0
    assert facts(made)["masks"] == 2
    assert facts(made)["mean_iou"] > 0.9
    again = run("masks", "encode", data / "scenes.jsonl", "--out", words, *common)
    assert facts(again)["written_before"] == 2
    assert facts(again)["frames"] == 0
    read = run("masks", "decode", words, "--root", data, "--out", drawn, *common)
    assert read.exit_code == 0
    assert facts(read) == {"frames": 2, "masks": 2, "dropped": 0, "quarantined": 0}
    assert len(drawn.read_text().splitlines()) == 2


def test_what_is_broken_is_counted_and_told(data) -> None:
    words = data / "words.jsonl"
    run("masks", "encode", data / "scenes.jsonl", "--out", words, "--tokenizer", "himtok")
    text = words.read_text().replace("<him_", "<sam_1_", 1)
    words.write_text(text)
    (data / "b.png").unlink()
    read = run("masks", "decode", words, "--root", data, "--out", data / "masks.jsonl",
               "--tokenizer", "himtok", "--json")  # fmt: skip
    assert read.exit_code == 1
    assert facts(read) == {"frames": 1, "masks": 0, "dropped": 1, "quarantined": 1}
    assert "b.png" in read.stderr
    limited = run("masks", "encode", data / "scenes.jsonl", "--out", data / "other.jsonl",
                  "--tokenizer", "himtok")  # fmt: skip
    assert limited.exit_code == 1
    assert "quarantined 1" in limited.stdout


def test_words_are_not_replaced_by_what_they_draw(data) -> None:
    words, link = data / "words.jsonl", data / "link.jsonl"
    run("masks", "encode", data / "scenes.jsonl", "--out", words, "--tokenizer", "himtok")
    link.symlink_to(words)
    before = words.read_text()
    read = run("masks", "decode", words, "--root", data, "--out", link, "--tokenizer", "himtok")
    assert read.exit_code == 2
    assert words.read_text() == before


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("masks", "check", "nowhere"), "SAM2 must have a folder"),
        (("masks", "check", "nowhere.pt", "--config", "x.yaml"), "SAM2 must be a file"),
        (("masks", "check", ".", "--config", "x.yaml"), "SAM2 must be a file"),
        (("masks", "compare", "--data", "nowhere"), "nowhere"),
        (("masks", "decode", "nowhere", "--root", ".", "--out", "x", "--tokenizer", "himtok"),
         "nowhere"),
        (("train", "masks", "--tokenizer", "himtok", "--config", "none", "--out", "x"),
         "mask config must be"),
        (("train", "masks", "--tokenizer", "himtok", "--config", "himtok-smoke", "--out", "x",
          "--set", "data.size_wh=[100,64]"), "multiples of 32"),
    ],
)  # fmt: skip
def test_errors_name_what_is_wrong(words, fault, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert isinstance(result.exception, DriveGridError | OSError)
    assert fault in str(result.exception)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("tokenizer", "option", "fault"),
    [("himtok", "--sam2", "without SAM2"), ("samtok", "--sam2", "without SAM2"),
     ("himtok", "--seg", "without drivegrid-seg"),
     ("grid", "--weights", "no weights of their own")],
)  # fmt: skip
def test_options_of_another_tokenizer_are_refused(data, tokenizer, option, fault) -> None:
    out = data / "words.jsonl"
    result = run("masks", "encode", data / "scenes.jsonl", "--out", out,
                 "--tokenizer", tokenizer, option, data)  # fmt: skip
    assert result.exit_code == 2
    assert fault in " ".join(result.stderr.split())
    assert not out.exists()


def test_sam2_weights_of_either_kind_are_checked(tmp_path) -> None:
    folder, checkpoint, config = make_pair(tmp_path / "sam2")
    ways = [(folder,)]
    if find_spec("sam2") is not None:
        ways.append((checkpoint, "--config", config))
    found = [facts(run("masks", "check", *way, "--json")) for way in ways]
    assert found[0].keys() > {"click_iou", "box_iou"}
    for name in ("masks", "click_iou", "box_iou"):
        assert found[0][name] == pytest.approx(found[-1][name], abs=1e-3)
    lone = run("masks", "check", checkpoint)
    assert lone.exit_code == 2
    assert "--config" in lone.stderr


def test_help_names_a_config_that_trains_masks() -> None:
    told = run("train", "masks", "--help").stdout
    assert "himtok-smoke" in told
    assert "nano-smoke" not in told


def test_a_training_by_its_command(tmp_path) -> None:
    out = tmp_path / "run"
    command = ("train", "masks", "--tokenizer", "himtok", "--config", "himtok-smoke", "--out", out,
               "--set", f"data.folder={tmp_path / 'masks'}", "--set", "data.num_scenes=2",
               "--set", "data.held_out=1", "--set", "data.size_wh=[128,64]")  # fmt: skip
    result = run(*command, "--max-steps", "4")
    assert result.exit_code == 0, result.exception
    assert "best checkpoint" in result.stdout
    assert (out / "checkpoint" / "model.safetensors").is_file()
    again = run(*command)
    assert "Add --resume" in str(again.exception)
