"""Files are whole or absent; names cannot leave the data set; broken text names its line."""

import gzip
import os

import pytest

from drivegrid.data import files
from drivegrid.data.files import (
    atomic_path,
    check_image_name,
    parse_json,
    read_lines,
    write_lines,
    write_text,
)
from drivegrid.errors import FormatError
from tests.data.builders import full_disk


@pytest.mark.parametrize("suffix", ["txt", "txt.gz"])
@pytest.mark.parametrize("lines", [[], ["one"], ["", "zwölf", "\u2028 is no line end"]])
def test_lines_come_back(tmp_path, suffix, lines):
    path = tmp_path / "new" / f"a.{suffix}"
    write_lines(path, lines)
    assert [(n, line.decode()) for n, line in read_lines(path)] == list(enumerate(lines, 1))


def test_compressed_lines_are_the_same_bytes_under_any_name(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_lines(tmp_path / name, ["x"])
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_byte_order_mark_and_windows_line_ends_are_cut(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert [line for _, line in read_lines(tmp_path / "a")] == [b"one", b"two"]


def test_a_failing_block_leaves_the_old_file_and_no_other(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as part:
        part.write_text("half")
        raise RuntimeError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with full_disk(), pytest.raises(OSError, match=r"a\.txt"):
        write_text(tmp_path / "a.txt", "x" * 5000)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_files_get_the_usual_permissions(tmp_path):
    write_text(tmp_path / "a", "")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_long_name_can_be_written(tmp_path):
    write_text(tmp_path / ("n" * 250), "x")
    assert os.listdir(tmp_path) == ["n" * 250]


BROKEN = {
    "a.txt": None,
    "empty.gz": b"",
    "not.gz": b"plain text",
    "cut.gz": gzip.compress(b"line\n" * 999)[:-12],
    "corrupt.gz": gzip.compress(os.urandom(500))[:60] + b"0" * 500,
}


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "empty.gz"])
def test_unreadable_files_are_format_errors(tmp_path, name):
    if BROKEN[name] is not None:
        (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(FormatError, match=name):
        list(read_lines(tmp_path / name))


def test_a_folder_is_a_format_error(tmp_path):
    with pytest.raises(FormatError, match="readable"):
        list(read_lines(tmp_path))


def test_an_endless_line_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 10)
    (tmp_path / "a").write_bytes(b"short\n" + b"x" * 11)
    with pytest.raises(FormatError, match="line 2"):
        list(read_lines(tmp_path / "a"))


@pytest.mark.parametrize(
    "line", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000], ids=lambda line: repr(line[:5])
)
def test_no_json_is_a_format_error(line):
    with pytest.raises(FormatError, match="JSON"):
        parse_json(line)


@pytest.mark.parametrize(
    "name",
    ["", None, 7, ["a.jpg"], "/etc/passwd", "../a.jpg", "a/../../b.jpg", "C:\\a.jpg", "\\\\host\\a",
     "a\\..\\b.jpg", "a\nb.jpg", "a\0.jpg"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(FormatError, match="image name"):
        check_image_name(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "clips/0313-1/6040/20.jpg", "..a/b..c.jpg", "Straße 1.jpg"]
)
def test_plain_names_pass(name):
    assert check_image_name(name) == name
