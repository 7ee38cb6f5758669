import random

import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError, now_ms  # noqa: E402
from drivegrid.dashboard.schema import events, frames, shapes, sources  # noqa: E402
from drivegrid.dashboard.store.leases import Leased, lease, release  # noqa: E402
from drivegrid.dashboard.store.queues import Plan, Ranked, make_queue, progress  # noqa: E402
from drivegrid.dashboard.store.records import to_instances  # noqa: E402
from drivegrid.dashboard.store.reviews import (  # noqa: E402
    Review,
    StaleVersion,
    State,
    Verdict,
    history,
    replay,
    undo,
    verdict,
)

from drivegrid.data.scene import Instance  # noqa: E402
from drivegrid.errors import ConfigError, FormatError  # noqa: E402
from drivegrid.geometry import Box, Point, Polygon, Polyline  # noqa: E402
from tests.dashboard.store.rows import add_frames, add_users  # noqa: E402

LANE = Instance("lane/line", Polyline([[0.1, 1 / 3], [2.0, 5e-7]]), {"color": "white"}, 0.5, 0.25)
CONE = Instance("obstacle/cone", Box([1.0, 2.0, 3.5, 4.0]), extra={"id": 7, "tags": ["a", None]})
SIGN = Instance("sign", Point([1.0, 2.0]))
AREA = Instance("drivable", Polygon(([[0, 0], [9, 0], [9, 9]], [[1, 1], [2, 1], [2, 2]])))


def materialised(database, frame: int) -> Review:
    """Return what frame and shapes say, whatever the log says."""
    with database.read() as connection:
        row = connection.execute(sa.select(frames).where(frames.c.id == frame)).one()
        chosen = sa.select(shapes).join(sources, sources.c.id == shapes.c.source_id)
        chosen = chosen.where(sources.c.kind == "review", shapes.c.frame_id == frame)
        drawn = connection.execute(chosen.order_by(shapes.c.number)).all()
    found = to_instances(drawn)
    return Review(State(row.status, found), row.version, row.reviewed_by, row.reviewed_at)


def replayed(database, frame: int) -> Review:
    found = replay(history(database, frame))
    state = State(found.state.status, found.state.shapes or ())
    return Review(state, found.version, found.reviewed_by, found.reviewed_at)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"kind": ""}, "verdict must be"),
        ({"kind": "undo"}, "verdict must be"),
        ({"kind": "accept", "shapes": ()}, "shapes must come with correct"),
        ({"kind": "correct"}, "shapes must come with correct"),
        ({"kind": "accept", "token": ""}, "token must be"),
        ({"kind": "accept", "token": "\x00"}, "token must be"),
        ({"kind": "accept", "note": "a\x00"}, "note must be"),
    ],
)
def test_what_is_no_verdict_is_refused(values, match) -> None:
    with pytest.raises(ConfigError, match=match):
        Verdict(**{"version": 0, "token": "t", **values})


def test_a_frame_that_nobody_reviewed_is_new(database) -> None:
    _, [frame] = add_frames(database, 1)
    assert history(database, frame) == ()
    assert replay(()) == Review(State("new", None), 0, None, None)
    assert materialised(database, frame) == replayed(database, frame)


COURSES = [
    ([], "new", None),
    (["accept"], "accepted", None),
    (["reject"], "rejected", None),
    (["correct"], "corrected", (LANE, CONE)),
    (["correct", "accept"], "corrected", (LANE, CONE)),
    (["correct", "reject"], "rejected", (LANE, CONE)),
    (["correct", "reject", "accept"], "corrected", (LANE, CONE)),
    (["reject", "accept"], "accepted", None),
    (["correct", "undo", "accept"], "accepted", None),
    (["accept", "correct", "undo"], "accepted", None),
]


def test_verdicts_make_the_state(database) -> None:
    [ada] = add_users(database, "ada")
    _, ids = add_frames(database, len(COURSES))
    for frame, (kinds, status, drawn) in zip(ids, COURSES, strict=True):
        for i, kind in enumerate(kinds):
            if kind == "undo":
                undo(database, frame, ada, f"{frame}.{i}", i)
                continue
            drew = (LANE, CONE) if kind == "correct" else None
            outcome = verdict(database, frame, ada, Verdict(kind, i, f"{frame}.{i}", drew, "why"))
            assert (outcome.frame_id, outcome.version) == (frame, i + 1)
        assert replay(history(database, frame)).state == State(status, drawn)
        assert materialised(database, frame) == replayed(database, frame)


