import errno
import hashlib
import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import exporting
from drivegrid.dashboard.database import Database
from drivegrid.dashboard.exporting import EXPORT, WRITABLE, Exporter
from drivegrid.dashboard.store.datasets import add_dataset, add_run, export_scenes, list_sources
from drivegrid.dashboard.store.jobs import claim, enqueue, get_job, revive
from drivegrid.dashboard.store.people import audit_page, ensure_user
from drivegrid.dashboard.store.reviewed import count_statuses, count_verdicts
from drivegrid.dashboard.store.reviews import Verdict, verdict
from drivegrid.dashboard.work import Worker

from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.sources import find_source
from drivegrid.data.store import load_scenes, save_scenes
from drivegrid.errors import ConfigError, DriveGridError, FormatError
from drivegrid.geometry import Box, Polyline

SIZE = (320, 180)
NAME = "../<Drive> *1*"
FOLDER = "drive-1"


def scene_of(number: int) -> Scene:
    lane = Instance("lane/line", Polyline(np.array([[100.0, 180], [150 + number, 60]])))
    car = Instance("object/vehicle/car", Box(np.array([40.0, 80, 90 + number, 120])))
    return Scene(Frame(f"images/{number}.png", SIZE, {"weather": "rain"}, clip="a"), (lane, car))


def fill(database: Database, folder: Path, num: int = 5) -> int:
    """Store frames with pictures and labels; return the data set's id."""
    for number in range(num):
        picture = np.full((SIZE[1], SIZE[0], 3), 9 * number, dtype=np.uint8)
        save_image(folder / f"images/{number}.png", picture)
    save_scenes([scene_of(number) for number in range(num)], folder / "labels.jsonl")
    ensure_user(database, "ada", "reviewer")
    return add_dataset(database, NAME, folder / "labels.jsonl").id


def judge(database: Database, frame_id: int, kind: str) -> None:
    drawn = (scene_of(70).instances[0],) if kind == "correct" else None
    verdict(database, frame_id, 1, Verdict(kind, 0, f"token-{frame_id}", drawn))


class Exports:
    """A filled store and what exports of it make."""

    def __init__(self, database: Database, tmp_path: Path) -> None:
        self.database, self.folder = database, tmp_path / "hub" / "exports"
        self.dataset_id = fill(database, tmp_path / "drive")
        self.exporter, self.beats = Exporter(database, self.folder), []

    def start(self, **parameters):
        asked = {"dataset_id": self.dataset_id, "format": "scene", **parameters}
        enqueue(self.database, EXPORT, asked, 1)
        return claim(self.database, [EXPORT])

    def run(self, **parameters):
        job = self.start(**parameters)
        return self.exporter.run(job, lambda share, text: self.beats.append((share, text)))

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder)) if self.folder.is_dir() else []


@pytest.fixture
def exports(database, tmp_path) -> Exports:
    return Exports(database, tmp_path)


@pytest.fixture
def exports_in_file(tmp_path):
    """Where what is tested is files rather than the store."""
    database = Database(f"sqlite:///{tmp_path}/review.db")
    database.migrate()
    yield Exports(database, tmp_path)
    database.close()


def manifest_of(result) -> dict:
    return json.loads(Path(result["manifest"]).read_text(encoding="utf-8"))


def test_an_empty_data_set_says_so(database, tmp_path) -> None:
    folder = tmp_path / "drive"
    dataset_id = fill(database, folder, 1)
    judge(database, 1, "reject")
    exporter = Exporter(database, tmp_path / "exports")
    for only in ("all", "reviewed"):
        enqueue(database, EXPORT, {"dataset_id": dataset_id, "format": "coco", "only": only}, 1)
        with pytest.raises(ConfigError, match="data set must have a frame"):
            exporter.run(claim(database, [EXPORT]), lambda *_: None)
    assert not (tmp_path / "exports").exists()
    assert count_verdicts(database, 99) == {}
    assert set(count_statuses(database, 99).values()) == {0}


