"""drivegrid-seg on random weights: prompts stand alone, folders go there and back."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.masks.seg.closer import CloserConfig  # noqa: E402
from drivegrid.masks.seg.decoder import DecoderConfig  # noqa: E402
from drivegrid.masks.seg.network import SegConfig, SegNetwork, num_parameters  # noqa: E402
from drivegrid.masks.seg.segmenter import PROMPTS_PER_PASS, SmallSegmenter  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402
from drivegrid.masks.shapes import box_of, inside_of  # noqa: E402

CLOSER = CloserConfig(16, (8, 8, 8, 8), 8)
CONFIG = SegConfig((96, 64), DecoderConfig(16, 2, 2, (8, 8, 4)), CLOSER)
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(0)
    return SmallSegmenter(SegNetwork(CONFIG))


def points(*places, negative=0):
    flags = np.arange(len(places)) >= negative
    return Prompt(np.array(places, float), flags)


MIXED = (
    points((10, 10)),
    points((10, 10), (40, 20), (60, 30), negative=1),
    Prompt(box=np.array([5.0, 5, 40, 30])),
    Prompt(np.array([[20.0, 20.0]]), np.array([True]), np.array([5.0, 5, 40, 30])),
    Prompt(mask=np.eye(48, 80, dtype=np.bool_)),
    points((79, 47)),
)


def test_the_shipped_size_is_small() -> None:
    assert num_parameters(SegNetwork(SegConfig())) <= 4_000_000


def test_no_prompts(segmenter) -> None:
    logits, scores = segmenter.decode(segmenter.encode(IMAGE), [])
    assert logits.shape == (0, 64, 96)
    assert scores.shape == (0,)
    logits, scores = segmenter.candidates(segmenter.encode(IMAGE), np.zeros((0, 2)))
    assert logits.shape == (0, 3, 32, 48)
    assert scores.shape == (0, 3)


def test_a_mask_depends_on_its_own_prompt_alone(segmenter) -> None:
    handle = segmenter.encode(IMAGE)
    logits, scores = segmenter.decode(handle, MIXED)
    assert np.isfinite(logits).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    for i, prompt in enumerate(MIXED):
        alone, score = segmenter.decode(handle, [prompt])
        np.testing.assert_allclose(alone[0], logits[i], atol=1e-4)
        assert score[0] == pytest.approx(scores[i], abs=1e-5)
    assert len({logits[i].tobytes() for i in range(len(MIXED))}) == len(MIXED)


def test_the_order_of_points_says_nothing(segmenter) -> None:
    handle = segmenter.encode(IMAGE)
    one, other = points((10, 10), (40, 20)), points((40, 20), (10, 10))
    logits, _ = segmenter.decode(handle, [one, other])
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-4)


def test_more_prompts_than_go_at_once(segmenter) -> None:
    handle = segmenter.encode(IMAGE)
    many = [points((1 + i % 70, 1 + i % 40)) for i in range(PROMPTS_PER_PASS + 3)]
    logits, _ = segmenter.decode(handle, many)
    last, _ = segmenter.decode(handle, many[-1:])
    np.testing.assert_allclose(logits[-1], last[0], atol=1e-4)


def test_masks_reach_no_further_than_a_tenth_beyond_their_box(segmenter, monkeypatch) -> None:
    everywhere = torch.full((2, 64, 96), 9.0), torch.ones(2)
    monkeypatch.setattr(segmenter, "_look_closer", lambda handle, prompts: everywhere)
    prompts = [points((10, 10)), Prompt(box=np.array([8.0, 8, 48, 40]))]
    logits, _ = segmenter.decode(segmenter.encode(IMAGE), prompts)
    free, held = (inside_of(one, segmenter.threshold, (80, 48)) for one in logits)
    assert free.all()
    np.testing.assert_allclose(box_of(held), [4, 4.8, 52, 43.2], atol=1)
    assert held[6:42, 6:50].all()
    assert (everywhere[0] == 9).all()


def test_places_scale_with_the_picture(segmenter) -> None:
    large = np.repeat(np.repeat(IMAGE, 2, axis=0), 2, axis=1)
    small_logits, _ = segmenter.decode(segmenter.encode(IMAGE), [points((20, 12))])
    handle = segmenter.encode(large)
    assert handle.size_wh == (160, 96)
    # The pictures differ by how they are resized; the prompt must not.
    handle = type(handle)(handle.size_wh, segmenter.encode(IMAGE).sight)
    large_logits, _ = segmenter.decode(handle, [points((40, 24))])
    np.testing.assert_allclose(small_logits, large_logits, atol=1e-4)


def test_only_prompts_that_do_not_say_where_are_sketched(segmenter, monkeypatch) -> None:
    handle, drawn, draw = segmenter.encode(IMAGE), [], segmenter.network.draw

    def counting(maps, asked):
        drawn.append(len(asked.tokens))
        return draw(maps, asked)

    monkeypatch.setattr(segmenter.network, "draw", counting)
    segmenter.decode(handle, [prompt for prompt in MIXED if prompt.box is not None])
    assert drawn == []
    segmenter.decode(handle, MIXED)
    assert drawn == [4]
    # A wide box is sketched, too, and both count.
    segmenter.decode(handle, [MIXED[2], Prompt(box=np.array([2.0, 2, 70, 40]))])
    assert drawn == [4, 1]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_views_show_large_pictures_sharper(segmenter, times) -> None:
    large = np.zeros((64 * times, 96 * times, 3), np.uint8)
    pixels = segmenter.encode(large).sight.pixels
    assert pixels.shape[2:] == (64 * min(times, 2), 96 * min(times, 2))


def test_a_folder_keeps_the_network_up_to_half_precision(segmenter, tmp_path) -> None:
    segmenter.save(tmp_path / "seg")
    again = SmallSegmenter.from_pretrained(tmp_path / "seg")
    assert again.network.config == CONFIG
    for name, tensor in segmenter.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], tensor.half().float())
    again.save(tmp_path / "again")
    first, second = (tmp_path / name / "model.safetensors" for name in ("seg", "again"))
    assert first.read_bytes() == second.read_bytes()


def spoil_shape(folder):
    weights = load_file(folder / "model.safetensors")
    weights["decoder.asking.weight"] = torch.zeros(2, 2)
    save_file(weights, folder / "model.safetensors")


def spoil_names(folder):
    weights = load_file(folder / "model.safetensors")
    weights["something.else"] = weights.pop("decoder.asking.weight")
    save_file(weights, folder / "model.safetensors")


def spoil_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config must"),
        (lambda folder: (folder / "config.json").write_text("{"), "config must"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config must"),
        (lambda folder: spoil_config(folder, width=3), "config must"),
        (lambda folder: spoil_config(folder, decoder=3), "config must"),
        (lambda folder: spoil_config(folder, closer={"size": 12}), "size in eights"),
        (lambda folder: spoil_config(folder, closer={"size": "x"}), "size in eights"),
        (lambda folder: spoil_config(folder, closer={"widths": [8, 8, 8]}), "4 widths"),
        (lambda folder: spoil_config(folder, closer={"widths": [8, 8, 8, 6]}), "multiples of 4"),
        (lambda folder: spoil_config(folder, image_size_wh=[]), "two multiples of 32"),
        (lambda folder: spoil_config(folder, image_size_wh=[96, 0]), "two multiples of 32"),
        (lambda folder: spoil_config(folder, image_size_wh="x"), "two multiples of 32"),
        (lambda folder: (folder / "model.safetensors").unlink(), "weights must be readable"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 9), "weights must be"),
        (spoil_shape, "weights must be those"),
        (spoil_names, "weights must be those"),
    ],
)
def test_folders_that_cannot_be_loaded(segmenter, tmp_path, spoil, fault) -> None:
    segmenter.save(tmp_path / "seg")
    spoil(tmp_path / "seg")
    with pytest.raises(ModelError, match=fault) as caught:
        SmallSegmenter.from_pretrained(tmp_path / "seg")
    assert str(tmp_path) in str(caught.value)
