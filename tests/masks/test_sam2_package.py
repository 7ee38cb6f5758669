"""Meta's package beside transformers on the same weights; files that do not fit."""

import re
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from drivegrid.errors import MissingExtraError, ModelError  # noqa: E402
from drivegrid.masks.sam2 import Sam2Segmenter  # noqa: E402
from drivegrid.masks.sam2_drawing import PROMPTS_PER_PASS  # noqa: E402
from drivegrid.masks.sam2_package import Sam2PackageSegmenter  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402
from tests.masks.tiny_sam2_package import make_pair  # noqa: E402

WIDTH, HEIGHT = 96, 48
TOLERANCE = 1e-5
"""Of the largest logit; 4e-7 on the machine where this was written."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("sam2"))


@pytest.fixture(scope="module")
def package():
    reason = "Meta's sam2 is not installed, see docs/sam2.md"
    return pytest.importorskip("sam2.modeling.sam2_base", reason=reason)


@pytest.fixture(scope="module")
def both(package, pair):
    folder, checkpoint, config = pair
    return (
        Sam2Segmenter.from_pretrained(folder),
        Sam2PackageSegmenter.from_pretrained(checkpoint, config),
    )


def picture():
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def points(*xy, negative=()):
    return np.array(xy, float), np.array([i not in negative for i in range(len(xy))])


def mask(shape=(HEIGHT, WIDTH)):
    flags = np.zeros(shape, np.bool_)
    flags[shape[0] // 4 : shape[0] // 2, shape[1] // 5 : shape[1] // 2] = True
    return flags


BOX = np.array([5.0, 5, 40, 30])
POINT = points((20, 20))
PROMPTS = {
    "none": [],
    "lone points": [Prompt(*points((10, 10))), Prompt(*points((95.5, 0)))],
    "a lone point beside the thing": [Prompt(*points((10, 10), negative=(0,)))],
    "several points": [Prompt(*points((10, 10), (40, 20))), Prompt(*points((1, 2), (3, 4)))],
    "negative points": [Prompt(*points((10, 10), (40, 20), (60, 30), negative=(0, 2)))],
    "boxes": [Prompt(box=BOX), Prompt(box=np.array([50.0, 5, 90, 30]))],
    "a point in a box": [Prompt(*POINT, BOX)],
    "points in a box": [Prompt(*points((20, 20), (30, 10), negative=(1,)), BOX)],
    "masks": [Prompt(mask=mask()), Prompt(mask=mask((10, 70)))],
    "a mask and a point": [Prompt(*POINT, mask=mask())],
    "a mask and a box": [Prompt(box=BOX, mask=mask())],
    "all at once": [Prompt(*POINT, BOX, mask())],
    "more than a pass": [Prompt(*points((x, 20))) for x in range(PROMPTS_PER_PASS + 3)],
}


def assert_alike(one, other) -> None:
    """Compare logits and scores of two backends."""
    size = np.abs(one[0]).max(initial=1.0)
    np.testing.assert_allclose(one[0], other[0], rtol=0, atol=TOLERANCE * size)
    np.testing.assert_allclose(one[1], other[1], rtol=0, atol=TOLERANCE)


def test_images_look_the_same_to_both(both) -> None:
    ours, theirs = (segmenter.encode(picture()) for segmenter in both)
    assert ours.size_wh == theirs.size_wh
    for one, other in zip(ours.features, theirs.features, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE * float(one.abs().max()))


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_the_same_prompts_give_the_same_masks(both, prompts) -> None:
    ours, theirs = (s.decode(s.encode(picture()), prompts) for s in both)
    assert ours[0].shape == theirs[0].shape == (len(prompts), 16, 16)
    assert theirs[0].dtype == np.float32
    assert_alike(ours, theirs)


def test_the_same_candidates(both) -> None:
    somewhere = np.random.default_rng(1).uniform(0, 1, (PROMPTS_PER_PASS + 3, 2)) * [WIDTH, HEIGHT]
    for xy in (somewhere[:0], somewhere):
        ours, theirs = (s.candidates(s.encode(picture()), xy) for s in both)
        assert theirs[0].shape == (len(xy), 3, 16, 16)
        assert_alike(ours, theirs)


def test_unstable_masks_give_way_in_both(both) -> None:
    """The prompts show both cases: the tiny network's one mask scores .4, its best of three .9."""
    prompts = [prompt for some in PROMPTS.values() for prompt in some if prompt.box is not None]
    for segmenter in both:
        _, scores = segmenter.decode(segmenter.encode(picture()), prompts)
        assert scores.min() < 0.5 < 0.8 < scores.max()


def test_safetensors_hold_the_same(both, pair) -> None:
    _, checkpoint, config = pair
    tensors = checkpoint.with_suffix(".safetensors")
    again = Sam2PackageSegmenter.from_pretrained(tensors, str(config))
    handle = both[1].encode(picture())
    one, other = (s.decode(handle, PROMPTS["boxes"])[0] for s in (both[1], again))
    np.testing.assert_array_equal(one, other)


