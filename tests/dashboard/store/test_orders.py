import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.schema import frames, scores  # noqa: E402
from drivegrid.dashboard.store.evaluations import evaluate  # noqa: E402
from drivegrid.dashboard.store.orders import (  # noqa: E402
    by_number,
    disagreement,
    flicker,
    instability,
    lane_flicker,
    offset_instability,
    random_audit,
    rare_class,
    worst_score,
)
from drivegrid.dashboard.store.queues import Ranked  # noqa: E402

from drivegrid.data.scene import Instance  # noqa: E402
from drivegrid.geometry import Box, Point, Polyline  # noqa: E402
from tests.dashboard.store.rows import add_frames, add_shapes, add_source  # noqa: E402
from tests.dashboard.store.test_evaluations import rows_of  # noqa: E402
from tests.dashboard.store.worlds import make_world  # noqa: E402

ALL = sa.select(frames.c.id)
NONE = ALL.where(sa.false())
LANE = Instance("lane/line", Polyline([[100.0, 480.0], [130.0, 300.0]]))
CAR = Instance("obstacle/car", Box([300.0, 200.0, 400.0, 300.0]))
SIGN = Instance("sign", Point([10.0, 20.0]))


def test_of_no_frames_there_is_no_order(database) -> None:
    dataset, _ = add_frames(database, 2, clip="a", status="accepted")
    source = add_source(database, dataset, "a")
    for chosen in (NONE, ALL):
        for found in (
            worst_score(database, chosen, 9, 1),
            rare_class(database, chosen, 9, source),
            offset_instability(database, chosen, 9, source),
            disagreement(database, chosen, 9, (source, source)),
        ):
            assert found == []
    assert by_number(database, NONE, 9) == random_audit(database, NONE, 9, 0) == []
    assert lane_flicker(database, NONE, 9, source) == []


def test_by_number_and_at_random(database) -> None:
    _, ids = add_frames(database, 30)
    with database.write() as connection:
        late = sa.update(frames).where(frames.c.id == ids[0])
        connection.execute(late.values(number=99))
        some = sa.update(frames).where(frames.c.id.in_(ids[10:]))
        connection.execute(some.values(status="accepted"))
    assert by_number(database, ALL, 3) == [Ranked(number) for number in ids[1:4]]
    assert by_number(database, ALL, 99)[-1] == Ranked(ids[0])
    drawn = [random_audit(database, ALL, 10, seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({one.frame_id for one in drawn[0]}) == 10
    assert {one.frame_id for one in random_audit(database, ALL, 99, 0)} == set(ids[10:])


def test_worst_scores_come_first(database) -> None:
    world = make_world(database, 1)
    number = evaluate(database, world.dataset, world.runs[0], world.truth, "boxes", world.user)
    rows = sorted((row.score, row.frame_id) for row in rows_of(database, scores, number))
    assert worst_score(database, ALL, 99, number) == [Ranked(f, score) for score, f in rows]
    few = ALL.where(frames.c.id != rows[0][1])
    assert worst_score(database, few, 1, number) == [Ranked(rows[1][1], rows[1][0])]


def test_the_rarest_label_decides(database) -> None:
    dataset, ids = add_frames(database, 4)
    source, other = add_source(database, dataset, "a"), add_source(database, dataset, "b")
    for frame, things in zip(ids, ([CAR, CAR], [CAR, LANE], [SIGN, CAR], [LANE]), strict=True):
        add_shapes(database, source, frame, things)
        add_shapes(database, other, frame, [SIGN])
    expected = [Ranked(ids[2], 1), Ranked(ids[1], 2), Ranked(ids[3], 2), Ranked(ids[0], 3)]
    assert rare_class(database, ALL, 9, source) == expected
    assert rare_class(database, ALL, 1, source) == expected[:1]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([(1, "a", 4)], [(1, 0)]),
        ([(1, "a", 4), (2, "a", 4)], [(1, 0), (2, 0)]),
        ([(1, "a", 4), (2, "a", 3), (3, "a", 4)], [(2, 2), (1, 1), (3, 1)]),
        ([(1, "a", 4), (2, "b", 9)], [(1, 0), (2, 0)]),
    ],
)
def test_flicker(counts, expected) -> None:
    assert flicker(counts) == expected


