"""A checkpoint that lacks something is refused instead of filled with random numbers."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from drivegrid.errors import ModelError
from drivegrid.model.adapter import load_base
from drivegrid.model.export import export_checkpoint
from drivegrid.model.whole import check_finite, check_whole
from tests.model.tiny_qwen import make_extended

NORM = "model.layers.0.input_layernorm.weight"


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def whole(tmp_path_factory, request):
    return make_extended(tmp_path_factory.mktemp("whole"), request.param)


def without(tensors):
    del tensors[NORM]


def longer(tensors):
    tensors[NORM] = torch.ones(33)


def unfinished(tensors):
    tensors[NORM][3] = torch.nan


def damaged(whole, tmp_path, change):
    folder = shutil.copytree(whole, tmp_path / "damaged")
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_a_whole_checkpoint_passes(whole):
    check_whole(whole)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (without, r"every tensor, got no model\.language_model\.layers\.0\.input"),
        (longer, r"input_layernorm\.weight must have the shape \[32\] .* got \[33\]"),
        (unfinished, r"input_layernorm\.weight must hold finite numbers"),
    ],
)
def test_nothing_damaged_is_loaded_or_exported(whole, tmp_path, change, rule):
    folder = damaged(whole, tmp_path, change)
    with pytest.raises(ModelError, match=rule):
        load_base(folder)
    with pytest.raises(ModelError, match=rule):
        export_checkpoint(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("width", "rule"), [(64, "must have the shape .*64"), (-1, "must describe a model")]
)
def test_settings_of_another_width_are_refused(whole, tmp_path, width, rule):
    folder = shutil.copytree(whole, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["hidden_size"] = width
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=rule):
        check_whole(folder)


@pytest.mark.parametrize(
    ("values", "dtype", "finite"),
    [
        ([], torch.float32, True),
        ([3e38, 3e38], torch.float32, True),
        ([1.0, torch.inf], torch.bfloat16, False),
        ([torch.inf, -torch.inf], torch.float16, False),
        ([1], torch.uint8, True),
    ],
)
def test_numbers_are_finite_or_named(tmp_path, values, dtype, finite):
    tensor = torch.tensor(values, dtype=dtype)
    if finite:
        check_finite("x", tensor, tmp_path)
        return
    with pytest.raises(ModelError, match="x must hold finite numbers"):
        check_finite("x", tensor, tmp_path)
