import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from drivegrid.errors import ModelError
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.places import place_tokens
from drivegrid.model.processor import to_patches
from drivegrid.tokens.grid import GridSpec
from tests.model.tiny_qwen import make_checkpoint, make_model

GRID = GridSpec(cols=6, rows=5)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("places") / "base", True)


def test_a_place_is_the_mean_token_of_the_whole_model(source):
    found = place_tokens(source, GRID, num_pictures=3)
    generator, model = np.random.default_rng(0), make_model(True)
    seen = []
    for _ in range(3):
        noise = generator.integers(0, 256, (5 * 28, 6 * 28, 3), dtype=np.uint8)
        with torch.no_grad():
            features = model.get_image_features(
                to_patches(noise, (6 * 28, 5 * 28)), torch.tensor([[1, 10, 12]])
            )
        seen.append(features.pooler_output[0].numpy())
    np.testing.assert_allclose(found, np.mean(seen, axis=0), atol=1e-6)


def test_the_tower_is_found_under_its_newer_names_and_in_bfloat16(source, tmp_path):
    tensors = load_file(source / "model.safetensors")
    renamed = {
        name.replace("visual.", "model.visual.", 1): tensor.bfloat16()
        for name, tensor in tensors.items()
    }
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "config.json").write_bytes((source / "config.json").read_bytes())
    save_file(renamed, newer / "model.safetensors")
    found = place_tokens(newer, GRID, num_pictures=1)
    np.testing.assert_allclose(found, place_tokens(source, GRID, num_pictures=1), atol=1e-2)


@pytest.mark.parametrize("change", ["lacks", "shape"])
def test_a_tower_that_is_not_whole_is_refused(source, tmp_path, change):
    tensors = load_file(source / "model.safetensors")
    name = "visual.merger.ln_q.weight"
    tensors[name] = tensors[name][:1].clone()
    if change == "lacks":
        del tensors[name]
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"vision tower, got: .*merger.ln_q"):
        place_tokens(tmp_path, GRID, num_pictures=1)


@pytest.mark.parametrize("tied", [True, False])
def test_rows_by_places_are_distinct_and_have_the_old_moments(tmp_path, tied):
    base = make_checkpoint(tmp_path / "base", tied, torch.bfloat16)
    manifest = extend_checkpoint(base, tmp_path / "new", GRID, init="vision")
    assert manifest.init == "vision"
    old = load_file(base / "model.safetensors")
    new = load_file(tmp_path / "new" / "model.safetensors")
    for name in manifest.row_tensors:
        rows = new[name][manifest.base_id :][: GRID.num_cells].float()
        known = old[name][: manifest.base_id].float()
        torch.testing.assert_close(rows.mean(dim=0), known.mean(dim=0), atol=1e-3, rtol=0)
        torch.testing.assert_close(
            rows.std(dim=0, correction=0), known.std(dim=0, correction=0), atol=0, rtol=0.02
        )
