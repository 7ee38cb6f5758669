"""``drivegrid check`` tells the truth about packages, clashes and weights."""

import json
import subprocess
from importlib.metadata import PackageNotFoundError

import pytest
from typer.testing import CliRunner

from drivegrid.cli import check as module
from drivegrid.cli.check import findings, release
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


def test_weights(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    assert by_name()["weights"].status == "missing"
    good, bad = tmp_path / "weights" / "good", tmp_path / "weights" / "bad"
    for folder in (good, bad):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
    manifest = {"model_type": "nano", "grid": {"cols": 32, "rows": 16}}
    (good / "drivegrid.json").write_text(json.dumps(manifest))
    found = by_name()
    assert "weights" not in found
    assert (found["weights/good"].status, found["weights/bad"].status) == ("ok", "broken")
    assert found["weights/good"].found == "nano, 32x16 lattice"


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
