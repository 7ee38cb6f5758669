"""Contact sheets: every picture whole, in its place, with its caption below."""

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.plotting.sheet import contact_sheet


def flat(color, size_wh=(60, 30)):
    return np.full((size_wh[1], size_wh[0], 3), color, dtype=np.uint8)


COLORS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250)]


@pytest.mark.parametrize(("number", "columns"), [(1, 1), (1, 3), (4, 2), (5, 3)])
def test_pictures_stand_in_rows(number, columns) -> None:
    sheet = contact_sheet([flat(c) for c in COLORS[:number]], ["seed"] * number, columns)
    corners = []
    for color in COLORS[:number]:
        rows, cols = np.nonzero((sheet == color).all(axis=2))
        assert (np.ptp(rows), np.ptp(cols), len(rows)) == (29, 59, 1800)  # whole, nothing over it
        corners.append((rows.min(), cols.min()))
    tops, lefts = sorted({top for top, _ in corners}), sorted({left for _, left in corners})
    expected = [(tops[i // columns], lefts[i % columns]) for i in range(number)]
    assert corners == expected


def test_a_long_caption_is_broken_and_makes_room() -> None:
    short = contact_sheet([flat(COLORS[0])], ["a"], 1)
    long = contact_sheet([flat(COLORS[0])], ["word " * 20], 1)
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0]
    ink = (long.min(axis=2) > 128).any(axis=1)
    assert ink[34:].any()
    assert not ink[:34].any()


def test_the_same_sheet_has_the_same_bytes() -> None:
    pictures = [flat(color) for color in COLORS]
    sheets = [contact_sheet(pictures, ["day"] * 5, 2) for _ in range(2)]
    assert np.array_equal(*sheets)


@pytest.mark.parametrize(
    ("pictures", "captions", "columns"),
    [
        ([], [], 1),
        ([flat(0)], [], 1),
        ([flat(0)], ["a"], 0),
        ([flat(0), flat(0, (61, 30))], ["a", "b"], 1),
    ],
    ids=["nothing", "no caption", "no column", "sizes"],
)
def test_what_makes_no_sheet(pictures, captions, columns) -> None:
    with pytest.raises(GeometryError, match="sheet must have"):
        contact_sheet(pictures, captions, columns)
