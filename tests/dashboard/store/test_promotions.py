import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from pathlib import Path

from drivegrid.dashboard.database import StoreError
from drivegrid.dashboard.store.jobs import claim, enqueue, finish
from drivegrid.dashboard.store.people import audit_page
from drivegrid.dashboard.store.promotions import promote, promoted

from tests.dashboard.store.rows import add_users


def trained(database, user_id: int, result: dict | None) -> int:
    number = enqueue(database, "fine-tuning", {}, user_id)
    job = claim(database, ["fine-tuning"])
    if result is not None:
        finish(database, job, result)
    return number


def test_nothing_was_promoted_at_first(database) -> None:
    assert promoted(database) is None


def test_the_last_promotion_holds_and_all_are_noted(database) -> None:
    ada, bob = add_users(database, "ada", "bob")
    one, two = (trained(database, ada, {"checkpoint": f"/runs/{n}"}) for n in (1, 2))
    promote(database, one, ada)
    promote(database, two, bob)
    last = promoted(database)
    assert (last.job_id, last.checkpoint, last.user) == (two, Path("/runs/2"), "bob")
    promote(database, None, ada)
    last = promoted(database)
    assert (last.job_id, last.checkpoint, last.user) == (None, None, "ada")
    told = [(row.action, row.subject) for row in audit_page(database)]
    assert told == [
        ("promote", "the packaged model"),
        ("promote", f"training {two}"),
        ("promote", f"training {one}"),
    ]


@pytest.mark.parametrize("result", [None, {}, {"folder": "/exports/1"}])
def test_what_made_no_checkpoint_is_not_promoted(database, result) -> None:
    [ada] = add_users(database, "ada")
    with pytest.raises(StoreError, match="must have made a checkpoint"):
        promote(database, trained(database, ada, result), ada)
    assert promoted(database) is None and audit_page(database) == []


def test_an_unknown_training_is_not_promoted(database) -> None:
    [ada] = add_users(database, "ada")
    with pytest.raises(StoreError, match="99"):
        promote(database, 99, ada)