def test_shapes_come_back_exact(database) -> None:
    [ada] = add_users(database, "ada")
    _, ids = add_frames(database, 3)
    for frame, drawn in zip(ids, [(), (LANE,), (LANE, CONE, SIGN, AREA)], strict=True):
        verdict(database, frame, ada, Verdict("correct", 0, str(frame), drawn))
        assert materialised(database, frame).state == State("corrected", drawn)
        assert history(database, frame)[0].after.shapes == drawn


def test_a_correction_to_nothing_is_not_the_same_as_none(database) -> None:
    [ada] = add_users(database, "ada")
    _, [frame] = add_frames(database, 1)
    for i, (kind, drawn) in enumerate([("correct", ()), ("reject", None), ("accept", None)]):
        verdict(database, frame, ada, Verdict(kind, i, str(i), drawn))
    assert history(database, frame)[-1].after == State("corrected", ())


def test_a_stale_verdict_is_refused_with_both_sides(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    _, [frame] = add_frames(database, 1)
    verdict(database, frame, ada, Verdict("correct", 0, "a", (CONE,), "moved"))
    for version in (0, 5, -1):
        with pytest.raises(StaleVersion, match="ada said correct") as caught:
            verdict(database, frame, bob, Verdict("reject", version, "b"))
        assert (caught.value.given, caught.value.version) == (version, 1)
        assert caught.value.last.user == "ada" and caught.value.last.note == "moved"
        assert caught.value.last.after.shapes == (CONE,)
        with pytest.raises(StaleVersion):
            undo(database, frame, bob, "c", version)
    assert len(history(database, frame)) == 1


def test_a_version_that_never_was_is_refused(database) -> None:
    [ada] = add_users(database, "ada")
    _, [frame] = add_frames(database, 1)
    with pytest.raises(StaleVersion, match="version must be 0") as caught:
        verdict(database, frame, ada, Verdict("accept", 3, "a"))
    assert caught.value.last is None


def test_a_repeated_request_counts_once(database) -> None:
    [ada] = add_users(database, "ada")
    _, [frame, other] = add_frames(database, 2)
    given = Verdict("accept", 0, "once")
    first = verdict(database, frame, ada, given)
    assert verdict(database, frame, ada, given) == first
    taken_back = undo(database, frame, ada, "back", 1)
    assert undo(database, frame, ada, "back", 1) == taken_back
    assert verdict(database, frame, ada, given) == first
    assert [event.verdict for event in history(database, frame)] == ["accept", "undo"]
    with pytest.raises(StoreError, match="token must be a new one"):
        verdict(database, other, ada, given)


def test_the_frame_of_another_is_refused_by_name(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    _, [frame] = add_frames(database, 1)
    lease(database, frame, ada, 60)
    for refused in (
        lambda: verdict(database, frame, bob, Verdict("accept", 0, "b")),
        lambda: undo(database, frame, bob, "b", 0),
        lambda: lease(database, frame, bob, 60),
    ):
        with pytest.raises(Leased, match="ada works on") as caught:
            refused()
        assert caught.value.holder == "ada" and caught.value.until > now_ms()
    verdict(database, frame, ada, Verdict("accept", 0, "a"))  # gives it back
    verdict(database, frame, bob, Verdict("accept", 1, "b"))


def test_leases_end(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    _, [frame] = add_frames(database, 1)
    lease(database, frame, ada, 0)
    assert lease(database, frame, bob, 60).user_id == bob
    release(database, frame, ada)  # not hers
    with pytest.raises(Leased):
        lease(database, frame, ada, 60)
    first = lease(database, frame, bob, 600)
    assert lease(database, frame, bob, 6000).until > first.until
    release(database, frame, bob)
    lease(database, frame, ada, 60)


def test_undo_goes_back_one_verdict_at_a_time(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    _, [frame, other] = add_frames(database, 2)
    verdict(database, other, ada, Verdict("reject", 0, "elsewhere"))
    before = [materialised(database, frame)]
    for i, (who, drawn) in enumerate([(ada, (LANE,)), (bob, (CONE, SIGN)), (ada, ())]):
        verdict(database, frame, who, Verdict("correct", i, f"v{i}", drawn))
        before.append(materialised(database, frame))
    for i, expected in enumerate(reversed(before[:-1])):
        undo(database, frame, bob, f"u{i}", 3 + i)
        found = materialised(database, frame)
        assert (found.state, found.reviewed_by) == (expected.state, expected.reviewed_by)
        assert found.reviewed_at == expected.reviewed_at and found.version == 4 + i
    with pytest.raises(StoreError, match="verdict to undo, got none"):
        undo(database, frame, bob, "more", 6)
    assert materialised(database, other).state.status == "rejected"


def test_queues_follow_verdicts_and_undo(database) -> None:
    [ada] = add_users(database, "ada")
    dataset, [frame, other] = add_frames(database, 2)
    items = [Ranked(frame), Ranked(other)]
    queues = [
        make_queue(database, dataset, ada, Plan(name, "number", 9), items) for name in ("a", "b")
    ]
    verdict(database, frame, ada, Verdict("accept", 0, "1"))
    assert [progress(database, queue).done for queue in queues] == [1, 1]
    verdict(database, frame, ada, Verdict("reject", 1, "2"))
    undo(database, frame, ada, "3", 2)  # the second verdict finished nothing
    assert [progress(database, queue).done for queue in queues] == [1, 1]
    undo(database, frame, ada, "4", 3)
    assert [progress(database, queue).done for queue in queues] == [0, 0]


def test_shapes_that_cannot_be_stored_are_refused(database) -> None:
    [ada] = add_users(database, "ada")
    _, [frame] = add_frames(database, 1)
    point = SIGN.geometry
    for bad in (
        Instance("a\x00", point),
        Instance("\ud800", point),
        Instance("a", point, confidence=2.0),
        Instance("a", point, extra={"a": object()}),
    ):
        with pytest.raises(FormatError):
            verdict(database, frame, ada, Verdict("correct", 0, "t", (bad,)))
    assert history(database, frame) == ()
    hostile = Instance("<script>'\"; DROP TABLE\u202e\U0001f600 %_", point, extra={"\x00": "\x00"})
    verdict(database, frame, ada, Verdict("correct", 0, "t", (hostile,), "'; --"))
    assert materialised(database, frame).state.shapes == (hostile,)


def test_what_does_not_exist_is_named(database) -> None:
    [ada] = add_users(database, "ada")
    _, [frame] = add_frames(database, 1)
    with pytest.raises(StoreError, match="frame must exist, got 99"):
        verdict(database, 99, ada, Verdict("accept", 0, "t"))
    with pytest.raises(StoreError):
        verdict(database, frame, 99, Verdict("accept", 0, "t"))
    assert history(database, frame) == ()


def test_any_course_of_verdicts_replays(database) -> None:
    """The log tells the state at every step, and every entry fits the one before."""
    rng = random.Random(0)
    people = add_users(database, "ada", "bob")
    _, ids = add_frames(database, 4)
    versions, depth = dict.fromkeys(ids, 0), dict.fromkeys(ids, 0)
    for i in range(80):
        frame, who = rng.choice(ids), rng.choice(people)
        kind = rng.choice(["accept", "correct", "reject", "undo"])
        if kind == "undo" and not depth[frame]:
            continue
        if kind == "undo":
            undo(database, frame, who, f"t{i}", versions[frame])
            depth[frame] -= 1
        else:
            drawn = tuple(rng.choices([LANE, CONE, SIGN, AREA], k=rng.randrange(3)))
            drawn = drawn if kind == "correct" else None
            verdict(database, frame, who, Verdict(kind, versions[frame], f"t{i}", drawn))
            depth[frame] += 1
        versions[frame] += 1
        assert materialised(database, frame) == replayed(database, frame)
    for frame in ids:
        log = history(database, frame)
        assert [event.version for event in log] == list(range(1, versions[frame] + 1))
        befores = [event.before for event in log]
        assert befores == [State("new", None), *(event.after for event in log)][: len(log)]
        assert [event.at for event in log] == sorted({event.at for event in log})


def test_events_are_never_changed(database) -> None:
    [ada] = add_users(database, "ada")
    _, [frame] = add_frames(database, 1)
    verdict(database, frame, ada, Verdict("correct", 0, "1", (LANE,)))
    first = history(database, frame)
    verdict(database, frame, ada, Verdict("reject", 1, "2"))
    undo(database, frame, ada, "3", 2)
    assert history(database, frame)[:1] == first
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == 3
