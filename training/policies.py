"""The model that learns by reinforcement, as a config names it."""

from __future__ import annotations

from drivegrid.errors import ConfigError
from drivegrid.model import SHIPPED
from drivegrid.model.checkpoint import load_nano, shipped_checkpoint
from drivegrid.model.nano_config import NanoConfig

from .grpo_config import GrpoConfig
from .policy import NanoPolicy, Policy
from .qwen_policy import QwenPolicy


def make_policy(config: GrpoConfig) -> Policy:
    """Return the policy that training starts from.

    Raises:
        ConfigError: If a nano writes shapes in another way than the config says.
        ModelError: If weights are missing or do not fit.
    """
    if config.qwen is not None:
        return QwenPolicy(config.qwen, config.optim)
    source = shipped_checkpoint() if str(config.init_from) == SHIPPED else config.init_from
    model, processor = load_nano(source)
    assert isinstance(model.config, NanoConfig)
    if model.config.representation != config.representation:
        raise ConfigError(
            f"representation must be that of the model, {model.config.representation}, got "
            f"{config.representation} ({config.init_from})."
        )
    return NanoPolicy(model, processor, config.optim, cached=config.data.cache is not None)
