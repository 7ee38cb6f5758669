"""Reinforcement learning by GRPO: ``drivegrid train grpo``.

Stage 1 places grid tokens: groups of answers to questions. Stage 2 moves them: groups of
refinements, each group of one proposal, by the model itself or with simulated mistakes. The joint
mode samples a tree: answers to a question, then refinements of some of them; each turn's advantages
are those of its own group.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import InitProcessGroupKwargs
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.stored import read_json

from .average import WeightAverage
from .card import grpo_card
from .checks import check_room
from .decoder import make_decoder, make_reader
from .failures import Failures
from .grpo_config import GrpoConfig, Stage
from .grpo_log import StepTally
from .grpo_pictures import FOLDER as PICTURES
from .grpo_pictures import GroupPictures
from .judging import Judge
from .learner import EVEN, Learner
from .masked import check_same_words
from .policies import make_policy
from .policy import Policy
from .questions import HeldOutDrawer, Question, QuestionDrawer
from .rise import as_json, rises
from .rollouts import Rollouts
from .run_folder import (
    begin,
    check_new,
    check_same,
    check_step,
    keep,
    last_saved,
    resumed_from,
    write_settings,
)
from .run_log import RunLog
from .saved_steps import SavedSteps, check_stage
from .sources import judging_pictures, shown_pictures, training_pictures
from .step_groups import StepGroups

T = TypeVar("T")
CHECKPOINT, BEST = "checkpoint", "best"
JUDGED, BASELINES, RISE = "judged.json", "baselines.json", "rise.json"
FACTS = "training.json"
"""In a checkpoint: what it was trained by."""
LONGER = ("optim.steps", "optim.most_failures")
"""May change when a run is resumed: the rate does not hang on the number of steps."""
PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: the first may have a cache to build, or to judge."""
HELD_OUT_SEED = 1
"""Draws the held-out questions, whatever the seed of a run: runs are compared by them."""


def train(
    config: GrpoConfig,
    stage: Stage,
    folder: Path,
    resume: bool = False,
    console: Console | None = None,
) -> Path:
    """Train as a config says.

    Args:
        config: Settings.
        stage: ``"1"`` proposals, ``"2"`` refinements, ``"joint"`` both as a tree.
        folder: Where everything goes: ``config.yaml``, ``baselines.json``, ``log.jsonl`` (a line a
            step), ``failures.jsonl``, ``judged.json`` and ``best``, ``pictures`` of a group,
            ``steps`` to resume from, at last ``rise.json`` and ``checkpoint``.
        resume: Go on from the last saved step.
        console: Where progress is shown.

    Returns:
        The folder of the best checkpoint by the held-out questions.

    Raises:
        ConfigError: If there is a run in the folder and it is not to be resumed, or none; if
            refinements shall be learnt by a model without offsets; or if the processes would share
            the model.
        ModelError: If too many questions fail, or the loss is not finite.
    """
    if stage != "1" and config.representation != "grid+offset":
        raise ConfigError(
            f"representation must be grid+offset to learn offsets, got {config.representation} "
            f"(stage {stage})."
        )
    _check_launch()
    if config.optim.threads:
        torch.set_num_threads(config.optim.threads)
    torch.manual_seed(config.optim.seed)
    patience = InitProcessGroupKwargs(timeout=PATIENCE)
    # A run before it in this process may have had another precision, which would stay.
    AcceleratorState._reset_state()
    cpu = not torch.cuda.is_available()
    accelerator = Accelerator(cpu=cpu, mixed_precision="no", kwargs_handlers=[patience])
    if accelerator.is_main_process:
        _check_folder(folder, config, stage, resume)
    accelerator.wait_for_everyone()
    trainer = GrpoTrainer(config, stage, folder, accelerator)
    if resume:
        trainer.restore()
    return trainer.run(console or Console(stderr=True))


def _check_launch() -> None:
    """Raise if processes were launched to share what each samples with and updates whole."""
    for way in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{way}", "false").lower() == "true":
            raise ConfigError(
                f"grpo must be launched with ddp, got {way}. Every process samples from the whole "
                "model; an adapter keeps gradients and optimiser small."
            )


def _check_folder(folder: Path, config: GrpoConfig, stage: Stage, resume: bool) -> None:
    """Raise unless a run may begin in a folder, or be gone on with."""
    saved = last_saved(folder)
    if not resume:
        check_new(folder, saved)
        return
    check_step(resumed_from(folder, saved))
    check_same(folder, config, LONGER)
    check_stage(folder, stage)
    for name in (JUDGED, f"{BEST}/{FACTS}"):
        if not (folder / name).is_file():
            raise ConfigError(f"run must hold {name} to be resumed, got none ({folder}).")