def test_scenes_come_back_as_they_were(exports, tmp_path) -> None:
    result = exports.run()
    assert exports.names() == [f"{FOLDER}-scene-1"]
    back = add_dataset(exports.database, "again", result["folder"])
    assert back.added == 5 and not back.quarantine.num_rejected
    assert list(export_scenes(exports.database, back.id)) == [scene_of(n) for n in range(5)]
    pictures = sorted(Path(result["folder"], "images").iterdir())
    assert [one.resolve() for one in pictures] == sorted((tmp_path / "drive/images").iterdir())
    assert audit_page(exports.database)[1].action == EXPORT
    assert exports.beats[-1] == (1.0, "done")


def test_coco_comes_back_with_as_many_boxes(exports) -> None:
    result = exports.run(format="coco", pictures="copy")
    back = add_dataset(exports.database, "again", result["folder"])
    found = list(export_scenes(exports.database, back.id))
    labels = [one.label for scene in found for one in scene.instances]
    assert len(found) == 5 and labels.count("object/vehicle/car") == 5
    assert result["counts"]["pictures"] == {"copied": 5}
    assert not any(one.is_symlink() for one in Path(result["folder"], "images").iterdir())


def test_what_holds_now_and_what_a_source_says(exports) -> None:
    for frame_id, kind in enumerate(("accept", "correct", "reject"), start=1):
        judge(exports.database, frame_id, kind)
    run = add_run(exports.database, exports.dataset_id, "near", [scene_of(0)], {}).id
    labels = list_sources(exports.database, exports.dataset_id)[0].id
    cases = {
        (): (["0", "1", "3", "4"], [2, 1, 2, 2]),
        (("only", "reviewed"),): (["0", "1"], [2, 1]),
        (("source", labels),): (["0", "1", "2", "3", "4"], [2] * 5),
        (("source", run), ("only", "reviewed")): (["0"], [2]),  # it never saw the second
        (("source", run),): (["0"], [2]),
    }
    for asked, (names, counts) in cases.items():
        result = exports.run(**dict(asked), pictures="none")
        found = load_scenes(Path(result["folder"], "labels.jsonl"))
        assert [Path(one.frame.image).stem for one in found] == names
        assert [len(one.instances) for one in found] == counts
        assert os.listdir(result["folder"]).count("images") == 0
    manifest = manifest_of(result)
    assert (manifest["source"], manifest["only"]) == ("near", "all")
    assert (manifest["written"], manifest["frames_not_covered"]) == (1, 4)
    assert manifest["verdicts_by_reviewer"] == {"ada": 3}
    status = {"new": 2, "accepted": 1, "corrected": 1, "rejected": 1}
    assert manifest["frames_by_status"] == status


def test_verdicts_that_come_meanwhile_are_counted(exports) -> None:
    def beat(share: float, text: str) -> None:
        if text.startswith("frames 2"):
            judge(exports.database, 1, "correct")
            judge(exports.database, 4, "reject")

    judge(exports.database, 2, "accept")
    result = exports.exporter.run(exports.start(pictures="none"), beat)
    assert result["verdicts_while_written"] == 2
    assert manifest_of(result)["verdicts_while_written"] == 2
    assert manifest_of(exports.run(pictures="none"))["verdicts_while_written"] == 0


def test_the_manifest_says_what_is_there_and_what_is_not(exports_in_file) -> None:
    result = exports_in_file.run(format="culane")
    manifest, folder = manifest_of(result), Path(result["folder"])
    named = {one["name"] for one in manifest["files"]}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert named == {one for one in there if not one.endswith(".png")} - {"manifest.json"} != set()
    for one in manifest["files"]:
        content = (folder / one["name"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["bytes"] == len(content)
    assert manifest["dataset"] == NAME and manifest["drivegrid"] and manifest["time"]
    assert manifest["written"] == 5 == result["counts"]["written"]
    losses = manifest["loss_counts"]
    assert sum(losses.values()) == len(manifest["losses"]) >= 5  # of each frame its car
    assert not any("without the picture" in message for message in losses)


@pytest.mark.parametrize("name", WRITABLE)
def test_every_format_that_can_be_written_is(exports_in_file, name) -> None:
    result = exports_in_file.run(format=name)
    counts = result["counts"]
    assert counts["written"] + counts["quarantined"] == 5
    assert len(manifest_of(result)["records"]) == counts["quarantined"]
    assert str(exports_in_file.folder) not in json.dumps(result["records"])
    if counts["written"]:
        find_source(result["folder"], name)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"dataset_id": 99}, "data set must exist, got 99"),
        ({"source": 99}, "source must be one of the data set, got 99"),
        ({"source": "../labels"}, "source must be one"),
        ({"format": "drivelm"}, "format must be one of"),
        ({"format": "../../etc"}, "format must be one of"),
        ({"pictures": "move"}, "pictures must be one of link, copy, none"),
        ({"only": "good"}, "only must be one of all, reviewed"),
    ],
)
def test_what_is_no_export_is_refused(exports_in_file, parameters, told) -> None:
    with pytest.raises(ConfigError, match=told):
        exports_in_file.run(**parameters)
    assert exports_in_file.names() == []


