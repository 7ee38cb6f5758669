"""What must hold of a Qwen2.5-VL before its first step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peft import PeftModel
from peft.utils import ModulesToSaveWrapper

from drivegrid.errors import ConfigError, ModelError
from drivegrid.geometry import Size
from drivegrid.model.adapter import adapter_groups
from drivegrid.model.adapter_files import EMBEDDING, HEAD
from drivegrid.model.processor import VISUAL_PITCH, check_loaded_tokens
from drivegrid.tokens.grid import GridSpec

from .learning import AdapterLearning
from .qwen_student import QwenStudent

CELLS_A_TOKEN = 2
"""Most cells beside each other that a visual token may stand for."""


def check_qwen(student: QwenStudent, batch: Mapping[str, Any]) -> None:
    """Look at model and first batch.

    Args:
        student: What learns.
        batch: The first batch.

    Raises:
        ModelError: If beside an adapter whole matrices would learn or a tied head has come loose,
            a spatial token is special, or a row lacks visual tokens.
        ConfigError: If pictures are too small for the lattice, and the vision tower does not learn
            to tell more of a visual token's place.
    """
    processor, learning = student.processor, student.learning
    if not any(p.requires_grad for p in student.base.model.visual.parameters()):
        check_size(processor.size_wh, student.grid)
    check_loaded_tokens(processor.tokenizer, processor.vocabulary, student.folder)
    if isinstance(learning, AdapterLearning):
        _check_matrices(learning.model)
    visual = (batch["input_ids"] == processor.image_token_id).sum(dim=1).tolist()
    if set(visual) != {processor.num_image_tokens}:
        raise ModelError(
            f"every row must hold {processor.num_image_tokens} visual tokens, got {visual}. Do not "
            "cut rows: a picture that lost a part has its cells in other places."
        )


def check_size(size_wh: Size, grid: GridSpec) -> None:
    """Raise if a visual token would have to tell too many cells apart.

    Raises:
        ConfigError: If pictures of this size give less than a visual token to 2 x 2 cells.

    >>> check_size((896, 896), GridSpec())
    >>> check_size((840, 840), GridSpec())
    """
    tokens = size_wh[0] // VISUAL_PITCH, size_wh[1] // VISUAL_PITCH
    if tokens[0] * CELLS_A_TOKEN < grid.cols or tokens[1] * CELLS_A_TOKEN < grid.rows:
        best = (grid.cols * VISUAL_PITCH, grid.rows * VISUAL_PITCH)
        raise ConfigError(
            f"size_wh must give at least a visual token to {CELLS_A_TOKEN} x "
            f"{CELLS_A_TOKEN} cells, got {tokens[0]} x {tokens[1]} for a lattice of {grid.cols} x "
            f"{grid.rows}. With {best[0]} x {best[1]} each token is a cell."
        )


def _check_matrices(model: PeftModel) -> None:
    """Raise if old rows would learn with the new ones, or the head is no longer the embedding."""
    for name, module in model.named_modules():
        if isinstance(module, ModulesToSaveWrapper):
            raise ModelError(
                f"modules_to_save must be empty, got {name}. A whole matrix would change old rows, "
                "and untie a tied head; train rows alone."
            )
    tied = model.get_base_model().config.tie_word_embeddings
    wanted = {EMBEDDING} if tied else {EMBEDDING, HEAD}
    rows = [name.split(".") for name in adapter_groups(model)["rows"]]
    if lost := [part for part in sorted(wanted) if not any(part in name for name in rows)]:
        raise ModelError(
            f"rows of new tokens must learn in {' and '.join(lost)}, got none that do."
        )
    for name, parameter in model.named_parameters():
        whole = name.endswith("weight") and {EMBEDDING, HEAD} & {*name.split(".")}
        if whole and parameter.requires_grad:
            raise ModelError(f"{name} must not learn: old rows would change. Train rows alone.")
        if whole and tied and HEAD in name:
            raise ModelError(f"a tied head must be the embedding, got {name} beside it.")