class GrpoTrainer:
    """A run.

    Args:
        config: Settings.
        stage: What learns.
        folder: Of the run.
        accelerator: Knows the other processes.
    """

    def __init__(
        self, config: GrpoConfig, stage: Stage, folder: Path, accelerator: Accelerator
    ) -> None:
        self.config, self.stage, self.folder = config, stage, folder
        self.accelerator = accelerator
        self.policy: Policy = make_policy(config)
        check_same_words(self.policy.processor.vocabulary.words, config.data.masks)
        way, data = config.written(self.policy.grid), config.data
        with accelerator.main_process_first():  # the others find the cache that the first builds
            source = training_pictures(data, self.policy.size_wh, way.lattice, config.optim.seed)
            judging = judging_pictures(data, self.policy.size_wh, way.lattice)
        changes = None if data.cache is not None else data.augment
        drawer = QuestionDrawer(
            source, data.tasks, way, config.optim.seed, changes, config.rewards.regions
        )
        decoder = make_decoder(config, accelerator.device)
        reader = make_reader(config, way.lattice)
        self.rollouts = Rollouts(self.policy, way, config.rollout, config.rewards, decoder, reader)
        self.groups = StepGroups(config, stage, self.rollouts, drawer, accelerator)
        self.failures = Failures(folder, config.optim.most_failures, accelerator.process_index)
        self.learner = Learner(self.policy, config, accelerator, self.rollouts.masks)
        held_out = HeldOutDrawer(
            judging, data.tasks, way, HELD_OUT_SEED, regions=config.rewards.regions
        )
        questions = [held_out.draw(number) for number in range(config.optim.judged)]
        self.judge = Judge(self.rollouts, questions, stage)
        self.pictures = self._pictures(questions)
        self.average = WeightAverage(self.policy.model, config.optim.average)
        self.steps = SavedSteps(folder, accelerator, self.average)
        self.run_log, self.judged = RunLog(folder), list[dict[str, Any]]()
        self.step = 0

    def _pictures(self, questions: Sequence[Question]) -> GroupPictures | None:
        """Return what draws a group, about the first held-out picture that shows what is asked."""
        config = self.config
        shown = shown_pictures(config.data, self.policy.size_wh, self.policy.grid)
        tasks, regions = config.data.tasks, config.rewards.regions
        drawer = HeldOutDrawer(shown, tasks, self.rollouts.way, HELD_OUT_SEED, regions=regions)
        for number, question in enumerate(questions):
            if question.goal.instances:  # the same draw, of the picture in place of its features
                drawn = drawer.draw(number)
                return GroupPictures(self.rollouts, drawn, self.stage, self.folder / PICTURES)
        return None

    def run(self, console: Console) -> Path:
        """Learn until the last step; return the best checkpoint."""
        steps = self.config.optim.steps
        with Progress(console=console, disable=not self.accelerator.is_main_process) as progress:
            if not self.step:
                self._begin(progress)
                self._judge(progress)
            bar = progress.add_task(f"stage {self.stage}", total=steps, completed=self.step)
            while self.step < steps:
                told = self._learn()
                progress.update(bar, completed=self.step, description=_line(self.stage, told))
                if self.step % self.config.optim.judge_every == 0 or self.step == steps:
                    self._judge(progress)
                if self.step % self.config.optim.save_every == 0 or self.step == steps:
                    self._save()
        return self._finish(console)

    def _learn(self) -> dict[str, float]:
        """Take a step: sample, reward, learn, tell."""
        started = time.perf_counter()
        groups, failed, told = self.groups.of(self.step)
        self.failures.note(self.step, failed, int(told["failed"]))
        sampled = time.perf_counter()
        learnt = self.learner.learn(groups)
        self.average.update(self.policy.model)
        self.step += 1
        first_offset = self.policy.processor.vocabulary.offset_range.start
        tally = StepTally(first_offset, self.config.loss)
        tally.add(groups)
        told |= tally.means(self.accelerator) | vars(learnt)
        told |= {"sampling_s": sampled - started, "learning_s": time.perf_counter() - sampled}
        told["learning_rate"] = self.learner.schedule.get_last_lr()[0]
        if self.accelerator.is_main_process and self.step % self.config.log.every == 0:
            self.run_log.write({"step": self.step, **told})
        return told

    def _begin(self, progress: Progress) -> None:
        """Begin the folder of the run, once nothing speaks against it any more."""
        if not self.accelerator.is_main_process:
            return
        found = self.judge.baselines(_shown(progress, "trivial policies"))
        for rewards in found.values():
            if rewards and np.ptp(list(rewards.values())) < EVEN:
                raise ConfigError(
                    "rewards must tell answers apart, got one value for all. Give a component "
                    "that applies to data.tasks a weight."
                )
        check_room(self.folder, self.policy.parameter_groups())
        begin(self.folder, self.config)
        self.run_log.start(0)
        write_text(self.folder / BASELINES, json.dumps(found, indent=1) + "\n")
        for turn, rewards in found.items():
            if rewards:
                table = Table("policy", "reward", title=f"trivial policies, {turn} turn")
                for name, value in sorted(rewards.items(), key=lambda pair: pair[1]):
                    table.add_row(name, f"{value:.3f}")
                progress.console.print(table)

    def _judge(self, progress: Progress) -> None:
        """Judge the averaged weights; keep them if they are the best so far."""
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        with self.average.applied(self.policy.model):
            judgement = self.judge.judge(_shown(progress, "held-out questions"))
            self.failures.note_held_out(self.step, judgement.failures)
            if self.pictures is not None:
                self.pictures.draw(self.step)
        each = {
            name: {str(number): round(worth, 5) for number, worth in found.items()}
            for name, found in (("likeliest", judgement.likeliest), ("sampled", judgement.sampled))
        }
        entry = {"step": self.step, "mean": judgement.mean, **judgement.parts, **each}
        kept = [one for one in self.judged if one["step"] != self.step]
        self.judged = sorted([*kept, entry], key=lambda one: one["step"])
        if self.step == 0 or judgement.mean > self._best()["mean"]:
            facts = {"config": self.config.model_dump(mode="json"), "stage": self.stage}
            facts |= {"step": self.step, "mean": judgement.mean}
            self.policy.save(self.folder / BEST, facts, self.average.whole())
        write_text(self.folder / JUDGED, json.dumps(self.judged, indent=1) + "\n")
        drawn = np.mean(list(judgement.sampled.values())) if judgement.sampled else np.nan
        turns = {"1": "grid", "2": "grid + offset", "joint": "grid + offset"}[self.stage]
        sampled = "offset" if self.stage == "2" else "grid"
        progress.console.print(
            f"step {self.step}: held-out reward {judgement.mean:.3f} ({turns}), "
            f"of samples {drawn:.3f} ({sampled})"
        )

    def _save(self) -> None:
        self.steps.save(self.step, stage=self.stage, failures=self.failures.count)

    def _best(self) -> dict[str, Any]:
        """Return step and mean reward of the best weights, as they say of themselves."""
        return read_json(self.folder / BEST / FACTS)

    def restore(self) -> None:
        """Go on from the last saved step."""
        self.judged = _judged(self.folder / JUDGED)
        state = self.steps.restore()
        self.step = state["step"]
        if self.step > self.config.optim.steps:
            raise ConfigError(
                f"optim.steps must be at least the {self.step} that are done, got "
                f"{self.config.optim.steps} ({self.folder})."
            )
        self.failures.restore(self.step, state["failures"])
        if self.accelerator.is_main_process:
            write_settings(self.folder, self.config)
            self.run_log.start(self.step)

    def _finish(self, console: Console) -> Path:
        target = self.folder / CHECKPOINT
        if self.accelerator.is_main_process:
            names = [question.name for question in self.judge.questions]
            last = next(one for one in self.judged if one["step"] == self.step)
            found = rises(self.judged[0], last, names)
            write_text(self.folder / RISE, json.dumps(as_json(found), indent=1) + "\n")
            for name, one in found.items():
                console.print(f"{name} answers: reward {one}")
            best = self._best()["step"]
            told = "after" if best else "before the first step: none was better after"
            console.print(f"the checkpoint has the weights {told} step {best or self.step}")
            entry = next(one for one in self.judged if one["step"] == best)
            card = grpo_card(self.config, self.stage, self.judged[0], entry)
            write_text(self.folder / BEST / "README.md", card)
            keep(self.folder / BEST, target)
        self.accelerator.wait_for_everyone()
        return target


