"""An adapter trains rows and LoRA alone, and travels with what it belongs to."""

import json
import shutil

import pytest
import torch

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.adapter import (
    AdapterConfig,
    adapter_groups,
    add_adapter,
    load_adapter,
    load_base,
    save_adapter,
)
from drivegrid.model.adapter_files import ADAPTER_CONFIG, ADAPTER_MANIFEST, ADAPTER_WEIGHTS
from tests.model.tiny_adapter import SMALL, edit, logits_of, tensors, tied_or_not, train
from tests.model.tiny_qwen import make_batch, make_checkpoint, make_extended


@tied_or_not
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_and_lora_of_the_body_train_in_fp32_and_nothing_else(tmp_path, tied, dtype):
    model, _, manifest = load_base(make_extended(tmp_path, tied, dtype))
    model = add_adapter(model, manifest, SMALL)
    groups, found = adapter_groups(model), dict(model.named_parameters())
    assert len(groups["rows"]) == 2 - tied
    assert len(groups["lora"]) == 2 * 2 * 7 and groups["rest"] == []
    assert not [name for name in groups["lora"] if "visual" in name]
    for name in groups["rows"] + groups["lora"]:
        assert found.pop(name).dtype == torch.float32
    assert not any(parameter.requires_grad for parameter in found.values())
    assert {parameter.dtype for parameter in found.values()} == {dtype}


@tied_or_not
def test_training_moves_every_row_and_lowers_the_loss(tmp_path, tied):
    model, _, manifest = load_base(make_extended(tmp_path, tied))
    model = add_adapter(model, manifest, SMALL)
    names = adapter_groups(model)["rows"]
    before = {name: model.get_parameter(name).clone() for name in names}
    losses = train(model, make_batch(manifest), num_steps=4)
    assert losses[-1] < losses[0]
    for name, old in before.items():
        moved = (model.get_parameter(name) != old).any(dim=1)
        # A head sees each of its rows in the softmax; an untied input row only if it occurs.
        seen = torch.arange(len(moved)) % 3 == 0 if "embed" in name and not tied else moved | True
        assert torch.equal(moved, seen)


def test_an_untrained_adapter_changes_nothing(tmp_path):
    base = make_extended(tmp_path, False)
    model, _, manifest = load_base(base)
    batch = make_batch(manifest)
    before = logits_of(model, batch)
    assert torch.equal(logits_of(add_adapter(model, manifest, SMALL), batch), before)


def test_what_else_was_unfrozen_is_named_and_not_lost(trained, tmp_path):
    base = trained[0]
    model, _, _ = load_adapter(base, trained[1], trainable=True)
    model.get_parameter("base_model.model.model.visual.merger.ln_q.weight").requires_grad = True
    assert adapter_groups(model)["rest"] == ["base_model.model.model.visual.merger.ln_q.weight"]
    with pytest.raises(ModelError, match=r"got 1 parameters more such as .*merger.ln_q"):
        save_adapter(model, base, tmp_path / "adapter")


@pytest.mark.parametrize("pair", ["trained", "untied"])
def test_save_and_load_give_the_same_logits(pair, request):
    base, folder, model, batch = request.getfixturevalue(pair)
    again, _, _ = load_adapter(base, folder)
    assert torch.equal(logits_of(again, batch), logits_of(model, batch))
    assert not again.training and adapter_groups(again) == {"rows": [], "lora": [], "rest": []}
    to_train, _, _ = load_adapter(base, folder, trainable=True)
    assert to_train.training and adapter_groups(to_train) == adapter_groups(model)


def test_a_saved_adapter_names_no_place(trained):
    config = json.loads((trained[1] / ADAPTER_CONFIG).read_text())
    assert config["base_model_name_or_path"] == "base"
    found = {path.name for path in trained[1].iterdir()}
    assert found == {ADAPTER_CONFIG, ADAPTER_WEIGHTS, ADAPTER_MANIFEST}
    copied = json.loads((trained[1] / ADAPTER_MANIFEST).read_text())["base_manifest"]
    assert copied == json.loads((trained[0] / "drivegrid.json").read_text())


LAYER = "base_model.model.model.language_model.layers.0.self_attn.q_proj"
VISUAL = "base_model.model.model.visual.blocks.0.attn.qkv"
ROWS = "base_model.model.model.language_model.embed_tokens.token_adapter.trainable_tokens_delta"


def to_vision(found):
    for part in ("lora_A", "lora_B"):
        found[f"{VISUAL}.{part}.weight"] = found[f"{LAYER}.{part}.weight"].clone()


def cut_rows(found):
    found[ROWS] = found[ROWS][1:].clone()


