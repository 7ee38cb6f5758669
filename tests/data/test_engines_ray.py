"""Ray does the same as processes of one machine, record for record."""

import pytest

from drivegrid.data import convert as module
from drivegrid.data.convert import convert
from drivegrid.data.engines import Engine
from drivegrid.data.files import parse_json
from drivegrid.data.store import load_scenes
from drivegrid.errors import FormatError
from tests.data.test_shard_writer import contents, write_labels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray uses its own old options
]


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of this machine, small enough for any."""
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'drivegrid[fleet]'")
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20
    )
    yield
    ray.shutdown()


def test_results_come_in_the_order_of_jobs(cluster):
    engine = Engine("ray", 2)
    assert list(engine.map(abs, [])) == []
    assert list(engine.map(abs, range(-20, 0))) == list(range(20, 0, -1))


def test_errors_arrive_as_they_were_raised(cluster):
    with pytest.raises(FormatError, match="JSON in UTF-8"):
        list(Engine("ray", 2).map(parse_json, [b"1", b"{"]))


def test_shards_are_the_same_bytes(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_PER_SHARD", 7)
    labels = write_labels(tmp_path / "labels.json", 100)
    reports = [
        convert(labels, "tusimple", tmp_path / engine.name, "scene", engine=engine)
        for engine in (Engine("local", 2), Engine("ray", 2))
    ]
    assert reports[0] == reports[1]
    assert reports[0].quarantined == 20
    assert contents(tmp_path / "local") == contents(tmp_path / "ray")


def test_ray_goes_on_where_processes_were_stopped(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_PER_SHARD", 7)
    labels = write_labels(tmp_path / "labels.json", 100)

    def stop(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(labels, "tusimple", tmp_path / "out", "scene", engine=Engine("local", 2, stop))
    assert not (tmp_path / "out" / "manifest.json").exists()
    convert(labels, "tusimple", tmp_path / "out", "scene", engine=Engine("ray", 2))
    convert(labels, "tusimple", tmp_path / "whole", "scene")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_other_targets_are_the_same(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES_PER_JOB", 8)
    labels = write_labels(tmp_path / "labels.json", 100)
    for engine in (Engine(), Engine("ray", 2)):
        convert(labels, "tusimple", tmp_path / f"{engine.name}.jsonl", "scene", engine=engine)
    assert load_scenes(tmp_path / "ray.jsonl") == load_scenes(tmp_path / "local.jsonl")
