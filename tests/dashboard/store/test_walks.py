import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store import walks  # noqa: E402
from drivegrid.dashboard.store.conditions import Selection  # noqa: E402
from drivegrid.dashboard.store.facts import LABEL  # noqa: E402
from drivegrid.dashboard.store.query import OfEvaluation, Query  # noqa: E402
from drivegrid.dashboard.store.walks import Branch  # noqa: E402

from tests.dashboard.store.world import fill  # noqa: E402

BY_SCORE = {"order": "score", "evaluation": OfEvaluation(id=1)}
RAIN, LATE = Branch(fact=("weather", "rain")), Branch(fact=("weather", "clear"))
CONE, NEW = Branch(fact=(LABEL, "obstacle/cone")), Branch(status="new")
FOUND = Branch(words=("frame",))
# of 40 frames: 3 clear, 6 new, 8 of clip a, 9 with rain, 11 called frame, 18 train, 20 with cones


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [Branch()]),
        ({"facts": {"weather": ("rain", "clear")}}, [RAIN, LATE]),
        ({"facts": {"weather": ("rain",)}, "split": "train"}, [RAIN]),
        ({"facts": {"weather": ("rain",)}, "status": ("new",)}, [NEW]),
        ({"facts": {"weather": ("clear",)}, "status": ("new",)}, [LATE]),
        ({"facts": {"weather": ("rain",)}, "clip": "a"}, [Branch(clip="a")]),
        ({"split": "train", "text": "frame"}, [FOUND]),
        ({"facts": {"weather": ("rain",)}, "text": "frame"}, [RAIN]),
        ({"text": "frame jpg me"}, [Branch(words=("frame", "jpg"))]),
        ({"text": "me"}, [Branch()]),
        ({"text": "cone"}, [Branch(words=("cone",)), CONE]),
        ({"split": "train", "text": "cone"}, [Branch(fact=("split", "train"))]),
        ({"split": "val", "text": "cone"}, [Branch(words=("cone",)), CONE]),
        # what is in no order must be rare, here at most 8 frames
        (BY_SCORE, [Branch()]),
        ({**BY_SCORE, "facts": {"weather": ("clear",)}}, [LATE]),
        ({**BY_SCORE, "facts": {"weather": ("rain",)}}, [Branch()]),
        ({**BY_SCORE, "status": ("new",)}, [NEW]),
        ({**BY_SCORE, "status": ("accepted",)}, [Branch()]),
        ({**BY_SCORE, "text": "frame"}, [Branch()]),
        ({**BY_SCORE, "text": "x_y"}, [Branch(words=("x_y",))]),
        ({"order": "status", "status": ("accepted",)}, [Branch(status="accepted")]),
        ({"order": "status", "status": ("accepted",), "clip": "a"}, [Branch(clip="a")]),
        ({"order": "status", "text": "frame"}, [Branch()]),
    ],
)
def test_the_least_of_what_is_asked_is_walked_through(
    database, monkeypatch, asked, expected
) -> None:
    fill(database)
    monkeypatch.setattr(walks, "RARE", 8)
    with database.read() as connection:
        assert Selection(connection, Query(**asked), 1).branches == expected


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_has_too_many_to_be_counted_is_walked_through_last(database, monkeypatch) -> None:
    fill(database)
    monkeypatch.setattr(walks, "MANY", 5)
    for asked, expected in (
        ({"facts": {"weather": ("rain",)}, "status": ("new",)}, RAIN),
        ({"status": ("new",), "text": "frame"}, NEW),
        ({"status": ("new",), "text": "frame1"}, Branch(words=("frame1",))),
    ):
        with database.read() as connection:
            assert Selection(connection, Query(**asked), 1).branches == [expected]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_word_in_many_labels_is_not_walked_through_label_by_label(database, monkeypatch) -> None:
    fill(database)
    monkeypatch.setattr(walks, "FEW_LABELS", 0)
    with database.read() as connection:
        assert Selection(connection, Query(text="cone"), 1).branches == [Branch()]
