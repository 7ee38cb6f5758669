import dataclasses
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import schema  # noqa: E402
from drivegrid.dashboard.database import Database, StoreError  # noqa: E402
from drivegrid.dashboard.store import datasets  # noqa: E402
from drivegrid.dashboard.store.browse import page, shapes  # noqa: E402
from drivegrid.dashboard.store.datasets import (  # noqa: E402
    add_dataset,
    add_run,
    export_scenes,
    list_datasets,
    list_sources,
)
from drivegrid.dashboard.store.facets import facets  # noqa: E402
from drivegrid.dashboard.store.people import audit_page, ensure_user  # noqa: E402
from drivegrid.dashboard.store.query import Query  # noqa: E402
from drivegrid.dashboard.store.records import shape_values, to_record  # noqa: E402
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from drivegrid.data.images import save_image  # noqa: E402
from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.data.store import save_scenes, scene_to_record  # noqa: E402
from drivegrid.errors import ConfigError, FormatError  # noqa: E402
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline  # noqa: E402

SIZE = (1280, 720)
CAR = Instance(
    "object/vehicle/car",
    Box([0.1 + 0.2, 1 / 3, 700.25, 400.0]),
    {"color": "red"},
    visibility=0.3,
    extra={"id": [1, None, "'\0"]},
)
LANE = Instance("lane/line", Polyline([[1.5, 2.0], [1e-7, 700.0]]), confidence=0.1 + 0.2)
OTHERS = (
    Instance("sign", Point([3.0, 4.5]), source="rendered"),
    Instance("area/drivable", Polygon((np.eye(3, 2), np.eye(3, 2) + 1))),
    Instance("region/building", Anchors([[5.0, 6.0]])),
    Instance("<script>'🚗%", Polygon(())),
)
RAIN = {"weather": "rain"}


def scenes(num: int = 6) -> list[Scene]:
    return [
        Scene(
            Frame(f"clip{i // 3}/{i}.jpg", SIZE, RAIN if i % 2 else {}, f"clip{i // 3}"),
            (CAR, LANE, *OTHERS)[: i % 7],
            {"assumed_size": True, "more": [i, 1.5]} if i == 2 else {},
        )
        for i in range(num)
    ]


@pytest.fixture
def labels(tmp_path) -> Path:
    save_scenes(scenes(), tmp_path / "train.jsonl")
    return tmp_path


def records(found) -> list[dict]:
    return list(map(scene_to_record, found))


def test_no_labels_make_no_data_set(database, tmp_path) -> None:
    assert list_datasets(database) == []
    with pytest.raises(FormatError):
        add_dataset(database, "none", tmp_path)
    with pytest.raises(FormatError, match="must exist"):
        add_dataset(database, "none", tmp_path, root=tmp_path / "nowhere")
    assert list_datasets(database) == []


def test_labels_come_out_as_they_went_in(database, labels, tmp_path) -> None:
    ada, told = ensure_user(database, "ada", "admin"), []
    got = add_dataset(database, "roads", labels, ada.id, told.append)
    assert (got.added, got.quarantine.num_read, got.quarantine.num_rejected) == (6, 6, 0)
    assert told[-1] == 6 and audit_page(database)[0].user == "ada"
    assert list(export_scenes(database, got.id)) == scenes()
    [row] = list_datasets(database)
    assert (row.id, row.name, row.root, row.num_frames) == (got.id, "roads", labels.resolve(), 6)
    assert [(one.name, one.kind) for one in list_sources(database, got.id)] == [("labels", "label")]
    rows = page(database, Query(), got.id).frames
    assert [one.number for one in rows] == list(range(6)) and rows[0].split == "train"
    assert rows[1].attributes == RAIN and rows[2].extra == scenes()[2].extra
    again = tmp_path / "again"
    again.mkdir()
    save_scenes(export_scenes(database, got.id), again / "x.jsonl")
    back = add_dataset(database, "back", again)
    assert records(export_scenes(database, back.id)) == records(scenes())


NUMBERS = st.floats(-1e7, 1e7)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4).map(np.array)
INSTANCES = st.builds(
    Instance,
    label=TEXTS,
    geometry=PAIRS.map(Polyline) | PAIRS.map(Anchors) | st.lists(PAIRS).map(tuple).map(Polygon),
    attributes=st.dictionaries(st.text(max_size=3).filter(str.isprintable), TEXTS, max_size=2),
    visibility=st.none() | st.floats(0, 1),
    confidence=st.none() | st.floats(0, 1),
    source=TEXTS,
    extra=st.dictionaries(TEXTS, st.none() | NUMBERS | TEXTS | st.booleans(), max_size=2),
)


