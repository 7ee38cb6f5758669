from collections import Counter
from itertools import product

import numpy as np
import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError  # noqa: E402
from drivegrid.dashboard.schema import audit, frames, matches, scores  # noqa: E402
from drivegrid.dashboard.store import evaluations as module  # noqa: E402
from drivegrid.dashboard.store.evaluations import (  # noqa: E402
    evaluate,
    figures,
    frame_scores,
    list_evaluations,
)
from drivegrid.dashboard.store.matches import (  # noqa: E402
    MatchFilter,
    confusion,
    match_page,
)
from drivegrid.dashboard.store.reviews import Verdict, verdict  # noqa: E402

from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.errors import ConfigError  # noqa: E402
from drivegrid.geometry import Box, Polygon  # noqa: E402
from drivegrid.metrics.evaluate import evaluate_scenes  # noqa: E402
from tests.dashboard.store.rows import (  # noqa: E402
    SIZE,
    add_frames,
    add_shapes,
    add_source,
    add_users,
)
from tests.dashboard.store.worlds import World, make_world  # noqa: E402


def rows_of(database, table: sa.Table, evaluation: int) -> list:
    chosen = sa.select(table).where(table.c.evaluation_id == evaluation)
    with database.read() as connection:
        return list(connection.execute(chosen))


def scenes(world: World, source: int) -> list[Scene]:
    return [
        Scene(Frame(f"{i}.jpg", SIZE), tuple(world.instances[source][frame]))
        for i, frame in enumerate(world.frames)
    ]


def overlap(one: Instance, other: Instance) -> float:
    """Return the IoU of two boxes, worked out anew."""
    a, b = one.geometry.xyxy, other.geometry.xyxy
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inter = float(np.prod(np.maximum(high - low, 0)))
    return inter / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter)


def oracle_confusion(world: World, run: int) -> Counter:
    """Count cells of boxes: those of a label first, then those of a place; boxes lie far apart."""
    cells: Counter = Counter()
    for frame in world.frames:
        sides = [
            [item for item in world.instances[source][frame] if item.geometry.kind == "box"]
            for source in (run, world.truth)
        ]
        for same in (True, False):
            for pred in list(sides[0]):
                for true in list(sides[1]):
                    near = overlap(pred, true) >= 0.5 and pred in sides[0]
                    if near and (pred.label == true.label) == same:
                        cells[pred.label, true.label] += 1
                        sides[0].remove(pred)
                        sides[1].remove(true)
        cells.update((pred.label, None) for pred in sides[0])
        cells.update((None, true.label) for true in sides[1])
    return cells


