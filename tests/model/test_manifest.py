import hashlib
import json
import subprocess
import sys

import pytest
from safetensors.torch import load_file, save_file

from drivegrid.errors import ModelError
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.manifest import Manifest, build_manifest, rebuild_manifest, verify
from drivegrid.model.stored import rows_sha256, tensor_files
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.mask_words import MaskWords
from drivegrid.tokens.vocabulary import TAGS
from tests.model.tiny_qwen import NUM_TEXT_IDS, make_checkpoint

GRID = GridSpec(cols=3, rows=2, offset_cols=6, offset_rows=4, gamma=0.5)


@pytest.fixture
def folder(tmp_path):
    extend_checkpoint(make_checkpoint(tmp_path / "base", False), tmp_path / "new", GRID)
    return tmp_path / "new"


def edit(folder, **fields):
    path = folder / "drivegrid.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_save_and_load_round_trip(folder, tmp_path):
    manifest = Manifest.load(folder)
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == manifest
    assert manifest.grid == GRID and manifest.model_type == "qwen2_5_vl"
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_ids_follow_the_vocabulary(folder):
    manifest = verify(folder)
    assert manifest.vocabulary.id_of("<grid_0_0>") == manifest.base_id == NUM_TEXT_IDS
    assert manifest.token_ids == range(NUM_TEXT_IDS, NUM_TEXT_IDS + manifest.num_tokens)
    assert manifest.row_tensors == ("model.embed_tokens.weight", "lm_head.weight")


def test_row_hash_is_of_the_stored_bytes(folder):
    tensors = load_file(folder / "model.safetensors")
    digest = hashlib.sha256()
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        digest.update(tensors[name][5:9].numpy().tobytes())
    names = ("model.embed_tokens.weight", "lm_head.weight")
    assert rows_sha256(folder, names, range(5, 9)) == digest.hexdigest()


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"spec_version": 2}, r"spec_version must match .* 1, got 2 \(.*drivegrid.json\)"),
        ({"model_type": "drivegrid_nano"}, "model_type must match .*'qwen2_5_vl'"),
        ({"num_tokens": 5}, "num_tokens must match"),
        ({"grid": {"cols": 4, "rows": 2}}, "num_tokens must match"),
        (
            {"grid": {"cols": 2, "rows": 3}},
            r"<grid_0_1> must have id 264, got 265 \(.*tokenizer.json\)",
        ),
        ({"base_id": 7}, "<grid_0_0> must have id 7, got 262"),
        ({"tokenizer_sha256": "0"}, "tokenizer_sha256 must match"),
        ({"rows_sha256": "0"}, "rows_sha256 must match"),
        ({"row_tensors": ["head"]}, "must hold the tensor head"),
        ({"base_id": "7"}, "base_id must be a int, got '7'"),
        ({"base_id": True}, "base_id must be a int, got True"),
        ({"grid": {"cols": 0}}, "grid must be a lattice"),
        ({"grid": {"width": 3}}, "grid must be a lattice"),
        ({"grid": {"cols": "3"}}, "grid must be a lattice"),
        ({"extra": 1}, "exactly the fields .* not .'extra'."),
    ],
)
def test_a_claim_that_does_not_fit_is_named(folder, fields, message):
    edit(folder, **fields)
    with pytest.raises(ModelError, match=message):
        verify(folder)


def test_a_missing_or_damaged_manifest_is_refused(folder, tmp_path):
    with pytest.raises(
        ModelError, match=r"drivegrid.json, which is missing .*Run: drivegrid model extend"
    ):
        verify(tmp_path / "base")
    for damaged, message in (("{", "must be JSON"), ("[]", "must hold an object")):
        (folder / "drivegrid.json").write_text(damaged)
        with pytest.raises(ModelError, match=message):
            verify(folder)


def test_trained_rows_need_a_new_manifest(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["lm_head.weight"][NUM_TEXT_IDS + 3, 0] += 1.0
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="rows_sha256 must match"):
        verify(folder)
    old = Manifest.load(folder)
    build_manifest(folder, GRID, row_tensors=old.row_tensors, init=old.init).save(folder)
    assert verify(folder).rows_sha256 != old.rows_sha256


