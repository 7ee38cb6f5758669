"""docs/finetune.md is run: its commands and blocks, in order, on a small stand-in."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from drivegrid.cli.main import app

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from drivegrid.inference import predictor
from drivegrid.model.processor import QwenProcessor
from drivegrid.tokens.automaton import Limits
from tests.model.tiny_qwen import make_checkpoint

PAGE = Path(__file__).parents[2] / "docs" / "finetune.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SMALL = {
    "train sft": "--max-steps 2 --set adapter.size_wh=[448,448] --set optim.accumulate=1 "
    "--set optim.threads=1 --set data.workers=0 --set data.held_out_scenes=1",
    "eval-model": "--frames 1 --rounds 0",
    "predict": "--rounds 0",
}
"""What a stand-in needs beside what the page says."""
SIZE_WH = (320, 180)


def commands(text: str) -> list[list[str]]:
    lines = text.replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("drivegrid ")]


def run_commands(text: str) -> None:
    for line in commands(text):
        small = next((more for name, more in SMALL.items() if " ".join(line).startswith(name)), "")
        ran = CliRunner().invoke(app, [*line, *shlex.split(small)])
        assert ran.exit_code == 0, (line, ran.output, ran.exception)


def make_pictures(folder: Path, count: int) -> list[str]:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(0, 256, (*SIZE_WH[::-1], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.jpg")
    return [f"{number:03}.jpg" for number in range(count)]


def make_cvat(folder: Path, count: int) -> None:
    """Write an export of CVAT with class names of somebody's own."""
    images = "".join(
        f"""<image id="{i}" name="{name}" width="320" height="180">
        <polyline label="lane" occluded="0" points="{40 + i},175;150,70" z_order="0"/>
        <polyline label="lane" occluded="0" points="{280 - i},175;170,70" z_order="0"/>
        <box label="car" occluded="0" xtl="120" ytl="{60 + i}" xbr="180" ybr="110" z_order="0"/>
        <box label="pylon" occluded="1" xtl="20" ytl="90" xbr="40" ybr="130" z_order="0"/></image>
        """
        for i, name in enumerate(make_pictures(folder / "images", count))
    )
    text = f"<annotations><version>1.1</version>{images}</annotations>"
    (folder / "annotations.xml").write_text(text)


def make_bdd(root: Path, count: int) -> None:
    labels = [
        {
            "name": name,
            "attributes": {"weather": "clear", "scene": "highway", "timeofday": "daytime"},
            "labels": [
                {
                    "id": "0",
                    "category": "car",
                    "attributes": {"occluded": False, "truncated": False},
                    "box2d": {"x1": 10.0, "y1": 20.0 + i, "x2": 60.0, "y2": 70.0},
                }
            ],
        }
        for i, name in enumerate(make_pictures(root / "images" / "100k" / "train", count))
    ]
    file = root / "labels" / "det_20" / "det_train.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(labels))


def test_the_page_holds_what_it_claims() -> None:
    used = {
        " ".join(line[: 1 if line[0] in ("eval-model", "predict") else 2])
        for kind, text in BLOCKS
        if not kind
        for line in commands(text)
    }
    model = {f"model {name}" for name in ("extend", "info", "merge", "export")}
    data = {f"data {name}" for name in ("import", "validate", "stats", "split")}
    assert used == {*model, *data, "train sft", "eval-model", "predict"}
    assert [kind for kind, _ in BLOCKS].count("python") >= 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_every_command_and_block_runs_in_order(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predictor, "LIMITS", Limits(items=2, anchors=3, text=4))
    monkeypatch.setattr("drivegrid.training.pictures.MOST_TOKENS", 8)
    make_checkpoint(Path("Qwen2.5-VL-3B-Instruct"), True)
    make_cvat(Path("cvat"), 24)
    make_bdd(Path("bdd100k"), 2)
    pixels = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("frame.png")
    Path("frame.png").rename("frame.jpg")  # lossless, so that inputs can be compared
    names: dict[str, object] = {}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, str(PAGE), "exec"), names)
        elif kind == "yaml":
            Path(text.splitlines()[0].removeprefix("# ")).write_text(text)
        else:
            run_commands(text)
    run = yaml.safe_load(Path("runs/lanes/config.yaml").read_text())
    assert [one["path"] for one in run["data"]["labelled"]] == ["parts/train", "bdd"]
    assert "lanes" in json.loads(Path("runs/lanes/judged.json").read_text())[-1]["losses"]
    assert Path("runs/lanes/pictures/step-000002.png").is_file()
    processor = QwenProcessor.from_pretrained("serve")
    question = [{"role": "user", "content": "all lanes from left to right"}]
    ours = processor([pixels], [question])
    assert torch.equal(ours["input_ids"], names["inputs"]["input_ids"])
    assert torch.equal(ours["mm_token_type_ids"], names["inputs"]["mm_token_type_ids"])
    torch.testing.assert_close(ours["pixel_values"], names["picture"]["pixel_values"])
    assert names["answer"].shape[1] > ours["input_ids"].shape[1]
