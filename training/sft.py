"""Supervised fine-tuning: ``drivegrid train sft``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import TrainingArguments

from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError
from drivegrid.labels import default_label_space
from drivegrid.model import SHIPPED
from drivegrid.model.checkpoint import load_nano, new_nano, shipped_checkpoint
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_config import NanoConfig
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.model.words import renew_words
from drivegrid.tasks.corpus import text_corpus

from .card import model_card
from .checks import FrozenRows, check_gradients, check_launch, check_reporters, check_room
from .config import TrainingConfig
from .dataset import Examples
from .examples import DialogueDrawer
from .masked import check_same_words
from .nano_student import NanoStudent
from .pictures import FOLDER as PICTURES
from .pictures import MOST_QUESTIONS, AnswerPictures, draw_questions
from .qwen_checks import check_qwen
from .qwen_student import QwenStudent
from .run_folder import (
    begin,
    check_new,
    check_same,
    check_step,
    keep,
    resumed_from,
    write_settings,
)
from .sources import judging_pictures, shown_pictures, training_pictures
from .student import PictureSource, Row, Student
from .trainer import BEST, SftTrainer, last_step

CHECKPOINT = "checkpoint"
STEPS = "trainer"
PATIENCE_S = 7200
"""How long processes wait for each other: the first may have a cache to build."""


def train(config: TrainingConfig, folder: Path, resume: bool = False) -> Path:
    """Train as a config says.

    Args:
        config: Settings.
        folder: Where everything goes: ``config.yaml``, ``trainer`` (steps to resume from),
            ``judged.json`` and ``best`` (see `SftTrainer`), at last ``checkpoint``.
        resume: Go on from the last saved step; the result is that of an uninterrupted run.

    Returns:
        The folder of the best checkpoint by the held-out scenes.

    Raises:
        ConfigError: If there is a run in the folder and it is not to be resumed, or none.
    """
    if config.optim.threads:
        torch.set_num_threads(config.optim.threads)
    check_reporters(config.log.report_to)
    # Joins the other processes, if it was launched so.
    args = training_arguments(config, folder, resume)
    # The same weights in every process.
    torch.manual_seed(config.optim.seed)
    if args.should_save:
        _check_folder(folder, config, resume)
    with args.main_process_first():  # the others find the cache that the first builds
        student = make_student(config)
        rows = training_rows(config, student, args.world_size)
        held_out = held_out_rows(config, student)
    if args.should_save:
        check_room(folder, student.parameter_groups())
        write_settings(folder, config) if resume else begin(folder, config)
    trainer = SftTrainer(
        student=student,
        folder=folder,
        facts={"config": config.model_dump(mode="json")},
        average=config.optim.average,
        args=args,
        train_dataset=rows,
        eval_dataset=held_out,
    )
    trainer.add_callback(_pictures(config, student, folder))
    check_launch(trainer, config)
    batch = trainer.first_batch()
    if isinstance(student, QwenStudent):
        check_qwen(student, batch)
    check_gradients(student, batch)
    frozen = FrozenRows(student)
    step = last_saved(folder) if resume else None
    trainer.train(resume_from_checkpoint=str(step) if step else None)
    frozen.check(student.model)
    if not trainer.judged:
        trainer.evaluate()
    target = folder / CHECKPOINT
    if args.should_save:
        keep(folder / BEST, target)
        write_text(target / "README.md", model_card(config, trainer.best()))
    return target


def last_saved(folder: Path) -> Path | None:
    """Return the last step of a run that was saved whole; None without any."""
    return last_step(folder / STEPS)


def _check_folder(folder: Path, config: TrainingConfig, resume: bool) -> None:
    """Raise unless a run may begin in a folder, or be gone on with."""
    saved = last_saved(folder)
    if not resume:
        check_new(folder, saved)
        return
    check_step(resumed_from(folder, saved))
    check_same(folder, config)


def make_student(config: TrainingConfig) -> Student:
    """Return the model that learns: a Qwen2.5-VL, a new nano or one to go on from."""
    data = config.data
    if config.qwen is not None:
        return QwenStudent(config.qwen, config.optim, data.row_tokens, data.row_dialogues)
    if config.init_from is not None:
        model, processor = _gone_on_from(config, config.init_from)
    else:
        way, corpus = config.written(), text_corpus(default_label_space())
        sizes = config.model.model_dump() | {"representation": way.name}
        model, processor = new_nano(way.lattice, corpus, way.spelling, **sizes)
    cached = data.cache is not None
    return NanoStudent(model, processor, data.row_tokens, config.optim, data.row_dialogues, cached)


def _gone_on_from(config: TrainingConfig, source: Path) -> tuple[NanoForGrounding, NanoProcessor]:
    """Load a trained nano and give it the words that questions are asked in today."""
    model, processor = load_nano(shipped_checkpoint() if str(source) == SHIPPED else source)
    _check_same(config, model.config)
    if processor.vocabulary.words is not None:  # a nano without any learns those it needs
        check_same_words(processor.vocabulary.words, config.data.masks)
    corpus, spelling = text_corpus(default_label_space()), config.written(processor.grid).spelling
    model, processor = renew_words(model, processor, corpus, spelling)
    model.train()
    return model, processor


def _check_same(config: TrainingConfig, model: NanoConfig) -> None:
    """Raise if a nano to go on from writes shapes in another way."""
    wanted = (config.representation, config.model.grounded)
    found = (model.representation, model.grounded)
    if found != wanted:
        raise ConfigError(
            f"representation and grounded must be those of the model, {found}, got {wanted} "
            f"({config.init_from})."
        )


def training_rows(config: TrainingConfig, student: Student, processes: int) -> Dataset[Row]:
    """Return the training rows: from cached features, rendered live, or from labels on disk."""
    data, optim = config.data, config.optim
    length = optim.steps * optim.batch_scenes * optim.accumulate * processes
    source = training_pictures(data, student.size_wh, student.grid, optim.seed)
    changes = None if data.cache is not None else data.augment
    return Examples(student, source, _drawer(config, student), length, optim.seed, changes)


def held_out_rows(config: TrainingConfig, student: Student) -> dict[str, Dataset[Row]]:
    """Return rows of held-out pictures for each kind of question, and for refinements."""
    data, count = config.data, config.data.held_out_scenes
    source = judging_pictures(data, student.size_wh, student.grid)
    kinds = [kind for kind, weight in data.tasks.items() if weight]
    asked = {kind: {"tasks": {kind: 1.0}, "refine": 0.0} for kind in kinds}
    if config.representation == "grid+offset":
        asked["refine"] = {"tasks": data.tasks, "refine": 1.0}
    rows: dict[str, Dataset[Row]] = {}
    for name, changes in asked.items():
        one = config.model_copy(update={"data": data.model_copy(update=changes)})
        drawer = _drawer(one, student)
        if _allows_questions(source, drawer, count):
            rows[name] = Examples(student, source, drawer, min(len(source), count))
    if not rows:
        raise ConfigError(f"held-out data must allow a question, got none ({data.held_out}).")
    return rows


def _allows_questions(source: PictureSource, drawer: DialogueDrawer, count: int) -> bool:
    """Return whether any of so many frames has labels that the drawer's kinds ask for."""
    return any(
        next(drawer.draw(source[i][1], np.random.default_rng(i)), None) is not None
        for i in range(min(len(source), count))
    )


