"""Supervised fine-tuning of drivegrid-nano on rendered scenes.

drivegrid-train nano-cpu          # or nano-gpu, smoke, or your own my.yaml
drivegrid-train nano-cpu --resume # go on after an interruption
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from transformers import Trainer, TrainingArguments

from drivegrid.labels import default_label_space
from drivegrid.model.checkpoint import load_nano, new_nano, save_nano
from drivegrid.model.nano import NanoForGrounding
from drivegrid.model.nano_processor import NanoProcessor
from drivegrid.tasks.corpus import text_corpus
from drivegrid.tokens.codec import Codec
from drivegrid.tokens.grid import GridSpec

from .config import TrainingConfig, load_config
from .dataset import CachedScenes, LiveScenes, PackingCollator
from .examples import ExampleBuilder
from .features import CacheSpec, FeatureCache, build_cache


class _SftTrainer(Trainer):
    """Transformers' trainer with a rate of its own for the trunk, and half-precision saving."""

    def __init__(self, processor: NanoProcessor, trunk_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.processor, self.trunk_rate = processor, trunk_rate

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        """AdamW; rows, norms and biases are not decayed."""
        if self.optimizer is None:
            rate, decay = self.args.learning_rate, self.args.weight_decay
            groups = parameter_groups(self.model, rate, self.trunk_rate, decay)
            self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
        return self.optimizer


def parameter_groups(
    model: NanoForGrounding, rate: float, trunk_rate: float, decay: float
) -> list[dict[str, Any]]:
    """Return optimiser groups: matrices with decay, the rest without, the trunk apart."""
    trunk = [p for name, p in model.named_parameters() if name.startswith("trunk.")]
    rest = [(n, p) for n, p in model.named_parameters() if not n.startswith("trunk.")]
    decayed = [p for n, p in rest if p.ndim > 1 and n != "embedding.weight"]
    plain = [p for n, p in rest if p.ndim <= 1 or n == "embedding.weight"]
    groups = [
        {"params": decayed, "lr": rate, "weight_decay": decay},
        {"params": plain, "lr": rate, "weight_decay": 0.0},
    ]
    for parameter in trunk:
        parameter.requires_grad_(trunk_rate > 0)
    if trunk_rate > 0:
        groups.append({"params": trunk, "lr": trunk_rate, "weight_decay": decay})
    return groups


def build_dataset(config: TrainingConfig, builder: ExampleBuilder) -> CachedScenes | LiveScenes:
    """Return the training rows: from cached features, or rendered live."""
    data, length = config.data, config.optim.steps * config.optim.batch_scenes
    if data.cache is None:
        seeds = range(data.first_seed, data.first_seed + data.num_scenes)
        return LiveScenes(builder, seeds, length, config.optim.seed)
    size_wh = builder.processor.image_size_wh
    spec = CacheSpec(data.cache, data.first_seed, data.num_scenes, size_wh)
    build_cache(spec, data.workers)
    return CachedScenes(builder, FeatureCache(spec), length, config.optim.seed)


def training_arguments(config: TrainingConfig) -> TrainingArguments:
    """Return the trainer's settings for a config."""
    optim = config.optim
    live = config.data.cache is None
    return TrainingArguments(
        output_dir=str(config.output / "trainer"),
        max_steps=optim.steps,
        per_device_train_batch_size=optim.batch_scenes,
        learning_rate=optim.learning_rate,
        weight_decay=optim.weight_decay,
        warmup_steps=optim.warmup_steps,
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        save_steps=optim.save_every,
        save_total_limit=1,
        logging_steps=20,
        bf16=optim.precision == "bf16",
        seed=optim.seed,
        dataloader_num_workers=config.data.workers if live else 0,
        remove_unused_columns=False,
        report_to=[],
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def train(config: TrainingConfig, resume: bool = False) -> Path:
    """Train as the config says and return the folder of the finished checkpoint."""
    if config.optim.threads:
        torch.set_num_threads(config.optim.threads)
    torch.manual_seed(config.optim.seed)
    lattice = config.lattice
    grid = GridSpec(
        lattice.cols, lattice.rows, lattice.offset_cols, lattice.offset_rows, lattice.gamma
    )
    if config.init_from is not None:
        model, processor = load_nano(config.init_from)
    else:
        corpus = text_corpus(default_label_space())
        model, processor = new_nano(grid, corpus, **config.model.model_dump())
    codec = Codec(processor.grid, lattice.line_encoder, rounds=0, every=lattice.every)
    dataset = build_dataset(config, ExampleBuilder(processor, codec, config.data))
    trainer = _SftTrainer(
        processor=processor,
        trunk_rate=config.optim.trunk_learning_rate,
        model=model,
        args=training_arguments(config),
        train_dataset=dataset,
        data_collator=PackingCollator(processor.special_ids["pad"]),
    )
    trainer.train(resume_from_checkpoint=resume)
    target = config.output / "checkpoint"
    save_nano(
        model,
        processor,
        target,
        {"config": config.model_dump(mode="json"), "log": trainer.state.log_history},
    )
    return target


def main() -> None:
    """Entry point of ``drivegrid-train``."""
    typer.run(_command)


def _command(
    config: Annotated[str, typer.Argument(help="nano-cpu, nano-gpu, smoke, or a YAML file")],
    resume: Annotated[bool, typer.Option(help="go on from the last saved step")] = False,
) -> None:
    """Train the nano model on rendered scenes.

    Example: drivegrid-train nano-cpu
    """
    target = train(load_config(config), resume)
    typer.echo(f"checkpoint: {target}")
