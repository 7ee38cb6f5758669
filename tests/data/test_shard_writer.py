"""Shards are the same however often the writer was killed, and wherever it was."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from drivegrid.data.engines import IN_PROCESS, Engine
from drivegrid.data.folders import LocalFolder, as_folder
from drivegrid.data.formats.tusimple import open_tusimple
from drivegrid.data.shard_writer import make_config, make_shard, write_shards
from drivegrid.data.shards import read_manifest
from drivegrid.errors import FormatError
from tests.data.builders import make_scene

pytest.importorskip("pyarrow")

CONFIG = make_config("labels.json", "tusimple", 2)


def line_of(index):
    """Return a frame of TuSimple; every fifth is broken."""
    x = "oops" if index % 5 == 3 else 100 + index
    return json.dumps({"lanes": [[x, 400]], "h_samples": [500, 700], "raw_file": f"{index}.jpg"})


def write_labels(path, num_frames):
    path.write_text("".join(f"{line_of(index)}\n" for index in range(num_frames)))
    return path


@pytest.fixture
def labels(tmp_path):
    return write_labels(tmp_path / "labels.json", 9)


def write(labels, folder, config=CONFIG, engine=IN_PROCESS):
    source = open_tusimple(labels)
    return write_shards(source.entries, source.parse, as_folder(folder), config, engine)


def contents(folder):
    """Return the files of a folder and their bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_files_and_what_they_say(labels, tmp_path):
    manifest = write(labels, tmp_path / "out")
    assert [(s.name, s.count, s.rejected) for s in manifest.shards] == [
        ("part-00000.parquet", 2, 0),
        ("part-00001.parquet", 1, 1),
        ("part-00002.parquet", 2, 0),
        ("part-00003.parquet", 2, 0),
        ("part-00004.parquet", 0, 1),
    ]
    assert read_manifest(LocalFolder(tmp_path / "out")) == manifest
    rows = (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()
    assert [json.loads(row)["line"] for row in rows] == [4, 9]
    assert (manifest.count, manifest.rejected) == (7, 2)


def test_no_frame_gives_no_shard(tmp_path):
    manifest = write(write_labels(tmp_path / "labels.json", 0), tmp_path / "out")
    assert manifest.shards == ()


def test_processes_write_the_same_bytes_as_one(labels, tmp_path):
    write(labels, tmp_path / "one")
    write(labels, tmp_path / "two", engine=Engine("local", 2))
    write(labels, f"local://{tmp_path}/url", engine=Engine("local", 2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "url")


def test_again_changes_nothing(labels, tmp_path):
    write(labels, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    whole = contents(tmp_path / "out")
    write(labels, tmp_path / "out")
    assert contents(tmp_path / "out") == whole
    assert {path: path.stat().st_mtime_ns for path in before} == before


class Killed(BaseException):
    """Ends a writer as a kill does: nothing may catch it."""


def kill_at(monkeypatch, place, *, torn):
    """Kill the writer at a write; torn leaves half of the file, as other file systems may."""
    write, count = LocalFolder.write, 0

    def killing(folder, name, content):
        nonlocal count
        if count == place:
            if torn:
                write(folder, name, content[: len(content) // 2])
            raise Killed
        count += 1
        write(folder, name, content)

    monkeypatch.setattr(LocalFolder, "write", killing)


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("place", range(12))
def test_killed_at_any_write_and_run_again_gives_the_same(
    labels, tmp_path, monkeypatch, place, torn
):
    write(labels, tmp_path / "whole")
    with monkeypatch.context() as patched:
        kill_at(patched, place, torn=torn)
        with pytest.raises(Killed):
            write(labels, tmp_path / "out")
    assert place == 11 or not (tmp_path / "out" / "manifest.json").exists()
    if torn and place == 0:  # nobody can say what such a folder was to hold
        with pytest.raises(FormatError, match="JSON"):
            write(labels, tmp_path / "out")
        return
    write(labels, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


DAMAGES = {
    "shard gone": lambda out: (out / "part-00001.parquet").unlink(),
    "shard torn": lambda out: (out / "part-00001.parquet").write_bytes(b"PAR1"),
    "log gone": lambda out: (out / "_log/part-00001.json").unlink(),
    "log torn": lambda out: (out / "_log/part-00001.json").write_text('{"name": "pa'),
    "log of a list": lambda out: (out / "_log/part-00001.json").write_text("[]"),
    "log of another": lambda out: shutil.copy(
        out / "_log/part-00000.json", out / "_log/part-00001.json"
    ),
    "records gone": lambda out: (out / "_log/part-00001.json").write_text(
        (out / "_log/part-00001.json").read_text().replace("records", "record")
    ),
    "manifest gone": lambda out: (out / "manifest.json").unlink(),
    "quarantine changed": lambda out: (out / "quarantine.jsonl").write_text(""),
    "leftover": lambda out: (out / ".part-00001.parquet.0a1b2c3d.part").write_bytes(b"PAR1"),
    "shard too many": lambda out: shutil.copy(
        out / "part-00001.parquet", out / "part-00009.parquet"
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again(labels, tmp_path, damage):
    write(labels, tmp_path / "whole")
    write(labels, tmp_path / "out")
    DAMAGES[damage](tmp_path / "out")
    write(labels, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("num_frames", [1, 8, 12])
def test_a_source_that_changed_gives_what_it_holds_now(labels, tmp_path, num_frames):
    write(labels, tmp_path / "out")
    write_labels(labels, num_frames)
    write(labels, tmp_path / "out")
    write(labels, tmp_path / "new")
    assert contents(tmp_path / "out") == contents(tmp_path / "new")


def test_a_shard_made_anew_takes_the_manifest_away(labels, tmp_path):
    write(labels, tmp_path / "out")
    source = open_tusimple(labels)
    make_shard(LocalFolder(tmp_path / "out"), source.parse, (0, [next(source.entries)]))
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize("change", [{"source": "b"}, {"frames_per_shard": 3}, {"drivegrid": "0"}])
def test_a_folder_of_another_conversion_is_refused(labels, tmp_path, change):
    write(labels, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(FormatError, match=rf"same conversion, got one of {next(iter(change))}"):
        write(labels, tmp_path / "out", CONFIG | change)
    assert contents(tmp_path / "out") == before


def test_a_folder_of_something_else_is_refused(labels, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(FormatError, match="new or an empty folder"):
        write(labels, tmp_path / "out")
    assert contents(tmp_path / "out") == {"notes.txt": b"mine"}


def test_notes_beside_shards_stay(labels, tmp_path):
    write(labels, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    write(labels, tmp_path / "out")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_a_scene_that_is_no_json_is_set_aside(tmp_path):
    scenes = [make_scene(), make_scene(extra={"x": float("nan")})]
    manifest = write_shards(iter((0, 1)), scenes.__getitem__, LocalFolder(tmp_path), CONFIG)
    assert (manifest.count, manifest.rejected) == (1, 1)


KILLED = """
from drivegrid.data import convert
from drivegrid.data.engines import Engine
convert.FRAMES_PER_SHARD = 50
convert.convert("labels.json", "tusimple", "out", "scene", engine=Engine("local", 2))
"""


def test_kill_9_of_the_whole_command_and_again(tmp_path, monkeypatch):
    write_labels(tmp_path / "labels.json", 2000)
    command, log = [sys.executable, "-c", KILLED], tmp_path / "out" / "_log"
    killed = 0
    for wanted in (2, 20):  # shards that stand when the kill comes; 40 in all
        with subprocess.Popen(command, cwd=tmp_path) as writer:
            while writer.poll() is None and len(list(log.glob("part-*.json"))) < wanted:
                time.sleep(0.01)
            writer.send_signal(signal.SIGKILL)
        killed += writer.returncode == -signal.SIGKILL
    assert killed
    subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    write("labels.json", tmp_path / "whole", CONFIG | {"frames_per_shard": 50})
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert read_manifest(LocalFolder(tmp_path / "out")).count == 1600


def test_interrupted_shards_stand(labels, tmp_path):
    def stopping(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(labels, tmp_path / "out", engine=Engine("local", 2, stopping))
    assert list((tmp_path / "out").glob("part-*.parquet"))
    assert not list(tmp_path.rglob("*.part"))
    write(labels, tmp_path / "out")
    write(labels, tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
