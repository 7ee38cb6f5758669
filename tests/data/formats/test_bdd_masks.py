"""BDD100K masks: bytes by hand, strokes drawn and found again, real lane masks."""

import cv2
import numpy as np
import pytest
from PIL import Image

from drivegrid.data.formats import detect_format, find_format
from drivegrid.data.formats.bdd_masks import (
    areas_of,
    centre_lines,
    lanes_of,
    load_bdd_masks,
    recognise_bdd_masks,
)
from drivegrid.data.formats.masks import recognise_masks
from drivegrid.data.formats.peek import Peek
from drivegrid.data.rasters import fill
from drivegrid.errors import FormatError


def make_mask(*lines, size_wh=(128, 72), back=255):
    mask = np.full(size_wh[::-1], back, np.uint8)
    for byte, start, stop in lines:
        cv2.line(mask, start, stop, byte, 3)
    return mask


def write(path, mask):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)
    return path


BYTES = {
    0: ("lane/crosswalk", {"style": "solid", "direction": "along"}),
    2: ("lane/line", {"color": "white", "style": "double solid", "direction": "along"}),
    4: ("lane/curb", {"style": "curb", "direction": "along"}),
    6: ("lane/line", {"color": "white", "style": "solid", "direction": "along"}),
    6 + 16: ("lane/line", {"color": "white", "style": "dashed", "direction": "along"}),
    7 + 32: ("lane/line", {"color": "yellow", "style": "solid", "direction": "across"}),
}


@pytest.mark.parametrize("byte", BYTES)
def test_each_bit_of_a_lane_byte(byte):
    [lane] = lanes_of(make_mask((byte, (20, 70), (60, 10))))
    label, facts = BYTES[byte]
    if byte == 0:
        facts = {"direction": "along"}
    assert (lane.label, dict(lane.attributes)) == (label, facts)


def test_background_is_nothing():
    assert lanes_of(np.full((5, 9), 255, np.uint8)) == []
    assert lanes_of(np.full((5, 9), 8 + 6, np.uint8)) == []
    assert areas_of(np.full((5, 9), 2, np.uint8)) == []
    assert centre_lines(np.zeros((5, 9), bool)) == []
    assert centre_lines(np.zeros((0, 0), bool)) == []


STROKES = {
    "steep": [((20, 70), (60, 10))],
    "flat": [((5, 60), (120, 40))],
    "level": [((5, 60), (120, 60))],
    "apart": [((20, 70), (40, 10)), ((80, 70), (60, 10))],
    "a pair": [((20, 70), (40, 10)), ((32, 70), (47, 10))],
    "meeting above": [((20, 70), (60, 10)), ((100, 70), (60, 10))],
    "meeting far off": [((5, 60), (60, 30)), ((120, 60), (60, 30))],
    "crossing": [((30, 70), (90, 5)), ((90, 70), (30, 5))],
}


@pytest.mark.parametrize("name", STROKES)
def test_strokes_come_back(name):
    drawn = STROKES[name]
    found = centre_lines(make_mask(*[(6, *line) for line in drawn]) == 6)
    assert len(found) == len(drawn)
    for line in found:
        assert line[0, 1] >= line[-1, 1]
        ends = line[[0, -1]], line[[-1, 0]]
        assert min(np.abs(end - np.array(pair)).max() for end in ends for pair in drawn) <= 6


def test_a_single_pixel_is_a_line_of_one_point():
    mask = np.zeros((5, 9), bool)
    mask[2, 3] = True
    assert [line.tolist() for line in centre_lines(mask)] == [[[3.5, 2.5]]]


def test_drivable_masks_become_polygons_with_holes(tmp_path):
    mask = np.full((20, 30), 2, np.uint8)
    mask[5:, 2:20], mask[8:12, 5:9], mask[10:, 22:] = 0, 2, 1
    write(tmp_path / "drivable" / "masks" / "val" / "x.png", mask)
    [scene] = load_bdd_masks(tmp_path).scenes
    assert (scene.frame.image, scene.frame.size_wh) == ("x.jpg", (30, 20))
    direct, other = scene.instances
    assert (direct.label, other.label) == ("area/drivable/direct", "area/drivable/alternative")
    assert (fill(direct.geometry, (30, 20)) == (mask == 0)).all()
    assert (fill(other.geometry, (30, 20)) == (mask == 1)).all()


