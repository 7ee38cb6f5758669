"""SAM2 on a tiny random network: prompts, batches, errors."""

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from drivegrid.errors import GeometryError, ModelError  # noqa: E402
from drivegrid.masks.sam2 import Sam2Segmenter  # noqa: E402
from drivegrid.masks.sam2_drawing import PROMPTS_PER_PASS  # noqa: E402
from drivegrid.masks.sam2_prompts import to_pixel_values  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402
from tests.masks.tiny_sam2 import SIDE, make_sam2  # noqa: E402

SIZE_WH = (96, 48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_sam2(tmp_path_factory.mktemp("sam2"))


@pytest.fixture(scope="module")
def sam2(folder):
    return Sam2Segmenter.from_pretrained(folder)


def picture(seed=0):
    width, height = SIZE_WH
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def points(*xy, negative=()):
    flags = [i not in negative for i in range(len(xy))]
    return Prompt(np.array(xy, float), np.array(flags))


def box(*xyxy):
    return Prompt(box=np.array(xyxy, float))


MIXED = (
    points((10, 10)),
    points((10, 10), (40, 20)),
    points((10, 10), (40, 20), (60, 30), negative=(2,)),
    points((80, 40)),
    box(5, 5, 40, 30),
    box(50, 5, 90, 30),
    Prompt(np.array([[20.0, 20.0]]), np.array([True]), np.array([5.0, 5, 40, 30])),
    points((1, 2), (3, 4)),
)


def test_no_prompts_give_no_masks_of_the_decoders_size(sam2) -> None:
    logits, scores = sam2.decode(sam2.encode(picture()), [])
    assert logits.shape == (0, 16, 16)
    assert scores.shape == (0,)


def test_a_batch_is_what_its_prompts_are_one_by_one(sam2) -> None:
    handle = sam2.encode(picture())
    logits, scores = sam2.decode(handle, MIXED)
    alone = [sam2.decode(handle, [prompt]) for prompt in MIXED]
    assert logits.dtype == np.float32
    assert np.abs(logits).max() > 100
    np.testing.assert_allclose(logits, np.concatenate([a[0] for a in alone]), atol=2e-3)
    np.testing.assert_allclose(scores, np.concatenate([a[1] for a in alone]), atol=2e-5)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_padding_points_would_change_the_mask(sam2) -> None:
    """Why there are none: transformers' label -10 is attended to all the same."""
    handle = sam2.encode(picture())
    place = torch.tensor([[[[10.0, 10.0]]]])
    padded = torch.cat([place, torch.zeros(1, 1, 3, 2)], dim=2)
    found = []
    for where, labels in ((place, [1]), (padded, [1, -10, -10, -10])):
        with torch.inference_mode():
            out = sam2._model(
                input_points=where,
                input_labels=torch.tensor([[labels]]),
                image_embeddings=list(handle.features),
                multimask_output=False,
            )
        found.append(out.pred_masks)
    assert (found[0] - found[1]).abs().max() > 0.1


def test_more_prompts_than_fit_a_pass(sam2) -> None:
    handle = sam2.encode(picture())
    many = [points((x + 0.5, 20)) for x in range(PROMPTS_PER_PASS + 3)]
    logits, _ = sam2.decode(handle, many)
    last, _ = sam2.decode(handle, many[-1:])
    np.testing.assert_allclose(logits[-1:], last, atol=2e-3)
    assert len(np.unique(logits[:, 8, 8])) == len(many)


def test_the_same_twice(sam2, folder) -> None:
    again = Sam2Segmenter.from_pretrained(folder)
    first, second = (s.decode(s.encode(picture()), MIXED) for s in (sam2, again))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_order_of_points_says_nothing_but_their_flags_do(sam2) -> None:
    handle = sam2.encode(picture())
    xy = [(10, 10), (40, 20), (60, 30)]
    one, same, other = (
        sam2.decode(handle, [prompt])[0]
        for prompt in (
            points(*xy, negative=(2,)),
            points(*xy[::-1], negative=(0,)),
            points(*xy[::-1], negative=(2,)),
        )
    )
    np.testing.assert_allclose(one, same, atol=2e-3)
    assert np.abs(one - other).max() > 0.1


@pytest.mark.parametrize("other", [points((11, 10)), points((10, 10), (12, 12)), box(0, 0, 9, 9)])
def test_prompts_and_images_matter(sam2, other) -> None:
    prompt = points((10, 10))
    handle = sam2.encode(picture())
    mask = sam2.decode(handle, [prompt])[0]
    assert np.abs(mask - sam2.decode(handle, [other])[0]).max() > 0.1
    assert np.abs(mask - sam2.decode(sam2.encode(picture(1)), [prompt])[0]).max() > 0.1


def test_places_are_scaled_from_the_image_to_the_square(sam2) -> None:
    """The model adds half a pixel: a place p of W stands at p / W, as in the whole project."""
    handle, (width, height) = sam2.encode(picture()), SIZE_WH
    with torch.inference_mode():
        out = sam2._model(
            input_boxes=torch.tensor([[[0.25, 0.5, 0.75, 1.0]]]) * SIDE - 0.5,
            image_embeddings=list(handle.features),
            multimask_output=False,
        )
    mask, _ = sam2.decode(handle, [box(width / 4, height / 2, width * 3 / 4, height)])
    np.testing.assert_allclose(mask[0], out.pred_masks[0, 0, 0].numpy(), atol=2e-3)


def test_a_lone_point_takes_the_best_of_three(sam2) -> None:
    handle = sam2.encode(picture())
    with torch.inference_mode():
        out = sam2._model(
            input_points=torch.tensor([[[[10 / 96, 10 / 48]]]]) * SIDE - 0.5,
            input_labels=torch.ones(1, 1, 1, dtype=torch.int64),
            image_embeddings=list(handle.features),
        )
    mask, scores = sam2.decode(handle, [points((10, 10))])
    best = int(out.iou_scores[0, 0].argmax())
    assert scores[0] == pytest.approx(float(out.iou_scores.max()), abs=1e-5)
    np.testing.assert_allclose(mask[0], out.pred_masks[0, 0, best].numpy(), atol=2e-3)


def test_a_point_in_a_box_takes_the_one_mask(sam2) -> None:
    handle, both = sam2.encode(picture()), MIXED[6]
    place = torch.from_numpy(both.points)[None, None].float() / torch.tensor(SIZE_WH) * SIDE - 0.5
    corners = torch.from_numpy(both.box).float() / torch.tensor(SIZE_WH * 2) * SIDE - 0.5
    with torch.inference_mode():
        out = sam2._model(
            input_points=place,
            input_labels=torch.ones(1, 1, 1, dtype=torch.int64),
            input_boxes=corners[None, None],
            image_embeddings=list(handle.features),
            multimask_output=False,
        )
    mask, _ = sam2.decode(handle, [both])
    np.testing.assert_allclose(mask[0], out.pred_masks[0, 0, 0].numpy(), atol=2e-3)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 4), (0, 5, 3)])
