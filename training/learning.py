"""Which weights of a Qwen2.5-VL learn: an adapter beside them, or the weights themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn
from transformers import Qwen2_5_VLForConditionalGeneration

from drivegrid.model.adapter import AdapterConfig, adapter_groups, add_adapter, save_adapter
from drivegrid.model.manifest import Manifest
from drivegrid.model.retrained import save_retrained

from .config import AdapterSettings, FullSettings, OptimConfig

TOWER = "model.visual."
ROW_MATRICES = ("embed_tokens.weight", "lm_head.weight")


class Learning(Protocol):
    """What learns of a model, at which rates, and how it is kept."""

    @property
    def model(self) -> nn.Module:
        """The model, made ready to learn."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write what was learnt.

        Args:
            folder: Replaced if there is one.
            weights: What learns, by its name in ``model.named_parameters()``.
        """


def learning(
    base: Qwen2_5_VLForConditionalGeneration,
    manifest: Manifest,
    settings: AdapterSettings | FullSettings,
    optim: OptimConfig,
) -> Learning:
    """Make a loaded checkpoint learn as the settings say."""
    if isinstance(settings, AdapterSettings):
        return AdapterLearning(base, manifest, settings, optim)
    return FullLearning(base, settings, optim)


class AdapterLearning:
    """LoRA pairs and spatial rows learn; see `drivegrid.model.adapter`.

    Args:
        base: Extended model.
        manifest: Of its folder.
        settings: Size of the adapter.
        optim: Rates and decay.
    """

    def __init__(
        self,
        base: Qwen2_5_VLForConditionalGeneration,
        manifest: Manifest,
        settings: AdapterSettings,
        optim: OptimConfig,
    ) -> None:
        size = AdapterConfig(rank=settings.rank, alpha=settings.alpha, dropout=settings.dropout)
        self.model = add_adapter(base, manifest, size)
        self.base, self.optim = settings.base, optim

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return LoRA with decay; rows without, at a rate of their own."""
        named, names = dict(self.model.named_parameters()), adapter_groups(self.model)
        rates = {"lora": self.optim.learning_rate, "rows": self.optim.row_learning_rate}
        decays = {"lora": self.optim.weight_decay, "rows": 0.0}
        return [
            {"params": [named[n] for n in names[kind]], "lr": rate, "weight_decay": decays[kind]}
            for kind, rate in rates.items()
        ]

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write the adapter; see ``save_adapter``."""
        save_adapter(self.model, self.base, folder, weights)


class FullLearning:
    """All weights learn, those of the vision tower only at a rate of their own.

    What learns is held in fp32 also of a bf16 base, where small steps would be lost to rounding;
    it is stored in the base's dtype.

    Args:
        base: Extended model.
        settings: Where it came from.
        optim: Rates and decay.
    """

    def __init__(
        self,
        base: Qwen2_5_VLForConditionalGeneration,
        settings: FullSettings,
        optim: OptimConfig,
    ) -> None:
        self.model, self.base, self.optim = base, settings.base, optim
        for name, parameter in base.named_parameters():
            parameter.requires_grad_(optim.trunk_learning_rate > 0 or not name.startswith(TOWER))
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        # transformers writes a step under the names of the first releases, and on resuming looks
        # for those of the running model, finds none and goes on without a word.
        base.save_pretrained = partial(  # type: ignore[method-assign]
            base.save_pretrained, save_original_format=False
        )

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return matrices with decay, vectors and rows without; body, rows and tower apart."""
        optim = self.optim
        learnt = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        rows = [p for name, p in learnt if name.endswith(ROW_MATRICES)]
        tower = [p for name, p in learnt if name.startswith(TOWER)]
        body = [
            p
            for name, p in learnt
            if not name.endswith(ROW_MATRICES) and not name.startswith(TOWER)
        ]
        return [
            *_decayed(body, optim.learning_rate, optim.weight_decay),
            {"params": rows, "lr": optim.row_learning_rate, "weight_decay": 0.0},
            *(_decayed(tower, optim.trunk_learning_rate, optim.weight_decay) if tower else ()),
        ]

    def save(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        """Write a checkpoint like the base; see ``save_retrained``."""
        save_retrained(self.base, folder, weights)


def _decayed(parameters: Iterable[nn.Parameter], rate: float, decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    return [
        {"params": matrices, "lr": rate, "weight_decay": decay},
        {"params": vectors, "lr": rate, "weight_decay": 0.0},
    ]
