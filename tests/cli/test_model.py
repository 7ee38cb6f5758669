import json

import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app

pytest.importorskip("torch")

from drivegrid.model.manifest import verify
from tests.model.tiny_qwen import make_checkpoint


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_extend_writes_a_folder_that_its_manifest_describes(tmp_path) -> None:
    base = make_checkpoint(tmp_path / "base", True)
    ran = run("model", "extend", base, tmp_path / "new", "--lattice", "4x3", "--json")
    assert ran.exit_code == 0, ran.output
    shown = json.loads(ran.stdout)
    manifest = verify(tmp_path / "new")
    assert shown["base_id"] == manifest.base_id
    assert (manifest.grid.cols, manifest.grid.rows) == (4, 3)


def test_extend_refuses_what_is_no_checkpoint(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    ran = run("model", "extend", tmp_path / "empty", tmp_path / "new")
    assert ran.exit_code != 0
    assert "config.json" in str(ran.exception)
    assert not (tmp_path / "new").exists()


def test_a_lattice_that_is_none_is_named(tmp_path) -> None:
    ran = run("model", "extend", tmp_path, tmp_path / "new", "--lattice", "4by3")
    assert "4by3" in str(ran.exception)
