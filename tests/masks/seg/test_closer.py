"""What the closer look is asked by, drawn by hand."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.masks.seg.batching import batch_prompts  # noqa: E402
from drivegrid.masks.seg.closer import (  # noqa: E402
    CloserConfig,
    CloserLook,
    Sight,
    ViewPrompts,
    view_prompts,
)
from drivegrid.masks.seg.decoder import DecoderConfig, ImageMaps  # noqa: E402
from drivegrid.masks.seg.views import views_of  # noqa: E402
from drivegrid.masks.segmenter import Prompt  # noqa: E402

SIZE_WH, MAP_WH, SIZE = (128, 64), (64, 32), 16
BOX = np.array([32.0, 16.0, 64.0, 48.0])
SKETCH = torch.full((32, 64), -20.0)
SKETCH[8:24, 16:32] = 20.0


def ask(*prompts, sketch=SKETCH):
    batch = batch_prompts(prompts, SIZE_WH, MAP_WH)
    images = torch.zeros(len(prompts), dtype=torch.long)
    return view_prompts(batch, images, sketch.expand(len(prompts), -1, -1), SIZE)


def point(x, y, positive=True, box=None):
    return Prompt(np.array([[x, y]]), np.array([positive]), box)


def test_a_box_says_where_to_look_and_is_drawn() -> None:
    asked = ask(Prompt(box=BOX))
    np.testing.assert_allclose(asked.views[0], [0.1875, 0.125, 0.5625, 0.875], atol=1e-6)
    sketch, positive, negative, box = asked.drawn[0]
    # Two thirds of the view, in its middle: 16 samples are 10.67 wide.
    row = [0, 0, 1 / 3, *[1] * 10, 1 / 3, 0, 0]
    np.testing.assert_allclose(box[8], row, atol=1e-5)
    np.testing.assert_allclose(box[:, 8], row, atol=1e-5)
    assert not sketch.any() and not positive.any() and not negative.any()


def test_without_a_box_the_sketch_says_where_and_is_seen() -> None:
    asked = ask(point(48, 32))
    np.testing.assert_allclose(asked.views, views_of(torch.tensor([[0.25, 0.25, 0.5, 0.75]])))
    sketch, positive, negative, box = asked.drawn[0]
    assert sketch[8, 8] == pytest.approx(1, abs=1e-4)
    assert sketch[0, 0] == pytest.approx(0, abs=1e-4)
    assert positive.argmax().item() in (7 * 16 + 7, 7 * 16 + 8, 8 * 16 + 7, 8 * 16 + 8)
    assert not negative.any() and not box.any()


def test_points_are_drawn_where_they_lie_in_the_view() -> None:
    # The view spans x 24 to 72 and y 8 to 56: x 28 lies in sample 1, y 55 in sample 15.
    asked = ask(point(28, 55, False, BOX))
    _, positive, negative, _ = asked.drawn[0]
    assert not positive.any()
    assert np.unravel_index(int(negative.argmax()), (SIZE, SIZE)) == (15, 1)


def test_a_mask_to_be_mended_is_sketched_even_beside_a_box() -> None:
    flags = np.ones((64, 128), np.bool_)
    lone, both = ask(Prompt(mask=flags), Prompt(box=BOX, mask=flags)).drawn
    assert lone[0].any() and not lone[3].any()
    assert both[0].any() and not both[3].any()


def test_an_empty_sketch_is_looked_for_everywhere() -> None:
    asked = ask(point(48, 32), sketch=torch.full((32, 64), -20.0))
    assert asked.views[0].tolist() == [-0.25, -0.25, 1.25, 1.25]


def test_each_view_is_drawn_for_itself_and_hints_count() -> None:
    torch.manual_seed(0)
    closer = CloserLook(CloserConfig(16, (8, 8, 8, 8), 8), DecoderConfig(16, 2, 1, (8, 8, 4)))
    maps = ImageMaps(
        torch.randn(2, 16, 4, 8),
        torch.randn(2, 8, 8, 16),
        torch.randn(2, 8, 16, 32),
        torch.zeros(0),
    )
    sight = Sight(torch.randn(2, 3, 64, 128), maps)
    prompts = ViewPrompts(
        torch.tensor([0, 1, 0]),
        views_of(torch.tensor([[0.1, 0.1, 0.4, 0.9], [0.5, 0.5, 0.6, 0.7], [0.0, 0.0, 1.0, 1.0]])),
        torch.rand(3, 4, 16, 16),
    )
    with torch.no_grad():
        logits, scores = closer(sight, prompts)
        assert logits.shape == (3, 16, 16)
        assert ((scores >= 0) & (scores <= 1)).all()
        for place in range(3):
            alone = ViewPrompts(*(part[place : place + 1] for part in prompts))
            torch.testing.assert_close(closer(sight, alone)[0][0], logits[place], atol=1e-5, rtol=0)
        other, _ = closer(sight, prompts, torch.randn(3, 8))
    assert not torch.equal(other, logits)
