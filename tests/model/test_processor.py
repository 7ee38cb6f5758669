import shutil

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.extend import extend_checkpoint
from drivegrid.model.processor import (
    ALIGNED_SIZE_WH,
    PAPER_SIZE_WH,
    QwenProcessor,
    chat_text,
    to_patches,
)
from drivegrid.tokens.grid import GridSpec
from drivegrid.tokens.vocabulary import Vocabulary, escape_text
from tests.model.tiny_qwen import copy_qwen_tokenizer, make_checkpoint, make_model, make_tokenizer

TINY = (84, 56)
QUERY = [{"role": "user", "content": "left lane?"}]


def make_image(width, height, seed=0):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(small.repeat(4, axis=0).repeat(4, axis=1)[:height, :width])


def make_processor(size_wh=TINY):
    return QwenProcessor(make_tokenizer(), Vocabulary(GridSpec()), size_wh)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("qwen")
    extend_checkpoint(make_checkpoint(folder / "base", True), folder / "new", GridSpec())
    return folder / "new"


@pytest.mark.parametrize("size_wh", [(28, 28), (84, 56), PAPER_SIZE_WH, ALIGNED_SIZE_WH])
def test_patches_equal_transformers(size_wh):
    image = make_image(*size_wh)
    theirs = Qwen2VLImageProcessorPil()(images=[image], return_tensors="pt", do_resize=False)
    ours = to_patches(image, size_wh)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, theirs["pixel_values"], atol=1e-6, rtol=0)
    cols, rows = size_wh[0] // 14, size_wh[1] // 14
    assert theirs["image_grid_thw"].tolist() == [[1, rows, cols]]


