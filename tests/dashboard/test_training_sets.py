import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from dataclasses import replace

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.jobs import claim, enqueue
from drivegrid.dashboard.store.people import audit_page, ensure_user
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.reviews import Verdict, verdict
from drivegrid.dashboard.training_sets import MANIFEST, TRAINING_SET, SetBuilder, deal

from drivegrid.data.images import load_image, save_image
from drivegrid.data.leaks import picture_print
from drivegrid.data.scene import Scene
from drivegrid.data.store import load_scenes
from drivegrid.errors import ConfigError
from tests.dashboard.drives import accept_all, add_drive, drive_scene

NUM = 6


@pytest.fixture(scope="module")
def drive(tmp_path_factory) -> tuple[Path, list[Scene]]:
    """Return a folder with pictures, and the labels of three clips."""
    folder = tmp_path_factory.mktemp("drive")
    return folder, [drive_scene(folder, number) for number in range(NUM)]


class Making:
    """A store, and what sets are made of it."""

    def __init__(self, database: Database, tmp_path: Path) -> None:
        self.database, self.folder = database, tmp_path / "sets"
        self.builder = SetBuilder(database, self.folder)

    def make(self, dataset_id: int, beat: Callable = lambda *_: None, **parameters) -> dict:
        ada = ensure_user(self.database, "ada", "admin").id
        asked = {"dataset_id": dataset_id, "held_out": 0.2, **parameters}
        enqueue(self.database, TRAINING_SET, asked, ada)
        return self.builder.run(claim(self.database, [TRAINING_SET]), beat)


@pytest.fixture
def making(database, tmp_path) -> Making:
    return Making(database, tmp_path)


def images(folder: Path, part: str) -> list[str]:
    return [scene.frame.image for scene in load_scenes(folder / part / "labels.jsonl")]


def test_nothing_reviewed_makes_no_set(making, drive) -> None:
    dataset_id = add_drive(making.database, *drive)
    with pytest.raises(ConfigError, match="accepted or corrected, got none"):
        making.make(dataset_id)
    assert not making.folder.exists()


@pytest.mark.parametrize("asked", [{"dataset_id": 99}, {"held_out": 0.0}, {"held_out": "all"}])
def test_what_cannot_be_asked_for_is_named(making, drive, asked) -> None:
    dataset_id = add_drive(making.database, *drive)
    with pytest.raises(ConfigError, match="must"):
        making.make(**{"dataset_id": dataset_id, **asked})


def test_clips_stay_together_and_every_frame_is_counted(making, drive) -> None:
    root, scenes = drive
    dataset_id = add_drive(making.database, root, scenes)
    accept_all(making.database, dataset_id)
    last = browse.page(making.database, Query(), dataset_id).frames[-1]
    verdict(making.database, last.id, 1, Verdict("reject", last.version, "token-reject"))
    beats: list[float] = []
    found = making.make(dataset_id, lambda share, _: beats.append(share))
    folder = Path(found["folder"])
    train, judging = images(folder, "train"), images(folder, "held-out")
    assert sorted(train + judging) == sorted(s.frame.image for s in scenes[:-1])
    clips = {scene.frame.image: scene.frame.clip for scene in scenes}
    assert {clips[name] for name in train} & {clips[name] for name in judging} == set()
    for part, names in (("train", train), ("held-out", judging)):
        for name in names:
            assert (load_image(folder / part / name) == load_image(root / name)).all()
    counts = found["counts"]
    assert counts["reviewed"] == 5 == counts["train"] + counts["held-out"] + counts["aside"]
    assert set(counts["asked"]) <= {"lanes", "objects", "signs", "drivable"} and counts["asked"]
    told = json.loads((folder / MANIFEST).read_text())
    assert told["counts"] == counts and len(told["files"]) == 2
    assert told["verdicts_by_reviewer"] == {"ada": 7}
    assert beats == sorted(beats) and beats[-1] == 1
    [row] = [row for row in audit_page(making.database) if row.action == TRAINING_SET]
    assert row.details == counts


