from collections import defaultdict

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError  # noqa: E402
from drivegrid.dashboard.schema import facts, frames, matches, scores  # noqa: E402
from drivegrid.dashboard.store.evaluations import evaluate  # noqa: E402
from drivegrid.dashboard.store.rates import (  # noqa: E402
    CurvePoint,
    at_least,
    compare,
    curve,
    slices,
    slices_by_size,
    thinned,
)

from drivegrid.errors import ConfigError  # noqa: E402
from drivegrid.metrics.matching import Counts  # noqa: E402
from tests.dashboard.store.rows import add_frames, add_source, add_users  # noqa: E402
from tests.dashboard.store.test_evaluations import rows_of  # noqa: E402
from tests.dashboard.store.worlds import LABELS, World, make_world  # noqa: E402


def scored(database, world: World, rule: str = "boxes", run: int = 0) -> int:
    return evaluate(database, world.dataset, world.runs[run], world.truth, rule, world.user)


def oracle_curve(rows: list, label: str | None) -> list[tuple]:
    """Return (confidence, precision, recall) by looking at all rows anew for each threshold."""
    preds = [r for r in rows if r.pred_number is not None and label in (None, r.pred_label)]
    trues = {
        (r.frame_id, r.true_number)
        for r in rows
        if r.true_number is not None and label in (None, r.true_label)
    }
    sure = {r.id: 1.0 if r.confidence is None else r.confidence for r in preds}
    points = []
    for least in sorted(set(sure.values()), reverse=True):
        kept = [r for r in preds if sure[r.id] >= least]
        hits = [r for r in kept if r.hit and label in (None, r.true_label)]
        found = {(r.frame_id, r.true_number) for r in hits}
        recall = len(found) / len(trues) if trues else None
        points.append((least, len(hits) / len(kept), recall))
    return points


