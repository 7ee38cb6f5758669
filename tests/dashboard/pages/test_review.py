from functools import partial

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.canvas.layers import parts_to_data
from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.store import browse, queues
from drivegrid.dashboard.store.datasets import list_sources
from drivegrid.dashboard.store.pictures import add_upload
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Plan, Ranked
from drivegrid.dashboard.store.reviews import history
from streamlit.testing.v1 import AppTest

from drivegrid.data.scene import Instance
from drivegrid.geometry import Box, Polyline
from tests.dashboard.pages.apps import named, open_page, press, run, texts
from tests.dashboard.pages.conftest import NUM_FRAMES, frame_of

HOSTILE = ("<script>alert(1)</script>", "**x**", ":red[x]", "=cmd()")
CONE = Instance("obstacle/cone", Box(np.array([10.0, 20, 30, 40])))


def page() -> None:
    from drivegrid.dashboard.pages.parts import told
    from drivegrid.dashboard.pages.review import review

    with told():
        review()


opened = partial(open_page, page)


def at(app: AppTest, name: str) -> str:
    """Return what stands in the address."""
    value = app.query_params[name]  # a list where the test set it, a text where the page did
    return value if isinstance(value, str) else value[0]


class Reviewer:
    """Speaks as the canvas would."""

    def __init__(self, app: AppTest) -> None:
        self.app, self.num = app, 0

    def say(self, kind: str, frame: int, version: int, **said: object) -> AppTest:
        self.num += 1
        message = {"kind": kind, "picture": str(frame), "revision": version, **said}
        message.setdefault("token", f"token-{id(self)}-{self.num}")
        self.app.session_state["review-canvas"] = {"said": message}
        return run(self.app)

    def verdict(self, verdict: str, frame: int, version: int = 0, **said: object) -> AppTest:
        return self.say("verdict", frame, version, verdict=verdict, **said)

    def save(self, shapes: list[dict], frame: int, version: int = 0) -> AppTest:
        return self.say("commit", frame, version, shapes=shapes)


def queue_of(world, num: int = NUM_FRAMES, name: str = "all") -> tuple[int, list[int]]:
    ids = [row.id for row in browse.page(world.hub.database, Query(), world.dataset_id).frames]
    maker = world.hub.someone("ada", "admin")
    plan = Plan(name, "number", num)
    return maker.make_queue(world.dataset_id, plan, [Ranked(one) for one in ids]), ids[:num]


def drawn(instance: Instance, name: str = "new-1") -> dict:
    geometry = instance.geometry
    parts = parts_to_data(geometry)
    return {"id": name, "kind": geometry.kind, "parts": parts, "label": instance.label}


def as_shown(number: int) -> list[dict]:
    """Return the editable layer of a frame that was never corrected."""
    instances = frame_of(number).instances
    return [drawn(one, f"review-{place}") for place, one in enumerate(instances)]


def status(world, frame: int) -> str:
    return browse.frame(world.hub.database, frame).status


def test_a_store_without_data_says_so(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path / "hub"))
    assert "no frames to review yet" in opened().info[0].value
    hub.close()


@pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "99"])
@pytest.mark.parametrize("name", ["frame", "queue"])
def test_what_is_not_there_is_told(world, name, number) -> None:
    app = opened(**{name: number})
    assert name in app.error[0].value


@pytest.mark.parametrize(
    ("order", "num", "first"),
    [
        ("number", NUM_FRAMES, 0),
        ("worst score", NUM_FRAMES, None),
        ("disagreement", NUM_FRAMES, None),
        ("lane flicker", NUM_FRAMES, None),
        ("rare class", NUM_FRAMES, 1),
    ],
)
def test_a_queue_is_made_in_an_order(world, order, num, first) -> None:
    app = opened()
    app.text_input(key="review-name").input(order)
    run(app.selectbox(key="review-order").select(order))
    press(app, "Make the queue")
    [queue] = queues.list_queues(world.hub.database, world.dataset_id)
    assert (queue.plan.name, queue.plan.order, queue.plan.budget) == (order, order, 50)
    assert queue.plan.query == {"status": ["new"]}
    assert sum(vars_of(queues.progress(world.hub.database, queue.id))) == num
    assert at(app, "queue") == str(queue.id)
    item = queues.frame_at(world.hub.database, queue.id, 0)
    assert at(app, "frame") == str(item.frame_id)
    if first is not None:
        assert browse.frame(world.hub.database, item.frame_id).number == first


def vars_of(progress) -> tuple[int, int, int]:
    return progress.done, progress.leased, progress.left


@pytest.mark.parametrize(
    ("order", "message"),
    [("offset instability", "queue must have frames"), ("random audit", "queue must have frames")],
)
def test_a_queue_of_nothing_is_not_made(world, order, message) -> None:
    app = opened()
    app.text_input(key="review-name").input("q")
    run(app.selectbox(key="review-order").select(order))
    press(app, "Make the queue")
    assert message in app.error[0].value.replace("\\", "")
    assert queues.list_queues(world.hub.database, world.dataset_id) == ()


