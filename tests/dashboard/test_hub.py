import threading
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard import hub as module
from drivegrid.dashboard.app import make_app
from drivegrid.dashboard.hub import Hub, HubSettings, hub, open_hub
from drivegrid.dashboard.store.jobs import claim, enqueue, finish

from drivegrid.errors import ConfigError


def test_pages_without_a_hub_say_how_to_start(monkeypatch) -> None:
    monkeypatch.setattr(module, "_hub", [])
    with pytest.raises(ConfigError, match="Run: drivegrid dashboard"):
        hub()


def test_the_hub_that_was_opened_last_is_the_hub(tmp_path) -> None:
    first = open_hub(HubSettings(tmp_path / "one"))
    second = open_hub(HubSettings(tmp_path / "two"))
    assert hub() is second is not first
    second.close()


def test_a_store_opened_again_knows_its_people_and_its_addresses(tmp_path) -> None:
    for _ in range(2):
        opened = Hub(HubSettings(tmp_path))
        assert opened.someone("ada", "admin").user.id == 1
        opened.close()
    again = Hub(HubSettings(tmp_path))
    assert opened.signer.open(again.signer.address(7).rpartition("/")[2]).frame_id == 7
    assert again.someone("ada", "viewer").user.role == "admin"  # kept
    again.close()


def test_the_worker_starts_with_the_application(tmp_path) -> None:
    before = set(threading.enumerate())
    _, opened = make_app(HubSettings(tmp_path))
    started = [one.name for one in set(threading.enumerate()) - before]
    opened.close()
    assert "drivegrid jobs" in started


def test_a_store_elsewhere(tmp_path) -> None:
    opened = Hub(HubSettings(tmp_path / "own", f"sqlite:///{tmp_path}/there/x.db"))
    opened.close()
    assert (tmp_path / "there" / "x.db").is_file()
    assert not (tmp_path / "own" / "review.db").exists()


class _Model:
    """Stands in for the process of the model."""

    def __init__(self, checkpoint) -> None:
        self.checkpoint, self.closed = checkpoint, False

    def close(self) -> None:
        self.closed = True


def _trained(hub: Hub, checkpoint: str) -> int:
    user_id = hub.someone("ada", "admin").user.id
    number = enqueue(hub.database, "fine-tuning", {}, user_id)
    finish(hub.database, claim(hub.database, ["fine-tuning"]), {"checkpoint": checkpoint})
    return number


def test_what_was_promoted_answers(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "ModelWorker", _Model)
    opened = Hub(HubSettings(tmp_path))
    first = opened.model
    assert first.checkpoint is None and opened.model is first
    assert opened.model_name == "the packaged nano"
    (tmp_path / "run").mkdir()
    number = _trained(opened, str(tmp_path / "run"))
    opened.someone("ada", "admin").promote(number)
    second = opened.model
    assert opened.model_name == f"training {number}"
    assert first.closed and second.checkpoint == tmp_path / "run" and opened.model is second
    opened.someone("ada", "admin").promote(None)
    assert opened.model.checkpoint is None and second.closed
    assert opened.model_name == "the packaged nano"
    opened.close()


def test_a_promoted_checkpoint_that_is_gone_is_told_with_a_way_out(tmp_path) -> None:
    opened = Hub(HubSettings(tmp_path))
    number = _trained(opened, "/runs/gone")
    opened.someone("ada", "admin").promote(number)
    with pytest.raises(ConfigError, match=f"got none .*/runs/gone.*Train, training {number}"):
        _ = opened.model
    assert opened.model_name == f"training {number}"
    opened.close()


def test_a_model_that_was_asked_for_at_the_start_stays(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "ModelWorker", _Model)
    opened = Hub(HubSettings(tmp_path, checkpoint=Path("/mine")))
    first = opened.model
    opened.someone("ada", "admin").promote(_trained(opened, "/runs/1"))
    assert opened.model is first and first.checkpoint == Path("/mine")
    assert opened.model_name == "mine"
    opened.close()
