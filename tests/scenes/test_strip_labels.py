"""Strips beside the carriageway: each label lies on its strip, and where it can be seen."""

import cv2
import numpy as np
import pytest

from drivegrid.scenes.render import render_world
from drivegrid.scenes.seeds import TEST_SEEDS
from drivegrid.scenes.segments import SEGMENT
from drivegrid.scenes.strip_labels import MIN_PICTURE, MIN_SHARE
from drivegrid.scenes.view import Picture
from tests.scenes.worlds import world

SIZE = (640, 360)
GROUND = [SEGMENT[name] for name in ("road", "marking", "sidewalk")]
STRIPS = ("area/bike_lane", "area/parking", "area/shoulder", "area/sidewalk")


class Blank:
    def draw(self, view):
        return Picture(np.zeros_like(view.plate.albedo), view.plate.segments, view.plate.instances)


def strips_of(seed):
    rendered = render_world(world(seed), SIZE, Blank())
    found = [i for i in rendered.scene.instances if i.label in STRIPS and i.visibility is not None]
    return found, rendered.segments


@pytest.mark.parametrize("seed", TEST_SEEDS[:60:2])
def test_strips_are_seen(seed):
    found, segments = strips_of(seed)
    for strip in found:
        mask = np.zeros(segments.shape, dtype=np.uint8)
        cv2.fillPoly(mask, [np.rint(strip.geometry.vertices() - 0.5).astype(np.int32)], 1)
        ground = np.isin(segments, GROUND) & mask.view(bool)
        assert ground.sum() / mask.sum() >= MIN_SHARE - 0.02
        assert ground.sum() / segments.size >= MIN_PICTURE - 1e-4
        if strip.label == "area/sidewalk":
            own = (segments == SEGMENT["sidewalk"]) & mask.view(bool)
            assert own.sum() >= 0.6 * ground.sum()


def test_all_kinds_occur():
    labels = {strip.label for seed in TEST_SEEDS[:60] for strip in strips_of(seed)[0]}
    assert labels == set(STRIPS)
