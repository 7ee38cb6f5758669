"""The page: self-contained, escaped, whole or not at all."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivegrid.plotting.page import MAX_PICTURE_PX, Picture, Table, score_table, write_page

HOSTILE = "<script>alert(1)</script> \"'&{x}"


def picture(width: int = 8, height: int = 6, title: str = "frame") -> Picture:
    return Picture(np.full((height, width, 3), (200, 100, 50), dtype=np.uint8), title)


class Outline(HTMLParser):
    """Collects tags, attributes and text, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def written(folder: Path, *arguments: object) -> Outline:
    path = folder / "new" / "index.html"
    write_page(path, *arguments)
    outline = Outline(path.read_text(encoding="utf-8"))
    assert outline.open == []
    return outline


def test_a_page_of_nothing(tmp_path) -> None:
    outline = written(tmp_path, "empty", [], [])
    assert "empty" in outline.text
    assert not {"table", "img", "figure", "main"} & set(outline.tags)


def test_every_text_is_escaped(tmp_path) -> None:
    table = Table(HOSTILE, (HOSTILE,), [(HOSTILE,)], HOSTILE)
    shown = Picture(picture().image, HOSTILE, HOSTILE)
    outline = written(tmp_path, HOSTILE, [table], [shown])
    assert "script" not in outline.tags
    assert outline.text.count(HOSTILE) == 2 + 4 + 2


def test_the_page_needs_no_network(tmp_path) -> None:
    outline = written(tmp_path, "t", [], [picture(), picture()])
    assert len(outline.links) == 2
    assert all(link.startswith("data:image/jpeg;base64,") for link in outline.links)
    assert not re.search(r"https?://", (tmp_path / "new" / "index.html").read_text())


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((1, 1), (1, 1)),
        ((64, 48), (64, 48)),
        ((2560, 1440), (MAX_PICTURE_PX, 720)),
        ((9000, 2), (1280, 1)),
    ],
)
def test_pictures_keep_their_colors_and_bounds(tmp_path, size, shown) -> None:
    outline = written(tmp_path, "t", [], [picture(*size)])
    encoded = base64.b64decode(outline.links[0].split(",")[1])
    image = cv2.imdecode(np.frombuffer(encoded, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1::-1] == shown
    assert np.abs(image.reshape(-1, 3).mean(axis=0) - (50, 100, 200)).max() < 4


def test_numbers_in_cells(tmp_path) -> None:
    outline = written(tmp_path, "t", [Table("s", ("a", "b", "c"), [("x", 3, 0.12345)])], [])
    assert "x30.123" in outline.text


def test_long_names_may_be_broken_so_that_wide_tables_fit(tmp_path) -> None:
    table = Table("s", ("", "precision_50"), [("sign/stop", 1)])
    outline = written(tmp_path, "t", [table], [])
    assert outline.tags.count("wbr") == 2
    assert "precision_50" in outline.text and "sign/stop" in outline.text
    assert "overflow-x: auto" in (tmp_path / "new" / "index.html").read_text()


def test_score_table_puts_scores_beside_ceilings() -> None:
    table = score_table("Lanes", {"F1": 0.5, "IoU": 0.0, "recall": 0.1}, {"F1": 1.0, "IoU": 0.0})
    assert table.rows == [
        ("F1", 0.5, 1.0, "50 %"),
        ("IoU", 0.0, 0.0, "–"),
        ("recall", 0.1, "–", "–"),
    ]


def test_a_failed_write_keeps_the_old_page_and_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    path = tmp_path / "index.html"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_page(path, "new", [], [])
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["index.html"]
