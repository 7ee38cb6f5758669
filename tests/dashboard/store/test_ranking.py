import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import (
    Plan,
    QueueFrame,
    Ranked,
    find_queue,
    frame_at,
    make_queue,
    place_of,
)
from drivegrid.dashboard.store.ranking import NUM_SOURCES, Order, rank
from drivegrid.dashboard.store.reviews import Verdict, verdict

from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box
from tests.dashboard.store.rows import add_frames, add_shapes, add_source, add_users

CAR = Instance("car", Box([0, 0, 10, 10]))


@pytest.mark.parametrize(
    "values",
    [
        {"name": "worst"},
        {"name": "worst score"},
        {"name": "number", "evaluation_id": 1},
        {"name": "rare class"},
        {"name": "number", "source_ids": (1,)},
        {"name": "disagreement", "source_ids": (1,)},
        {"name": "disagreement", "source_ids": (1, 1)},
    ],
)
def test_what_is_no_order_is_refused(values) -> None:
    with pytest.raises(ConfigError, match="must"):
        Order(**values)


@pytest.mark.parametrize("name", NUM_SOURCES)
def test_every_order_can_be_asked_of_nothing(database, name) -> None:
    dataset, _ = add_frames(database, 0)
    sources = tuple(add_source(database, dataset, str(place)) for place in range(NUM_SOURCES[name]))
    order = Order(name, sources, 1 if name == "worst score" else None)
    assert rank(database, dataset, Query(), order, 5) == []


def test_orders_take_the_frames_of_the_query_alone(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, ids = add_frames(database, 4)
    one, other = (add_source(database, dataset, name) for name in ("one", "other"))
    for frame in ids:
        add_shapes(database, one, frame, [CAR])
    add_shapes(database, other, ids[0], [CAR])
    verdict(database, ids[3], ada, Verdict("accept", 0, "t"))
    new = Query(status=("new",))
    assert [r.frame_id for r in rank(database, dataset, new, Order("number"), 9)] == ids[:3]
    assert [r.frame_id for r in rank(database, dataset, new, Order("number"), 2)] == ids[:2]
    differ = rank(database, dataset, new, Order("disagreement", (one, other)), 9)
    assert differ == [Ranked(ids[1], 1.0), Ranked(ids[2], 1.0), Ranked(ids[0], 0.0)]
    assert rank(database, dataset, new, Order("disagreement", (one, other)), 1) == differ[:1]
    assert rank(database, dataset, Query(), Order("random audit"), 9) == [Ranked(ids[3])]
    rare = rank(database, dataset, Query(), Order("rare class", (other,)), 9)
    assert rare == [Ranked(ids[0], 1.0)]
    assert rank(database, dataset, Query(split="none"), Order("number"), 9) == []


def test_places_of_a_queue(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, ids = add_frames(database, 3)
    plan = Plan("q", "number", 2, {"status": ["new"]})
    queue = make_queue(database, dataset, ada, plan, [Ranked(ids[2], 0.5), Ranked(ids[0])])
    found = find_queue(database, queue)
    assert (found.id, found.dataset_id, found.user_id, found.plan) == (queue, dataset, ada, plan)
    assert frame_at(database, queue, 0) == place_of(database, queue, ids[2])
    assert place_of(database, queue, ids[0]) == QueueFrame(1, ids[0], None)
    for missing in (frame_at(database, queue, 2), frame_at(database, queue, -1)):
        assert missing is None
    assert place_of(database, queue, ids[1]) is None
    with pytest.raises(StoreError, match="queue must exist, got 99"):
        find_queue(database, 99)