def test_a_queue_of_a_saved_view_with_a_budget(world) -> None:
    ada = world.hub.someone("ada", "admin")
    view = ada.save_view(world.dataset_id, HOSTILE[1], Query(facts={"weather": ("rain",)}))
    app = opened()
    app.text_input(key="review-name").input(HOSTILE[0])
    app.selectbox(key=f"review-view-{world.dataset_id}").select(view.id)
    app.number_input(key="review-budget").set_value(1)
    press(app, "Make the queue")
    [queue] = queues.list_queues(world.hub.database, world.dataset_id)
    assert (queue.plan.name, queue.plan.budget) == (HOSTILE[0], 1)
    assert sum(vars_of(queues.progress(world.hub.database, queue.id))) == 1
    assert world.hub.someone("ada", "admin").database is world.hub.database


def test_the_address_says_of_which_data_set(world, tmp_path) -> None:
    picture = add_upload(world.hub.database, tmp_path, HOSTILE[1], (64, 48))
    other = browse.frame(world.hub.database, picture).dataset_id
    app = opened(dataset=other)
    assert app.selectbox(key="dataset").value == str(other)
    app.text_input(key="review-name").input("theirs")
    press(app, "Make the queue")
    assert [one.plan.name for one in queues.list_queues(world.hub.database, other)] == ["theirs"]
    assert "data set must be one of the store" in opened(dataset=99).error[0].value


def test_a_queue_needs_a_new_name(world) -> None:
    queue_of(world, name="mine")
    for name, message in (("", "name must be a text"), ("mine", "name must be a new one")):
        app = opened()
        app.text_input(key="review-name").input(name)
        press(app, "Make the queue")
        assert message in app.error[0].value.replace("\\", "")


def test_frames_are_judged_one_after_another(world) -> None:
    queue, ids = queue_of(world)
    app = opened(queue=queue)
    reviewer = Reviewer(app)
    given = ["accept", "reject", "accept", "accept", "reject", "accept"]
    for frame, verdict in zip(ids, given, strict=True):
        assert at(app, "frame") == str(frame)
        lease = browse.frame(world.hub.database, frame).lease
        assert lease is not None
        reviewer.verdict(verdict, frame)
    found = [history(world.hub.database, frame)[0].verdict for frame in ids]
    assert found == given
    assert "This queue is done: 6 frames" in app.success[0].value
    assert "frame" not in app.query_params
    run(app.button(key="review-after").click())
    assert "queue" not in app.query_params and app.text_input(key="review-name").value == ""


def test_a_note_goes_with_the_verdict_and_a_new_frame_has_none(world) -> None:
    queue, (first, second) = queue_of(world, 2)
    app = opened(queue=queue)
    app.text_input(key=f"review-note-{first}-0").input(HOSTILE[0])
    run(app)
    Reviewer(app).verdict("accept", first)
    assert history(world.hub.database, first)[0].note == HOSTILE[0]
    assert app.text_input(key=f"review-note-{second}-0").value == ""


def test_a_repeated_message_counts_once(world) -> None:
    queue, (first, second, *_) = queue_of(world)
    app = opened(queue=queue)
    reviewer = Reviewer(app)
    reviewer.verdict("accept", first, token="token-0001")
    reviewer.verdict("accept", first, token="token-0001")
    reviewer.verdict("accept", first, token="token-0002")  # the key pressed twice
    assert len(history(world.hub.database, first)) == 1
    assert history(world.hub.database, second) == ()
    assert not app.warning and at(app, "frame") == str(second)


def test_steps_lead_through_the_queue(world) -> None:
    queue, ids = queue_of(world, 3)
    app = opened(queue=queue)
    reviewer = Reviewer(app)
    seen = []
    for step, here in [("previous", 0), ("skip", 0), ("next", 1), ("next", 2), ("skip", 2)]:
        reviewer.verdict(step, ids[here])
        seen.append(ids.index(int(at(app, "frame"))))
    assert seen == [0, 1, 2, 2, 0]
    assert all(history(world.hub.database, frame) == () for frame in ids)
    leased = [browse.frame(world.hub.database, frame).lease is not None for frame in ids]
    assert leased == [True, False, False]
    reviewer.verdict("next", ids[2])  # about a frame that is no longer shown
    assert at(app, "frame") == str(ids[0])


def test_undo_stays_on_the_frame(world) -> None:
    queue, (first, second, *_) = queue_of(world)
    app = opened(queue=queue)
    reviewer = Reviewer(app)
    reviewer.verdict("undo", first)
    assert "verdict to undo, got none" in app.warning[0].value.replace("\\", "")
    reviewer.verdict("reject", first)
    reviewer.verdict("previous", second)
    reviewer.verdict("undo", first, 1)
    assert status(world, first) == "new" and at(app, "frame") == str(first)
    assert queues.progress(world.hub.database, queue).done == 0
    assert "Taken back" in texts(app)


