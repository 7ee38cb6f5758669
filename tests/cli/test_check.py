"""``drivegrid check`` tells the truth about packages, clashes and weights."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from importlib.resources import files
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from drivegrid.cli import check as module
from drivegrid.cli.check import findings, install_command, release
from drivegrid.cli.main import app


def fake_environment(monkeypatch, installed: dict[str, str], *needs: str) -> None:
    """Let the check see these packages and these requirements of drivegrid."""

    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(module, "version", version)
    monkeypatch.setattr(module, "requires", lambda _: list(needs) or None)


def by_name() -> dict[str, module.Finding]:
    return {finding.name: finding for finding in findings()}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("", ()), ("2.13.0+cpu", (2, 13, 0)), ("5.17.0rc1", (5, 17, 0)), ("1.26.", (1, 26))],
)
def test_release(text, numbers) -> None:
    assert release(text) == numbers


@pytest.mark.parametrize(
    ("need", "installed", "status", "extra"),
    [
        ("numpy>=1.26", {"numpy": "2.4.6"}, "ok", ""),
        ("numpy>=1.26", {"numpy": "1.26.0"}, "ok", ""),
        ("numpy>=1.26", {"numpy": "1.9.9"}, "old", ""),
        ("numpy>=1.26", {}, "missing", ""),
        ("numpy", {"numpy": "0.1"}, "ok", ""),
        ('torch>=2.11; extra == "model"', {}, "missing", "model"),
        ("torch>=2.11 ; extra == 'model'", {"torch": "2.10.9+cpu"}, "old", "model"),
    ],
)
def test_a_requirement(monkeypatch, need, installed, status, extra) -> None:
    fake_environment(monkeypatch, installed, need)
    (found,) = [f for f in findings() if f.name in ("numpy", "torch")]
    assert (found.status, found.extra) == (status, extra)
    assert bool(found.fix) == (status != "ok")
    assert ("[model]" in found.fix) == (bool(extra) and status != "ok")


def test_nothing_required_and_own_extras_are_left_out(monkeypatch) -> None:
    fake_environment(monkeypatch, {})
    assert set(by_name()) - {"python"} <= {name for name in by_name() if "weights" in name}
    fake_environment(monkeypatch, {}, 'drivegrid[model]; extra == "all"', 'ruff; extra == "dev"')
    assert not {"drivegrid", "ruff"} & set(by_name())


@pytest.mark.parametrize(("code", "status"), [(0, "ok"), (1, "broken")])
def test_torchvision_is_tried_not_guessed(monkeypatch, code, status) -> None:
    fake_environment(monkeypatch, {"torchvision": "0.28.0"})
    done = subprocess.CompletedProcess([], code)
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: done)
    assert by_name()["torchvision"].status == status


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """Let the check see a copy of the shipped weights, or what a test makes of it."""
    pytest.importorskip("tokenizers")
    folder = tmp_path / "weights" / "nano"
    shutil.copytree(files("drivegrid.model") / "weights" / "nano", folder)
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    return folder


def cut(size: int):
    def change(folder) -> None:
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:size])

    return change


def write(name: str, text: str):
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("change", "status", "found"),
    [
        (lambda folder: None, "ok", "drivegrid_nano, 32x32 lattice"),
        (shutil.rmtree, "missing", ""),
        (lambda folder: shutil.rmtree(folder.parent), "missing", ""),
        (lambda folder: (folder / "drivegrid.json").unlink(), "broken", "must hold drivegrid.json"),
        (write("drivegrid.json", "{bad"), "broken", "drivegrid.json must be JSON"),
        (write("drivegrid.json", "{}"), "broken", "manifest must have exactly the fields"),
        (write("config.json", "[]"), "broken", "config.json must hold an object"),
        (write("tokenizer.json", "{}"), "broken", "tokenizer_sha256 must match"),
        (cut(0), "broken", "whole safetensors file"),
        (cut(1000), "broken", "whole safetensors file"),
        (cut(-1), "broken", "whole safetensors file"),
    ],
    ids=[
        "whole", "no model", "no weights", "no manifest", "no JSON", "no fields", "config",
        "tokenizer", "empty", "header cut", "data cut",
    ],
)  # fmt: skip
@pytest.mark.parametrize("torch", ["2.11", ""], ids=["extra", "no extra"])
def test_weights(monkeypatch, shipped, change, status, found, torch) -> None:
    fake_environment(monkeypatch, {"torch": torch} if torch else {}, 'torch; extra == "model"')
    change(shipped)
    finding = by_name()["weights/nano"]
    assert finding.status == status and found in finding.found
    assert bool(finding.fix) == (status != "ok")
    # What predict runs by default is needed by all, unless nothing here can run it.
    code = CliRunner().invoke(app, ["check"]).exit_code
    assert code == (1 if torch and status != "ok" else 0)


def test_weights_are_not_judged_without_the_packages_to_read_them(monkeypatch, shipped) -> None:
    monkeypatch.setitem(sys.modules, "drivegrid.model.nano_files", None)
    finding = by_name()["weights/nano"]
    assert (finding.status, finding.extra) == ("missing", "model")
    assert "not looked at" in finding.found and "[model]" in finding.fix


@pytest.mark.parametrize(
    ("origin", "extra", "command"),
    [
        (None, "", "pip install --upgrade 'drivegrid'"),
        (None, "train", "pip install --upgrade 'drivegrid[train]'"),
        ({"url": "https://a/b.whl", "archive_info": {}}, "", "pip install --upgrade 'drivegrid'"),
        ({"url": "file:///a", "dir_info": {}}, "", "pip install --upgrade 'drivegrid'"),
        ({"url": "file:///a", "dir_info": {"editable": True}}, "", "pip install -e '.'"),
        (
            {"url": "file:///a", "dir_info": {"editable": True}},
            "train",
            "pip install -e '.[train]'",
        ),
    ],
)
def test_advice_fits_how_drivegrid_was_installed(monkeypatch, origin, extra, command) -> None:
    text = origin and json.dumps(origin)
    told = SimpleNamespace(read_text=lambda name: text if name == "direct_url.json" else None)
    monkeypatch.setattr(module, "distribution", lambda _: told)
    assert install_command(extra) == command
    fake_environment(monkeypatch, {}, f'numpy; extra == "{extra}"' if extra else "numpy")
    assert by_name()["numpy"].fix == command


@pytest.mark.parametrize(
    ("need", "code"), [("numpy", 1), ('torch; extra == "model"', 0)], ids=["core", "extra"]
)
def test_exit_code_speaks_of_what_every_use_needs(monkeypatch, need, code) -> None:
    fake_environment(monkeypatch, {}, need)
    ran = CliRunner().invoke(app, ["check"])
    assert ran.exit_code == code
    assert "missing" in ran.stdout and "pip install" in ran.stdout


def test_json_says_the_same_as_the_text() -> None:
    found = json.loads(CliRunner().invoke(app, ["check", "--json"]).stdout)
    text = CliRunner().invoke(app, ["check"]).stdout
    assert [f["name"] for f in found][:2] == ["python", "numpy"]
    assert all(f["name"] in text for f in found)
    assert found[0].keys() == {"name", "extra", "status", "found", "fix"}
