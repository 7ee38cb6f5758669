"""A merged checkpoint says what base and adapter said, and loads without the package."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForImageTextToText,
    AutoTokenizer,
    Qwen2_5_VLForConditionalGeneration,
)

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.adapter import add_adapter, load_adapter, load_base, save_adapter
from drivegrid.model.adapter_files import ADAPTER_WEIGHTS
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.manifest import verify
from drivegrid.model.merge import merge_adapter
from drivegrid.model.stored import tensor_files
from drivegrid.tokens.grid import GridSpec
from tests.model.tiny_adapter import SMALL, logits_of, tensors, tied_or_not, train
from tests.model.tiny_qwen import make_batch, make_checkpoint

INDEX = "model.safetensors.index.json"


def load(folder):
    return Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype="auto")


def all_tensors(folder):
    found = {}
    for path in set(tensor_files(folder).values()):
        found |= load_file(path)
    return found


@tied_or_not
def test_logits_are_those_of_base_and_adapter(trained_ones, tmp_path, tied):
    base, adapter, model, batch = trained_ones(tied)
    before = logits_of(model, batch)
    manifest = merge_adapter(base, adapter, tmp_path / "merged")
    merged = load(tmp_path / "merged")
    after = logits_of(merged, batch)
    assert (after - before).abs().max() < 1e-5
    assert (after - logits_of(load(base), batch)).abs().max() > 1e-2
    assert verify(tmp_path / "merged") == manifest
    # peft's own merge in memory is the oracle.
    oracle = load_adapter(base, adapter)[0].merge_and_unload()
    assert (after - logits_of(oracle, batch)).abs().max() < 1e-5


@tied_or_not
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_old_rows_and_all_without_adapter_are_bit_identical(trained_ones, tmp_path, tied, dtype):
    base, adapter, _, _ = trained_ones(tied, dtype)
    manifest = merge_adapter(base, adapter, tmp_path / "merged")
    old, new = all_tensors(base), all_tensors(tmp_path / "merged")
    assert old.keys() == new.keys()
    learned = load_file(adapter / ADAPTER_WEIGHTS)
    ids = slice(manifest.base_id, manifest.token_ids.stop)
    for name, tensor in old.items():
        assert tensor.dtype == new[name].dtype == getattr(torch, dtype)
        if name in manifest.row_tensors:
            rows = next(r for k, r in learned.items() if name.split(".")[-2] in k)
            assert torch.equal(new[name][ids], rows.to(tensor.dtype))
            new[name][ids] = tensor[ids]
        if ".layers." not in name or "proj.weight" not in name:
            assert torch.equal(new[name], tensor), name
        else:
            assert not torch.equal(new[name], tensor), name


def test_shards_stay_and_a_tied_head_stored_as_well_follows(tmp_path):
    plain = make_checkpoint(tmp_path / "plain", True, shard_size="60KB")
    shard = tensor_files(plain)["model.embed_tokens.weight"]
    with_head = load_file(shard)
    with_head["lm_head.weight"] = with_head["model.embed_tokens.weight"].clone()
    save_file(with_head, shard, metadata={"format": "pt"})
    index = json.loads((plain / INDEX).read_text())
    index["weight_map"]["lm_head.weight"] = shard.name
    (plain / INDEX).write_text(json.dumps(index))
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    extend_checkpoint(plain, base, GridSpec(cols=4, rows=3))
    model, _, manifest = load_base(base)
    model, batch = add_adapter(model, manifest, SMALL), make_batch(manifest)
    train(model, batch)
    save_adapter(model, base, adapter)
    merge_adapter(base, adapter, tmp_path / "merged")
    shards = [sorted(p.name for p in f.glob("*.safetensors")) for f in (base, tmp_path / "merged")]
    assert shards[0] == shards[1] and len(shards[0]) > 2
    merged = all_tensors(tmp_path / "merged")
    assert torch.equal(merged["lm_head.weight"], merged["model.embed_tokens.weight"])
    after = logits_of(load(tmp_path / "merged"), batch)
    assert (after - logits_of(model, batch)).abs().max() < 1e-5


def test_it_needs_no_code_but_transformers(trained, tmp_path):
    merge_adapter(trained[0], trained[1], tmp_path / "merged")
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "merged")
    assert type(model) is Qwen2_5_VLForConditionalGeneration
    assert "auto_map" not in (tmp_path / "merged" / "config.json").read_text()
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").encode("<grid_3_2>") == [273]


def test_a_merged_checkpoint_is_a_base_again(untied, tmp_path):
    base, adapter, _, batch = untied
    merge_adapter(base, adapter, tmp_path / "merged")
    again, _, manifest = load_base(tmp_path / "merged")
    again = add_adapter(again, manifest, SMALL)
    train(again, batch)
    save_adapter(again, tmp_path / "merged", tmp_path / "second")
    merge_adapter(tmp_path / "merged", tmp_path / "second", tmp_path / "twice")
    twice = logits_of(load(tmp_path / "twice"), batch)
    assert (twice - logits_of(again, batch)).abs().max() < 1e-5
    with pytest.raises(ModelError, match="must belong to this base"):
        merge_adapter(base, tmp_path / "second", tmp_path / "no")


@pytest.mark.parametrize("what", ["rows", "pair"])
def test_a_diverged_adapter_is_refused_and_leaves_nothing(trained, tmp_path, what):
    base, adapter = trained[0], shutil.copytree(trained[1], tmp_path / "adapter")
    mark = "trainable_tokens_delta" if what == "rows" else "lora_B"

    def spoil(found):
        next(t for name, t in found.items() if mark in name).view(-1)[0] = float("nan")

    tensors(spoil)(adapter)
    with pytest.raises(ModelError, match="must stay finite when merged"):
        merge_adapter(base, adapter, tmp_path / "out" / "merged")
    assert not list((tmp_path / "out").iterdir())


def test_an_existing_target_is_refused(trained):
    base, adapter, _, _ = trained
    with pytest.raises(ConfigError, match="target must not exist"):
        merge_adapter(base, adapter, base)
