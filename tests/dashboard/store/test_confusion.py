import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store.confusion import CellCount, Matrix, most_confused


def test_of_nothing_there_is_an_empty_matrix() -> None:
    assert most_confused({}) == Matrix((), (), 0)


def test_cells_have_their_share_of_a_truth() -> None:
    found = most_confused({("a", "a"): 3, (None, "a"): 1, ("b", None): 2})
    assert found.labels == ("a", "b")
    assert found.cells == (
        CellCount("a", "a", 3, 0.75),
        CellCount("b", None, 2, 1.0),
        CellCount(None, "a", 1, 0.25),
    )


def test_labels_with_the_most_mistakes_are_kept() -> None:
    counts = {("a", "a"): 100, ("b", "c"): 5, ("c", "c"): 1, (None, "d"): 1, ("a", "d"): 1}
    found = most_confused(counts, 2)
    assert (found.labels, found.left_out) == (("b", "c"), 2)
    assert [one.count for one in found.cells] == [5, 1]
    assert found.cells[1].share == pytest.approx(1 / 6)