def test_what_is_no_picture_is_refused(sam2, shape) -> None:
    with pytest.raises(GeometryError, match=r"\(H, W, 3\) uint8 RGB"):
        sam2.encode(np.zeros(shape, np.uint8))


def test_pixels_are_scaled_by_hand() -> None:
    image = np.full((4, 8, 3), (0, 128, 255), np.uint8)
    values = to_pixel_values(image, 6)
    assert values.shape == (1, 3, 6, 6)
    wanted = [-0.485 / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    np.testing.assert_allclose(values[0, :, 2, 3].numpy(), wanted, rtol=1e-6)


def damage_nothing_there(folder) -> None:
    shutil.rmtree(folder)


def damage_no_weights(folder) -> None:
    (folder / "model.safetensors").unlink()


def damage_other_model(folder) -> None:
    (folder / "config.json").write_text('{"model_type": "qwen2_5_vl"}')


def damage_config(folder) -> None:
    (folder / "config.json").write_text("[]")


def damage_one_tensor(folder) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["mask_decoder.iou_token.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def damage_shape(folder) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["mask_decoder_config"]["mlp_dim"] = 32
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_nothing_there, "folder with config.json"),
        (damage_no_weights, "must load"),
        (damage_other_model, "must be SAM2, got 'qwen2_5_vl'"),
        (damage_config, "must name its model_type"),
        (damage_one_tensor, "iou_token"),
        (damage_shape, "must"),
    ],
)
def test_a_folder_that_is_no_sam2_says_where_weights_come_from(
    folder, tmp_path, damage, message
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    with pytest.raises(ModelError, match=message) as caught:
        Sam2Segmenter.from_pretrained(copy)
    assert "hf download facebook/sam2.1" in str(caught.value)
    assert "copy" in str(caught.value)


def test_the_video_checkpoint_of_meta_loads(folder, sam2, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text()) | {"model_type": "sam2_video"}
    for part in ("prompt_encoder", "mask_decoder"):
        config[f"{part}_config"]["model_type"] = f"sam2_video_{part}"
    (copy / "config.json").write_text(json.dumps(config))
    tensors = load_file(copy / "model.safetensors") | {"memory_attention.x": torch.zeros(2)}
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    loaded = Sam2Segmenter.from_pretrained(copy)
    handle = loaded.encode(picture())
    np.testing.assert_array_equal(loaded.decode(handle, MIXED)[0], sam2.decode(handle, MIXED)[0])