def test_any_instance_comes_out_as_it_went_in(database, labels) -> None:
    dataset = add_dataset(database, "roads", labels).id

    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(st.lists(INSTANCES, max_size=3))
    def check(instances: list[Instance]) -> None:
        said = dataclasses.replace(scenes()[0], instances=tuple(instances))
        run = add_run(database, dataset, "run", [said], {})
        assert run.quarantine.rejected == []
        found = next(export_scenes(database, dataset, run.id))
        assert found.instances == said.instances
        rows = shapes(database, page(database, Query(), dataset).frames[0].id, [run.id])
        assert [row.instance for row in rows] == instances

    check()


def review(database: Database, frame_id: int, status: str, said: Scene | None = None) -> None:
    """Do what a verdict does."""
    with database.write() as connection:
        frame = connection.execute(
            sa.update(schema.frames)
            .where(schema.frames.c.id == frame_id)
            .values(status=status, version=3, reviewed_at=9)
            .returning(schema.frames.c.dataset_id)
        ).scalar_one()
        if said is not None:
            source = {"dataset_id": frame, "name": "review", "kind": "review", "details": {}}
            key = connection.execute(
                sa.insert(schema.sources).values(**source, created_at=0)
            ).inserted_primary_key[0]
            rows = shape_values(to_record(said), frame_id, key)
            connection.execute(sa.insert(schema.shapes), rows)


def test_what_holds_now_is_what_reviewers_left(database, labels) -> None:
    got = add_dataset(database, "roads", labels)
    ids = [row.id for row in page(database, Query(), got.id).frames]
    corrected = dataclasses.replace(scenes()[1], instances=(LANE,))
    review(database, ids[1], "corrected", corrected)
    review(database, ids[2], "rejected")
    review(database, ids[3], "accepted")
    before = page(database, Query(), got.id).frames
    expected = [scenes()[0], corrected, *scenes()[3:]]
    assert list(export_scenes(database, got.id)) == expected
    again = add_dataset(database, "roads", labels)
    assert (again.id, again.added, again.quarantine.num_kept) == (got.id, 0, 6)
    assert page(database, Query(), got.id).frames == before
    assert list(export_scenes(database, got.id)) == expected
    assert list(export_scenes(database, got.id, list_sources(database, got.id)[0].id)) == scenes()


def test_what_is_broken_is_named_and_stops_nothing(database, labels) -> None:
    long = Scene(Frame("x" * 1001, SIZE))
    out = Scene(Frame("../out.jpg", SIZE))
    null = Scene(Frame("null.jpg", SIZE), (dataclasses.replace(CAR, label="a\0"),))
    unnamed = Scene(Frame("", SIZE))
    save_scenes([scenes()[0], long, out, null, unnamed], labels / "val.jsonl")
    with (labels / "val.jsonl").open("a") as file:
        file.write('not JSON\n{"schema": 1}\n')
    (labels / "other.json").write_text("{}")
    got = add_dataset(database, "roads", labels)
    assert (got.added, got.skipped) == (6, (labels / "other.json",))
    assert got.quarantine.num_read == 6 + 7 and got.quarantine.num_rejected == 7
    assert {Path(one.path) for one in got.quarantine.rejected} == {labels / "val.jsonl"}
    messages = " ".join(one.message for one in got.quarantine.rejected)
    for part in (
        "come once",
        "at most 1000 bytes",
        "relative",
        "null character",
        "non-empty",
        "JSON",
    ):
        assert part in messages
    assert all(one.line for one in got.quarantine.rejected)


def test_more_labels_follow_behind(database, labels) -> None:
    got = add_dataset(database, "roads", labels)
    save_scenes(scenes(9), labels / "train.jsonl")
    more = add_dataset(database, "roads", labels)
    assert (more.id, more.added) == (got.id, 3)
    assert list(export_scenes(database, got.id)) == scenes(9)
    assert [row.number for row in page(database, Query(), got.id).frames] == list(range(9))
    totals = {f.value: f.count.num for f in facets(database, Query(), got.id)["weather"]}
    assert totals == {"rain": 4}
    with pytest.raises(ConfigError, match="must keep its folder"):
        add_dataset(database, "roads", labels / "train.jsonl", root=labels.parent)


