"""The stroke font."""

import string

import numpy as np
import pytest

from drivegrid.errors import ConfigError
from drivegrid.scenes.faces.font import LETTERS, rows, text


def extent(marks):
    points = np.concatenate([p for mark in marks for group in mark.polygons() for p in group])
    return points.min(axis=0), points.max(axis=0)


def test_nothing_written_is_nothing_drawn() -> None:
    assert text("") == ()


def test_digits_and_capitals_are_all_there() -> None:
    assert set(string.digits + string.ascii_uppercase) <= set(LETTERS)


@pytest.mark.parametrize("letter", string.digits + string.ascii_uppercase)
def test_letters_stand_in_the_middle_at_the_height_asked_for(letter) -> None:
    low, high = extent(text(letter, (0.3, -0.2), 0.5))
    assert (low + high) / 2 == pytest.approx([0.3, -0.2], abs=0.04)
    assert high[1] - low[1] == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("words", ["STOP", "UMLEITUNG", "100"])
def test_long_words_are_narrowed(words) -> None:
    low, high = extent(text(words, height=0.6, widest=0.8))
    assert high[0] - low[0] < 0.83


def test_rows_run_from_top_to_bottom() -> None:
    first = text("A", (0, 0.3875), 0.3, widest=1)
    assert rows("A", "B", height=0.3, widest=1)[: len(first)] == first


@pytest.mark.parametrize("words", ["stop", "Ü", "A&B"])
def test_letters_that_are_missing_are_named(words) -> None:
    with pytest.raises(ConfigError, match="characters"):
        text(words)
