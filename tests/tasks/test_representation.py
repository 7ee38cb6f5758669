import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivegrid.data.formats.tusimple import load_tusimple
from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError, TokenError
from drivegrid.geometry import Box, Point, Polyline
from drivegrid.tasks.representation import NAMES, Representation, representation
from drivegrid.tokens.grid import GridSpec

from .builders import SIZE, empty, road

ROOT = Path(__file__).parents[2]
TUSIMPLE = (
    Path(os.environ.get("DRIVEGRID_REALDATA", ROOT.parent / "shared" / "realdata"))
    / "tusimple"
    / "label_data.json"
)
ALL = [*map(representation, NAMES), representation("grid+offset", rounds=3)]


def reach(way: Representation) -> np.ndarray:
    """Return how far a point may lie from where it was, in pixels."""
    size = np.asarray(SIZE)
    if way.name in ("text", "bins"):
        return size / 1000 / 2
    return size / way.lattice.cols / 2 ** (1 + way.rounds)


@pytest.mark.parametrize("way", ALL, ids=lambda way: f"{way.name}-{way.rounds}")
def test_nothing_is_none(way: Representation) -> None:
    texts = way.write(empty().instances, SIZE)
    assert texts == ("none",)
    assert way.read(texts, SIZE, strict=True) == ((), ())
    assert way.tokens_per_instance([empty()]) == 0.0


@pytest.mark.parametrize("way", ALL, ids=lambda way: f"{way.name}-{way.rounds}")
def test_a_scene_is_read_back(way: Representation) -> None:
    scene = road()
    texts = way.write(scene.instances, SIZE)
    assert len(texts) == 1 + way.rounds
    found, diagnostics = way.read(texts, SIZE, strict=True)
    assert diagnostics == ()
    assert [i.label for i in found] == [i.label for i in scene.instances]
    assert [dict(i.attributes) for i in found] == [
        {k: v for k, v in i.attributes.items()} for i in scene.instances
    ]
    for mine, true in zip(found, scene.instances, strict=True):
        if true.geometry.kind in ("box", "point"):
            gap = np.abs(mine.geometry.vertices() - true.geometry.vertices())
            assert (gap <= reach(way) + 1e-9).all()


places = st.tuples(st.floats(0, SIZE[0]), st.floats(0, SIZE[1]))


@pytest.mark.parametrize("way", ALL, ids=lambda way: f"{way.name}-{way.rounds}")
@settings(max_examples=60, deadline=None)
@given(first=places, second=places)
def test_points_and_boxes_come_back_within_the_format(way, first, second) -> None:
    corners = np.sort(np.array([first, second]), axis=0)
    box, point = Box(corners.ravel()), Point(np.array(first))
    truth = [Instance("object/vehicle/car", box), Instance("sign/warning", point)]
    found, _ = way.read(way.write(truth, SIZE), SIZE, strict=True)
    for mine, true in zip(found, truth, strict=True):
        gap = np.abs(mine.geometry.vertices() - true.geometry.vertices())
        assert (gap <= reach(way) + 1e-6).all()


def test_lines_have_the_same_anchors_in_cells_bins_and_digits() -> None:
    line = Polyline(np.array([[300.0, 355.0], [330.0, 250.0], [420.0, 190.0]]))
    shapes = [representation(n).codec.encode(line, SIZE) for n in ("grid", "bins", "text")]
    assert len({shape.num_anchors for shape in shapes}) == 1
    assert shapes[1] == shapes[2]
    fine = representation("text").codec.decode(shapes[1], SIZE)
    grid = representation("grid").lattice
    assert (grid.cells_of(fine.vertices(), SIZE) == shapes[0].cells[0]).mean() > 0.8


@pytest.mark.parametrize("way", ALL, ids=lambda way: f"{way.name}-{way.rounds}")
@pytest.mark.parametrize(
    "texts", [(), ("",), ("sign: <point>(1", "<offset>"), ("<line>", "x", "y")]
)
def test_bad_text_is_read_and_reported(way: Representation, texts) -> None:
    found, diagnostics = way.read(texts, SIZE)
    assert found == ()
    assert diagnostics
    with pytest.raises(TokenError):
        way.read(texts, SIZE, strict=True)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("polar", {}, "must be one of"),
        ("grid+offset", {"rounds": 4}, "rounds"),
        ("grid+offset", {"rounds": 0}, "rounds"),
        ("text", {"line_encoder": "fewest"}, "must be 'rows'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(name, settings, message) -> None:
    with pytest.raises(ConfigError, match=message):
        representation(name, **settings)


def test_tokens_of_a_point() -> None:
    signs = [i for i in road().instances if i.geometry.kind == "point"]
    scene = empty().__class__(empty().frame, tuple(signs))
    counts = {way.name + str(way.rounds): way.tokens_per_instance([scene]) for way in ALL}
    assert counts["grid0"] == counts["grid640"] == 3
    assert counts["grid+offset1"] == 3 + 5
    assert counts["bins0"] == 4
    assert 10 <= counts["text0"] <= 12


@pytest.mark.skipif(not TUSIMPLE.exists(), reason="needs real lanes: $DRIVEGRID_REALDATA")
def test_ceilings_on_real_lanes_are_in_the_order_of_precision() -> None:
    scenes = load_tusimple(TUSIMPLE).scenes[:12]
    ways = [
        representation("grid"),
        representation("grid+offset", GridSpec(gamma=1.0)),
        representation("grid+offset", rounds=2),
        representation("text"),
    ]
    scores = [way.ceiling(scenes).lanes["mf1"] for way in ways]
    assert scores == sorted(scores)
    assert scores[0] < 65 < 95 < scores[-1]
