import json

import pytest

torch = pytest.importorskip("torch")

from drivegrid.training.config import TrainingConfig  # noqa: E402
from drivegrid.training.run_folder import (  # noqa: E402
    begin,
    check_new,
    check_same,
    check_step,
    last_saved,
    put_step,
    resumed_from,
    step_part,
)
from safetensors.torch import save_file  # noqa: E402

from drivegrid.errors import ConfigError, ModelError  # noqa: E402


def config(**optim) -> TrainingConfig:
    return TrainingConfig.model_validate({"optim": {"steps": 5, **optim}})


def begun(folder, **optim) -> None:
    check_new(folder, None)
    begin(folder, config(**optim))


@pytest.mark.parametrize("left", [(), ("judged.json", "log.jsonl"), ("trainer/checkpoint-5",)])
def test_a_run_begins_where_the_one_before_saved_no_step(tmp_path, left) -> None:
    begun(tmp_path)
    for name in left:
        (tmp_path / name).mkdir(parents=True)
    begun(tmp_path, steps=7)
    assert "steps: 7" in (tmp_path / "config.yaml").read_text()
    assert not (tmp_path / "trainer").exists()


def test_a_run_is_not_begun_over_another(tmp_path) -> None:
    begun(tmp_path)
    with pytest.raises(ConfigError, match="must hold no run"):
        check_new(tmp_path, tmp_path / "trainer" / "checkpoint-5")
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(ConfigError, match="must hold no run"):
        begun(tmp_path)


def test_only_a_saved_step_is_gone_on_from(tmp_path) -> None:
    assert resumed_from(tmp_path, tmp_path / "checkpoint-5") == tmp_path / "checkpoint-5"
    with pytest.raises(ConfigError, match=r"must have a saved step .* Leave out --resume"):
        resumed_from(tmp_path, None)


@pytest.mark.parametrize("name", ["optimizer.pt", "model.safetensors"])
def test_a_step_that_lost_half_a_file_is_named(tmp_path, name) -> None:
    torch.save({"a": torch.zeros(99)}, tmp_path / "optimizer.pt")
    save_file({"a": torch.zeros(99)}, tmp_path / "model.safetensors")
    check_step(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=name):
        check_step(tmp_path)


def test_a_saved_step_takes_the_place_of_the_one_before(tmp_path) -> None:
    assert last_saved(tmp_path) is None
    for step in (5, 20, 100, 100):
        step_part(tmp_path).mkdir(parents=True)
        (step_part(tmp_path) / "weights").write_text(str(step))
        put_step(tmp_path, step, stage=1)
        [saved] = (tmp_path / "steps").iterdir()
        assert last_saved(tmp_path) == saved
        assert (saved / "weights").read_text() == str(step)
        assert json.loads((saved / "state.json").read_text()) == {"step": step, "stage": 1}
    (tmp_path / "steps" / "step-000200").mkdir()  # lost its state
    assert last_saved(tmp_path) == saved


@pytest.mark.parametrize("name", ["config.yaml", "a.jpg"])
def test_nothing_of_the_users_is_overwritten(tmp_path, name) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"must be empty, got {name} in it"):
        begun(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="must be a folder, got a file"):
        begun(tmp_path / "file")


def test_a_run_goes_on_with_its_own_settings(tmp_path) -> None:
    begun(tmp_path)
    check_same(tmp_path, config())
    check_same(tmp_path, config(threads=1, save_every=7, judge_every=9))
    with pytest.raises(
        ConfigError, match=r"own settings, got optim.seed 0 -> 3, optim.steps 5 -> 6"
    ):
        check_same(tmp_path, config(seed=3, steps=6))
    check_same(tmp_path, config(steps=6), ("optim.steps",))
