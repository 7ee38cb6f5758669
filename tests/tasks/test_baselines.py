"""Trivial predictors lie where they must: below the ceiling, at the value worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from drivegrid.data.attributes import attribute_questions
from drivegrid.data.expressions import refer
from drivegrid.data.split import Split
from drivegrid.tasks.baselines import (
    attribute_table,
    average_scene,
    referring_table,
    refine_table,
    scale_scene,
    scene_table,
)
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec
from tests.data.toy_world import area, line, random_scene, scene, sign, thing

CODEC = Codec(GridSpec())


def numbered(scenes):
    return [replace(s, frame=replace(s.frame, image=f"{i}.png")) for i, s in enumerate(scenes)]


def split_of(scenes):
    rng = np.random.default_rng(0)
    return Split(
        tuple(scenes),
        tuple(tuple(refer(s, rng, 3)) for s in scenes),
        tuple(tuple(attribute_questions(s)) for s in scenes),
    )


SCENES = numbered(random_scene(seed) for seed in range(8))
TRAINING = numbered(random_scene(seed) for seed in range(100, 104))


def test_an_empty_split_has_no_figures() -> None:
    rows = scene_table([], [], CODEC)
    assert set(rows) == {"ceiling", "nothing", "everything", "centre"}
    assert {value for row in rows.values() for value in row.values()} == {None}
    assert referring_table(split_of([]), CODEC)["ceiling"]["none accuracy"] is None


def test_the_ceiling_is_the_highest_and_nothing_is_nothing() -> None:
    rows = scene_table(SCENES, TRAINING, CODEC)
    for name in ("box Acc@50", "box F1@50", "sign F1"):
        assert max(row[name] for row in rows.values()) == rows["ceiling"][name] > 0.5
        assert rows["nothing"][name] == 0
    assert rows["everything"]["sign F1"] < 0.05


def test_everything_covers_the_road_by_its_share_of_the_frame() -> None:
    road = scene(area(), image="a.png")
    share = 0.5 * (160 + 20) * 85 / (320 * 180)
    assert scene_table([road], [], CODEC)["everything"]["drivable gIoU"] == pytest.approx(share)


def test_centre_hits_what_stands_there() -> None:
    ball = sign("sign/warning", 160.0)
    ball = replace(ball, extra={"box_xyxy": [150.0, 80.0, 170.0, 100.0]})
    rows = scene_table([scene(ball, image="a.png")], [], CODEC)
    assert rows["centre"]["sign hit"] == 1.0


def test_the_average_scene_is_the_one_most_like_the_others() -> None:
    usual = [scene(line(60 + d, 0), line(200 + d, 1)) for d in (-1, 0, 1)]
    odd = scene(line(5, 0), line(310, 1))
    assert average_scene(numbered([odd, *usual])).frame.image == "2.png"


def test_scenes_scale_to_any_frame() -> None:
    scaled = scale_scene(random_scene(0), (640, 90))
    assert scaled.frame.size_wh == (640, 90)
    before = random_scene(0).instances[0].geometry.vertices()
    assert np.allclose(scaled.instances[0].geometry.vertices(), before * (2, 0.5))


def test_referring_predictors() -> None:
    rows = referring_table(split_of(SCENES), CODEC)
    assert rows["ceiling"]["single F1@50"] > 0.95
    assert rows["ceiling"]["none accuracy"] == 1.0
    assert rows["nothing"] == {
        "single F1@50": 0.0, "multiple F1@50": 0.0, "none accuracy": 1.0,
        "all F1@50": pytest.approx(rows["nothing"]["all mF1"]), "all mF1": rows["nothing"]["all mF1"],
    }  # fmt: skip
    assert rows["everything of the kind"]["single F1@50"] < 1


def test_the_majority_is_learnt_from_training() -> None:
    cones = [thing("obstacle/cone")] * 3
    test = split_of([scene(*cones, thing("obstacle/rock"))])
    train = split_of([scene(thing("obstacle/rock"))])
    row = attribute_table(test, train)["obstacle_class"]
    assert (row["majority"], row["top-1"], row["n"]) == ("rock", 0.25, 4)
    assert attribute_table(test, None)["obstacle_class"]["top-1"] == 0.75
    assert row["chance"] == pytest.approx(1 / 14)


def test_offsets_mend_what_was_shaken_and_proposals_are_the_same_every_time() -> None:
    rows = refine_table(SCENES, CODEC)
    assert rows["ceiling"]["box Acc@80"] > rows["proposal"]["box Acc@80"]
    assert refine_table(SCENES, CODEC) == rows
