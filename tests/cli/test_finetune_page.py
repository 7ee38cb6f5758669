"""docs/finetune.md is run: its commands and blocks, in order, on a small stand-in."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from drivegrid.cli.main import app

pytest.importorskip("torch")

import torch

from drivegrid.model.processor import QwenProcessor
from tests.model.tiny_qwen import make_checkpoint

PAGE = Path(__file__).parents[2] / "docs" / "finetune.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run_commands(text: str) -> None:
    for line in text.splitlines():
        if line.startswith("drivegrid model "):
            ran = CliRunner().invoke(app, shlex.split(line)[1:])
            assert ran.exit_code == 0, (line, ran.output, ran.exception)


def test_the_page_holds_what_it_claims() -> None:
    commands = [line for kind, text in BLOCKS if not kind for line in text.splitlines()]
    used = [line.split()[2] for line in commands if line.startswith("drivegrid model")]
    assert {"extend", "info", "merge", "export"} <= set(used)
    assert [kind for kind, _ in BLOCKS].count("python") >= 2


def test_every_command_and_block_runs_in_order(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_checkpoint(Path("Qwen2.5-VL-3B-Instruct"), True)
    pixels = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("frame.png")
    Path("frame.png").rename("frame.jpg")  # lossless, so that inputs can be compared
    names: dict[str, object] = {}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, str(PAGE), "exec"), names)
        else:
            run_commands(text)
    processor = QwenProcessor.from_pretrained("serve")
    question = [{"role": "user", "content": "all lanes from left to right"}]
    ours = processor([pixels], [question])
    assert torch.equal(ours["input_ids"], names["inputs"]["input_ids"])
    assert torch.equal(ours["mm_token_type_ids"], names["inputs"]["mm_token_type_ids"])
    torch.testing.assert_close(ours["pixel_values"], names["picture"]["pixel_values"])
    assert names["answer"].shape[1] > ours["input_ids"].shape[1]