def test_over_nothing_there_are_no_rates(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, _ = add_frames(database, 0)
    one, other = add_source(database, dataset, "a"), add_source(database, dataset, "b")
    number = evaluate(database, dataset, one, other, "boxes", ada)
    assert curve(database, number) == ()
    assert slices(database, number, "weather") == slices_by_size(database, number) == ()
    found = compare(database, number, number)
    assert found.frames == 0
    assert {rate.low for rate in found.rates.values()} == {None}
    assert {rate.difference for rate in found.rates.values()} == {None}


def test_curves_against_slow_counts(database) -> None:
    world = make_world(database, 2, num=20)
    for rule in ("boxes", "tusimple", "culane"):
        number = scored(database, world, rule)
        rows = rows_of(database, matches, number)
        for label in (None, *LABELS, "lane/line", "unknown"):
            found = [
                (point.confidence, point.precision, point.recall)
                for point in curve(database, number, label)
            ]
            assert found == [pytest.approx(point) for point in oracle_curve(rows, label)]
        assert len(curve(database, number)) > 1


def test_a_truth_that_is_found_twice_counts_once(database) -> None:
    world = make_world(database, 4, num=3)
    number = scored(database, world)
    with database.write() as connection:
        connection.execute(sa.delete(matches))
        row = {"evaluation_id": number, "frame_id": world.frames[0], "true_number": 0}
        row |= {"pred_label": "a", "true_label": "a", "overlap": 1.0, "hit": True}
        rows = [{**row, "pred_number": i, "confidence": c} for i, c in enumerate((0.2, 0.9))]
        connection.execute(sa.insert(matches), rows)
    found = [(point.precision, point.recall) for point in curve(database, number)]
    assert found == [(1, 1), (1, 1)]


@pytest.mark.parametrize(
    ("precision", "recall", "f1"),
    [(None, 0.5, None), (0.5, None, None), (0, 0, 0), (1, 0.5, 2 / 3), (1, 1, 1)],
)
def test_f1_of_a_point(precision, recall, f1) -> None:
    assert CurvePoint(0.5, precision, recall).f1 == (f1 if f1 is None else pytest.approx(f1))


def test_points_at_a_threshold() -> None:
    points = [CurvePoint(confidence, 1.0, 1.0) for confidence in (0.9, 0.5, 0.1)]
    assert at_least([], 0.0) is None
    found = [at_least(points, least) for least in (0.95, 0.9, 0.4, 0.1, 0.0)]
    assert found == [None, points[0], points[1], points[2], points[2]]


@pytest.mark.parametrize("num", [0, 1, 9, 10, 11, 1000])
def test_a_thinned_curve_keeps_its_ends(num) -> None:
    points = [CurvePoint(1 - place / 1000, 1.0, 1.0) for place in range(num)]
    found = thinned(points, 10)
    assert len(set(found)) == len(found) == min(num, 10)
    assert found == sorted(found, key=lambda one: -one.confidence)
    assert (found[:1], found[-1:]) == (points[:1], points[-1:])


def test_slices_by_facts_of_frames(database) -> None:
    world = make_world(database, 6, num=9)
    number = scored(database, world)
    other, foreign = add_frames(database, 1)
    expected, num = defaultdict(Counts), defaultdict(int)
    with database.write() as connection:
        for i, row in enumerate(rows_of(database, scores, number)):
            value = ["clear", "rain", "<snow>"][i % 3]
            if i == 8:
                continue  # of one frame nothing is known
            fact = {"dataset_id": world.dataset, "frame_id": row.frame_id}
            connection.execute(sa.insert(facts).values(**fact, name="weather", value=value))
            connection.execute(sa.insert(facts).values(**fact, name="time", value="day"))
            expected[value] += Counts(row.hits, row.false_alarms, row.misses)
            num[value] += 1
        fact = {"dataset_id": other, "frame_id": foreign[0], "name": "weather", "value": "fog"}
        connection.execute(sa.insert(facts).values(fact))
    found = slices(database, number, "weather")
    assert [one.value for one in found] == sorted(expected)
    assert {one.value: one.counts for one in found} == expected
    assert {one.value: one.frames for one in found} == num
    assert slices(database, number, "road") == ()


def test_slices_by_size_of_boxes(database) -> None:
    world = make_world(database, 7, num=20)
    number = scored(database, world)
    expected, places = defaultdict(Counts), defaultdict(set)
    for row in rows_of(database, matches, number):
        size = "small" if row.area < 1024 else "medium" if row.area < 9216 else "large"
        fp, fn = row.pred_number is not None, row.true_number is not None
        expected[size] += Counts(tp=1) if row.hit else Counts(0, int(fp), int(fn))
        places[size].add(row.frame_id)
    found = slices_by_size(database, number)
    assert [one.value for one in found] == ["small", "medium", "large"]
    assert {one.value: one.counts for one in found} == expected
    assert {one.value: one.frames for one in found} == {k: len(v) for k, v in places.items()}
    assert slices_by_size(database, scored(database, world, "culane")) == ()


def test_two_runs_are_compared_on_the_frames_they_share(database) -> None:
    world = make_world(database, 8, num=12)
    first, second = scored(database, world, run=0), scored(database, world, run=1)
    with database.write() as connection:
        gone = (scores.c.evaluation_id == second) & (scores.c.frame_id == world.frames[0])
        connection.execute(sa.delete(scores).where(gone))
    found = compare(database, first, second)
    assert (found.frames, found.drawn) == (11, "frame")
    sides = []
    for number in (first, second):
        rows = [r for r in rows_of(database, scores, number) if r.frame_id != world.frames[0]]
        total = Counts(*(sum(r[i] for r in rows) for i in (3, 4, 5)))
        mean = sum(row.score for row in rows) / len(rows)
        sides.append({**total.as_dict(), "score": mean})
    for name, rate in found.rates.items():
        assert rate.first == pytest.approx(sides[0][name])
        assert rate.second == pytest.approx(sides[1][name])
        assert rate.difference == pytest.approx(rate.second - rate.first)
        assert rate.low <= rate.difference <= rate.high
    same = compare(database, first, first)
    ends = [end for rate in same.rates.values() for end in (rate.low, rate.high)]
    assert ends == pytest.approx([0] * len(ends), abs=1e-12)
    back = compare(database, second, first).rates["f1"]
    assert (back.low, back.high) == pytest.approx(
        (-found.rates["f1"].high, -found.rates["f1"].low), abs=0.02
    )


def test_clips_are_drawn_whole(database) -> None:
    world = make_world(database, 9, num=12)
    with database.write() as connection:
        for i, frame in enumerate(world.frames):
            chosen = sa.update(frames).where(frames.c.id == frame)
            connection.execute(chosen.values(clip=f"c{i % 10}"))
    first = scored(database, world)
    assert compare(database, first, first).drawn == "clip"
    with pytest.raises(ConfigError, match="must be of one rule, got boxes and culane"):
        compare(database, first, scored(database, world, "culane"))
    with pytest.raises(StoreError, match="evaluation must exist"):
        compare(database, first, 99)
