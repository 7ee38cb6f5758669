"""What is exported is read by other tools as it is meant here."""

import json

import numpy as np
import pytest
import torch
from peft import LoraConfig
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GenerationConfig, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.checkpoint import shipped_checkpoint
from drivegrid.model.export import aligned_size_wh, export_checkpoint
from drivegrid.model.manifest import Manifest, build_manifest, verify
from drivegrid.model.processor import IMAGE_PAD, chat_text, to_patches
from drivegrid.model.stored import tensor_files
from tests.model.tiny_qwen import make_batch, make_checkpoint, make_extended

INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """An untied checkpoint in fp32."""
    return make_extended(tmp_path_factory.mktemp("export"), False)


@pytest.fixture(scope="module")
def exported(source):
    target = source.parent / "exported"
    export_checkpoint(source, target)
    return target


def all_tensors(folder):
    found = {}
    for path in set(tensor_files(folder).values()):
        found |= load_file(path)
    return found


def logits_of(folder, batch):
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype="auto").eval()
    with torch.no_grad():
        return model(**batch).logits


@pytest.mark.parametrize("dtype", [None, "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shard_bytes", [1, 60_000, 10**9])
def test_every_tensor_is_there_in_the_dtype(source, tmp_path, dtype, shard_bytes):
    manifest = export_checkpoint(source, tmp_path / "out", dtype=dtype, shard_bytes=shard_bytes)
    wanted = getattr(torch, dtype or "float32")
    old, new = all_tensors(source), all_tensors(tmp_path / "out")
    assert old.keys() == new.keys()
    assert all(torch.equal(new[name], tensor.to(wanted)) for name, tensor in old.items())
    assert verify(tmp_path / "out") == manifest
    files = set(tensor_files(tmp_path / "out").values())
    assert len(files) == {1: len(old), 10**9: 1}.get(shard_bytes, len(files))
    for path in files:
        held = load_file(path)
        assert len(held) == 1 or sum(tensor.nbytes for tensor in held.values()) <= shard_bytes
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["dtype"] == (dtype or "float32")
    if len(files) > 1:
        totals = json.loads((tmp_path / "out" / INDEX).read_text())["metadata"]
        assert totals["total_size"] == sum(tensor.nbytes for tensor in new.values())


def test_logits_are_the_same(source, exported):
    batch = make_batch(verify(source))
    assert torch.equal(logits_of(exported, batch), logits_of(source, batch))


def test_a_tied_checkpoint_in_shards_stays_tied(tmp_path):
    base = make_extended(tmp_path, True)
    export_checkpoint(base, tmp_path / "out", shard_bytes=60_000)
    batch = make_batch(verify(base))
    assert torch.equal(logits_of(tmp_path / "out", batch), logits_of(base, batch))


def test_the_image_processor_cuts_the_same_patches(exported):
    processor = Qwen2VLImageProcessorPil.from_pretrained(exported)
    size_wh = aligned_size_wh(verify(exported).grid)
    pixels = np.random.default_rng(0).integers(0, 256, (*size_wh[::-1], 3), dtype=np.uint8)
    found = processor([Image.fromarray(pixels)], return_tensors="pt")
    assert found["image_grid_thw"].tolist() == [[1, size_wh[1] // 14, size_wh[0] // 14]]
    torch.testing.assert_close(found["pixel_values"], to_patches(pixels, size_wh))


@pytest.mark.parametrize("role", ["", "system", "assistant"])
@pytest.mark.parametrize("prompt", [True, False])
def test_the_chat_template_writes_what_the_model_is_trained_on(exported, role, prompt):
    tokenizer = AutoTokenizer.from_pretrained(exported)
    turns = [{"role": "user", "content": "left lane?"}]
    before = [{"role": "system", "content": "Be brief."}] if role == "system" else []
    after = [{"role": "assistant", "content": "none"}] if role == "assistant" else []
    expected = chat_text([*before, *turns, *after], 1, add_generation_prompt=prompt)
    parts = [{"type": "image"}, {"type": "text", "text": "left lane?"}]
    given = [*before, {"role": "user", "content": parts}, *after]
    found = tokenizer.apply_chat_template(given, tokenize=False, add_generation_prompt=prompt)
    assert found == expected and IMAGE_PAD in found
    plain = tokenizer.apply_chat_template([*before, *turns], tokenize=False)
    assert plain == chat_text([*before, *turns], 0, add_generation_prompt=False)


def test_settings_that_would_spoil_answers_do_not_travel(tmp_path):
    base = make_extended(tmp_path, True)
    spoiling = {"do_sample": True, "repetition_penalty": 1.05, "temperature": 0.1}
    (base / "generation_config.json").write_text(json.dumps(spoiling))
    (base / "chat_template.json").write_text("{}")
    (base / "LICENSE").write_text("terms")
    export_checkpoint(base, tmp_path / "out")
    found = GenerationConfig.from_pretrained(tmp_path / "out")
    assert not found.do_sample and found.repetition_penalty in (None, 1.0)
    assert found.eos_token_id == [258, 256] and found.pad_token_id == 256
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "LICENSE" in names and "chat_template.json" not in names


def edit_config(base, **fields):
    config = json.loads((base / "config.json").read_text())
    config["text_config"] |= fields
    (base / "config.json").write_text(json.dumps(config))


def set_rows(base, value, rows):
    tensors = load_file(base / "model.safetensors")
    tensors["model.embed_tokens.weight"][rows] = value
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    old = Manifest.load(base)
    build_manifest(base, old.grid, row_tensors=old.row_tensors, init=old.init).save(base)


BAD = {
    "no manifest": (lambda f: (f / "drivegrid.json").unlink(), "hold drivegrid.json"),
    "other size": (
        lambda f: edit_config(f, vocab_size=300),
        r"must have the shape .300, 32",
    ),
    "other rows": (
        lambda f: (f / "drivegrid.json").write_text(
            (f / "drivegrid.json").read_text().replace('"base_id": 262', '"base_id": 261')
        ),
        "must have id 261, got 262",
    ),
    "overflow": (lambda f: set_rows(f, 1e6, slice(5, 6)), "must fit into float16, got 1e"),
    "equal rows": (lambda f: set_rows(f, 0.5, slice(262, 264)), "got 38 different ones"),
}


@pytest.mark.parametrize("damage, message", BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused_and_leaves_nothing(tmp_path, damage, message):
    base = make_extended(tmp_path, True)
    damage(base)
    with pytest.raises(ModelError, match=message):
        export_checkpoint(base, tmp_path / "to" / "out", dtype="float16")
    assert not (tmp_path / "to").exists() or not list((tmp_path / "to").iterdir())


def test_adapters_nano_and_plain_checkpoints_are_refused(tmp_path):
    LoraConfig().save_pretrained(tmp_path / "adapter")
    with pytest.raises(ModelError, match=r"got an adapter .*Run: drivegrid model merge"):
        export_checkpoint(tmp_path / "adapter", tmp_path / "out")
    with pytest.raises(ModelError, match="Only drivegrid loads this one"):
        export_checkpoint(shipped_checkpoint(), tmp_path / "out")
    with pytest.raises(ModelError, match="Run: drivegrid model extend"):
        export_checkpoint(make_checkpoint(tmp_path / "plain", True), tmp_path / "out")


def test_settings_out_of_range_are_refused(source, tmp_path):
    for wrong in ({"dtype": "int8"}, {"shard_bytes": 0}):
        with pytest.raises(ConfigError, match="dtype must be one of bfloat16, float16, float32"):
            export_checkpoint(source, tmp_path / "out", **wrong)