def test_rows_outside_the_claim_may_change(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["lm_head.weight"][0] += 1.0
    save_file(tensors, path, metadata={"format": "pt"})
    assert verify(folder).base_id == NUM_TEXT_IDS


def edit_added(folder, change):
    """Change the list of added tokens in tokenizer.json and claim the new file."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content["added_tokens"])
    path.write_text(json.dumps(content))
    edit(folder, tokenizer_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"special": True}, "<grid_1_0> must be a plain, non-special added token"),
        ({"single_word": True}, "<grid_1_0> must be a plain"),
        ({"rstrip": True}, "<grid_1_0> must be a plain"),
        ({"content": "<cell>"}, "<grid_1_0> must have id 263, got None"),
    ],
    ids=["special", "single_word", "rstrip", "missing"],
)
def test_tokens_that_would_vanish_or_split_are_refused(folder, changes, message):
    edit_added(
        folder,
        lambda added: next(t for t in added if t["content"] == "<grid_1_0>").update(changes),
    )
    with pytest.raises(ModelError, match=message):
        verify(folder)


def test_a_token_that_swallows_others_is_refused(folder):
    greedy = {"id": 320, "content": "<grid_0_0><", "special": False, "normalized": False}
    greedy |= {"single_word": False, "lstrip": False, "rstrip": False}
    edit_added(folder, lambda added: added.append(greedy))
    with pytest.raises(ModelError, match="must encode to one id each"):
        verify(folder)


def test_unextended_checkpoints_have_no_manifest_to_build(tmp_path):
    base = make_checkpoint(tmp_path / "base", True)
    with pytest.raises(ModelError, match="tokenizer must know <grid_0_0>"):
        build_manifest(base, GRID, row_tensors=["model.embed_tokens.weight"], init="fourier")


@pytest.mark.parametrize(
    "damage, message",
    [
        (b"", "whole safetensors file"),
        (b"\xff" * 8, "whole safetensors file"),
        (b"\x02" + bytes(7) + b"no", "got: .*invalid JSON in header"),
    ],
    ids=["empty", "length", "header"],
)
def test_damaged_weights_are_named(tmp_path, damage, message):
    (tmp_path / "model.safetensors").write_bytes(damage)
    with pytest.raises(ModelError, match=message):
        tensor_files(tmp_path)


def test_too_few_rows_are_named(folder):
    with pytest.raises(ModelError, match="must have at least 400 rows, got 384"):
        rows_sha256(folder, ["lm_head.weight"], range(390, 400))


def test_no_torch_is_imported():
    code = "import sys, drivegrid.model.manifest; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def with_words(tmp_path):
    base = make_checkpoint(tmp_path / "old", False)
    extend_checkpoint(base, tmp_path / "words", GRID, mask_words=MaskWords("samtok", 8))
    return tmp_path / "words"


def test_a_manifest_tells_whose_words_there_are(with_words):
    manifest = verify(with_words)
    assert manifest.mask_words == MaskWords("samtok", 8)
    assert manifest.num_tokens == len(manifest.vocabulary) == 6 + 10 + len(TAGS) + 8
    assert manifest.vocabulary.token_of(manifest.token_ids[-1]) == "<sam_2_3>"
    assert rebuild_manifest(with_words, manifest) == manifest


def test_a_checkpoint_without_words_is_described_as_ever(folder):
    found = json.loads((folder / "drivegrid.json").read_text())
    assert "mask_words" not in found and list(found)[-1] == "created_by"
    assert verify(folder).mask_words is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "samtok", "count": 6}, "num_tokens must match"),
        ({"name": "himtok", "count": 8}, r"<him_0> must have id \d+, got None"),
        ({"name": "grid", "count": 8}, "mask_words must be those of a tokenizer"),
        ({"name": "samtok"}, "mask_words must be those of a tokenizer"),
        ({"name": "samtok", "count": "8"}, "mask_words must be those of a tokenizer"),
        (None, "mask_words must be a dict"),
    ],
)
def test_other_words_than_the_tokenizer_has_are_refused(with_words, words, message):
    edit(with_words, mask_words=words)
    with pytest.raises(ModelError, match=message):
        verify(with_words)
