"""Files are whole or absent; names cannot leave the data set; broken text names its line."""

import gzip
import math
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivegrid.data import files
from drivegrid.data.files import (
    atomic_folder,
    atomic_path,
    parse_json,
    read_lines,
    read_whole,
    walk_files,
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
    for name in ("n" * 250, "\U0001f600" * 62):
        write_text(tmp_path / name, "x")
        assert name in os.listdir(tmp_path)


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


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path, exists):
    (tmp_path / "far").mkdir()
    if exists:
        write_text(tmp_path / "far" / "a.txt", "old")
    (tmp_path / "step").symlink_to("far/a.txt")
    (tmp_path / "link").symlink_to("step")
    write_text(tmp_path / "link", "new")
    assert os.readlink(tmp_path / "link") == "step"
    assert os.readlink(tmp_path / "step") == "far/a.txt"
    assert (tmp_path / "far" / "a.txt").read_text() == "new"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.txt", "far", "link", "step"]


def test_links_in_a_ring_are_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"links.*a'"):
        write_text(tmp_path / "a", "new")
    assert os.readlink(tmp_path / "a") == "b"


@pytest.mark.parametrize("kind", ["new", "empty", "linked"])
def test_a_folder_is_filled_whole_or_not_at_all(tmp_path, kind):
    if kind != "new":
        (tmp_path / kind).mkdir()
    path = tmp_path / kind
    if kind == "linked":
        path = tmp_path / "link"
        path.symlink_to("linked")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=path.name), atomic_folder(path) as work:
        write_text(work / "b" / "half.txt", "x")
        raise OSError(28, "No space left on device", "b/c.txt")
    assert sorted(tmp_path.rglob("*")) == before
    with atomic_folder(path) as work:
        write_text(work / "b" / "whole.txt", "x")
        write_text(work / "a.txt", "y")
        assert not (path / "a.txt").exists()
    assert sorted(p.name for p in path.iterdir()) == ["a.txt", "b"]
    assert path.is_symlink() == (kind == "linked")


def test_the_working_folder_can_be_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_folder(".") as work:
        write_text(work / "a.txt", "x")
    assert os.listdir() == ["a.txt"]


def test_devices_and_pipes_are_written_to_and_stay(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    write_text(tmp_path / "null", "x")
    for name in ("pipe", "link"):
        with ThreadPoolExecutor() as pool:
            text = pool.submit((tmp_path / "pipe").read_text)
            write_text(tmp_path / name, "x")
            assert text.result() == "x"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert sorted(os.listdir(tmp_path)) == ["link", "null", "pipe"]


def test_folders_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(IsADirectoryError, match=tmp_path.name), atomic_path(tmp_path):
        pytest.fail("the block must not run")


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(FormatError, match=r"Not a regular file.*a\.json"):
        list(read_lines(tmp_path / "a.json"))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_not_finite_are_refused(number):
    with pytest.raises(FormatError, match=f"finite numbers, got: {number}"):
        parse_json(f'{{"a": [1.5, {{"b": {number}}}]}}'.encode())


_digits = st.text("0123456789", min_size=1, max_size=330).map(lambda text: f"1{text}")


@given(_digits, st.sampled_from(["", ".0", ".5"]), st.sampled_from(["", "e", "E+", "e-", "e+0"]),
       st.integers(0, 400))  # fmt: skip
def test_only_numbers_that_fit_a_float_come_back(digits, point, exponent, power):
    text = digits + point + (f"{exponent}{power}" if exponent else "")
    if not (point or exponent):
        assert parse_json(text.encode()) == int(text)
    elif math.isfinite(float(text)):
        assert parse_json(text.encode()) == float(text)
    else:
        with pytest.raises(FormatError, match="finite"):
            parse_json(text.encode())


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"x": 1, "a": 2, "x": 3}}]'])
def test_a_key_twice_is_refused(text):
    with pytest.raises(FormatError, match=r"key '[ax]' twice"):
        parse_json(text.encode())


def test_pairs_of_surrogates_are_letters():
    assert parse_json(rb'"\ud83d\uDE00 \\ud800"') == "\U0001f600 \\ud800"


def test_finite_numbers_come_back_exactly():
    assert parse_json(b"[0.1, -0.0, 1e308, 5e-324, 3]") == [0.1, -0.0, 1e308, 5e-324, 3]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff",
        rb'"\ud800"',
        rb'{"\uDFFF": 1}',
        rb'["\ude00\ud83d"]',
        b"[" * 100_000,
        b"9" * 5000,
    ],
    ids=lambda line: repr(line[:5]),
)
def test_no_json_is_a_format_error(line):
    with pytest.raises(FormatError, match="JSON"):
        parse_json(line)


def test_a_walk_enters_each_folder_once_and_names_what_it_cannot_read(tmp_path):
    for name in ("b/2", "b/10", "a/x"):
        write_text(tmp_path / "top" / name, "")
    (tmp_path / "top" / "0").symlink_to(tmp_path / "top" / "b")
    (tmp_path / "top" / "b" / "up").symlink_to("..")
    write_text(tmp_path / "far" / "y", "")
    (tmp_path / "top" / "a" / "far").symlink_to(tmp_path / "far")
    found = [str(file.relative_to(tmp_path / "top")) for file in walk_files(tmp_path / "top")]
    assert found == ["a/x", "b/10", "b/2", "a/far/y"]
    [error] = walk_files(tmp_path / "absent")
    assert "absent" in str(error)


def test_a_file_is_read_whole_up_to_a_limit(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfabc")
    assert read_whole(path) == b"abc"
    assert read_whole(path, 6) == b"abc"
    with pytest.raises(FormatError, match="at most 5 bytes"):
        read_whole(path, 5)
    with pytest.raises(FormatError, match="must be readable"):
        read_whole(tmp_path / "absent")
    with pytest.raises(FormatError, match="must be readable"):
        read_whole(tmp_path)


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_another_fills_meanwhile_is_left_to_it(tmp_path, there):
    path = tmp_path / "out"
    if there:
        path.mkdir()
    with pytest.raises(OSError, match="something else filled it"), atomic_folder(path) as work:
        (work / "ours").touch()
        path.mkdir(exist_ok=True)
        (path / "theirs").touch()
    assert [file.name for file in path.iterdir()] == ["theirs"]
