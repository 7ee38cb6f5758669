import pytest

pytest.importorskip("torch")

from drivegrid.training.config import load_config
from drivegrid.training.grpo_config import load_grpo_config

from drivegrid.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("optim: {steps: 1, steps: 2}", r"steps twice[\s\S]*line 1"),
        ("optim: {steps: 1}\noptim: {seed: 2}", r"optim twice[\s\S]*line 2"),
        ("optim: {steps: yes}", r"optim\.steps: .*must be a number"),
        ("optim: {learning_rate: true}", r"optim\.learning_rate: .*must be a number"),
        ("optim: [", "must be YAML"),
        ("optim: 3", "must be valid"),
        ("moon: 3", "moon: "),
    ],
)
@pytest.mark.parametrize("load", [load_config, load_grpo_config])
def test_what_is_wrong_in_a_file_is_named(tmp_path, text, problem, load) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as told:
        load(path)
    assert str(path) in str(told.value)


def test_an_empty_file_keeps_the_defaults(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# nothing")
    assert load_config(path) == load_config(path, ["optim.seed=0"])
    assert load_config(path, ["optim.seed=3"]).optim.seed == 3
