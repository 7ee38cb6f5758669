import json
import shutil

import pytest
import torch

from drivegrid.errors import ModelError
from drivegrid.model.adapter_files import ADAPTER_MANIFEST
from drivegrid.model.checkpoint import shipped_checkpoint
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.info import as_json, describe
from drivegrid.model.manifest import verify
from drivegrid.tokens.grid import GridSpec
from tests.model.tiny_qwen import make_checkpoint, make_model


@pytest.mark.parametrize(
    "tied, dtype, name", [(True, torch.float32, "F32"), (False, torch.bfloat16, "BF16")]
)
def test_a_base_and_its_extension(tmp_path, tied, dtype, name):
    base = make_checkpoint(tmp_path / "base", tied, dtype, shard_size="60KB")
    found = describe(base)
    num_params = sum(parameter.numel() for parameter in make_model(tied).parameters())
    assert (found.form, found.tied, found.num_rows) == ("base", tied, 300)
    assert found.dtypes == {name: num_params} and found.num_params == num_params
    assert found.num_bytes == num_params * dtype.itemsize
    assert found.num_files == len(list(base.glob("*.safetensors"))) > 2
    assert (found.hidden_size, found.num_layers, found.grid) == (32, 2, None)
    extend_checkpoint(base, tmp_path / "new", GridSpec(cols=4, rows=3))
    grown = describe(tmp_path / "new")
    assert (grown.form, grown.tied, grown.num_rows) == ("full", tied, 384)
    assert grown.num_params == num_params + (2 - tied) * 84 * 32
    assert (grown.grid, grown.token_ids, grown.init) == (GridSpec(4, 3), (262, 300), "fourier")


def test_an_adapter(untied, tmp_path):
    base, model = untied[0], untied[2]
    folder = shutil.copytree(untied[1], tmp_path / "adapter")
    found = describe(folder)
    assert (found.form, found.rank, found.alpha) == ("adapter", 4, 8)
    trained = [p.numel() for p in model.parameters() if p.requires_grad]
    assert found.num_params == sum(trained)
    assert found.grid == verify(base).grid and found.token_ids == (262, 300)
    assert "num_layers" not in as_json(found)
    path = folder / ADAPTER_MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights_sha256": "0"}))
    with pytest.raises(ModelError, match="weights_sha256 must match"):
        describe(folder)


def test_the_shipped_nano():
    found = describe(shipped_checkpoint())
    assert (found.form, found.model_type, found.tied) == ("full", "drivegrid_nano", True)
    assert found.num_rows == found.token_ids[1] + 1
    json.dumps(as_json(found))


@pytest.mark.parametrize(
    "change, message",
    [
        (shutil.rmtree, "checkpoint must be a folder"),
        (lambda f: (f / "config.json").write_text('{"model_type": "llama"}'), "got 'llama'"),
        (lambda f: (f / "drivegrid.json").write_text("{}"), "exactly the fields"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer_sha256 must match"),
    ],
    ids=["none", "other type", "manifest", "tokenizer"],
)
def test_what_does_not_fit_is_refused(tmp_path, change, message):
    base = make_checkpoint(tmp_path / "base", True)
    extend_checkpoint(base, tmp_path / "new", GridSpec(cols=4, rows=3))
    if "llama" in message:
        (tmp_path / "new" / "drivegrid.json").unlink()
    change(tmp_path / "new")
    with pytest.raises(ModelError, match=message):
        describe(tmp_path / "new")
