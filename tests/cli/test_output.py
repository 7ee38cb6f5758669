"""Results to stdout, everything else to stderr."""

import json

import pytest

from drivegrid.cli.output import print_error, print_json, progress_bar, with_progress
from drivegrid.data.formats import Source


@pytest.mark.parametrize("value", [{}, {"é": [1, 2.5, None]}, "x"])
def test_json_is_all_that_stands_on_stdout(capsys, value) -> None:
    print_json(value)
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == (value, "")


def test_numbers_json_does_not_know_are_refused(capsys) -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_json(float("nan"))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError(), "error: ValueError"),
        ("plain", "error: plain"),
        (ValueError("a" * 300), "error: " + "a" * 300),
        (ValueError("two\nlines [bold]"), "error: two lines [bold]"),
    ],
)
def test_an_error_is_one_line_on_stderr(capsys, error, line) -> None:
    print_error(error)
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"{line}\n")


@pytest.mark.parametrize("num", [0, 3])
def test_progress_gives_every_item_and_keeps_stdout_clean(capsys, num) -> None:
    assert list(progress_bar(iter(range(num)), "frames")) == list(range(num))
    assert capsys.readouterr() == ("", "")


def test_a_counted_data_set_is_the_same(capsys) -> None:
    counted = with_progress(Source(iter([1, 2]), str), "reading")
    assert list(counted) == ["1", "2"]
    assert not capsys.readouterr().out