def test_what_reviewers_drew_is_what_is_learnt(making, drive) -> None:
    root, scenes = drive
    dataset_id = add_drive(making.database, root, scenes)
    ada = accept_all(making.database, dataset_id)
    first = browse.page(making.database, Query(), dataset_id).frames[0]
    drawn = scenes[0].instances[:1]
    verdict(
        making.database, first.id, ada.id, Verdict("correct", first.version, "token-draw", drawn)
    )
    folder = Path(making.make(dataset_id)["folder"])
    learnt = [*load_scenes(folder / "train/labels.jsonl")]
    judging = [*load_scenes(folder / "held-out/labels.jsonl")]
    [same] = [s for s in learnt + judging if s.frame.image == scenes[0].frame.image]
    assert same.instances == drawn


def test_a_picture_that_is_gone_or_of_another_size_is_set_aside(making, tmp_path) -> None:
    root = tmp_path / "drive"
    scenes = [drive_scene(root, number) for number in range(NUM)]
    dataset_id = add_drive(making.database, root, scenes)
    accept_all(making.database, dataset_id)
    (root / scenes[0].frame.image).unlink()
    save_image(root / scenes[1].frame.image, load_image(root / scenes[1].frame.image)[::2, ::2])
    found = making.make(dataset_id)
    aside = {one["frame"]: one["why"] for one in found["aside"]}
    assert set(aside) == {scenes[0].frame.image, scenes[1].frame.image}
    assert "(480, 270)" in aside[scenes[1].frame.image]
    counts = found["counts"]
    assert counts["reviewed"] == NUM == counts["train"] + counts["held-out"] + counts["aside"]


def dealt(scenes: list[Scene], root: Path, names: dict[str, str] | None = None):
    prints = {s.frame.image: picture_print(load_image(root / s.frame.image)) for s in scenes}
    return deal(scenes, prints, names or {}, 0.3)


def names_of(scenes) -> list[str]:
    return [scene.frame.image for scene in scenes]


def test_a_copy_of_a_frame_that_judges_is_not_learnt(tmp_path, drive) -> None:
    root, scenes = drive
    judging = dealt(scenes, root).held_out[0]
    copy = replace(judging, frame=replace(judging.frame, image="again.png", clip="another"))
    save_image(root / "again.png", load_image(root / judging.frame.image))
    parts = dealt([*scenes, copy], root)
    [aside] = parts.aside
    kept = {"again.png", judging.frame.image} - {aside.frame}
    assert kept <= set(names_of(parts.held_out)) and kept.pop() in aside.why
    assert len(parts.train) + len(parts.held_out) == len(scenes)


def test_val_judges_and_test_is_in_no_part(drive) -> None:
    root, scenes = drive
    names = names_of(scenes)
    split = {names[0]: "val", names[1]: "test", names[2]: "train"}
    parts = dealt(scenes, root, split)
    assert names_of(parts.held_out) == [names[0]]
    assert names_of(parts.train) == names[2:]
    assert [(one.frame, "testing" in one.why) for one in parts.aside] == [(names[1], True)]


def test_a_copy_of_a_frame_of_test_is_not_learnt_either(drive) -> None:
    root, scenes = drive
    copy = replace(scenes[0], frame=replace(scenes[0].frame, image="test.png", clip="another"))
    save_image(root / "test.png", load_image(root / scenes[0].frame.image))
    names = names_of(scenes)
    parts = dealt([*scenes, copy], root, {"test.png": "test", names[5]: "val"})
    assert sorted(one.frame for one in parts.aside) == [names[0], "test.png"]


def test_nothing_left_to_learn_from_is_told(drive) -> None:
    root, scenes = drive
    twins = [
        replace(s, frame=replace(s.frame, clip=f"clip {n}")) for n, s in enumerate(scenes[:1] * 2)
    ]
    twins[1] = replace(twins[1], frame=replace(twins[1].frame, image="twin.png"))
    save_image(root / "twin.png", load_image(root / scenes[0].frame.image))
    with pytest.raises(ConfigError, match="all look like frames that judge"):
        dealt(twins, root)


def test_one_clip_is_not_enough(drive) -> None:
    root, scenes = drive
    with pytest.raises(ConfigError, match="two clips"):
        dealt(scenes[:2], root)


def test_a_set_that_is_cancelled_leaves_nothing(making, drive) -> None:
    dataset_id = add_drive(making.database, *drive)
    accept_all(making.database, dataset_id)

    class Cancelled(Exception):
        pass

    def beat(share: float, message: str) -> None:
        if share >= 0.8:
            raise Cancelled

    with pytest.raises(Cancelled):
        making.make(dataset_id, beat)
    assert list(making.folder.iterdir()) == []