@pytest.mark.parametrize("step", ["copy_labels", "_hashed", "place_pictures", "write_text"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_is_told_and_nothing_is_left(
    exports_in_file, monkeypatch, step, code
) -> None:
    def full(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(exporting, step, full)
    job = exports_in_file.start()
    with pytest.raises(OSError, match=os.strerror(code)):
        exports_in_file.exporter.run(job, lambda *_: None)
    assert exports_in_file.names() == []
    monkeypatch.undo()
    assert exports_in_file.exporter.run(job, lambda *_: None)["counts"]["written"] == 5


def test_a_folder_that_cannot_be_made_is_told(exports_in_file) -> None:
    exports_in_file.folder.parent.mkdir()
    exports_in_file.folder.write_text("a file")
    with pytest.raises(OSError, match="drive-1-scene-1"):
        exports_in_file.run()


def test_a_job_that_is_given_up_leaves_nothing(exports_in_file) -> None:
    class GivenUp(Exception):
        pass

    def given_up_at(share):
        def beat(progress, text):
            if progress >= share:
                raise GivenUp

        return beat

    for share in (0, 0.3, 0.6, 0.8, 1.0):
        with pytest.raises(GivenUp):
            exports_in_file.exporter.run(exports_in_file.start(), given_up_at(share))
        assert exports_in_file.names() == []


def test_a_manifest_that_is_elsewhere_is_told(exports_in_file) -> None:
    exports, database = exports_in_file, exports_in_file.database
    job = exports.start()
    with pytest.raises(FormatError, match="manifest must be on this machine"):
        exports.exporter.manifest(job)
    result = exports.exporter.run(job, lambda *_: None)
    from drivegrid.dashboard.store.jobs import finish

    finish(database, job, result)
    done = get_job(database, job.id)
    assert exports.exporter.manifest(done).samefile(result["manifest"])
    elsewhere = Exporter(database, exports.folder / "other")
    with pytest.raises(DriveGridError, match="Another may have"):
        elsewhere.manifest(done)


def _export_and_hang(url: str, folder: Path, hangs) -> None:
    def hang(*_):
        hangs.set()
        time.sleep(600)

    exporting.place_pictures = hang
    database = Database(url)
    Worker(database, {EXPORT: Exporter(database, folder).run}, 0.02)
    time.sleep(600)


def test_an_export_that_was_killed_is_made_again_whole(exports) -> None:
    url = exports.database.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    hangs = context.Event()
    parameters = {"dataset_id": exports.dataset_id, "format": "scene"}
    number = enqueue(exports.database, EXPORT, parameters, 1)
    process = context.Process(target=_export_and_hang, args=(url, exports.folder, hangs))
    process.start()
    assert hangs.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    [left] = exports.names()
    assert left.startswith(".") and left.endswith(".part")
    time.sleep(0.01)
    assert revive(exports.database, 0) == 1
    job = claim(exports.database, [EXPORT])
    assert job.id == number
    for _ in range(2):  # the second time as if it had been killed before it could tell
        result = exports.exporter.run(job, lambda *_: None)
        assert exports.names() == [f"{FOLDER}-scene-{number}"]
        found = load_scenes(Path(result["folder"], "labels.jsonl"))
        assert found == [scene_of(n) for n in range(5)]
        assert len(list(Path(result["folder"], "images").iterdir())) == 5
