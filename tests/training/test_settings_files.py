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
        ("- optim", "must hold settings by name"),
        ("[1, 2]: 3", r"a key that is no name[\s\S]*line 1"),
        ("[" * 3000, "must be YAML"),
        ("optim: {seed: -1}", r"optim\.seed"),
        ("optim: {learning_rate: .inf}", r"optim\.learning_rate: .*finite"),
        ("data: {tasks: {lanes: .nan}}", r"data\.tasks"),
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


def test_a_change_holds_no_key_twice(tmp_path) -> None:
    with pytest.raises(ConfigError, match="lanes twice"):
        load_config("nano-smoke", ["data.tasks={lanes: 1, lanes: 2}"])


@pytest.mark.parametrize(
    ("rewards", "problem"),
    [
        ("{preset: [1]}", "rewards.preset must be one of"),
        ("{weights: {line: .nan}}", "finite"),
        ("{weights: {line: .inf}}", "finite"),
        ("{preset: moon}", "rewards must be one of"),
        (
            "{weights: {format: 0, non_repeat: 0, words: 0, no_target: 0, box: 0, point: 0, "
            "critical_points: 0, line: 0, polygon: 0, mask_words: 0, attributes: 0}}",
            "rewards.weights must hold one above 0",
        ),
    ],
)
def test_rewards_that_teach_nothing_are_refused(rewards, problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_grpo_config("nano-smoke", [f"rewards={rewards}"])


def test_rewards_begin_from_a_preset() -> None:
    plain = load_grpo_config("nano-smoke").rewards
    changed = load_grpo_config("nano-smoke", ["rewards.weights.line=5"]).rewards
    assert changed.weights == {**plain.weights, "line": 5.0}
    assert changed.offset_weights == plain.offset_weights
    lanes = load_grpo_config("nano-smoke", ["rewards={preset: lanes, stay: 0.5}"]).rewards
    assert (lanes.weights["line"], lanes.stay) == (3.0, 0.5)


def test_an_empty_file_keeps_the_defaults(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# nothing")
    assert load_config(path) == load_config(path, ["optim.seed=0"])
    assert load_config(path, ["optim.seed=3"]).optim.seed == 3
