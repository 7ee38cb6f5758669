"""Two people, two versions of a frame: what was refused is shown, and waits for its giver."""

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store.reviews import Verdict, history

from tests.dashboard.pages.apps import named, press, run, texts
from tests.dashboard.pages.conftest import frame_of
from tests.dashboard.pages.test_review import (
    CONE,
    HOSTILE,
    Reviewer,
    as_shown,
    drawn,
    opened,
    queue_of,
    status,
)


@pytest.mark.parametrize("choice", ["Save mine over it", "Drop mine"])
def test_a_stale_correction_is_shown_beside_the_other(world, choice) -> None:
    _, (first, *_) = queue_of(world)
    app = opened(frame=first)
    reviewer = Reviewer(app)
    me = world.hub.actor()
    me.verdict(first, Verdict("correct", 0, "elsewhere", (), " ".join(HOSTILE)))
    reviewer.save([*as_shown(0), drawn(CONE)], first)
    assert len(history(world.hub.database, first)) == 1
    told = app.warning[0].value
    assert f"{me.user.name} said correct".replace("_", "\\_") in told and "3 shapes" in told
    assert "\\<script\\>" in told and "<script" not in told.replace("\\<script", "")
    press(app, choice)
    assert "call_split" not in str([one.icon for one in app.warning])
    log = history(world.hub.database, first)
    if choice == "Save mine over it":
        assert log[-1].after.shapes == (*frame_of(0).instances, CONE)
    else:
        assert len(log) == 1


def test_what_was_refused_waits_for_its_giver(world) -> None:
    _, (first, second, *_) = queue_of(world)
    bob = world.hub.someone("bob", "reviewer")
    app = opened(frame=first)
    reviewer, me = Reviewer(app), world.hub.actor()
    me.give_back(first)
    bob.verdict(first, Verdict("reject", 0, "his-first"))
    reviewer.save([*as_shown(0), drawn(CONE)], first)
    assert "bob said reject" in texts(app)
    me.give_back(first)
    bob.undo(first, "his-second", 1)
    assert "bob said undo" in texts(run(app))  # what he does then erases nothing
    for verdict in ("accept", "reject", "undo"):
        reviewer.verdict(verdict, first, 2)
        assert "decide between the two versions first" in texts(app)
    reviewer.save(as_shown(0), first, 2)
    assert [one.user for one in history(world.hub.database, first)] == ["bob", "bob"]
    reviewer.verdict("next", first, 2)
    reviewer.verdict("accept", second)
    assert "bob said" not in texts(app) and status(world, second) == "accepted"
    app = opened(frame=first)  # in another session, as after a reload
    assert "You said correct, 3 shapes" in texts(app)
    press(app, "Save mine over it")
    assert "You said" not in texts(app)
    last = history(world.hub.database, first)[-1]
    assert (last.user, last.after.shapes) == (me.user.name, (*frame_of(0).instances, CONE))


def test_a_correction_of_what_another_took_meanwhile_is_refused_by_name(world) -> None:
    _, (first, *_) = queue_of(world)
    bob = world.hub.someone("bob", "reviewer")
    app = opened(frame=first)
    reviewer = Reviewer(app)
    me = world.hub.actor()
    me.give_back(first)
    bob.take(first)
    reviewer.save([*as_shown(0), drawn(CONE)], first)
    assert "one that bob works on" in texts(app)
    assert history(world.hub.database, first) == ()
    # what he says meanwhile is shown beside it; as long as he has the frame, it is his
    bob.verdict(first, Verdict("reject", 0, "his-token"))
    bob.take(first)
    reviewer.save([*as_shown(0), drawn(CONE)], first)
    assert "bob said reject" in texts(app)
    assert named(app, "Save mine over it").disabled
    bob.give_back(first)
    press(app, "Look again")
    press(app, "Save mine over it")
    assert history(world.hub.database, first)[-1].after.shapes == (*frame_of(0).instances, CONE)