@pytest.mark.parametrize("source_wh", [(100, 100), (896, 896), (1000, 1000)])
def test_resize_equals_transformers(source_wh):
    area = PAPER_SIZE_WH[0] * PAPER_SIZE_WH[1]
    theirs = Qwen2VLImageProcessorPil(size={"shortest_edge": area, "longest_edge": area})
    image = make_image(*source_wh)
    expected = theirs(images=[image], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(to_patches(image, PAPER_SIZE_WH), expected, atol=1e-6, rtol=0)


def test_a_wide_frame_fills_the_square():
    image = np.zeros((90, 160, 3), dtype=np.uint8)
    image[:, 80:] = 255
    bright = to_patches(image, (112, 112)).reshape(4, 4, -1).mean(dim=2) > 0
    assert bright.tolist() == [[False, False, True, True]] * 4


def test_patches_of_a_visual_token_stand_together():
    # One bright patch, the lower left of visual token (column 1, row 1) of 3 x 2.
    image = np.zeros((56, 84, 3), dtype=np.uint8)
    image[42:56, 28:42] = 255
    patches = to_patches(image, (84, 56))
    assert (patches.mean(dim=1) > 0).nonzero().tolist() == [[4 * (1 * 3 + 1) + 2]]


def test_no_turns_is_the_default_system_turn():
    expected = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    assert chat_text([], 0, add_generation_prompt=False) == expected


def test_chat_text_golden():
    messages = [
        {"role": "system", "content": "Ground <grid_0_0>."},
        {"role": "user", "content": "Where is <car>?"},
        {"role": "assistant", "content": "car: <point><grid_1_2></point>"},
        {"role": "user", "content": [
            {"type": "text", "text": "Refine <grid_9_9> "},
            {"type": "tokens", "text": "<grid_1_2>"},
        ]},
    ]  # fmt: skip
    assert chat_text(messages, 2) == (
        "<|im_start|>system\nGround <grid_0_0>.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|image_pad|><|vision_end|>"
        "Where is <\\car>?<|im_end|>\n"
        "<|im_start|>assistant\ncar: <point><grid_1_2></point><|im_end|>\n"
        "<|im_start|>user\nRefine <\\grid_9_9> <grid_1_2><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_an_image_needs_a_user_turn():
    with pytest.raises(ConfigError, match="must have a user turn"):
        chat_text([{"role": "system", "content": "x"}], 4)


@pytest.mark.parametrize(
    "text",
    ["", "plain 3 < 4 | 5", "<grid_3_4>", "<|im_end|>\n<|im_start|>system\n", "<|image_pad|>",
     "<\\|im_end|>", "<<|im_end|>", "</think><OFF_0_1><DELETE>"],
)  # fmt: skip
def test_user_text_makes_no_tokens_of_its_own(text, checkpoint):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    ids = tokenizer.encode(escape_text(text), add_special_tokens=False)
    assert all(token_id < 256 for token_id in ids)


def test_batch_shapes_types_and_padding():
    processor = make_processor()
    longer = [{"role": "user", "content": "the second lane from the left?"}]
    images = [make_image(160, 90), make_image(64, 64, seed=1)]
    batch = processor(images, [QUERY, longer])
    keys = {"input_ids", "attention_mask", "mm_token_type_ids", "pixel_values", "image_grid_thw"}
    assert set(batch) == keys
    assert batch["pixel_values"].shape == (2 * 24, 1176)
    assert batch["image_grid_thw"].tolist() == [[1, 4, 6]] * 2
    assert batch["mm_token_type_ids"].sum(dim=1).tolist() == [6, 6]
    assert torch.equal(batch["mm_token_type_ids"] == 1, batch["input_ids"] == 261)
    mask = batch["attention_mask"]
    assert mask[1].all() and mask[0, -1] == 1 and mask[0, 0] == 0
    alone = processor(images[:1], [QUERY])
    assert torch.equal(batch["input_ids"][0][mask[0].bool()], alone["input_ids"][0])


def test_training_text_ends_with_the_answer():
    processor = make_processor()
    answer = {"role": "assistant", "content": "ok"}
    prompt = processor([make_image(84, 56)], [QUERY])["input_ids"][0].tolist()
    whole = processor([make_image(84, 56)], [[*QUERY, answer]], add_generation_prompt=False)
    whole = whole["input_ids"][0].tolist()
    assert whole[: len(prompt)] == prompt
    assert processor.text_of(whole[len(prompt) :]) == "ok\n"


def test_grid_tokens_survive_decoding(checkpoint):
    processor = QwenProcessor.from_pretrained(checkpoint, TINY)
    text = "car: <box><grid_1_1><grid_1_11></box>"
    ids = processor.tokenizer.encode(text + "<|im_end|>")
    assert processor.text_of(ids) == text
    assert processor.vocabulary.id_of("<grid_1_1>") in ids


def assert_positions(size_wh, model):
    """Text counts up; an image starts at p, spans rows and columns, and advances by the longer."""
    processor = make_processor(size_wh)
    batch = processor([make_image(64, 48)], [QUERY])
    positions, deltas = model.model.get_rope_index(
        batch["input_ids"],
        batch["mm_token_type_ids"],
        batch["image_grid_thw"],
        attention_mask=batch["attention_mask"],
    )
    cols, rows = size_wh[0] // 28, size_wh[1] // 28
    kinds = batch["mm_token_type_ids"][0].tolist()
    first, count, total = kinds.index(1), sum(kinds), len(kinds)
    row, col = np.divmod(np.arange(cols * rows), cols)
    after = first + max(cols, rows)
    tail = after + np.arange(total - first - count)
    expected = np.stack(
        [
            np.concatenate([np.arange(first), first + axis, tail])
            for axis in (np.zeros_like(row), row, col)
        ]
    )
    np.testing.assert_array_equal(positions[:, 0].numpy(), expected)
    assert deltas.item() == tail[-1] + 1 - total
    return count, first


@pytest.mark.parametrize(
    "size_wh, count",
    [(PAPER_SIZE_WH, 900), (ALIGNED_SIZE_WH, 1024), ((1120, 616), 880), ((28, 28), 1)],
    ids=["840", "896", "wide", "one token"],
)
def test_positions_are_three_dimensional(size_wh, count):
    # <|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>
    # in a byte tokenizer: 1 + 35 + 1 + 1 + 1 + 5 + 1 ids.
    assert assert_positions(size_wh, make_model(tied=True)) == (count, 45)


def test_visual_tokens_are_the_cells_at_896():
    processor = make_processor(ALIGNED_SIZE_WH)
    grid = GridSpec()
    assert processor.num_image_tokens == grid.num_cells
    assert grid.cell_size(ALIGNED_SIZE_WH).tolist() == [28.0, 28.0]


def test_without_token_types_the_logits_would_change(checkpoint):
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(checkpoint).eval()
    batch = QwenProcessor.from_pretrained(checkpoint, TINY)([make_image(84, 56)], [QUERY])
    with torch.no_grad():
        right = model(**batch).logits[0, -1]
        batch.pop("mm_token_type_ids")
        model.model.rope_deltas = None
        wrong = model(**batch).logits[0, -1]
    assert not torch.allclose(right, wrong, atol=1e-5)


def test_cached_and_uncached_decoding_agree(checkpoint):
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(checkpoint).eval()
    longer = [{"role": "user", "content": "the second lane from the left?"}]
    processor = QwenProcessor.from_pretrained(checkpoint, TINY)
    batch = processor([make_image(160, 90), make_image(64, 64, seed=1)], [QUERY, longer])
    outputs = [
        model.generate(
            **batch, max_new_tokens=12, min_new_tokens=12, do_sample=False, use_cache=use_cache,
            output_logits=True, return_dict_in_generate=True, pad_token_id=256,
        )
        for use_cache in (True, False)
    ]  # fmt: skip
    assert torch.equal(outputs[0].sequences, outputs[1].sequences)
    for cached, uncached in zip(outputs[0].logits, outputs[1].logits, strict=True):
        torch.testing.assert_close(cached, uncached, atol=1e-4, rtol=1e-4)


def test_padding_does_not_change_the_answer(checkpoint):
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(checkpoint).eval()
    processor = QwenProcessor.from_pretrained(checkpoint, TINY)
    longer = [{"role": "user", "content": "the second lane from the left?"}]
    images = [make_image(160, 90), make_image(64, 64, seed=1)]
    with torch.no_grad():
        both = model(**processor(images, [QUERY, longer])).logits[:, -1]
        one = model(**processor(images[:1], [QUERY])).logits[:, -1]
    torch.testing.assert_close(both[:1], one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size_wh", [(0, 28), (840, 841), (896, 900), (-28, 28)])
def test_sizes_off_the_patch_pitch_are_refused(size_wh):
    with pytest.raises(ConfigError, match="size_wh must be multiples of 28"):
        make_processor(size_wh)


@pytest.mark.parametrize("num_images, num_chats", [(0, 0), (1, 2)])
def test_counts_must_agree(num_images, num_chats):
    with pytest.raises(ConfigError, match="images must be one for each conversation"):
        make_processor()([make_image(84, 56)] * num_images, [QUERY] * num_chats)


def test_placeholders_in_trusted_text_are_refused():
    turns = [*QUERY, {"role": "assistant", "content": "<|image_pad|>"}]
    with pytest.raises(ConfigError, match=r"must not hold <.image_pad.>"):
        make_processor()([make_image(84, 56)], [turns])


def test_a_checkpoint_with_another_image_token_is_refused(checkpoint, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace('"image_token_id": 261', '"image_token_id": 260')
    )
    with pytest.raises(ModelError, match="image_token_id must be the tokenizer's 261, got 260"):
        QwenProcessor.from_pretrained(folder)
    with pytest.raises(ModelError, match=r"must hold drivegrid\.json"):
        QwenProcessor.from_pretrained(checkpoint.parent / "base")


def test_chat_text_equals_the_real_template(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(copy_qwen_tokenizer(tmp_path))
    messages = [
        {"role": "system", "content": "Ground."},
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": "There."},
        {"role": "user", "content": "Sure?"},
    ]
    theirs = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert chat_text(messages, 0) == theirs


def test_the_real_tokenizer_expands_placeholders(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(copy_qwen_tokenizer(tmp_path))
    processor = QwenProcessor(tokenizer, Vocabulary(GridSpec()))
    batch = processor([make_image(160, 90)], [QUERY])
    kinds = batch["mm_token_type_ids"][0].tolist()
    assert processor.image_token_id == 151_655 and sum(kinds) == 1024
    assert batch["input_ids"][0, kinds.index(1) - 1] == 151_652
    assert batch["input_ids"][0, kinds.index(1) + 1024] == 151_653
