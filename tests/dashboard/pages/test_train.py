import json
import shutil
from functools import partial

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.fine_tuning import FINE_TUNING
from drivegrid.dashboard.hub import Hub, HubSettings, open_hub
from drivegrid.dashboard.judging import JUDGING
from drivegrid.dashboard.serving.access import AccessSettings
from drivegrid.dashboard.store.evaluations import evaluate
from drivegrid.dashboard.store.jobs import beat, claim, enqueue, fail, finish, list_jobs
from drivegrid.dashboard.store.promotions import promoted
from drivegrid.dashboard.training_sets import TRAINING_SET

from drivegrid.data.images import save_image
from tests.dashboard.drives import accept_all
from tests.dashboard.pages.apps import named, open_page, press, run, texts

HOSTILE = "<script>**x** :red[y] =cmd()"
COUNTS = {"reviewed": 6, "train": 4, "held-out": 2, "aside": 0, "asked": {"lanes": 2}}


def page() -> None:
    from drivegrid.dashboard.pages.parts import told
    from drivegrid.dashboard.pages.train import train

    with told():
        train()


opened = partial(open_page, page)


def made_set(hub: Hub, dataset_id: int, **counts) -> int:
    """Write down a set as a worker leaves it; return its job."""
    folder = hub.settings.folder / "sets" / "set"
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"dataset_id": dataset_id, "held_out": 0.2}
    number = enqueue(hub.database, TRAINING_SET, asked, 1)
    aside = [{"frame": HOSTILE, "why": HOSTILE}]
    result = {"folder": str(folder), "counts": {**COUNTS, **counts}, "aside": aside}
    finish(hub.database, claim(hub.database, [TRAINING_SET]), result)
    return number


def training(hub: Hub, set_id: int, method: str = "sft") -> int:
    asked = {"set": set_id, "method": method, "steps": 20, "start": None}
    return enqueue(hub.database, FINE_TUNING, asked, 1)


def leave_run(hub: Hub, job_id: int, steps: int = 20) -> None:
    """Leave what a training leaves."""
    folder = hub.tuner.files(job_id).folder
    folder.mkdir(parents=True)
    (folder.parent / "asked.yaml").write_text("optim.steps: 20\n")
    lines = [json.dumps({"step": step, "loss": 1 / step}) for step in range(1, steps + 1)]
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    looks = [{"step": step, "mean": 2.0 - step / 20, "losses": {}} for step in (0, 10)]
    (folder / "judged.json").write_text(json.dumps(looks))
    for step in (0, 10):
        save_image(folder / f"pictures/step-{step:06}.png", np.zeros((36, 64, 3), np.uint8))


def finished(hub: Hub, set_id: int) -> int:
    number = training(hub, set_id)
    leave_run(hub, number)
    folder = hub.tuner.folder(number)
    result = {"folder": str(folder), "checkpoint": str(folder / "run/checkpoint")}
    result |= {"before": 2.0, "best": 1.5, "best_step": 10}
    finish(hub.database, claim(hub.database, [FINE_TUNING]), result)
    return number


def asked_for(hub: Hub, kind: str) -> dict:
    return dict(list_jobs(hub.database, 1, kinds=[kind])[0].parameters)


def test_without_a_data_set_it_says_so(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path / "empty"))
    assert any("no data set yet" in one.value for one in opened().info)
    assert any("needs a set" in one.value for one in opened(section="Trainings").info)
    hub.close()


def test_a_section_that_is_none_is_the_first(world) -> None:
    assert opened(section=HOSTILE).segmented_control[0].value == "Sets"


def test_nothing_reviewed_cannot_become_a_set(world) -> None:
    app = opened()
    assert named(app, "Make a set").disabled
    assert "0 frames were accepted" in texts(app)


def test_a_set_is_asked_for(world) -> None:
    accept_all(world.hub.database, world.dataset_id)
    app = opened()
    app.radio[0].set_value(0.5).run()
    press(app, "Make a set")
    assert asked_for(world.hub, TRAINING_SET) == {"dataset_id": world.dataset_id, "held_out": 0.5}
    [job] = list_jobs(world.hub.database, kinds=[TRAINING_SET])
    assert app.query_params["job"] == str(job.id)


def test_a_set_is_shown_and_trained_on(world) -> None:
    number = made_set(world.hub, world.dataset_id, aside=1)
    app = opened(job=str(number))
    assert [one.value for one in app.metric] == ["6", "4", "2", "1"]
    assert "4 to learn from, 2 judge, 1 set aside" in texts(app)
    assert HOSTILE in app.dataframe[0].value.to_numpy()
    press(app, "Train on this set")
    assert app.query_params["section"] == "Trainings"
    assert app.segmented_control[0].value == "Trainings"
    assert next(one for one in app.selectbox if one.label == "Set").value == number


def test_a_training_is_asked_for_and_shown_as_a_command(world) -> None:
    number = made_set(world.hub, world.dataset_id)
    app = opened(section="Trainings", set=str(number))
    app.selectbox(key="train-method").set_value("grpo-1").run()
    app.number_input(key="train-steps-grpo-1").set_value(7).run()
    app.radio(key="train-rendered").set_value(0.5).run()
    [command] = [one.value for one in app.code]
    assert "--stage 1" in command and "optim.steps=7" in command and "{lanes: 1.0}" in command
    press(app, "Train")
    assert asked_for(world.hub, FINE_TUNING) == {
        "set": number, "method": "grpo-1", "start": None, "steps": 7, "rendered": 0.5,
        "learning_rate": None, "seed": 0,
    }  # fmt: skip


