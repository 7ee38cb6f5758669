"""HiMTok as a mask tokenizer, with random weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from drivegrid.errors import ConfigError, GeometryError, ModelError, TokenError
from drivegrid.masks.himtok.network import HimNetwork
from drivegrid.masks.himtok.tokenizer import HimTokenizer

from .small import SMALL, small_tokenizer

TOKENIZER = small_tokenizer()
CODES = st.lists(st.integers(0, 1023), min_size=1, max_size=32)


def odd_masks() -> np.ndarray:
    """Return one-pixel, full, holed, many-component and thin masks."""
    masks = np.zeros((6, 40, 60), bool)
    masks[0, 17, 23] = True
    masks[1] = True
    masks[2, 5:35, 5:55] = True
    masks[2, 12:30, 20:40] = False
    masks[3, ::7, ::9] = True
    masks[4, :, 59] = True
    masks[5, 3, 10:50] = True
    return masks


def test_no_masks() -> None:
    assert TOKENIZER.encode_all(None, np.zeros((0, 4, 5), bool)) == []
    assert TOKENIZER.decode_all(None, []).shape == (0, 512, 512)


def test_masks_of_every_kind_have_codes_that_are_read() -> None:
    codes = TOKENIZER.encode_all(None, odd_masks())
    assert [row.shape for row in codes] == [(32,)] * 6
    logits = TOKENIZER.decode_all(None, codes)
    assert logits.shape == (6, 512, 512) and logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_beyond_the_view_nothing_is_inside() -> None:
    mask = np.zeros((100, 200), bool)
    mask[40:60, 20:60] = True
    logits = TOKENIZER.decode(None, TOKENIZER.encode(None, mask))
    assert (logits[:, 200:] < 0).all() and (logits[:150] < 0).all() and (logits[360:] < 0).all()


@pytest.mark.parametrize("length", [1, 4, 8, 16, 32])
def test_a_shorter_writing_is_the_beginning_of_the_whole(length: int) -> None:
    whole = TOKENIZER.encode_all(None, odd_masks())
    short = small_tokenizer(length).encode_all(None, odd_masks())
    for one, other in zip(whole, short, strict=True):
        assert one[:length].tolist() == other.tolist()


@pytest.mark.parametrize("length", [0, -1, 33])
def test_lengths_that_cannot_be(length: int) -> None:
    with pytest.raises(ConfigError, match="length must be from 1 to 32"):
        small_tokenizer(length)


def test_together_or_alone_is_the_same() -> None:
    masks = np.concatenate([odd_masks()] * 8)
    codes = TOKENIZER.encode_all(None, masks)
    for mask, row in zip(odd_masks(), codes, strict=False):
        assert TOKENIZER.encode(None, mask).tolist() == row.tolist()
    mixed = [row[: 1 + k] for k, row in enumerate(codes[:32])]
    together = TOKENIZER.decode_all(None, mixed)
    for row, logits in zip(mixed[::5], together[::5], strict=True):
        np.testing.assert_allclose(TOKENIZER.decode(None, row), logits, atol=1e-4)


def test_what_is_given_stays_as_it_is() -> None:
    masks = odd_masks()
    masks.flags.writeable = False
    codes = TOKENIZER.encode_all(None, masks)
    kept = [row.copy() for row in codes]
    TOKENIZER.decode_all(None, codes)
    assert all((one == other).all() for one, other in zip(codes, kept, strict=True))


@pytest.mark.parametrize("shape", [(1, 4, 5), (4, 5), (0, 4), (1, 0, 5)])
def test_masks_that_cannot_be_written(shape: tuple[int, ...]) -> None:
    with pytest.raises(GeometryError):
        TOKENIZER.encode_all(None, np.zeros(shape, bool))


@pytest.mark.parametrize("kind", [np.float32, np.float64, object, str])
def test_logits_are_no_masks(kind: type) -> None:
    mask = np.where(odd_masks()[0], 5, -5).astype(kind)
    with pytest.raises(GeometryError, match=r"flags or whole numbers, got .* threshold first"):
        TOKENIZER.encode(None, mask)


@pytest.mark.parametrize("kind", [bool, np.uint8, int, float])
def test_ones_are_inside(kind: type) -> None:
    mask = odd_masks()[0]
    codes = TOKENIZER.encode(None, mask.astype(kind))
    assert codes.tolist() == TOKENIZER.encode(None, mask).tolist()


def test_masks_of_another_size_than_the_image() -> None:
    image = np.zeros((30, 60, 3), np.uint8)
    with pytest.raises(GeometryError, match="size of their image"):
        TOKENIZER.encode_all(image, odd_masks())


@given(CODES)
def test_text_there_and_back(codes: list[int]) -> None:
    text = TOKENIZER.text_of(np.array(codes))
    parsed = TOKENIZER.parse(f"the sign {text} is red")
    assert [row.tolist() for row in parsed.codes] == [codes]
    assert not parsed.diagnostics


def test_text_by_hand() -> None:
    assert TOKENIZER.text_of(np.array([0, 1023, 7])) == "<seg><him_0><him_1023><him_7></seg>"
    assert TOKENIZER.num_tokens == 1024 and not TOKENIZER.needs_image


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<seg></seg>", "empty"),
        ("<seg><him_1><him_2>", "truncated"),
        ("<seg><him_1><him_1024></seg>", "unknown_tag"),
        ("<seg><him_1><him_></seg>", "unknown_tag"),
        ("<seg><him_1><sam_0_2></seg>", "unknown_tag"),
        ("<seg>" + "<him_1>" * 33 + "</seg>", "count_mismatch"),
        ("<him_4><him_5>", "missing_tag"),
    ],
)
def test_broken_masks_are_dropped_and_told(text: str, told: str) -> None:
    parsed = TOKENIZER.parse(f"{text} <seg><him_3></seg>")
    assert [row.tolist() for row in parsed.codes] == [[3]]
    assert [diagnostic.code for diagnostic in parsed.diagnostics] == [told]


@pytest.mark.parametrize("codes", [[], [-1], [1024], [0.5], [[1, 2]], [1] * 33])
def test_codes_that_are_no_mask(codes: list[float]) -> None:
    with pytest.raises(TokenError):
        TOKENIZER.decode(None, np.array(codes))


def test_saved_and_loaded(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "him")
    loaded = HimTokenizer.from_pretrained(tmp_path / "him", length=8)
    assert loaded.length == 8
    again = HimTokenizer.from_pretrained(tmp_path / "him")
    codes = again.encode_all(None, odd_masks())
    rough = np.abs(again.decode_all(None, codes) - TOKENIZER.decode_all(None, codes))
    assert rough.max() < 0.1
    again.save(tmp_path / "twice")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "him" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


def _other_sizes(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"width": 32}))


def _less(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["latents"]
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 99),
            "model.safetensors",
        ),
        (lambda folder: (folder / "config.json").write_text('{"broad": 3}'), "config.json"),
        (_other_sizes, "model.safetensors"),
        (_less, "model.safetensors"),
    ],
)
def test_damaged_folders(tmp_path: Path, harm, named: str) -> None:
    folder = tmp_path / "him"
    TOKENIZER.save(folder)
    harm(folder)
    with pytest.raises(ModelError, match=named):
        HimTokenizer.from_pretrained(folder)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cpu_equals_gpu() -> None:
    network = HimNetwork(SMALL)
    network.load_state_dict(TOKENIZER.network.state_dict())
    other = HimTokenizer(network.to("cuda"))
    codes = TOKENIZER.encode_all(None, odd_masks())
    for one, two in zip(codes, other.encode_all(None, odd_masks()), strict=True):
        assert (one == two).mean() > 0.95
    apart = np.abs(TOKENIZER.decode_all(None, codes) - other.decode_all(None, codes))
    assert apart.max() < 1e-3
