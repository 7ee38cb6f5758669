import random

import numpy as np
import pytest

sa = pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.database import StoreError  # noqa: E402
from drivegrid.dashboard.schema import facts  # noqa: E402
from drivegrid.dashboard.store.browse import count, frame  # noqa: E402
from drivegrid.dashboard.store.datasets import add_dataset, export_scenes  # noqa: E402
from drivegrid.dashboard.store.facets import facets  # noqa: E402
from drivegrid.dashboard.store.facts import facts_of  # noqa: E402
from drivegrid.dashboard.store.people import ensure_user  # noqa: E402
from drivegrid.dashboard.store.query import Query  # noqa: E402
from drivegrid.dashboard.store.reviews import Verdict, undo, verdict  # noqa: E402

from drivegrid.data.images import save_image  # noqa: E402
from drivegrid.data.scene import Frame, Instance, Scene  # noqa: E402
from drivegrid.data.store import save_scenes  # noqa: E402
from drivegrid.geometry import Box, Polyline  # noqa: E402
from tests.dashboard.store.crowd import wrong_counts  # noqa: E402

CAR = Instance("object/vehicle/car", Box([0.0, 0, 50, 50]), {"color": "red"})
SIGN = Instance("sign", Box([0.0, 0, 9, 9]))
LANE = Instance("lane/line", Polyline([[0, 0], [50, 50]]))


@pytest.fixture
def dataset(database, tmp_path) -> int:
    ensure_user(database, "ada", "reviewer")
    said = [(), (CAR,), (CAR, LANE), (SIGN,)]
    scenes = [
        Scene(Frame(f"{i}.png", (64, 48), {"weather": "rain"} if i % 2 else {}), said[i])
        for i in range(4)
    ]
    save_scenes(scenes, tmp_path / "val.jsonl")
    return add_dataset(database, "roads", tmp_path).id


def stored(database, frame_id: int) -> set[tuple[str, str]]:
    chosen = sa.select(facts.c.name, facts.c.value).where(facts.c.frame_id == frame_id)
    with database.read() as connection:
        return {tuple(row) for row in connection.execute(chosen)}


def test_what_is_corrected_is_found_and_counted_at_once(database, dataset) -> None:
    before = facets(database, Query(), dataset)
    corrected = Verdict("correct", 0, "a", (SIGN, LANE))
    verdict(database, 2, 1, corrected)
    found = {facet.value: str(facet.count) for facet in facets(database, Query(), dataset)["label"]}
    assert found == {"sign": "2", "lane/line": "2", "object/vehicle/car": "1"}
    assert count(database, Query(facts={"label": ("sign",)}), dataset).num == 2
    assert count(database, Query(facts={"instance.color": ("red",)}), dataset).num == 1
    assert ("weather", "rain") in stored(database, 2) and ("split", "val") in stored(database, 2)
    verdict(database, 3, 1, Verdict("correct", 0, "b", ()))
    assert "instance.color" not in facets(database, Query(), dataset)  # nobody has it now
    undo(database, 3, 1, "c", 1)
    undo(database, 2, 1, "d", 1)
    assert facets(database, Query(), dataset) == before
    assert wrong_counts(database) == 0


def test_facts_are_those_of_what_holds_after_any_verdicts(database, dataset) -> None:
    rng = random.Random(3)
    for token in range(60):
        key, kind = rng.randrange(1, 5), rng.choice(("accept", "correct", "correct", "undo"))
        version = frame(database, key).version
        if kind == "undo":
            try:
                undo(database, key, 1, str(token), version)
            except StoreError:  # there was nothing to undo
                continue
        else:
            drawn = tuple(rng.sample((CAR, SIGN, LANE), rng.randrange(4)))
            given = Verdict(kind, version, str(token), drawn if kind == "correct" else None)
            verdict(database, key, 1, given)
    scenes = list(export_scenes(database, dataset))
    assert len(scenes) == 4
    for key, scene in enumerate(scenes, 1):
        assert stored(database, key) == facts_of(scene, "val")
    assert wrong_counts(database) == 0


def test_a_frame_without_labels_gets_its_facts_from_reviewers(database, tmp_path) -> None:
    ensure_user(database, "ada", "reviewer")
    save_image(tmp_path / "train/a.png", np.zeros((48, 64, 3), np.uint8))
    add_dataset(database, "bare", tmp_path)
    assert stored(database, 1) == {("split", "train")}
    verdict(database, 1, 1, Verdict("correct", 0, "a", (CAR,)))
    assert ("label", CAR.label) in stored(database, 1)
    undo(database, 1, 1, "b", 1)
    assert stored(database, 1) == {("split", "train")}
