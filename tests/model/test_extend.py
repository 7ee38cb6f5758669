import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.manifest import verify
from drivegrid.model.rows import spread_of
from drivegrid.model.stored import tensor_files
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import ALL_MASK_WORDS
from drivegrid.tokens.vocabulary import Vocabulary
from tests.model.tiny_qwen import NUM_TEXT_IDS, VOCAB_SIZE, copy_qwen_tokenizer, make_checkpoint

SMALL = GridSpec(cols=4, rows=3)
tied_or_not = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])


def load(folder):
    return Qwen2_5_VLForConditionalGeneration.from_pretrained(folder).eval()


def matrices(model):
    return model.get_input_embeddings().weight, model.get_output_embeddings().weight


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@tied_or_not
def test_old_tokens_keep_their_logits_and_rows(tmp_path, tied):
    source = make_checkpoint(tmp_path / "base", tied)
    extend_checkpoint(source, tmp_path / "new", GridSpec())
    old, new = load(source), load(tmp_path / "new")
    ids = torch.randint(0, NUM_TEXT_IDS, (2, 17), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        logits_of(new, ids)[..., :NUM_TEXT_IDS], logits_of(old, ids)[..., :NUM_TEXT_IDS]
    )
    for before, after in zip(matrices(old), matrices(new), strict=True):
        assert torch.equal(before[:NUM_TEXT_IDS], after[:NUM_TEXT_IDS])


@tied_or_not
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_new_rows_are_distinct_in_the_checkpoints_dtype(tmp_path, tied, dtype):
    source = make_checkpoint(tmp_path / "base", tied, dtype)
    manifest = extend_checkpoint(source, tmp_path / "new", GridSpec())
    model = load(tmp_path / "new")
    tie = matrices(model)[0].data_ptr() == matrices(model)[1].data_ptr()
    assert tie == tied and len(manifest.row_tensors) == 2 - tied
    for matrix in matrices(model):
        assert matrix.dtype == dtype and len(matrix) % 128 == 0
        block = matrix[manifest.base_id : manifest.token_ids.stop].detach()
        assert len(block.float().unique(dim=0)) == manifest.num_tokens
        old = matrix[:NUM_TEXT_IDS].detach().double().numpy()
        distance, rank = spread_of(block.double().numpy(), old.std(axis=0))
        assert distance > 0.4 and rank == 1.0
        assert block.double().std() == pytest.approx(old.std(), rel=0.1)


def test_untied_head_follows_its_own_scale(tmp_path):
    source = make_checkpoint(tmp_path / "base", tied=False)
    tensors = load_file(source / "model.safetensors")
    tensors["lm_head.weight"] = tensors["lm_head.weight"] * 7 + 3
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    manifest = extend_checkpoint(source, tmp_path / "new", GridSpec())
    inputs, head = (
        m[manifest.base_id : manifest.token_ids.stop] for m in matrices(load(tmp_path / "new"))
    )
    assert head.mean().item() == pytest.approx(3.0, abs=0.05)
    assert head.std().item() == pytest.approx(7 * inputs.std().item(), rel=0.15)


@pytest.mark.parametrize(
    "vocab_size, expected", [(300, 384), (384, 384), (1000, 1024), (1280, 1280)]
)
def test_the_matrix_never_shrinks(tmp_path, vocab_size, expected):
    source = make_checkpoint(tmp_path / "base", True, vocab_size=vocab_size)
    extend_checkpoint(source, tmp_path / "new", SMALL)
    model = load(tmp_path / "new")
    assert [len(m) for m in matrices(model)] == [expected, expected]
    assert model.config.get_text_config().vocab_size == expected
    spare = matrices(load(source))[0][NUM_TEXT_IDS + len(Vocabulary(SMALL)) :]
    start = NUM_TEXT_IDS + len(Vocabulary(SMALL))
    assert torch.equal(matrices(model)[0][start : start + len(spare)], spare)