def test_nothing_to_score(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, _ = add_frames(database, 0)
    pair = add_source(database, dataset, "a"), add_source(database, dataset, "b")
    number = evaluate(database, dataset, *pair, "boxes", ada)
    assert confusion(database, number) == {}
    assert rows_of(database, scores, number) == []
    assert figures(database, number).figures["n"] == 0
    assert match_page(database, number, MatchFilter()).rows == ()


def test_what_cannot_be_scored_is_refused(database, monkeypatch) -> None:
    [ada] = add_users(database, "ada")
    dataset, _ = add_frames(database, 1)
    other, _ = add_frames(database, 2)
    mine, foreign = add_source(database, dataset, "a"), add_source(database, other, "b")
    with pytest.raises(ConfigError, match="rule must be one of"):
        evaluate(database, dataset, mine, mine, "nonsense", ada)
    for pair in ((mine, foreign), (foreign, mine), (mine, 99)):
        with pytest.raises(ConfigError, match="source must be one of data set"):
            evaluate(database, dataset, *pair, "boxes", ada)
    with pytest.raises(StoreError, match="evaluation must exist"):
        figures(database, 99)
    with pytest.raises(StoreError):
        evaluate(database, dataset, mine, mine, "boxes", 99)  # nobody
    assert list_evaluations(database, dataset) == ()  # whole or not at all


def test_boxes_against_slow_counts(database) -> None:
    world = make_world(database, 0, num=30)
    run = world.runs[0]
    number = evaluate(database, world.dataset, run, world.truth, "boxes", world.user)
    assert confusion(database, number) == dict(oracle_confusion(world, run))
    found = figures(database, number)
    expected = evaluate_scenes(scenes(world, run), scenes(world, world.truth))["boxes"]
    assert found.figures["acc_50"] == pytest.approx(expected["acc_50"])
    assert found.intervals["f1_50"][0] <= found.figures["f1_50"] <= found.intervals["f1_50"][1]
    assert (found.pred_id, found.true_id, found.rule) == (run, world.truth, "boxes")
    assert [one.id for one in list_evaluations(database, world.dataset)] == [number]

    rows = rows_of(database, matches, number)
    for row in rows:
        pred = true = None
        if row.pred_number is not None:
            pred = world.instances[run][row.frame_id][row.pred_number]
            assert (row.pred_label, row.confidence) == (pred.label, pred.confidence)
        if row.true_number is not None:
            true = world.instances[world.truth][row.frame_id][row.true_number]
            assert row.true_label == true.label
        if pred is not None and true is not None:
            assert row.overlap == pytest.approx(overlap(pred, true))
            assert row.hit == (pred.label == true.label)
        assert row.area == pytest.approx(float((true or pred).geometry.wh.prod()))
    by_frame = {row.frame_id: row for row in rows_of(database, scores, number)}
    assert sorted(by_frame) == world.frames
    for frame, score in by_frame.items():
        mine = [row for row in rows if row.frame_id == frame]
        hits = sum(row.hit for row in mine)
        alarms = sum(row.pred_number is not None for row in mine) - hits
        missed = sum(row.true_number is not None for row in mine) - hits
        assert (score.hits, score.false_alarms, score.misses) == (hits, alarms, missed)
        whole = 2 * hits + alarms + missed
        assert score.score == pytest.approx(2 * hits / whole if whole else 1)
    with database.read() as connection:
        done = connection.execute(sa.select(audit)).one()
    assert (done.user_id, done.action, done.subject) == (
        world.user,
        "evaluate",
        f"evaluation {number}",
    )


def test_every_rule_that_matches_can_be_stored(database) -> None:
    world = make_world(database, 3)
    kinds = {"culane": "line", "tusimple": "line", "points": "point", "coco": "box"}
    for rule, kind in kinds.items():
        number = evaluate(database, world.dataset, world.runs[0], world.truth, rule, world.user)
        rows = rows_of(database, matches, number)
        assert rows
        for side, source in (("pred_number", world.runs[0]), ("true_number", world.truth)):
            met = Counter((row.frame_id, getattr(row, side)) for row in rows)
            there = {
                (frame, i)
                for frame, items in world.instances[source].items()
                for i, item in enumerate(items)
                if item.geometry.kind == kind
            }
            assert {key for key in met if key[1] is not None} == there


def test_a_rule_that_matches_nothing_scores_frames_by_its_rate(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, ids = add_frames(database, 3)
    truth, run = add_source(database, dataset, "a"), add_source(database, dataset, "b", "model")
    area = Instance("drivable", Polygon(([[0, 0], [100, 0], [100, 100], [0, 100]],)))
    half = Instance("drivable", Polygon(([[0, 0], [100, 0], [100, 50], [0, 50]],)))
    for frame in ids[:2]:
        add_shapes(database, truth, frame, [area])
    add_shapes(database, run, ids[0], [half])
    number = evaluate(database, dataset, run, truth, "polygons", ada)
    found = {row.frame_id: row.score for row in rows_of(database, scores, number)}
    assert frame_scores(database, number, [*found, 10**9]) == found
    assert frame_scores(database, number, []) == frame_scores(database, 10**9, list(found)) == {}
    assert found == {ids[0]: pytest.approx(0.5), ids[1]: 0, ids[2]: 1}
    assert confusion(database, number) == {}


def test_the_reviewers_are_the_truth_where_they_spoke(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, ids = add_frames(database, 4)
    truth, run = add_source(database, dataset, "a"), add_source(database, dataset, "b", "model")
    car, truck = (Instance(f"obstacle/{n}", Box([0.0, 0, 50, 50])) for n in ("car", "truck"))
    for frame in ids:
        add_shapes(database, truth, frame, [car])
        add_shapes(database, run, frame, [truck])
    verdict(database, ids[0], ada, Verdict("accept", 0, "1"))
    verdict(database, ids[1], ada, Verdict("correct", 0, "2", (truck,)))
    verdict(database, ids[2], ada, Verdict("reject", 0, "3"))
    with database.read() as connection:
        review = connection.scalar(sa.text("SELECT id FROM sources WHERE kind = 'review'"))
    wrong, right = (truck.label, car.label), (truck.label, truck.label)
    number = evaluate(database, dataset, run, review, "boxes", ada)
    assert confusion(database, number) == {wrong: 1, right: 1}
    number = evaluate(database, dataset, run, truth, "boxes", ada)  # as it was imported
    assert confusion(database, number) == {wrong: 3}


def oracle_page(rows: list, wanted: MatchFilter) -> list[int]:
    """Return the ids of the matches that are wanted, in order."""
    kept = [
        row
        for row in rows
        if wanted.cell in (None, (row.pred_label, row.true_label))
        and wanted.hit in (None, row.hit)
        and wanted.overlap[0] <= row.overlap <= wanted.overlap[1]
        and (
            wanted.confidence is None
            or wanted.confidence[0] <= (row.confidence or 0) <= wanted.confidence[1]
        )
    ]
    if wanted.order == "overlap":
        return [row.id for row in sorted(kept, key=lambda row: (row.overlap, row.id))]
    sure = [row for row in kept if row.confidence is not None]
    return [row.id for row in sorted(sure, key=lambda row: (-row.confidence, -row.id))]


def test_pages_hold_what_a_slow_filter_finds(database) -> None:
    world = make_world(database, 5, num=20)
    number = evaluate(database, world.dataset, world.runs[0], world.truth, "boxes", world.user)
    rows = rows_of(database, matches, number)
    cells = [None, ("obstacle/car", None), (None, "obstacle/car"), ("obstacle/car",) * 2]
    spans = [((0.0, 1.0), None), ((0.6, 0.95), None), ((0.0, 1.0), (0.3, 0.7))]
    for cell, hit, span, order in product(
        cells, (None, True, False), spans, ("overlap", "confidence")
    ):
        wanted = MatchFilter(cell, hit, *span, order)
        found, after = [], None
        while not found or after is not None:
            page = match_page(database, number, wanted, after, 4)
            found += [row.id for row in page.rows]
            after = page.after
            if not page.rows:
                break
        assert found == oracle_page(rows, wanted)


@pytest.mark.parametrize("after", ["", "x", "1", "nan:1", "inf:1", "0.5:x", "0.5:-1", f"0:{2**70}"])
def test_pages_of_nobody_are_refused(tmp_path, after) -> None:
    from drivegrid.dashboard.database import Database

    with pytest.raises(ConfigError, match="page must be asked for"):
        match_page(Database(f"sqlite:///{tmp_path}/a.db"), 1, MatchFilter(), after)
    with pytest.raises(ConfigError, match="order must be"):
        MatchFilter(order="id")


def test_many_rows_are_written_in_batches(database, monkeypatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    world = make_world(database, 1)
    number = evaluate(database, world.dataset, world.runs[0], world.truth, "boxes", world.user)
    assert len(rows_of(database, scores, number)) == len(world.frames)
    assert sum(confusion(database, number).values()) == len(rows_of(database, matches, number))
    with database.write() as connection:  # frames that go take their rows with them
        connection.execute(sa.delete(frames).where(frames.c.id == world.frames[0]))
    assert len(rows_of(database, scores, number)) == len(world.frames) - 1
