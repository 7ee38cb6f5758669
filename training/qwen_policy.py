"""Qwen2.5-VL in reinforcement learning."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drivegrid.data.files import write_text
from drivegrid.inference.qwen_speaker import QwenSpeaker
from drivegrid.inference.speaker import View
from drivegrid.model.adapter import load_base
from drivegrid.model.processor import QwenProcessor, save_size_wh, to_patches

from .config import AdapterSettings, FullSettings, OptimConfig
from .groups import Looked, PackedGroups
from .grpo_config import GrpoOptim
from .learning import learning
from .packing import attention_mask
from .student import Visual


class QwenPolicy:
    """An extended, merged Qwen2.5-VL with a new adapter, or whole; its vision tower is frozen.

    The reference is the model without the adapter, or a copy of the whole.

    Args:
        settings: Checkpoint, picture size, adapter or not.
        optim: Rates and decay.
    """

    def __init__(self, settings: AdapterSettings | FullSettings, optim: GrpoOptim) -> None:
        dtype = torch.bfloat16 if optim.precision == "bf16" else torch.float32
        base, tokenizer, manifest = load_base(settings.base, dtype)
        full = isinstance(settings, FullSettings)
        self.copy = copy.deepcopy(base).eval().requires_grad_(False) if full else None
        rates = OptimConfig(
            learning_rate=optim.learning_rate,
            row_learning_rate=optim.row_learning_rate,
            weight_decay=optim.weight_decay,
        )
        self.base, self.learning = base, learning(base, manifest, settings, rates)
        self.model: nn.Module = self.learning.model
        self.processor = QwenProcessor(tokenizer, manifest.vocabulary, settings.size_wh)
        self.grid, self.size_wh = manifest.grid, settings.rendered_wh
        self.opening_ids: Sequence[int] = self.processor.opening_ids
        if settings.checkpointing:
            with warnings.catch_warnings():
                # Its new name is not known to the older transformers that are supported.
                warnings.filterwarnings("ignore", "`gradient_checkpointing_enable`", FutureWarning)
                base.gradient_checkpointing_enable({"use_reentrant": False})
            base.enable_input_require_grads()
        ids = torch.tensor([self.processor.opening_ids])
        self.opening_places, _ = base.model.get_rope_index(
            input_ids=ids,
            image_grid_thw=torch.tensor([self.processor.grid_thw]),
            mm_token_type_ids=(ids == self.processor.image_token_id).int(),
        )

    def look(self, visuals: Sequence[Visual]) -> Looked:
        """Return the pictures in patches, (B, P, D)."""
        size = self.processor.size_wh
        return {"patches": torch.stack([to_patches(one["image"], size) for one in visuals])}

    def views(self, looked: Looked) -> list[View]:
        """Return the cache of each picture."""
        speaker = self.speaker()
        return [speaker.read(patches) for patches in looked["patches"]]

    def speaker(self) -> QwenSpeaker:
        """Return the model ready to answer."""
        return QwenSpeaker(self.base, self.processor)

    def scores(self, model: nn.Module, looked: Looked, packed: PackedGroups) -> Tensor:
        """Return (N, V) scores; only columns that a token was chosen by are scored."""
        device, count = self.base.device, len(packed.ids)
        columns, place = packed.source.unique(return_inverse=True)
        output = model(
            input_ids=packed.ids.to(device),
            pixel_values=looked["patches"].flatten(0, 1).to(device),
            image_grid_thw=torch.tensor([self.processor.grid_thw] * count, device=device),
            mm_token_type_ids=(packed.ids == self.processor.image_token_id).long().to(device),
            attention_mask=attention_mask(packed.segments).to(device),
            position_ids=self._places(packed.places).to(device),
            logits_to_keep=columns.to(device),
            use_cache=False,
        )
        found: Tensor = output.logits[packed.row.to(device), place.to(device)]
        return found.float()

    def _places(self, numbers: Tensor) -> Tensor:
        """Return (3, B, T) places for the rotary embedding of tokens by their number."""
        opening = self.opening_places[:, 0]
        after = opening.max() + 1 + torch.arange(max(int(numbers.max()) + 1 - opening.shape[1], 0))
        return torch.cat([opening, after.expand(3, -1)], dim=1)[:, numbers]

    @torch.no_grad()
    def reference_scores(self, looked: Looked, packed: PackedGroups) -> Tensor:
        """Return the scores of the model that training started from."""
        if self.copy is not None:
            # The model is moved to its device after its copy was made.
            return self.scores(self.copy.to(self.base.device), looked, packed)
        with self.model.disable_adapter():  # type: ignore[operator]
            return self.scores(self.model, looked, packed)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return optimiser groups; what stands in none is frozen."""
        return self.learning.parameter_groups()

    def save(self, folder: Path, facts: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Write the adapter or the checkpoint."""
        self.learning.save(folder, weights)
        save_size_wh(folder, self.processor.size_wh)
        write_text(folder / "training.json", json.dumps(facts, indent=1) + "\n")
