"""Scenes on their way out: what is held, lost and set aside."""

from pathlib import Path

import pytest

from drivegrid.data.formats.holding import held, write_each
from drivegrid.data.quarantine import Loss, Saved
from drivegrid.data.scene import Frame, Scene
from drivegrid.errors import FormatError, GeometryError

OUT = Path("out.json")
ERRORS = {
    "plain": FormatError("name must be short, got long."),
    "inside": FormatError("id must be there, got none.", item="instance 2"),
    "elsewhere": FormatError("name must be short, got long.", "other.txt", 7),
    "shape": GeometryError("mask must be small, got large."),
}


def _scenes(*names):
    return [Scene(Frame(name, (8, 6))) for name in names]


def _hold(scene):
    if error := ERRORS.get(scene.frame.image):
        raise error
    return f"{scene.frame.image}!", [Loss(scene.frame.image, "clip left out")]


@pytest.mark.parametrize(
    ("names", "records", "rejected"),
    [
        ((), [], []),
        (("a", "b"), ["a!", "b!"], []),
        (("plain",), [], [("scene 0 (plain)", "name must be short, got long.")]),
        (("a", "inside"), ["a!"], [("scene 1 (inside)", "id must be there, got none.")]),
        (("elsewhere", "a"), ["a!"], [("scene 0 (elsewhere)", "name must be short, got long.")]),
        (
            ("a", "shape", "b"),
            ["a!", "b!"],
            [("scene 1 (shape)", "mask must be small, got large.")],
        ),
    ],
)
def test_read_is_held_and_set_aside(names, records, rejected):
    saved = Saved()
    assert list(held(_scenes(*names), _hold, OUT, saved)) == records
    found = saved.quarantine
    assert [(bad.item, bad.message) for bad in found.rejected] == rejected
    assert all((bad.path, bad.line) == ("out.json", None) for bad in found.rejected)
    assert (found.num_read, found.num_kept) == (len(names), len(records))
    assert saved.loss_counts.total() == len(records)


def test_reports_in_detail_name_what_in_the_scene_is_wrong():
    saved = Saved()
    scenes = _scenes("plain", "inside", "shape")
    assert list(held(scenes, _hold, OUT, saved, in_detail=True)) == []
    items = [bad.item for bad in saved.quarantine.rejected]
    assert items == ["scene 0 (plain)", "scene 1 (inside), instance 2", "scene 2 (shape)"]


def test_scenes_are_taken_one_by_one():
    taken = []
    scenes = (taken.append(scene) or scene for scene in _scenes("a", "b", "c"))
    records = held(scenes, _hold, OUT, Saved())
    assert next(records) == "a!"
    assert len(taken) == 1


def test_other_errors_stop_the_writing():
    def full(scene):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_each(_scenes("a"), full, OUT, Saved())


def test_write_each_counts_and_notes_losses():
    saved, written = Saved(), []

    def write(scene):
        record, losses = _hold(scene)
        written.append(record)
        return losses

    write_each(_scenes("a", "plain", "b"), write, OUT, saved)
    assert written == ["a!", "b!"]
    assert (saved.quarantine.num_kept, saved.quarantine.num_rejected) == (2, 1)
    assert [loss.image for loss in saved.losses] == ["a", "b"]
