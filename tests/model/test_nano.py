import numpy as np
import pytest

torch = pytest.importorskip("torch")

from transformers import DynamicCache  # noqa: E402

from drivegrid.model.checkpoint import load_nano, save_nano  # noqa: E402
from drivegrid.model.nano import compact  # noqa: E402

ANSWER = "lane line: <line><grid_3_7><grid_3_5><grid_4_3></line>"
REFINED = "<offset><line><OFF_1_0><OFF_0_0><DELETE></line></offset>"


def dialogue(processor) -> list[int]:
    first = processor.prompt_ids("all lanes") + processor.reply_ids(ANSWER)
    return first + processor.prompt_ids("refine") + processor.reply_ids(REFINED)


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(1, 3, 96, 128))).float()


def test_one_token_at_a_time_scores_like_all_at_once(toy, pixels) -> None:
    model, processor = toy
    ids = torch.tensor([dialogue(processor)])
    with torch.inference_mode():
        image = model.encode_image(pixels)
        whole = model(ids, image_features=image).logits
        cache, steps = DynamicCache(), []
        for t in range(ids.shape[1]):
            inputs = model.prepare_inputs_for_generation(
                ids[:, : t + 1], past_key_values=cache, image_features=image
            )
            steps.append(model(**inputs).logits)
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-4, rtol=1e-4)


def test_packed_conversations_do_not_see_each_other(toy, pixels) -> None:
    model, processor = toy
    ids = dialogue(processor)
    other = processor.prompt_ids("car") + processor.reply_ids("none")
    row = torch.tensor([other + ids])
    with torch.inference_mode():
        image = model.encode_image(pixels)
        alone = model(torch.tensor([ids]), image_features=image)
        hints = torch.cat([model._hints(torch.tensor([part])) for part in (other, ids)], dim=1)
        packed = model(
            row,
            image_features=image,
            anchor_xyr=hints,
            position_ids=torch.tensor([[*range(len(other)), *range(len(ids))]]),
            segment_ids=torch.tensor([[0] * len(other) + [1] * len(ids)]),
        )
    torch.testing.assert_close(packed.logits[:, len(other) :], alone.logits, atol=1e-4, rtol=1e-4)


def test_loss_equals_the_scores_it_skips(toy, pixels) -> None:
    from drivegrid.model.soft_targets import spatial_cross_entropy

    model, processor = toy
    ids = torch.tensor([dialogue(processor)])
    labels = ids.roll(-1, 1)
    labels[:, ::3] = -100
    with torch.inference_mode():
        image = model.encode_image(pixels)
        loss = model(ids, image_features=image, labels=labels).loss
        logits = model(ids, image_features=image).logits
    config = model.config
    kept = labels != -100
    expected = spatial_cross_entropy(
        logits[kept], labels[kept], config.grid_spec, config.spatial_base_id, config.target_sigma
    ).mean()
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)


def test_cell_planes_add_their_weighted_loss(toy, pixels) -> None:
    from drivegrid.model.nano import CELL_LOSS_WEIGHT
    from drivegrid.model.soft_targets import cell_loss

    model, processor = toy
    ids = torch.tensor([dialogue(processor)])
    planes = torch.zeros(1, model.config.num_cell_classes, 8, 8)
    planes[0, 2, 3, 5] = 1
    with torch.inference_mode():
        image = model.encode_image(pixels)
        plain = model(ids, image_features=image, labels=ids).loss
        both = model(ids, image_features=image, labels=ids, cell_planes=planes).loss
        shown = cell_loss(model.cell_classes(image.cells), planes)
    torch.testing.assert_close(both, plain + CELL_LOSS_WEIGHT * shown)


def test_cells_look_where_they_stand(toy) -> None:
    """A dot in the finest map changes the cell it lies in and no far one."""
    model, _ = toy
    encoder = model.image_encoder
    maps = {4: (24, 24, 32), 8: (40, 12, 16), 16: (112, 6, 8), 32: (320, 3, 4)}
    dark = {stride: torch.zeros(1, *shape) for stride, shape in maps.items()}
    dotted = {stride: value.clone() for stride, value in dark.items()}
    dotted[4][0, :, 10, 21] = 1.0  # y 10.5 / 24 is row 3 of 8, x 21.5 / 32 is column 5 of 8
    with torch.inference_mode():
        change = (encoder(dotted)[1] - encoder(dark)[1]).abs().sum(-1).view(8, 8)
    assert change.argmax() == 3 * 8 + 5
    changed = {(int(y), int(x)) for y, x in change.gt(1e-4).nonzero()}
    assert changed <= {(y, x) for y in (2, 3, 4) for x in (4, 5, 6)}


def test_generate_equals_a_literal_greedy_loop(toy, pixels) -> None:
    model, processor = toy
    ids = torch.tensor([processor.prompt_ids("all lanes")])
    written = model.generate(ids, pixel_values=pixels, max_new_tokens=8, do_sample=False)
    literal = ids
    with torch.inference_mode():
        while literal.shape[1] < written.shape[1]:
            best = model(literal, pixel_values=pixels).logits[:, -1:].argmax(-1)
            literal = torch.cat([literal, best], dim=1)
    assert written.tolist() == literal.tolist()


def test_left_padding_changes_nothing(toy, pixels) -> None:
    model, processor = toy
    ids = torch.tensor([processor.prompt_ids("all lanes")])
    pad = torch.full((1, 3), processor.special_ids["pad"])
    padded = torch.cat([pad, ids], dim=1)
    mask = torch.cat([torch.zeros_like(pad), torch.ones_like(ids)], dim=1)
    plain = model.generate(ids, pixel_values=pixels, max_new_tokens=6, do_sample=False)
    shifted = model.generate(
        padded, attention_mask=mask, pixel_values=pixels, max_new_tokens=6, do_sample=False
    )
    assert shifted[:, 3:].tolist() == plain.tolist()


def test_gradient_steps_lower_the_loss(toy, pixels) -> None:
    import copy

    model = copy.deepcopy(toy[0]).train()
    ids = torch.tensor([dialogue(toy[1])])
    labels = ids.roll(-1, 1)
    labels[:, -1] = -100
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses = []
    for _ in range(20):
        loss = model(ids, pixel_values=pixels, labels=labels).loss
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]


def test_saved_checkpoint_scores_the_same(toy, pixels, tmp_path) -> None:
    model, processor = toy
    save_nano(model, processor, tmp_path / "checkpoint", {})
    loaded, again = load_nano(tmp_path / "checkpoint")
    ids = torch.tensor([dialogue(processor)])
    assert again.prompt_ids("all lanes") == processor.prompt_ids("all lanes")
    with torch.inference_mode():
        first = model(ids, pixel_values=pixels).logits
        second = loaded(ids, pixel_values=pixels).logits
    # Half precision on disk: 11 bits of mantissa.
    torch.testing.assert_close(second, first, atol=0.02, rtol=0.02)


def test_compact_keeps_order() -> None:
    chosen = torch.tensor([[False, True, True], [True, False, False]])
    _, time, valid = compact(chosen)
    assert time[valid].tolist() == [1, 2, 0]
