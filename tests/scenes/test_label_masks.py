"""The masks of rendered scenes agree with the id planes."""

import numpy as np

from drivegrid.scenes.label_masks import LEAST_PART, LEAST_PIXELS, label_masks, pieces
from drivegrid.scenes.render import render_scene
from drivegrid.scenes.segments import SEGMENT


def test_masks_of_scenes() -> None:
    labels = set()
    for seed in range(500_000, 500_006):
        rendered = render_scene(seed, (256, 144))
        found = label_masks(rendered)
        known = {i.extra["id"]: i.label for i in rendered.scene.instances if "id" in i.extra}
        for label, mask in found:
            labels.add(label)
            assert mask.dtype == np.bool_
            assert mask.shape == (144, 256)
            assert mask.sum() >= LEAST_PIXELS
        for number, label in known.items():
            seen = rendered.instances == number
            same = [mask for name, mask in found if name == label and np.array_equal(mask, seen)]
            wanted = seen.sum() >= LEAST_PIXELS and not label.startswith("lane/line")
            assert len(same) == wanted
        [road] = [mask for label, mask in found if label == "area/drivable"]
        paved = np.isin(rendered.segments, [SEGMENT["road"], SEGMENT["marking"]])
        np.testing.assert_array_equal(road, paved)
        assert not any(label.startswith("lane/line") for label, _ in found)
    assert {"region/sky", "object/vehicle/car"} <= labels


def test_pieces() -> None:
    assert pieces(np.zeros((4, 4), np.bool_), 1) == []
    mask = np.zeros((20, 20), np.bool_)
    mask[:8, :8] = True
    mask[15, 15] = True
    assert [int(piece.sum()) for piece in pieces(mask, LEAST_PART)] == [64]
    assert [int(piece.sum()) for piece in pieces(mask, 1)] == [64, 1]
    diagonal = np.eye(3, dtype=np.bool_)
    assert len(pieces(diagonal, 1)) == 1
