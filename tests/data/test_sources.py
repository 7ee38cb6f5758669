"""Data sets below a path: each found once, none guessed, broken scenes not passed over."""

import json

import pytest

from drivegrid.data.sources import find_source, find_sources
from drivegrid.data.store import save_scenes
from drivegrid.errors import FormatError
from tests.data.builders import make_lane, make_scene

TUSIMPLE = {"lanes": [[5, 6]], "h_samples": [10, 20], "raw_file": "a.jpg"}


@pytest.fixture
def mixed(tmp_path):
    """Return a folder of two data sets in files, one in a folder, and other files."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "b.json").write_text(json.dumps(TUSIMPLE))
    save_scenes([make_scene(make_lane([[1, 2], [3, 9]]))], tmp_path / "labels" / "a.jsonl")
    (tmp_path / "lanes").mkdir()
    (tmp_path / "lanes" / "1.lines.txt").write_text("1 2 3 9")
    (tmp_path / "labels" / "report.json").write_text('{"read": 3}')
    (tmp_path / "labels" / "types.jsonl").write_text('{"raw_file": "a.jpg"}')
    (tmp_path / "readme.txt").write_text("no labels")
    return tmp_path


def test_a_folder_without_any_is_an_error(tmp_path) -> None:
    with pytest.raises(FormatError, match="an empty folder"):
        find_sources(tmp_path)
    with pytest.raises(FormatError, match="must exist"):
        find_sources(tmp_path / "no")


def test_what_a_format_recognises_is_one_data_set_else_its_parts_are(mixed) -> None:
    assert [(s.path, s.format.name) for s in find_sources(mixed)] == [(mixed, "culane")]
    (mixed / "lanes" / "1.lines.txt").rename(mixed / "lanes" / "1.txt")
    found = [(s.path.relative_to(mixed).as_posix(), s.format.name) for s in find_sources(mixed)]
    assert found == [("labels/a.jsonl", "scene"), ("labels/b.json", "tusimple")]


def test_files_of_a_folder(mixed) -> None:
    found = [(s.path.name, s.format.name, s.root) for s in find_sources(mixed / "labels")]
    root = mixed / "labels"
    assert found == [("a.jsonl", "scene", root), ("b.json", "tusimple", root)]
    with pytest.raises(FormatError, match=r"one data set, got 2: .*a\.jsonl.*merge"):
        find_source(mixed / "labels")
    assert find_source(mixed / "labels", "tusimple").path.name == "b.json"
    assert find_source(mixed / "labels", "culane").path == mixed / "labels"


@pytest.mark.parametrize("content", ["", "{broken", "[]"])
def test_broken_scenes_are_scenes(tmp_path, content) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    assert find_source(tmp_path).format.name == "scene"


def test_places(mixed) -> None:
    places = [place for source in find_sources(mixed / "labels") for place, _ in source.placed()]
    assert [(place.file.name, place.line) for place in places] == [("a.jsonl", 1), ("b.json", 1)]
    ((place, _),) = find_source(mixed / "lanes").placed()
    assert place == (mixed / "lanes" / "1.lines.txt", None)