def _shown(progress: Progress, what: str) -> Callable[[Sequence[T]], Iterator[T]]:
    """Return what shows by a bar how many of some things are done; it goes when all are."""

    def through(things: Sequence[T]) -> Iterator[T]:
        bar = progress.add_task(what, total=len(things))
        yield from progress.track(things, task_id=bar)
        progress.remove_task(bar)

    return through


def _line(stage: Stage, told: dict[str, float]) -> str:
    rewards = [
        f"{turn} {told[f'{turn}/reward']:.2f}"
        for turn in ("grid", "offset")
        if f"{turn}/reward" in told
    ]
    return f"stage {stage}: reward {', '.join(rewards)}, KL {told['kl']:.4f}"


def _judged(path: Path) -> list[dict[str, Any]]:
    """Read what was judged so far.

    Raises:
        ModelError: If the file is damaged, or does not begin before the first step.
    """
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise ModelError(f"{path.name} must be JSON, got: {error} ({path}).") from error
    wanted = {"step", "mean", "likeliest", "sampled"}
    whole = isinstance(found, list) and all(
        isinstance(entry, dict) and wanted <= entry.keys() for entry in found
    )
    if not whole or not found or found[0]["step"] != 0:
        raise ModelError(f"{path.name} must hold what was judged from step 0 on ({path}).")
    return list(found)