def test_a_folder_of_pictures_is_a_data_set_without_labels(database, tmp_path) -> None:
    folder = tmp_path / "drive"
    for number, name in enumerate(("b.png", "a.JPG", "val/c.png")):
        save_image(folder / name, np.zeros((10, 20 + number, 3), np.uint8))
    (folder / "broken.jpg").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("no picture")
    got = add_dataset(database, "drive", folder)
    rows = page(database, Query(), got.id).frames
    found = [(row.image, row.size_wh, row.split, row.attributes) for row in rows]
    assert found == [
        ("a.JPG", (21, 10), None, {}),
        ("b.png", (20, 10), None, {}),
        ("val/c.png", (22, 10), "val", {}),
    ]
    [broken] = got.quarantine.rejected
    assert (got.added, broken.path) == (3, str(folder / "broken.jpg"))
    assert "must be a picture" in broken.message
    labels = list_sources(database, got.id)[0].id
    assert list(export_scenes(database, got.id)) == []  # not labelled is not empty
    assert list(export_scenes(database, got.id, labels)) == []
    review(database, rows[1].id, "accepted")
    assert [one.frame.image for one in export_scenes(database, got.id)] == ["b.png"]
    save_image(folder / "d.png", np.zeros((10, 20, 3), np.uint8))
    assert add_dataset(database, "drive", folder).added == 1


@pytest.mark.parametrize("files", [(), ("a.txt",), ("a.png", "other.json")])
def test_a_folder_without_pictures_or_with_unknown_labels_is_none(database, tmp_path, files):
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises(FormatError, match="known format"):
        add_dataset(database, "none", tmp_path)
    assert list_datasets(database) == []


def test_labels_below_the_folder_name_pictures_from_it(database, tmp_path) -> None:
    for part in ("train", "val"):
        (tmp_path / part).mkdir()
        save_scenes(scenes(2), tmp_path / part / "labels.jsonl")
    got = add_dataset(database, "roads", tmp_path)
    rows = page(database, Query(), got.id).frames
    assert [(row.image, row.split) for row in rows] == [
        (f"{part}/clip0/{i}.jpg", part) for part in ("train", "val") for i in range(2)
    ]
    told = add_dataset(database, "told", tmp_path / "train", root=tmp_path)
    assert page(database, Query(), told.id).frames[0].image == "clip0/0.jpg"


def _import_and_die(url: str, labels: Path) -> None:
    """Be killed after the second batch."""
    datasets.BATCH = 2

    def die(num: int) -> None:
        if num == 4:
            os.kill(os.getpid(), signal.SIGKILL)

    add_dataset(Database(url), "roads", labels, progress=die)


def test_an_import_that_was_killed_is_given_again(database, labels) -> None:
    url = database.url.render_as_string(hide_password=False)
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_import_and_die, args=(url, labels))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert list_datasets(database) == []  # half a data set is not shown
    got = add_dataset(database, "roads", labels)
    assert got.added == 2 and list(export_scenes(database, got.id)) == scenes()
    whole = add_dataset(database, "whole", labels)
    assert facets(database, Query(), got.id) == facets(database, Query(), whole.id)


def test_a_run_lies_beside_the_labels(database, labels) -> None:
    got = add_dataset(database, "roads", labels)
    assert add_run(database, got.id, "empty", [], {}).added == 0
    said = [
        Scene(Frame("/data/clip0/0.jpg", SIZE), (LANE,)),
        Scene(Frame("clip0/1.jpg", (640, 360))),
        Scene(Frame("clip0/2.jpg", (640, 360)), (), {"assumed_size": True}),
        Scene(Frame("nowhere.jpg", SIZE)),
        Scene(Frame("clip0/0.jpg", SIZE)),
    ]
    traces = [[{"offsets": [["stay"]]}], [], [], [], []]
    run = add_run(database, got.id, "nano", said, {"model": "nano"}, traces)
    assert (run.added, run.quarantine.num_read) == (2, 5)
    assert [(one.path, one.message.split(",")[0]) for one in run.quarantine.rejected] == [
        ("clip0/1.jpg", "size must be that of the frame"),
        ("nowhere.jpg", "image must be a frame of the data set"),
        ("clip0/0.jpg", "image must come once in a run"),
    ]
    first = page(database, Query(), got.id).frames[0].id
    [row] = shapes(database, first)
    assert (row.source_id, row.instance, row.trace) == (run.id, LANE, traces[0][0])
    assert list_sources(database, got.id)[-1].details == {"model": "nano"}
    again = add_run(database, got.id, "nano", said[:1], {"model": "nano"}, [[None]])
    assert again.id == run.id and shapes(database, first, [run.id])[0].trace is None
    assert list(export_scenes(database, got.id)) == scenes()


def test_a_run_has_a_name_and_traces_of_its_own(database, labels) -> None:
    got = add_dataset(database, "roads", labels)
    for name in ("labels", "review"):  # the reviewers' is made when they first correct
        with pytest.raises(ConfigError, match="name of its own"):
            add_run(database, got.id, name, [], {})
    with pytest.raises(StoreError):
        add_run(database, 99, "nano", [], {})
    run = add_run(database, got.id, "nano", scenes(2)[1:], {}, [[1, 2, 3]])
    assert "traces must be one an instance" in run.quarantine.rejected[0].message
