import json

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.run_files import RunFiles

LOG = [
    {"step": 1, "loss": 3.5, "learning_rate": 1e-3, "losses": {"lanes": 3.5}, "images_per_s": 2},
    {"step": 5, "loss": 2.5, "learning_rate": 5e-4},
]


def look(step: int, mean: float, **more) -> dict:
    return {"step": step, "mean": mean, **more}


@pytest.fixture
def files(tmp_path) -> RunFiles:
    return RunFiles(tmp_path / "run")


def test_a_run_that_has_not_begun(files) -> None:
    assert not files.has_saved_step() and files.last_step() == 0
    assert files.log() == files.judged() == files.pictures() == []
    assert files.curves() == files.judged_curves() == {}
    assert files.verdict() == {"before": None, "best": None, "best_step": None}


def test_a_line_that_is_half_written_is_left_for_later(files) -> None:
    files.folder.mkdir()
    text = "".join(f"{json.dumps(line)}\n" for line in LOG)
    (files.folder / "log.jsonl").write_text(text + '{"step": 9, "lo')
    (files.folder / "judged.json").write_text("[{")
    assert files.last_step() == 5
    assert files.curves() == {
        "loss": [(1, 3.5), (5, 2.5)],
        "learning_rate": [(1, 1e-3), (5, 5e-4)],
    }
    assert files.judged() == []


@pytest.mark.parametrize(
    ("looks", "best"),
    [
        ([look(0, 2.0, losses={"lanes": 2.0})], (2.0, 2.0, 0)),
        (
            [look(0, 2.0, losses={}), look(5, 1.0, losses={}), look(9, 1.5, losses={})],
            (2.0, 1.0, 5),
        ),
        ([look(0, 2.0), look(5, 1.0), look(9, 2.5)], (2.0, 2.5, 9)),
    ],
)
def test_a_loss_is_best_low_and_a_reward_high(files, looks, best) -> None:
    files.folder.mkdir()
    (files.folder / "judged.json").write_text(json.dumps(looks))
    assert tuple(files.verdict().values()) == best
    assert files.judged_curves()["mean"] == [(one["step"], one["mean"]) for one in looks]


def test_sheets_come_in_their_order(files) -> None:
    (files.folder / "pictures").mkdir(parents=True)
    for step in (500, 20, 3):
        (files.folder / f"pictures/step-{step:06}.png").touch()
    assert [path.stem for path in files.pictures()] == ["step-000003", "step-000020", "step-000500"]
