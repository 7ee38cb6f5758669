import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError  # noqa: E402
from drivegrid.dashboard.store.leases import Leased, lease  # noqa: E402
from drivegrid.dashboard.store.queues import (  # noqa: E402
    Plan,
    Progress,
    QueueFrame,
    Ranked,
    list_queues,
    make_queue,
    next_frame,
    peek,
    progress,
)
from drivegrid.dashboard.store.reviews import Verdict, verdict  # noqa: E402

from drivegrid.errors import ConfigError  # noqa: E402
from tests.dashboard.store.rows import add_frames, add_users  # noqa: E402


@pytest.mark.parametrize(
    ("values", "match"),
    [({"name": " "}, "queue name"), ({"name": "\x00"}, "queue name"), ({"budget": 0}, "budget")],
)
def test_what_is_no_plan_is_refused(values, match) -> None:
    with pytest.raises(ConfigError, match=match):
        Plan(**{"name": "a", "order": "number", "budget": 1, **values})


def test_an_empty_queue(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, _ = add_frames(database, 1)
    assert list_queues(database, dataset) == ()
    queue = make_queue(database, dataset, ada, Plan("a", "number", 9), [])
    assert next_frame(database, queue, ada, 60) is None
    assert peek(database, queue, ada, -1) is None
    assert progress(database, queue) == Progress(0, 0, 0)


def test_a_queue_keeps_order_and_budget(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, ids = add_frames(database, 5)
    ranked = [Ranked(ids[3], 0.5), Ranked(ids[0]), Ranked(ids[3], 0.1), Ranked(ids[4], 1.0)]
    plan = Plan("worst", "score", 3, {"status": ["new"]})
    queue = make_queue(database, dataset, ada, plan, iter([*ranked, Ranked(ids[1])]))
    assert [(found.id, found.plan, found.user_id) for found in list_queues(database, dataset)] == [
        (queue, plan, ada)
    ]
    found, after = [], -1
    while frame := peek(database, queue, ada, after):
        found.append(frame)
        after = frame.place
    assert found == [
        QueueFrame(0, ids[3], 0.5),
        QueueFrame(1, ids[0], None),
        QueueFrame(2, ids[4], 1.0),
    ]


def test_a_queue_that_cannot_be_is_not_made(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, [frame] = add_frames(database, 1)
    _, foreign = add_frames(database, 2)
    make_queue(database, dataset, ada, Plan("a", "number", 1), [Ranked(frame)])
    with pytest.raises(ConfigError, match="must be a new one"):
        make_queue(database, dataset, ada, Plan("a", "number", 1), [Ranked(frame)])
    with pytest.raises(ConfigError, match="must be of data set"):
        make_queue(database, dataset, ada, Plan("b", "number", 1), [Ranked(foreign[0])])
    with pytest.raises(StoreError):
        make_queue(database, dataset, ada, Plan("c", "number", 1), [Ranked(999)])
    assert [queue.plan.name for queue in list_queues(database, dataset)] == ["a"]
    with pytest.raises(StoreError, match="queue must exist"):
        progress(database, 99)


def test_reviewers_never_get_the_same_frame(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    dataset, ids = add_frames(database, 4)
    queue = make_queue(database, dataset, ada, Plan("a", "number", 9), map(Ranked, ids))
    assert next_frame(database, queue, ada, 60).frame_id == ids[0]
    assert next_frame(database, queue, ada, 60).frame_id == ids[0]  # still hers
    assert peek(database, queue, ada, 0).frame_id == ids[1]
    assert next_frame(database, queue, bob, 60).frame_id == ids[1]
    assert peek(database, queue, ada, 0).frame_id == ids[2]
    assert progress(database, queue) == Progress(0, 2, 2)
    with pytest.raises(Leased):
        lease(database, ids[1], ada, 60)
    verdict(database, ids[0], ada, Verdict("accept", 0, "1"))
    assert progress(database, queue) == Progress(1, 1, 2)
    assert next_frame(database, queue, ada, 60).frame_id == ids[2]
    assert next_frame(database, queue, ada, 60, after=2).frame_id == ids[3]  # she skips one
    assert next_frame(database, queue, bob, 60, after=1) is None
    assert next_frame(database, queue, bob, 60).frame_id == ids[1]


def test_a_lease_that_ended_frees_the_frame(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    dataset, [frame] = add_frames(database, 1)
    queue = make_queue(database, dataset, ada, Plan("a", "number", 9), [Ranked(frame)])
    next_frame(database, queue, ada, 0)
    assert next_frame(database, queue, bob, 60).frame_id == frame
    assert next_frame(database, queue, ada, 60) is None
