import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.ceilings import CEILING, run_ceiling
from drivegrid.dashboard.store.jobs import claim, enqueue

from drivegrid.errors import ConfigError
from tests.dashboard.store.worlds import make_world

GOOD = {"dataset_id": 1, "source_id": 1, "side": 32, "rounds": 1, "most": 5}


def run(database, parameters, beat=lambda *_: None):
    world = make_world(database)
    enqueue(database, CEILING, parameters, world.user)
    return run_ceiling(database, claim(database, [CEILING]), beat)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"dataset_id": 9}, "data set must exist"),
        ({"source_id": None}, "source must be one"),
        ({"side": 33}, "lattice must be one of"),
        ({"rounds": "1"}, "rounds must be one of"),
        ({"most": 10**9}, "frames must be one of"),
    ],
)
def test_what_is_no_ceiling_is_refused(database, wrong, told) -> None:
    with pytest.raises(ConfigError, match=told):
        run(database, GOOD | wrong)


def test_perfect_tokens_are_scored_frame_by_frame(database) -> None:
    said = []
    report = run(database, GOOD, lambda *one: said.append(one))
    assert report["parameters"]["num_scenes"] == 5 == len(said)
    assert said[-1] == (0.8, "frames 4 of 5")
    assert report["boxes"]["all"]["all"]["n"] > 0