def test_without_the_package_the_error_says_how_to_get_it(pair, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "sam2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sam2", None)
    with pytest.raises(MissingExtraError, match="'sam2'") as caught:
        Sam2PackageSegmenter.from_pretrained(*pair[1:])
    assert "pip install 'drivegrid[sam2]' && SAM2_BUILD_CUDA=0 pip install --no-deps" in str(
        caught.value
    )


def weights_missing(path) -> None:
    path.unlink()


def weights_cut(path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def weights_empty(path) -> None:
    path.write_bytes(b"")


def weights_of_no_tensors(path) -> None:
    torch.save([1, 2], path)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (weights_missing, "must be a file"),
        (weights_cut, "must hold tensors by name"),
        (weights_empty, "must hold tensors by name"),
        (weights_of_no_tensors, "must hold tensors by name"),
    ],
)
def test_checkpoints_that_cannot_be_read(pair, tmp_path, suffix, damage, message) -> None:
    path = tmp_path / f"mine{suffix}"
    path.write_bytes(pair[1].with_suffix(suffix).read_bytes())
    damage(path)
    with pytest.raises(ModelError, match=message) as caught:
        Sam2PackageSegmenter.from_pretrained(path, pair[2])
    assert str(path) in str(caught.value)
    assert "sam2.1_hiera_tiny.pt" in str(caught.value)


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_checkpoint_runs_no_code(pair, tmp_path) -> None:
    path, made = tmp_path / "mine.pt", tmp_path / "made"
    torch.save({"model": torch.load(pair[1])["model"], "more": Touch(made)}, path)
    with pytest.raises(ModelError, match="must hold tensors by name"):
        Sam2PackageSegmenter.from_pretrained(path, pair[2])
    assert not made.exists()


def without_one(tensors) -> None:
    del tensors["sam_mask_decoder.iou_token.weight"]


def with_another_shape(tensors) -> None:
    tensors["no_mem_embed"] = torch.zeros(1, 1, 16)


def with_one_block_more(tensors) -> None:
    tensors["image_encoder.trunk.blocks.5.norm1.weight"] = torch.zeros(64)


def with_names_of_transformers(tensors) -> None:
    for name in list(tensors):
        tensors[name.replace("image_encoder", "vision_encoder")] = tensors.pop(name)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (without_one, "1 such as sam_mask_decoder.iou_token.weight"),
        (with_another_shape, "1 such as no_mem_embed"),
        (with_one_block_more, "1 such as image_encoder.trunk.blocks.5.norm1.weight"),
        (with_names_of_transformers, "such as image_encoder.neck"),
    ],
)
def test_weights_that_are_not_the_configs(package, pair, tmp_path, change, name) -> None:
    tensors = load_file(pair[1].with_suffix(".safetensors"))
    change(tensors)
    path = tmp_path / "mine.safetensors"
    save_file(tensors, path)
    with pytest.raises(ModelError, match=re.escape(name)) as caught:
        Sam2PackageSegmenter.from_pretrained(path, pair[2])
    assert str(path) in str(caught.value)


def test_weights_of_the_memory_are_neither_needed_nor_in_the_way(both, pair, tmp_path) -> None:
    path = tmp_path / "mine.safetensors"
    tensors = load_file(pair[1].with_suffix(".safetensors"))
    save_file(tensors | {"memory_attention.norm.weight": torch.zeros(7)}, path)
    loaded = Sam2PackageSegmenter.from_pretrained(path, pair[2])
    handle = both[1].encode(picture())
    one, other = (s.decode(handle, PROMPTS["boxes"])[0] for s in (both[1], loaded))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must describe a SAM2"),
        ("[", "must describe a SAM2"),
        ("model: {image_size: 64}", "must describe a SAM2"),
        ("model: {_target_: subprocess.Popen, args: x}", "sam2.modeling, got subprocess.Popen"),
        (
            "model: {_target_: sam2.modeling.sam2_base.torch.load, f: x}",
            "sam2.modeling.sam2_base.torch",
        ),
        ("model: {_target_: sam2.modeling.sam2_base.get_1d_sine_pe}", "must be a class"),
        ("model: {_target_: sam2.modeling.sam2_base.SAM2Base, sides: 3}", "sides"),
    ],
)
def test_configs_that_are_no_sam2(package, pair, tmp_path, text, message) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=re.escape(message)) as caught:
        Sam2PackageSegmenter.from_pretrained(pair[1], path)
    assert str(path) in str(caught.value)


def test_a_config_that_is_nowhere(package, pair) -> None:
    with pytest.raises(ModelError, match=r"YAML file, got configs/mine\.yaml"):
        Sam2PackageSegmenter.from_pretrained(pair[1], "configs/mine.yaml")


def test_configs_of_the_package_are_found_by_their_names_in_it(package, pair) -> None:
    """The tiny weights are not theirs: the error shows that the network was built."""
    with pytest.raises(ModelError, match="weights of its config"):
        Sam2PackageSegmenter.from_pretrained(pair[1], "configs/sam2.1/sam2.1_hiera_t.yaml")
