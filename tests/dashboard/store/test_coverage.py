import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from alembic import command  # noqa: E402
from drivegrid.dashboard.database import Database, _alembic  # noqa: E402
from drivegrid.dashboard.schema import frames  # noqa: E402
from drivegrid.dashboard.store.coverage import count_covered, count_told, covering  # noqa: E402
from drivegrid.dashboard.store.datasets import (  # noqa: E402
    LABELS,
    add_dataset,
    add_run,
    export_scenes,
    list_sources,
)
from drivegrid.dashboard.store.evaluations import evaluate, figures, frame_scores  # noqa: E402
from drivegrid.dashboard.store.orders import disagreement, lane_flicker  # noqa: E402
from drivegrid.dashboard.store.people import ensure_user  # noqa: E402
from drivegrid.dashboard.store.reviews import Verdict, verdict  # noqa: E402

from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.data.store import save_scenes  # noqa: E402
from drivegrid.geometry import Box, Polyline  # noqa: E402

SIZE = (64, 48)
CAR = Instance("object/vehicle/car", Box([0.0, 0, 30, 30]))
LANE = Instance("lane/line", Polyline([[1.0, 2], [3, 40]]))
NUM = 5
SEEN = (0, 1, 3)
"""Frames that the run saw; in the last of them it found nothing."""


def scene(number: int, *instances: Instance) -> Scene:
    return Scene(Frame(f"{number}.png", SIZE, clip="drive"), instances)


@pytest.fixture
def world(database, tmp_path) -> dict[str, int]:
    """Return the ids of the data set, its labels and its run."""
    user = ensure_user(database, "ada", "reviewer").id
    save_scenes([scene(n, CAR, LANE) for n in range(NUM)], tmp_path / "labels.jsonl")
    dataset = add_dataset(database, "roads", tmp_path).id
    found = [scene(SEEN[0], CAR, LANE), scene(SEEN[1], CAR, LANE), scene(SEEN[2])]
    run = add_run(database, dataset, "run", found, {}).id
    labels = next(one.id for one in list_sources(database, dataset) if one.name == LABELS)
    return {"dataset": dataset, "labels": labels, "run": run, "user": user}


def score(database, world, pred: str, true: str):
    pair = world[pred], world[true]
    made = evaluate(database, world["dataset"], *pair, "boxes", world["user"])
    return figures(database, made)


def test_nothing_covers_nothing(database) -> None:
    assert covering(database, 1) == set() and count_covered(database, 1) == 0


def test_a_run_covers_what_it_saw_and_labels_what_they_are_of(database, world) -> None:
    assert count_covered(database, world["labels"]) == NUM
    assert count_covered(database, world["run"]) == len(SEEN)
    assert covering(database, 1) == {world["labels"], world["run"]}
    assert covering(database, 3) == {world["labels"]}
    add_run(database, world["dataset"], "run", [scene(2), scene(0)], {})  # it goes on
    assert count_covered(database, world["run"]) == len(SEEN) + 1


def test_only_covered_frames_are_scored(database, world) -> None:
    for sides in (("run", "labels"), ("labels", "run")):
        told = score(database, world, *sides)
        assert told.settings["frames"] == {"scored": 3, "not_covered": 2}
        assert told.told_frames == "3 frames, 2 not covered"
        assert set(frame_scores(database, told.id, range(9))) == {1, 2, 4}
    assert score(database, world, "labels", "labels").told_frames == "5 frames"
    verdict(database, 3, 1, Verdict("reject", 0, "a"))
    assert score(database, world, "run", "labels").told_frames == "3 frames, 1 not covered"


def test_reviewers_are_scored_where_the_run_saw_what_they_confirmed(database, world) -> None:
    verdict(database, 1, 1, Verdict("correct", 0, "a", (CAR,)))
    verdict(database, 3, 1, Verdict("correct", 0, "b", (CAR,)))  # the run never saw it
    verdict(database, 4, 1, Verdict("accept", 0, "c"))
    review = list_sources(database, world["dataset"])[-1].id
    told = score(database, world | {"review": review}, "run", "review")
    assert told.settings["frames"] == {"scored": 2, "not_covered": 1}
    names = [one.frame.image for one in export_scenes(database, world["dataset"], review)]
    assert names == ["0.png", "2.png"] and count_covered(database, review) == 2


def test_exports_leave_out_what_was_never_seen(database, world) -> None:
    found = list(export_scenes(database, world["dataset"], world["run"]))
    assert [one.frame.image for one in found] == [f"{n}.png" for n in SEEN]
    assert [len(one.instances) for one in found] == [2, 2, 0]
    told = count_told(database, world["dataset"], world["run"], reviewed=False)
    assert told == (3, 2)
    verdict(database, 3, 1, Verdict("accept", 0, "a"))
    assert count_told(database, world["dataset"], world["run"], reviewed=True) == (0, 1)
    assert count_told(database, world["dataset"], None, reviewed=False) == (5, 0)


def test_orders_know_nothing_of_frames_that_were_not_seen(database, world) -> None:
    chosen = sa.select(frames.c.id).where(frames.c.dataset_id == world["dataset"])
    found = lane_flicker(database, chosen, 9, world["run"])
    assert [(one.frame_id, one.why) for one in found] == [(2, 1.0), (4, 1.0), (1, 0.0)]
    found = disagreement(database, chosen, 9, (world["run"], world["labels"]))
    assert [(one.frame_id, one.why) for one in found] == [(4, 1.0), (1, 0.0), (2, 0.0)]


OLD = {
    "datasets": "(id, name, root, created_at) VALUES (1, 'a', '/', 0)",
    "frames": "(id, dataset_id, image, width, height, number, attributes, extra, status, version) "
    "VALUES (7, 1, 'a.png', 4, 4, 0, '{}', '{}', 'new', 0)",
    "sources": "(id, dataset_id, name, kind, details, created_at) VALUES "
    "(1, 1, 'labels', 'label', '{}', 0), (2, 1, 'run', 'model', '{}', 0), "
    "(3, 1, 'review', 'review', '{}', 0)",
}


def test_what_was_there_before_is_covered_as_it_was_taken_to_be(url) -> None:
    database = Database(url)
    with database.write() as connection:
        command.upgrade(_alembic(connection), "0001")
        for table, rows in OLD.items():
            connection.exec_driver_sql(f"INSERT INTO {table} {rows}")
    database.migrate()
    assert covering(database, 7) == {1, 2}
    assert [count_covered(database, source) for source in (1, 2, 3)] == [1, 1, 0]
    database.close()
