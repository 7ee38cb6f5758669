import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")
pytest.importorskip("torch", reason="drivegrid[model] is not installed")

from drivegrid.dashboard import demo
from drivegrid.dashboard.demo import has_data, make_demo
from drivegrid.dashboard.hub import Hub, HubSettings
from drivegrid.dashboard.runs import offsets_in, trace_record
from drivegrid.dashboard.store.browse import shapes
from drivegrid.dashboard.store.datasets import list_datasets, list_sources
from drivegrid.dashboard.store.evaluations import list_evaluations

from drivegrid.data.scene import Instance
from drivegrid.geometry import Point
from drivegrid.inference.predictor import Predictor
from drivegrid.inference.results import Found
from drivegrid.plotting.trace import AnchorTrace


@pytest.mark.parametrize(
    ("texts", "offsets"),
    [
        ([], []),
        (["<line></line>"], [[]]),
        (["<box><OFF_1_-1><DELETE></box>", "<box><OFF_0_0><OFF_-1_0></box>"],
         [["<OFF_1_-1>", "<DELETE>"], ["<OFF_0_0>", "<OFF_-1_0>"]]),
    ],
)  # fmt: skip
def test_offsets_round_by_round(texts, offsets) -> None:
    assert offsets_in(texts) == offsets


def test_a_trace_as_json() -> None:
    between = (np.array([[10.0, 5.0]]),)
    trace = AnchorTrace([[5.0, 5.0]], [[7.5, 5.0]], np.array([False]), earlier=between)
    found = Found(
        Instance("sign", Point(np.array([7.5, 5.0]))),
        ("<point><grid_0_0></point>", "<point><OFF_1_0></point>", "<point><OFF_-1_0></point>"),
        trace,
    )
    assert trace_record(found) == {
        "tokens": "<point><grid_0_0></point>",
        "proposed": [[5.0, 5.0]],
        "earlier": [[[10.0, 5.0]]],
        "moved": [[7.5, 5.0]],
        "deleted": [False],
        "offsets": [["<OFF_1_0>"], ["<OFF_-1_0>"]],
    }


@pytest.mark.slow
def test_the_demo_fills_every_part_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(demo, "NUM_FRAMES", 2)
    monkeypatch.setattr(demo, "SIZE_WH", (256, 144))
    hub = Hub(HubSettings(tmp_path))
    actor = hub.someone("ada", "admin")
    assert not has_data(actor)
    loaded = []

    def load() -> Predictor:
        loaded.append(True)
        return Predictor.from_pretrained()

    for _ in range(2):
        dataset = make_demo(actor, tmp_path / "demo", load, lambda things, _: things)
        assert loaded == [True] and has_data(actor)
        [row] = list_datasets(hub.database)
        assert (row.id, row.num_frames) == (dataset, 2)
        sources = {one.name: one.id for one in list_sources(hub.database, dataset)}
        assert sources.keys() == {"labels", *demo.RUNS}
        evaluated = list_evaluations(hub.database, dataset)
        assert len(evaluated) == len(demo.RUNS) * len(demo.RULES)
    found = shapes(hub.database, 1, [sources["nano, refined"]])
    assert found and all(len(one.trace["offsets"]) == 1 for one in found)
    hub.close()
