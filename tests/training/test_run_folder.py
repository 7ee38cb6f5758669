import pytest

pytest.importorskip("torch")

from drivegrid.training.config import TrainingConfig
from drivegrid.training.run_folder import begin, check_same

from drivegrid.errors import ConfigError


def config(**optim) -> TrainingConfig:
    return TrainingConfig.model_validate({"optim": {"steps": 5, **optim}})


@pytest.mark.parametrize("left", [(), ("judged.json", "log.jsonl")])
def test_a_run_begins_in_an_empty_folder_or_one_of_a_failed_start(tmp_path, left) -> None:
    for name in left:
        (tmp_path / name).touch()
    begin(tmp_path, config())
    begin(tmp_path, config(steps=7))  # the one before has saved no step
    assert "steps: 7" in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize("name", ["trainer", "steps", "checkpoint"])
def test_a_run_is_not_begun_over_another(tmp_path, name) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="must hold no run"):
        begin(tmp_path, config())


@pytest.mark.parametrize("name", ["config.yaml", "a.jpg"])
def test_nothing_of_the_users_is_overwritten(tmp_path, name) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"must be empty, got {name} in it"):
        begin(tmp_path, config())
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="must be a folder, got a file"):
        begin(tmp_path / "file", config())


def test_a_run_goes_on_with_its_own_settings(tmp_path) -> None:
    begin(tmp_path, config())
    check_same(tmp_path, config())
    check_same(tmp_path, config(threads=1, save_every=7, judge_every=9))
    with pytest.raises(
        ConfigError, match=r"own settings, got optim.seed 0 -> 3, optim.steps 5 -> 6"
    ):
        check_same(tmp_path, config(seed=3, steps=6))
    check_same(tmp_path, config(steps=6), ("optim.steps",))
