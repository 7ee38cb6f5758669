import json

import pytest
from typer.testing import CliRunner

from drivegrid.cli.main import app

pytest.importorskip("torch")

from safetensors.torch import load_file, save_file

from drivegrid.model.checkpoint import shipped_checkpoint
from drivegrid.model.manifest import verify
from tests.model.tiny_adapter import make_trained
from tests.model.tiny_qwen import make_checkpoint, make_extended


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


def test_an_init_that_fails_by_nature_is_not_offered(tmp_path) -> None:
    assert run("model", "extend", tmp_path, tmp_path / "new", "--init", "mean").exit_code == 2


def test_from_adapter_to_export(tmp_path) -> None:
    base, adapter, _, _ = make_trained(tmp_path, True)
    shown = run("model", "info", adapter)
    assert shown.exit_code == 0 and "rank 4, alpha 8" in shown.stdout, shown.output
    merged = run("model", "merge", base, adapter, tmp_path / "merged", "--json")
    assert merged.exit_code == 0, merged.output
    assert json.loads(merged.stdout)["rows_sha256"] == verify(tmp_path / "merged").rows_sha256
    out = tmp_path / "out"
    ran = run("model", "export", tmp_path / "merged", out, "--dtype", "bfloat16", "--shard-mb", 1)
    assert ran.exit_code == 0 and "scale pictures to 112 x 84" in ran.stdout, ran.output
    facts = json.loads(run("model", "info", out, "--json").stdout)
    assert list(facts["dtypes"]) == ["BF16"] and facts["token_ids"] == [262, 300]
    text = run("model", "info", out).stdout
    assert "head tied" in text and "lattice     4 x 3" in text and "init fourier" in text


def test_info_knows_a_plain_base_and_the_shipped_nano(tmp_path) -> None:
    base = make_checkpoint(tmp_path / "base", False)
    assert "checkpoint, not extended" in run("model", "info", base).stdout
    assert "drivegrid_nano checkpoint" in run("model", "info").stdout


def test_wrong_folders_end_in_an_error(tmp_path) -> None:
    assert run("model", "info", tmp_path / "nothing").exit_code == 1
    nano = run("model", "export", shipped_checkpoint(), tmp_path / "out")
    assert nano.exit_code == 1 and "Only drivegrid loads this one" in str(nano.exception)
    both = run("model", "merge", shipped_checkpoint(), shipped_checkpoint(), tmp_path / "out")
    assert both.exit_code == 1 and "base must have model_type" in str(both.exception)
    assert not (tmp_path / "out").exists()


def test_info_refuses_a_checkpoint_that_lacks_a_tensor(tmp_path) -> None:
    folder = make_extended(tmp_path, True)
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, folder / "model.safetensors")
    ran = run("model", "info", folder)
    assert ran.exit_code == 1 and "got no model.language_model.norm.weight" in str(ran.exception)