@tied_or_not
def test_shards_stay_and_other_tensors_are_copied_bit_for_bit(tmp_path, tied):
    source = make_checkpoint(tmp_path / "base", tied, shard_size="60KB")
    for path in source.glob("*.safetensors"):
        path.chmod(0o640)
    shards = sorted(p.name for p in source.glob("*.safetensors"))
    manifest = extend_checkpoint(source, tmp_path / "new", SMALL)
    assert len(shards) > 2
    grown = tensor_files(tmp_path / "new")["model.embed_tokens.weight"]
    assert grown.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in (tmp_path / "new").glob("*.safetensors")) == shards
    size = 0
    for shard in shards:
        before, after = load_file(source / shard), load_file(tmp_path / "new" / shard)
        size += sum(t.nbytes for t in after.values())
        assert before.keys() == after.keys()
        for name in before.keys() - set(manifest.row_tensors):
            assert torch.equal(before[name], after[name])
    index = json.loads((tmp_path / "new" / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == size
    assert logits_of(load(tmp_path / "new"), torch.tensor([[1, 2, 3]])).shape[-1] == 384


def test_save_and_load_give_the_same_logits(tmp_path):
    extend_checkpoint(make_checkpoint(tmp_path / "base", False), tmp_path / "new", SMALL)
    model = load(tmp_path / "new")
    model.save_pretrained(tmp_path / "again")
    ids = torch.tensor([[5, 262, 270, 8]])
    assert torch.equal(logits_of(load(tmp_path / "again"), ids), logits_of(model, ids))


def test_a_flat_hub_configuration_is_extended_too(tmp_path):
    source = make_checkpoint(tmp_path / "base", True)
    config = json.loads((source / "config.json").read_text())
    text = config.pop("text_config")
    flat = {k: v for k, v in text.items() if k not in ("model_type", "layer_types")} | config
    (source / "config.json").write_text(json.dumps(flat))
    extend_checkpoint(source, tmp_path / "new", SMALL)
    written = json.loads((tmp_path / "new" / "config.json").read_text())
    assert written["vocab_size"] == 384 and "text_config" not in written
    assert len(matrices(load(tmp_path / "new"))[0]) == 384


def check_tokenizer(tokenizer, manifest, plain_tokenizer):
    """Spatial tokens are single plain ids; other text keeps its ids."""
    tokens = manifest.vocabulary.tokens
    assert tokenizer.convert_tokens_to_ids(list(tokens)) == list(manifest.token_ids)
    encoded = [tokenizer.encode(token, add_special_tokens=False) for token in tokens]
    assert encoded == [[token_id] for token_id in manifest.token_ids]
    text = "car: <box><grid_1_1><grid_1_11></box>\nÄ <OFF_-1_0><DELETE>"
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert sum(token_id in manifest.token_ids for token_id in ids) == 6
    plain = "<|im_start|>user\nfind <car> 3 < 4 <grid\U0001f697<|im_end|>\n"
    assert tokenizer.encode(plain) == plain_tokenizer.encode(plain)


def test_tokens_are_plain_single_and_in_order(tmp_path):
    source = make_checkpoint(tmp_path / "base", True)
    manifest = extend_checkpoint(source, tmp_path / "new", GridSpec())
    assert (manifest.base_id, manifest.num_tokens) == (NUM_TEXT_IDS, len(Vocabulary(GridSpec())))
    assert verify(tmp_path / "new") == manifest
    check_tokenizer(
        AutoTokenizer.from_pretrained(tmp_path / "new"),
        manifest,
        AutoTokenizer.from_pretrained(source),
    )


def test_small_files_travel_and_code_and_pickles_do_not(tmp_path):
    source = make_checkpoint(tmp_path / "base", True)
    (source / "LICENSE").write_text("terms")
    (source / "preprocessor_config.json").write_text("{}")
    for name in ("pytorch_model.bin", "modeling.py", ".hidden.json", "vocab.json"):
        (source / name).write_text("x")
    extend_checkpoint(source, tmp_path / "new", SMALL)
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert {"LICENSE", "preprocessor_config.json", "drivegrid.json", "tokenizer.json"} <= names
    assert not names & {"pytorch_model.bin", "modeling.py", ".hidden.json", "vocab.json"}


@tied_or_not
def test_equal_rows_are_refused_with_the_reason(tmp_path, tied):
    source = make_checkpoint(tmp_path / "base", tied)
    with pytest.raises(
        ModelError, match=r"got [\de.-]+ \(.*\). Tokens with equal rows are one symbol"
    ):
        extend_checkpoint(source, tmp_path / "out" / "new", SMALL, init="mean")
    assert not list((tmp_path / "out").iterdir())


def test_gaussian_rows_are_offered_as_a_control(tmp_path):
    source = make_checkpoint(tmp_path / "base", True)
    manifest = extend_checkpoint(source, tmp_path / "new", SMALL, init="gaussian")
    assert manifest.init == "gaussian"


def break_config(folder):
    (folder / "config.json").unlink()


def break_model_type(folder):
    (folder / "config.json").write_text('{"model_type": "llama"}')


def break_weights(folder):
    (folder / "model.safetensors").unlink()


def break_tokenizer(folder):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def break_truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def break_extended(folder):
    (folder / "drivegrid.json").write_text("{}")


def break_taken(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<think>"])
    tokenizer.save_pretrained(folder)


def break_head(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] + 1
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def break_dtype(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"].to(torch.int8)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def break_rows(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"].fill_(1.0)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    "damage, message",
    [
        (break_config, "must hold config.json"),
        (break_model_type, "model_type must be 'qwen2_5_vl', got 'llama'"),
        (break_weights, "must hold model.safetensors"),
        (break_tokenizer, "must hold tokenizer.json"),
        (break_truncated, "whole safetensors file"),
        (break_extended, "must not be extended already"),
        (break_taken, "must not own spatial tokens yet, got <think>"),
        (break_head, "tied head must equal the input embedding"),
        (break_dtype, "must be in floating point"),
        (break_rows, "deviations of the old rows apart"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_unfit_sources_are_refused_and_leave_nothing(tmp_path, damage, message):
    source = make_checkpoint(tmp_path / "base", True)
    damage(source)
    with pytest.raises(ModelError, match=message):
        extend_checkpoint(source, tmp_path / "out" / "new", SMALL)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_an_untied_checkpoint_without_head_is_refused(tmp_path):
    source = make_checkpoint(tmp_path / "base", False)
    tensors = load_file(source / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="and a head unless it is tied"):
        extend_checkpoint(source, tmp_path / "new", SMALL)


def test_bad_settings_are_refused(tmp_path, monkeypatch):
    source = make_checkpoint(tmp_path / "base", True)
    with pytest.raises(ConfigError, match="target must not exist"):
        extend_checkpoint(source, source, SMALL)
    with pytest.raises(ConfigError, match="init must be one of"):
        extend_checkpoint(source, tmp_path / "new", SMALL, init="zeros")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(ConfigError, match="disk must have"):
        extend_checkpoint(source, tmp_path / "new", SMALL)


def test_neighbours_start_more_alike_than_strangers(tmp_path):
    source = make_checkpoint(tmp_path / "base", True)
    manifest = extend_checkpoint(source, tmp_path / "new", GridSpec())
    rows = matrices(load(tmp_path / "new"))[0].detach().numpy()
    cells = rows[manifest.base_id :][: 32 * 32].reshape(32, 32, -1)
    near = np.linalg.norm(cells[:, 1:] - cells[:, :-1], axis=-1).max()
    far = np.linalg.norm(cells[0, 0] - cells[31, 31])
    assert near < 0.7 * far


def test_the_real_tokenizer_is_extended(tmp_path):
    source = make_checkpoint(tmp_path / "base", True, vocab_size=151_936)
    copy_qwen_tokenizer(source)
    manifest = extend_checkpoint(source, tmp_path / "new", GridSpec())
    assert manifest.base_id == 151_665
    assert len(matrices(load(tmp_path / "new"))[0]) == 152_832
    check_tokenizer(
        AutoTokenizer.from_pretrained(tmp_path / "new"),
        manifest,
        AutoTokenizer.from_pretrained(source),
    )


def test_padding_rows_do_not_set_the_scale(tmp_path):
    source = make_checkpoint(tmp_path / "base", True)
    tensors = load_file(source / "model.safetensors")
    tensors["model.embed_tokens.weight"][NUM_TEXT_IDS:VOCAB_SIZE] = 1e3
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    extend_checkpoint(source, tmp_path / "new", SMALL)
    rows = matrices(load(tmp_path / "new"))[0][NUM_TEXT_IDS:][: len(Vocabulary(SMALL))]
    assert rows.abs().max() < 1.0


def test_words_for_masks_come_last_and_start_like_old_rows(tmp_path):
    source = make_checkpoint(tmp_path / "base", tied=True)
    plain = extend_checkpoint(source, tmp_path / "plain", SMALL)
    words = ALL_MASK_WORDS["samtok"]
    manifest = extend_checkpoint(source, tmp_path / "words", SMALL, mask_words=words)
    assert manifest.base_id == plain.base_id
    assert manifest.num_tokens == plain.num_tokens + words.count
    old, new = (matrices(load(tmp_path / name))[0].detach() for name in ("plain", "words"))
    assert torch.equal(old[: plain.token_ids.stop], new[: plain.token_ids.stop])
    places = manifest.vocabulary.word_range
    rows, former = new[places.start : places.stop].float(), old[:NUM_TEXT_IDS].float()
    assert len(rows.unique(dim=0)) == words.count
    scale = former.std(dim=0)
    assert ((rows.mean(dim=0) - former.mean(dim=0)).abs() < 0.3 * scale).all()
    torch.testing.assert_close(rows.std(dim=0), scale, rtol=0.2, atol=0)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "words")
    text = "puddle: <seg><sam_1_17><sam_2_255></seg>"
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert [places[17], places[511]] == ids[-3:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
