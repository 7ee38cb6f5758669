"""AnchorTrace checks its parts against each other."""

import numpy as np
import pytest

from drivegrid.errors import GeometryError
from drivegrid.plotting.trace import AnchorTrace

TWO = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("proposed", "moved", "deleted", "covariance"),
    [([], [], [], None), ([], [], [], np.zeros((0, 2, 2))), (TWO, TWO, [True, False], None)],
    ids=["empty", "empty with spread", "lists"],
)
def test_good_traces(proposed, moved, deleted, covariance) -> None:
    trace = AnchorTrace(proposed, moved, deleted, covariance)
    assert trace.proposed.shape == trace.moved.shape == (len(proposed), 2)
    assert trace.deleted.dtype == np.bool_


@pytest.mark.parametrize(
    ("moved", "deleted", "covariance"),
    [
        (TWO[:1], [True, False], None),
        (TWO, [True], None),
        (TWO, [True, False], np.zeros((1, 2, 2))),
        (TWO, [True, False], np.full((2, 2, 2), np.nan)),
        ([[1.0, np.inf], [0.0, 0.0]], [True, False], None),
    ],
    ids=["moved", "deleted", "covariance", "nan spread", "infinite"],
)
def test_parts_that_do_not_fit_are_refused(moved, deleted, covariance) -> None:
    with pytest.raises(GeometryError, match="must"):
        AnchorTrace(TWO, moved, deleted, covariance)


@pytest.mark.parametrize("earlier", [(TWO[:1],), (TWO, [[np.nan, 0.0], [0.0, 0.0]])])
def test_earlier_places_that_do_not_fit_are_refused(earlier) -> None:
    with pytest.raises(GeometryError, match="must"):
        AnchorTrace(TWO, TWO, [True, False], earlier=earlier)
