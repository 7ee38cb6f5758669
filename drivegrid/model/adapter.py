"""LoRA on the language body plus the rows of the spatial tokens, through peft.

What trains: LoRA on every linear layer of the language model, and the spatial rows of the input
embedding and, where it is untied, of the head. The vision tower and the old rows stay as they
are. What trains is kept in fp32 also on a bf16 base, where steps of a usual learning rate would
be rounded away.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2_5_VLForConditionalGeneration

from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.adapter_files import (
    ADAPTER_WEIGHTS,
    EMBEDDING,
    HEAD,
    QWEN_TYPE,
    AdapterManifest,
    verify_adapter,
)
from drivegrid.model.manifest import Manifest, verify
from drivegrid.model.processor import check_loaded_tokens
from drivegrid.model.whole import check_all_finite, check_finite, check_whole

TARGETS = (
    r"model\.language_model\.layers\.\d+\."
    r"(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
)
"""Full names of the linear layers of the language body; the vision tower has others."""
_ROWS_MARK = "trainable_tokens_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterConfig:
    """Size of the adapter.

    Args:
        rank: Of each LoRA pair; 64 in the paper.
        alpha: Each pair's product is scaled by alpha / rank. Not in the paper.
        dropout: On the input of each pair. Not in the paper.
    """

    rank: int = 64
    alpha: int = 128
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1:
            raise ConfigError(
                f"rank and alpha must be at least 1, got {self.rank} and {self.alpha}."
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout must lie in [0, 1), got {self.dropout}.")


def load_base(
    folder: str | Path, dtype: torch.dtype | None = None
) -> tuple[Qwen2_5_VLForConditionalGeneration, PreTrainedTokenizerBase, Manifest]:
    """Load an extended Qwen2.5-VL checkpoint with its tokenizer and manifest.

    Args:
        folder: The checkpoint.
        dtype: Of the weights in memory; None for the checkpoint's own.

    Raises:
        ModelError: If it is no such checkpoint, is not whole, does not fit its manifest, or its
            tokenizer treats a spatial token as special.
    """
    manifest = verify(folder)
    if manifest.model_type != QWEN_TYPE:
        raise ModelError(
            f"model_type must be {QWEN_TYPE!r}, got {manifest.model_type!r} ({folder})."
        )
    check_whole(folder)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    check_loaded_tokens(tokenizer, manifest.vocabulary, Path(folder))
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=dtype or "auto")
    check_all_finite(model, Path(folder))
    return model, tokenizer, manifest


def add_adapter(
    model: Qwen2_5_VLForConditionalGeneration,
    manifest: Manifest,
    config: AdapterConfig = AdapterConfig(),
) -> PeftModel:
    """Wrap a model so that LoRA pairs and spatial rows train, and nothing else does.

    Args:
        model: Extended model; its own parameters are frozen. It changes nothing at first.
        manifest: Of the model's folder.
        config: Size of the adapter.

    Returns:
        The model with adapter, everything that trains in fp32.

    Raises:
        ModelError: If the model has no row for some token.
    """
    num_rows = model.config.get_text_config().vocab_size
    if num_rows < manifest.token_ids.stop:
        raise ModelError(
            f"embedding must have at least {manifest.token_ids.stop} rows, got {num_rows}. "
            "Load the extended checkpoint."
        )
    ids = list(manifest.token_ids)
    # A tied head follows the embedding; naming it too would untie it.
    rows = {EMBEDDING: ids} if model.config.tie_word_embeddings else {EMBEDDING: ids, HEAD: ids}
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=TARGETS,
        trainable_token_indices=rows,
        task_type="CAUSAL_LM",
    )
    return _wrap(model, lora)


def adapter_groups(model: nn.Module) -> dict[str, list[str]]:
    """Return the names of all trainable parameters, by what they are.

    Args:
        model: Model with adapter, as it is or wrapped for distributed training.

    Returns:
        ``"rows"``: spatial rows, which want a higher learning rate and no weight decay;
        ``"lora"``; and ``"rest"``: whatever else was unfrozen. Names as in
        ``model.named_parameters()``.
    """
    groups: dict[str, list[str]] = {"rows": [], "lora": [], "rest": []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            kind = "rows" if _ROWS_MARK in name else "lora" if ".lora_" in name else "rest"
            groups[kind].append(name)
    return groups


def save_adapter(
    model: PeftModel,
    base: str | Path,
    folder: str | Path,
    weights: Mapping[str, Tensor] | None = None,
) -> None:
    """Write the adapter and what it belongs to: peft's two files and a manifest.

    Args:
        model: Model with adapter.
        base: Checkpoint folder the model was loaded from.
        folder: Created if missing; files of an adapter in it are replaced.
        weights: Written in place of the model's own, all that trains, by the names of
            ``model.named_parameters()``; for a model that is sharded over processes.

    Raises:
        ModelError: If the adapter does not fit the base, or trained more than an adapter holds.
    """
    rest = adapter_groups(model)["rest"]
    if rest:
        raise ModelError(
            f"an adapter must hold all that trained, got {len(rest)} parameters more such as "
            f"{rest[0]}. Freeze them."
        )
    base, folder = Path(base), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Without embeddings: peft would ask the hub whether the vocabulary has changed.
    own = None if weights is None else dict(weights)
    tensors = get_peft_model_state_dict(model, state_dict=own, save_embedding_layers=False)
    tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    save_file(tensors, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    config = copy.copy(model.peft_config["default"])
    config.inference_mode, config.base_model_name_or_path = True, base.name
    config.save_pretrained(str(folder))
    AdapterManifest.of(base, folder).save(folder)
    verify_adapter(base, folder)


def load_adapter(
    base: str | Path,
    folder: str | Path,
    *,
    trainable: bool = False,
    dtype: torch.dtype | None = None,
) -> tuple[PeftModel, PreTrainedTokenizerBase, Manifest]:
    """Load a base and put a saved adapter on it, after checking that they fit.

    Args:
        base: Checkpoint folder the adapter was trained on.
        folder: The adapter.
        trainable: Whether to go on training it.
        dtype: Of the base in memory; None for its own.

    Returns:
        The model with adapter, tokenizer and manifest of the base.

    Raises:
        ModelError: If adapter or base is damaged, or they do not fit.
    """
    base, folder = Path(base), Path(folder)
    verify_adapter(base, folder)
    model, tokenizer, manifest = load_base(base, dtype)
    config = LoraConfig.from_pretrained(str(folder))
    config.inference_mode = not trainable
    config.base_model_name_or_path = None  # or peft warns that the folder has another name
    wrapped = _wrap(model, config)
    tensors = load_file(folder / ADAPTER_WEIGHTS)
    for name, tensor in tensors.items():
        check_finite(name, tensor, folder / ADAPTER_WEIGHTS)
    odd = tensors.keys() ^ get_peft_model_state_dict(wrapped, save_embedding_layers=False).keys()
    if odd:
        raise ModelError(
            f"adapter weights must be those its settings name, got {min(odd)} left over or "
            f"missing ({folder})."
        )
    set_peft_model_state_dict(wrapped, tensors)
    return wrapped.train(trainable), tokenizer, manifest


def _wrap(model: Qwen2_5_VLForConditionalGeneration, lora: LoraConfig) -> PeftModel:
    with warnings.catch_warnings():
        # peft asks for a property that transformers is renaming.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        wrapped = get_peft_model(model, lora)
    for parameter in wrapped.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    assert isinstance(wrapped, PeftModel)
    return wrapped
