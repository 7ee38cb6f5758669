"""Folders here and behind URLs hold the same files and say the same of what is missing."""

import pytest

from drivegrid.data.folders import LocalFolder, RemoteFolder, as_folder
from drivegrid.errors import FormatError

pytest.importorskip("fsspec")


@pytest.fixture(params=["path", "file", "local", "memory"])
def folder(request, tmp_path):
    """A folder that is not there yet: here, and behind URLs of this machine."""
    places = {
        "path": tmp_path / "a",
        "file": f"file://{tmp_path}/a",
        "local": f"local://{tmp_path}/a/",
        "memory": f"memory://{tmp_path}/a",
    }
    return as_folder(places[request.param])


def test_paths_are_local_and_urls_are_not(tmp_path):
    assert as_folder("a/b") == as_folder("file://a/b")
    assert isinstance(as_folder(tmp_path), LocalFolder)
    assert as_folder("s3://bucket/a/") == RemoteFolder("s3://bucket/a")
    assert str(as_folder("s3://bucket/a/")) == "s3://bucket/a"


def test_a_folder_that_is_not_there_is_empty(folder):
    assert folder.names() == set()
    assert folder.read("a.json") is None
    folder.remove("a.json")
    folder.tidy()
    with pytest.raises(OSError, match=r"a\.json"), folder.open("a.json"):
        pass


def test_what_is_written_is_read(folder):
    folder.write("log/a.json", b"old")
    folder.write("log/a.json", b"\xff{}")
    folder.write_lines("b.jsonl", iter(["1", "é"]))
    assert folder.read("log/a.json") == b"\xff{}"
    assert folder.read("b.jsonl") == "1\né\n".encode()
    assert folder.names() == {"log/a.json", "b.jsonl"}
    with folder.open("b.jsonl") as file:
        assert list(file) == [b"1\n", "é\n".encode()]
    folder.remove("log/a.json")
    assert folder.names() == {"b.jsonl"}


def test_a_file_that_is_too_large_is_refused(folder):
    folder.write("a", bytes(10))
    assert folder.read("a", max_bytes=10) == bytes(10)
    with pytest.raises(FormatError, match="at most 9 bytes"):
        folder.read("a", max_bytes=9)


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    folder = LocalFolder(tmp_path)
    for name in ("a.parquet", ".hidden", "log/b.json", ".a.parquet.1f.part", "log/.b.json.2e.part"):
        folder.write(name, b"")
    assert folder.names() == {"a.parquet", ".hidden", "log/b.json"}
    folder.tidy()
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []
    assert (tmp_path / ".hidden").exists()


def test_unknown_urls_are_refused():
    with pytest.raises(FormatError, match=r"URL must be one that fsspec opens.*nowhere://a"):
        as_folder("nowhere://a").names()
