"""Frames with the masks that are compared."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.inference.mask_frames import without_specks
from drivegrid.masks.labelled import LabelledMasks


@pytest.mark.parametrize(
    ("areas", "kept"),
    [([], []), ([1], []), ([15, 16, 17], [16, 17]), ([400, 3, 20], [400, 20])],
)
def test_specks_are_left_out(areas, kept) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    masks = [(np.arange(600) < area).reshape(20, 30) for area in areas]
    labelled = LabelledMasks.of(image, [("object", mask) for mask in masks])
    found = without_specks(labelled)
    assert found.masks.areas.tolist() == kept
    assert len(found.labels) == len(kept)