def test_a_correction_holds_what_was_drawn(world) -> None:
    queue, (_, second, *_) = queue_of(world)
    app = opened(queue=queue, frame=second)
    reviewer = Reviewer(app)
    lane, _, car = as_shown(1)
    lane["parts"] = [[[5, 170], [50, 60]]]
    reviewer.save([lane, car, drawn(CONE)], second)
    [event] = history(world.hub.database, second)
    moved, kept, new = event.after.shapes
    assert isinstance(moved.geometry, Polyline)
    assert moved.geometry.xy.tolist() == [[5, 170], [50, 60]]
    assert kept == frame_of(1).instances[2] and new == CONE
    assert status(world, second) == "corrected" and at(app, "frame") == str(second)
    reviewer.save([], second, 1)
    assert history(world.hub.database, second)[-1].after.shapes == ()
    reviewer.verdict("undo", second, 2)
    reviewer.verdict("accept", second, 3)
    assert status(world, second) == "corrected"
    assert history(world.hub.database, second)[-1].after.shapes == (moved, kept, new)


def test_what_another_works_on_is_told_by_name(world) -> None:
    queue, (first, second, *_) = queue_of(world)
    bob = world.hub.someone(HOSTILE[1], "reviewer")
    app = opened(queue=queue)
    reviewer = Reviewer(app)
    world.hub.actor().give_back(first)
    bob.take(first)
    reviewer.verdict("accept", first)
    assert history(world.hub.database, first) == ()
    assert "\\*\\*x\\*\\* works on this frame" in app.info[0].value
    press(app, "Next")
    assert at(app, "frame") == str(second) and not app.info
    run(app)
    assert "\\*\\*x\\*\\*" not in texts(opened(queue=queue))  # the next free one is given


def test_others_may_work_on_the_last_frames(world) -> None:
    queue, ids = queue_of(world, 2)
    bob = world.hub.someone("bob", "reviewer")
    for one in ids:
        bob.take(one)
    assert "Others work on the last 2 of 2 frames" in opened(queue=queue).info[0].value


def test_a_viewer_sees_all_and_writes_nothing(world, monkeypatch) -> None:
    queue, (first, second, *_) = queue_of(world)
    monkeypatch.setattr(Hub, "actor", lambda self: self.someone("eve", "viewer"))
    app = opened(queue=queue)
    assert at(app, "frame") == str(first)
    assert "as a viewer" in app.info[0].value
    Reviewer(app).verdict("accept", first)
    assert history(world.hub.database, first) == ()
    assert "role must be reviewer" in texts(app).replace("\\", "")
    press(app, "Next")
    assert at(app, "frame") == str(second)
    assert browse.frame(world.hub.database, second).lease is None
    app = opened()
    assert named(app, "Make the queue").disabled


def test_a_frame_without_a_queue(world, tmp_path) -> None:
    _, ids = queue_of(world)
    app = opened(frame=ids[0])
    reviewer = Reviewer(app)
    reviewer.verdict("accept", ids[0])
    assert status(world, ids[0]) == "accepted" and at(app, "frame") == str(ids[0])
    reviewer.verdict("next", ids[0], 1)
    assert at(app, "frame") == str(ids[1])
    reviewer.verdict("skip", ids[1])
    assert at(app, "frame") == str(ids[2])
    alone = add_upload(world.hub.database, tmp_path, HOSTILE[1], (64, 48))
    app = opened(frame=alone)
    Reviewer(app).verdict("next", alone)
    assert "last frame" in texts(app) and "**x**" not in texts(app).replace("\\*\\*x", "")


def test_a_frame_outside_the_queue_leads_back(world) -> None:
    queue, ids = queue_of(world, 2)
    app = opened(queue=queue, frame=ids[-1] + 1)
    assert "not in the queue" in texts(app)
    press(app, "Back to the queue")
    assert at(app, "frame") == str(ids[0])


def test_runs_can_be_hidden_and_queues_changed(world) -> None:
    queue, ids = queue_of(world, 2)
    other, _ = queue_of(world, 3, name=HOSTILE[2])
    app = opened(queue=queue)
    runs = [
        one for one in list_sources(world.hub.database, world.dataset_id) if one.kind == "model"
    ]
    box = app.multiselect(key=f"review-runs-{world.dataset_id}")
    assert box.value == [one.id for one in runs]
    run(box.set_value([runs[1].id]))
    Reviewer(app).verdict("accept", ids[0])
    assert app.multiselect(key=f"review-runs-{world.dataset_id}").value == [runs[1].id]
    run(app.button(key="review-add").click())
    assert named(app, "Make the queue") and not app.query_params
    app = opened(queue=queue)
    run(app.selectbox(key=f"review-queue-{world.dataset_id}-{queue}").select(other))
    assert at(app, "queue") == str(other)
    assert at(app, "frame") == str(ids[1])


def test_what_the_browser_never_sends_is_refused(world) -> None:
    _, (first, *_) = queue_of(world)
    app = opened(frame=first)
    reviewer = Reviewer(app)
    reviewer.verdict("delete", first)
    assert "verdict must be one of" in app.error[0].value.replace("\\", "")
    reviewer.verdict("accept", "9" * 40)
    assert "frame must exist" in app.warning[0].value.replace("\\", "")