def _pictures(config: TrainingConfig, student: Student, folder: Path) -> AnswerPictures:
    """Return what draws answers to a question of each kind, the most frequent ones first."""
    data = config.data
    source = shown_pictures(data, student.size_wh, student.grid)
    kinds = sorted((k for k, share in data.tasks.items() if share), key=lambda k: -data.tasks[k])
    drawers = []
    for kind in kinds[:MOST_QUESTIONS]:
        asked = data.model_copy(update={"tasks": {kind: 1.0}, "refine": 0.0})
        drawers.append(_drawer(config.model_copy(update={"data": asked}), student))
    way = config.written(student.grid)
    return AnswerPictures(student, way, draw_questions(source, drawers), folder / PICTURES)


def _drawer(config: TrainingConfig, student: Student) -> DialogueDrawer:
    check_same_words(student.processor.vocabulary.words, config.data.masks)
    way = config.written(student.grid)
    return DialogueDrawer(config.data, way, in_context=student.in_context)


def training_arguments(
    config: TrainingConfig, folder: Path, resume: bool = False
) -> TrainingArguments:
    """Return the trainer's settings for a config; a new run is judged before its first step."""
    optim = config.optim
    live = config.data.cache is None
    saving = config.qwen is not None and config.qwen.checkpointing
    # Where it is off it is not named: newer transformers warn of the name, which older ones need.
    memory: dict[str, Any] = {"gradient_checkpointing": True} if saving else {}
    return TrainingArguments(
        output_dir=str(folder / STEPS),
        max_steps=optim.steps,
        per_device_train_batch_size=optim.batch_scenes,
        per_device_eval_batch_size=optim.batch_scenes,
        learning_rate=optim.learning_rate,
        weight_decay=optim.weight_decay,
        warmup_steps=optim.warmup_steps,
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        gradient_accumulation_steps=optim.accumulate,
        save_steps=optim.save_every,
        save_total_limit=1,
        eval_strategy="steps",
        eval_on_start=not resume,
        eval_steps=optim.judge_every,
        prediction_loss_only=True,
        logging_steps=config.log.every,
        bf16=optim.precision == "bf16",
        seed=optim.seed,
        dataloader_num_workers=config.data.workers if live else 0,
        remove_unused_columns=False,
        report_to=list(config.log.report_to),
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        ddp_timeout=PATIENCE_S,
        **memory,
    )
