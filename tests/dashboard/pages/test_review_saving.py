"""What the canvas is told of a correction: saved is only what the store has written."""

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError
from drivegrid.dashboard.store import reviews
from drivegrid.dashboard.store.reviews import Verdict, history

from tests.dashboard.pages.test_review import Reviewer, named, opened, queue_of


def fate(app) -> str | None:
    """Return what became of the last correction; None where there was none."""
    return (
        app.session_state["review-outcome"].fate if "review-outcome" in app.session_state else None
    )


def test_what_the_store_could_not_write_has_failed_and_can_be_saved_again(
    world, monkeypatch
) -> None:
    _, (first, *_) = queue_of(world)
    app = opened(frame=first)
    reviewer = Reviewer(app)
    assert fate(app) is None

    def full(*_: object) -> None:
        raise StoreError("disk must have room, got none.")

    with monkeypatch.context() as broken:
        broken.setattr(reviews, "verdict", full)
        reviewer.save([], first)
    assert fate(app) == "failed"
    assert "disk must have room" in app.warning[0].value.replace("\\", "")
    assert history(world.hub.database, first) == ()
    reviewer.save([], first)
    assert fate(app) == "saved"
    assert len(history(world.hub.database, first)) == 1


def test_a_correction_that_met_another_is_saved_once_it_is_insisted_on(world) -> None:
    _, (first, *_) = queue_of(world)
    app = opened(frame=first)
    world.hub.actor().verdict(first, Verdict("accept", 0, "said elsewhere"))
    Reviewer(app).save([], first)
    assert fate(app) == "conflict"
    named(app, "Save mine over it").click().run()
    assert not app.exception
    assert fate(app) == "saved"