def test_a_set_that_is_gone_is_told(world) -> None:
    number = made_set(world.hub, world.dataset_id)
    shutil.rmtree(world.hub.settings.folder / "sets")
    app = opened(section="Trainings", set=str(number))
    assert "must be on this machine" in app.error[0].value.replace("\\", "")


def test_a_training_that_runs_is_followed(world) -> None:
    number = training(world.hub, made_set(world.hub, world.dataset_id))
    job = claim(world.hub.database, [FINE_TUNING])
    app = opened(section="Trainings", job=str(number))
    assert "Nothing was told so far." in texts(app) and not app.error
    leave_run(world.hub, number, steps=12)
    beat(world.hub.database, job, 0.6, "step 12 of 20")
    app.run()
    assert not app.exception and len(app.get("vega_lite_chart")) == 2
    assert app.select_slider[0].options == ["0", "10"]
    assert len([*app.get("image"), *app.get("imgs")]) == 1  # its name differs by version
    app.select_slider[0].set_value(0).run()
    assert not app.exception


def test_why_a_training_stopped_is_told(world) -> None:
    number = training(world.hub, made_set(world.hub, world.dataset_id))
    fail(world.hub.database, claim(world.hub.database, [FINE_TUNING]), f"stopped: {HOSTILE}")
    app = opened(section="Trainings", job=str(number))
    told = app.error[0].value
    assert "stopped" in told and "**x**" not in told


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_training_that_was_stopped_goes_on(world, state) -> None:
    number = training(world.hub, made_set(world.hub, world.dataset_id))
    job = claim(world.hub.database, [FINE_TUNING])
    app = opened(section="Trainings", job=str(number))
    going_on = "Go on from the last saved step"
    assert going_on not in [one.label for one in app.button]
    if state == "failed":
        fail(world.hub.database, job, "disk full")
    else:
        press(app, "Cancel")
    press(run(app), going_on)
    assert claim(world.hub.database, [FINE_TUNING]).id == number
    assert going_on not in [one.label for one in run(app).button]


def test_a_promoted_checkpoint_that_is_gone_is_told_and_taken_back(world) -> None:
    number = finished(world.hub, made_set(world.hub, world.dataset_id))
    world.hub.actor().promote(number)
    app = opened(section="Trainings", job=str(number))
    assert "nothing answers" in app.error[0].value and not app.success
    press(app, "Go back to the packaged model")
    assert world.hub.checkpoint is None


def test_a_result_is_evaluated(world) -> None:
    number = finished(world.hub, made_set(world.hub, world.dataset_id))
    app = opened(section="Trainings", job=str(number))
    assert "held\\-out loss 2\\.000 to 1\\.500" in texts(app)
    press(app, "Evaluate")
    assert asked_for(world.hub, JUDGING) == {"training": number}
    assert app.get("progress")[0].proto.text.startswith("waiting until the runs before it")
    press(app, "Cancel")
    assert "cancelled" in app.error[0].value
    assert "Evaluate" not in [one.label for one in app.button]


def test_both_scores_are_shown(world) -> None:
    number = finished(world.hub, made_set(world.hub, world.dataset_id))
    pair = [
        evaluate(
            world.hub.database, world.dataset_id, world.sources[name], world.sources["labels"],
            "culane", 1,
        )
        for name in ("far", "near")
    ]  # fmt: skip
    enqueue(world.hub.database, JUDGING, {"training": number}, 1)
    result = {"dataset_id": world.dataset_id, "evaluations": {"culane": pair}}
    finish(world.hub.database, claim(world.hub.database, [JUDGING]), result)
    [metric] = opened(section="Trainings", job=str(number)).metric
    assert (metric.label, metric.value) == ("Lanes, F1", "100.0")
    assert float(metric.delta) > 0


def test_a_result_is_promoted_and_taken_back(world) -> None:
    number = finished(world.hub, made_set(world.hub, world.dataset_id))
    (world.hub.tuner.folder(number) / "run/checkpoint").mkdir()
    app = press(opened(section="Trainings", job=str(number)), "Promote: let it answer on Ask")
    assert promoted(world.hub.database).job_id == number
    assert "Promoted by" in app.success[0].value
    press(app, "Go back to the packaged model")
    assert promoted(world.hub.database).checkpoint is None


def test_a_reviewer_makes_sets_but_neither_trains_nor_promotes(world, monkeypatch) -> None:
    hub = world.hub
    number = finished(hub, made_set(hub, world.dataset_id))
    accept_all(hub.database, world.dataset_id)
    monkeypatch.setattr(Hub, "actor", lambda self: self.someone("eve", "reviewer"))
    assert not named(opened(), "Make a set").disabled
    app = opened(section="Trainings", job=str(number))
    assert named(app, "Train").disabled
    assert named(app, "Promote: let it answer on Ask").disabled
    assert "Admins can start trainings" in texts(app)


def test_the_access_settings_hold_here_too(tmp_path) -> None:
    hub = open_hub(HubSettings(tmp_path / "own", access=AccessSettings(proxy_header="X-User")))
    assert opened().error
    hub.close()