def test_a_lane_that_vanishes_for_one_frame(database) -> None:
    dataset, ids = add_frames(database, 6, clip="a")
    source, other = add_source(database, dataset, "a"), add_source(database, dataset, "b")
    with database.write() as connection:
        alone = sa.update(frames).where(frames.c.id == ids[5])
        connection.execute(alone.values(clip=None))
    for i, frame in enumerate(ids):
        add_shapes(database, source, frame, [CAR] + [LANE] * (0 if i == 2 else 2))
        add_shapes(database, other, frame, [LANE] * i)
    found = lane_flicker(database, ALL, 9, source)
    assert found[0] == Ranked(ids[2], 4)
    assert dict(found) == {ids[0]: 0, ids[1]: 2, ids[2]: 4, ids[3]: 2, ids[4]: 0}


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ({}, None),
        ({"offsets": []}, None),
        ({"offsets": [[]]}, None),
        ({"offsets": [["<OFF_0_0>"]], "cells": [[1, 2]]}, 0),
        ({"offsets": [["<OFF_0_0>", "<OFF_0_1>"], ["<DELETE>", "<OFF_0_0>"]]}, 0.5),
    ],
)
def test_instability(trace, expected) -> None:
    assert instability(trace) == expected


def test_frames_whose_anchors_moved_most(database) -> None:
    dataset, ids = add_frames(database, 3)
    source = add_source(database, dataset, "a", "model")
    still, moved = ({"offsets": [[token]]} for token in ("<OFF_0_0>", "<OFF_1_0>"))
    add_shapes(database, source, ids[0], [CAR, CAR], [still, moved])
    add_shapes(database, source, ids[1], [CAR, CAR, CAR], [moved, None, {}])
    add_shapes(database, source, ids[2], [CAR], [None])
    found = offset_instability(database, ALL, 9, source)
    assert found == [Ranked(ids[1], 1), Ranked(ids[0], 0.5)]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([], [CAR], 1),
        ([CAR], [CAR], 0),
        ([LANE, CAR, SIGN], [LANE, CAR, SIGN], 0),
        ([LANE, CAR], [LANE, SIGN], 0.5),
        ([CAR], [Instance("obstacle/truck", CAR.geometry)], 1),
        ([CAR, CAR], [CAR], 1 - 2 / 3),
    ],
)
def test_disagreement_of_two_runs(tmp_path, one, other, expected) -> None:
    from drivegrid.dashboard.database import Database

    database = Database(f"sqlite:///{tmp_path}/a.db")
    database.migrate()
    dataset, ids = add_frames(database, 2)  # in the last one neither says anything
    runs = [add_source(database, dataset, name, "model") for name in "ab"]
    add_shapes(database, runs[0], ids[0], one)
    add_shapes(database, runs[1], ids[0], other)
    assert disagreement(database, ALL, 9, tuple(runs)) == [Ranked(ids[0], pytest.approx(expected))]
    database.close()


def test_disagreement_looks_at_all_frames(database, monkeypatch) -> None:
    monkeypatch.setattr("drivegrid.dashboard.store.orders.BATCH", 5)
    world = make_world(database, 2)
    found = disagreement(database, ALL, 99, tuple(world.runs))
    there = {
        frame for frame in world.frames if any(world.instances[run][frame] for run in world.runs)
    }
    assert {one.frame_id for one in found} == there
    whys = [one.why for one in found]
    assert whys == sorted(whys, reverse=True) and 0 <= whys[-1] <= whys[0] <= 1
    assert disagreement(database, ALL, 2, tuple(world.runs)) == found[:2]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=8))
def test_flicker_counts_each_step_twice(steps) -> None:
    """What frames differ by, summed, is twice what neighbours of a clip differ by."""
    counts = [(i, clip, num) for i, (clip, num) in enumerate(sorted(steps))]
    found = flicker(counts)
    assert sorted(one.frame_id for one in found) == list(range(len(counts)))
    total = 0
    for clip in "ab":
        total += np.abs(np.diff([num for _, one, num in counts if one == clip])).sum()
    assert sum(one.why for one in found) == 2 * total
