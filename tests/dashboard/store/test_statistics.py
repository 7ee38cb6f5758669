import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store.datasets import add_dataset, list_sources
from drivegrid.dashboard.store.statistics import (
    ceiling_of,
    shape_counts,
    status_counts,
    tree_counts,
)

from drivegrid.data.store import save_scenes
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec
from tests.dashboard.pages.conftest import frame_of


def test_nothing_has_no_counts(database) -> None:
    assert set(status_counts(database, 1).values()) == {0}
    assert shape_counts(database, 1) == {}
    assert tree_counts({}) == {}


def test_counts_and_ceiling(database, tmp_path) -> None:
    save_scenes(map(frame_of, range(4)), tmp_path / "labels.jsonl")
    dataset_id = add_dataset(database, "drive", tmp_path / "labels.jsonl").id
    [labels] = list_sources(database, dataset_id)
    assert status_counts(database, dataset_id)["new"] == 4
    assert shape_counts(database, labels.id) == {"lane/line": 8, "object/vehicle/car": 2}
    codec = Codec(GridSpec(32, 32, 64, 64, 0.5), "fewest", 1)
    for most, lines in ((4, 8), (1, 2)):
        report = ceiling_of(database, dataset_id, labels.id, codec, most)
        assert report.lanes["n"] == lines


def test_branches_come_before_what_is_on_them() -> None:
    counts = tree_counts({"a b/c": 1, "a/z": 2, "a/b/c": 4, "a": 8})
    assert list(counts.items()) == [
        ("a", 14),
        ("a/b", 4),
        ("a/b/c", 4),
        ("a/z", 2),
        ("a b", 1),
        ("a b/c", 1),
    ]
