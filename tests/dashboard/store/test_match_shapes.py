import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.schema import frames  # noqa: E402
from drivegrid.dashboard.store.browse import frame  # noqa: E402
from drivegrid.dashboard.store.evaluations import evaluate, figures  # noqa: E402
from drivegrid.dashboard.store.match_shapes import both_sides  # noqa: E402
from drivegrid.dashboard.store.matches import MatchFilter, match_page  # noqa: E402

from tests.dashboard.store.rows import add_shapes, add_source  # noqa: E402
from tests.dashboard.store.worlds import make_world  # noqa: E402


def test_matches_find_their_shapes(database) -> None:
    world = make_world(database, 3)
    made = evaluate(database, world.dataset, world.runs[0], world.truth, "boxes", world.user)
    rows = match_page(database, made, MatchFilter(), limit=500).rows
    assert rows
    for row in rows:
        pred, true = both_sides(database, figures(database, made), frame(database, row.frame_id))
        assert (pred.source.id, true.source.id) == (world.runs[0], world.truth)
        if row.pred_number is not None:
            assert pred.shapes[row.pred_number].instance.label == row.pred_label
        if row.true_number is not None:
            assert true.shapes[row.true_number].instance.label == row.true_label


@pytest.mark.parametrize("status", ["accepted", "corrected"])
def test_reviewers_who_accepted_have_the_labels(database, status) -> None:
    world = make_world(database, 5)
    review = add_source(database, world.dataset, "reviewers", "review")
    number = max(world.frames, key=lambda one: len(world.instances[world.truth][one]))
    with database.write() as connection:
        chosen = sa.update(frames).where(frames.c.id == number)
        connection.execute(chosen.values(status=status))
    drawn = [one for one in world.instances[world.truth][number] if one.geometry.kind == "box"][:1]
    add_shapes(database, review, number, drawn)
    made = evaluate(database, world.dataset, world.runs[0], review, "boxes", world.user)
    _, true = both_sides(database, figures(database, made), frame(database, number))
    expected = world.instances[world.truth][number] if status == "accepted" else drawn
    assert true.source.id == review
    assert len(true.shapes) == len(expected)