BAD = {
    "no manifest": (lambda f: (f / ADAPTER_MANIFEST).unlink(), "hold drivegrid_adapter.json"),
    "no weights": (lambda f: (f / ADAPTER_WEIGHTS).unlink(), "hold adapter_model.safetensors"),
    "no config": (lambda f: (f / ADAPTER_CONFIG).unlink(), "hold adapter_config.json"),
    "manifest fields": (edit(ADAPTER_MANIFEST, odd=1), "fields must be base_manifest, base_sha"),
    "another base": (edit(ADAPTER_MANIFEST, base_sha256="0"), "must belong to this base"),
    "other weights": (edit(ADAPTER_MANIFEST, weights_sha256="0"), "weights_sha256 must match"),
    "modules to save": (
        edit(ADAPTER_CONFIG, modules_to_save=["embed_tokens"]),
        r"modules_to_save must be empty, got \['embed_tokens'\]",
    ),
    "dora": (edit(ADAPTER_CONFIG, use_dora=True), "plain LoRA, got use_dora True"),
    "rslora": (edit(ADAPTER_CONFIG, use_rslora=True), "plain LoRA, got use_rslora True"),
    "ranks": (edit(ADAPTER_CONFIG, rank_pattern={"q_proj": 2}), "plain LoRA, got rank_pattern"),
    "pissa": (edit(ADAPTER_CONFIG, init_lora_weights="pissa"), "got init_lora_weights 'pissa'"),
    "not lora": (edit(ADAPTER_CONFIG, peft_type="IA3"), "peft_type must be 'LORA', got 'IA3'"),
    "rank text": (edit(ADAPTER_CONFIG, r="4"), "r must be a positive number, got '4'"),
    "rank other": (edit(ADAPTER_CONFIG, r=2), r"must have shape \[2, 64\], got \[4, 64\]"),
    "other ids": (
        edit(ADAPTER_CONFIG, trainable_token_indices={"embed_tokens": [1, 2]}),
        "trainable_token_indices must be the ids 262 to 300",
    ),
    "no rows": (tensors(lambda t: t.pop(ROWS)), "must hold rows of embed_tokens, got none"),
    "fewer rows": (tensors(cut_rows), r"must have shape \[39, 32\], got \[38, 32\]"),
    "half a pair": (tensors(lambda t: t.pop(f"{LAYER}.lora_B.weight")), "whole LoRA pairs"),
    "other half": (tensors(lambda t: t.pop(f"{LAYER}.lora_A.weight")), "whole LoRA pairs"),
    "odd": (tensors(lambda t: t.update(odd=torch.zeros(1))), "got odd left over"),
    "vision tower": (tensors(to_vision), "linear layers of the language model, got model.visual"),
}


@pytest.mark.parametrize("change, message", BAD.values(), ids=BAD.keys())
def test_an_adapter_that_does_not_fit_is_refused(trained, tmp_path, change, message):
    folder = shutil.copytree(trained[1], tmp_path / "adapter")
    change(folder)
    with pytest.raises(ModelError, match=message):
        load_adapter(trained[0], folder)


def test_an_adapter_of_a_tied_base_does_not_fit_an_untied_one(trained, untied):
    with pytest.raises(ModelError, match="must belong to this base"):
        load_adapter(untied[0], trained[1])


def test_an_untied_head_without_rows_is_refused(untied, tmp_path):
    folder = shutil.copytree(untied[1], tmp_path / "adapter")
    name = "base_model.model.lm_head.token_adapter.trainable_tokens_delta"
    tensors(lambda found: found.pop(name))(folder)
    with pytest.raises(ModelError, match="untied base must hold rows of embed_tokens and lm_head"):
        load_adapter(untied[0], folder)


def test_a_pair_the_settings_do_not_name_is_refused(trained, tmp_path):
    folder = shutil.copytree(trained[1], tmp_path / "adapter")
    edit(ADAPTER_CONFIG, target_modules=["k_proj"])(folder)
    with pytest.raises(ModelError, match="those its settings name"):
        load_adapter(trained[0], folder)


@pytest.mark.parametrize(
    "fields", [{"rank": 0}, {"alpha": 0}, {"dropout": 1.0}, {"dropout": -0.1}], ids=str
)
def test_sizes_out_of_range_are_refused(fields):
    with pytest.raises(ConfigError, match=r"must be at least 1|must lie in"):
        AdapterConfig(**fields)


def test_tokens_that_settings_make_special_are_refused(tmp_path):
    base = make_extended(tmp_path, True)
    edit("tokenizer_config.json", extra_special_tokens=["<grid_0_0>"])(base)
    with pytest.raises(ModelError, match=r"must not be special, got <grid_0_0> .*tokenizer_config"):
        load_base(base)


def test_a_base_that_is_not_extended_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"must hold drivegrid.json"):
        load_base(make_checkpoint(tmp_path / "plain", True))


def test_a_model_without_the_rows_is_refused(trained):
    plain, _, manifest = load_base(trained[0])
    plain.resize_token_embeddings(manifest.base_id, mean_resizing=False)
    with pytest.raises(ModelError, match="embedding must have at least 301 rows, got 262"):
        add_adapter(plain, manifest, SMALL)