def test_masks_of_one_image_are_one_frame(tmp_path):
    for split, name in (("train", "a"), ("train", "b"), ("val", "a")):
        write(tmp_path / "lane" / "masks" / split / f"{name}.png", make_mask((6, (9, 70), (9, 5))))
        write(tmp_path / "lane" / "colormaps" / split / f"{name}.png", make_mask())
    write(tmp_path / "drivable" / "masks" / "train" / "a.png", make_mask(back=2))
    assert detect_format(tmp_path)[0] == "bdd100k"
    loaded = find_format("bdd100k").load(tmp_path)
    assert (len(loaded.scenes), loaded.quarantine.rejected) == (3, [])
    kinds = [sorted(scene.extra["bdd100k"]) for scene in loaded.scenes]
    assert sorted(kinds) == [["drivable", "lane"], ["lane"], ["lane"]]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full((5, 9), 64, np.uint8), "its own bytes"),
        (np.stack([make_mask(), make_mask(), make_mask(back=2)], -1), "grey"),
        (np.tile(np.array([[255, 6]], np.uint8), (1100, 1000)), "runs"),
    ],
)
def test_wrong_masks_are_set_aside(tmp_path, mask, message):
    write(tmp_path / "lane" / "a.png", mask)
    write(tmp_path / "lane" / "b.png", make_mask())
    (tmp_path / "lane" / "c.png").write_bytes(b"no picture")
    loaded = load_bdd_masks(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["b.jpg"]
    wrong = {rejected.path[-5:]: rejected.message for rejected in loaded.quarantine.rejected}
    assert message in wrong["a.png"]
    assert "picture" in wrong["c.png"]


def test_masks_of_two_sizes_are_set_aside(tmp_path):
    write(tmp_path / "lane" / "a.png", make_mask())
    write(tmp_path / "drivable" / "a.png", make_mask(size_wh=(9, 9)))
    loaded = load_bdd_masks(tmp_path)
    assert (loaded.scenes, loaded.quarantine.num_rejected) == ([], 1)


def test_other_folders_are_not_recognised(tmp_path):
    write(tmp_path / "labels" / "a.png", make_mask())
    with pytest.raises(FormatError, match="must be of a known format"):
        detect_format(tmp_path)
    write(tmp_path / "lanes" / "b.png", make_mask(back=100))
    with pytest.raises(FormatError, match="must be of a known format"):
        detect_format(tmp_path)
    with pytest.raises(FormatError, match="masks"):
        load_bdd_masks(tmp_path / "labels")


FIRST_MASKS = {
    "lane": [
        (make_mask(back=255), True),
        (make_mask((6, (20, 70), (60, 10)), back=8), True),
        (make_mask(back=0), False),
        (make_mask((1, (20, 70), (60, 10)), (4, (90, 70), (60, 10)), back=0), False),
    ],
    "drivable": [
        (make_mask(back=2), True),
        (make_mask((1, (20, 70), (60, 10)), back=255), True),
        (make_mask(back=0), False),
        (make_mask((1, (20, 70), (60, 10)), back=0), False),
    ],
}
"""Masks drawn on BDD100K's background, and on black as CULane's lane numbers are."""


@pytest.mark.parametrize(
    ("kind", "mask", "is_known"),
    [(kind, *row) for kind, rows in FIRST_MASKS.items() for row in rows],
)
def test_masks_drawn_on_black_are_not_recognised(tmp_path, kind, mask, is_known):
    write(tmp_path / kind / "a.png", mask)
    assert (recognise_bdd_masks(Peek(tmp_path)) is not None) == is_known
    [scene] = load_bdd_masks(tmp_path).scenes  # who names the format has it read all the same
    assert scene.frame.size_wh == (128, 72)


def test_black_masks_beside_a_class_list_are_class_masks(tmp_path):
    write(tmp_path / "lane_labels" / "a.png", make_mask(back=0))
    assert recognise_masks(Peek(tmp_path)) is None
    (tmp_path / "classes.txt").write_text("0 Road\n1 Sidewalk\n")
    assert detect_format(tmp_path)[0] == "masks"
    [scene] = find_format("masks").load(tmp_path).scenes
    assert len(scene.instances) == 1


def test_real_masks(realdata):
    folder = realdata / "format_fixtures" / "bdd100k" / "lane"
    assert detect_format(folder)[0] == "bdd100k"
    loaded = load_bdd_masks(folder)
    assert (loaded.quarantine.num_kept, loaded.quarantine.rejected) == (8, [])
    for scene in loaded.scenes[:4]:
        mask = np.array(Image.open(folder / scene.extra["bdd100k"]["lane"]))
        drawn = np.zeros(mask.shape, np.uint8)
        for lane in scene.instances:
            points = np.round(lane.geometry.xy - 0.5).astype(np.int32)
            cv2.polylines(drawn, [points], isClosed=False, color=1, thickness=5)
        assert (drawn[mask != 255] == 1).mean() > 0.97
        assert len(scene.instances) < 15
