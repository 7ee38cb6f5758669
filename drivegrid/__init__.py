"""Grounding by grid and offset tokens for autonomous driving.

The names below are all there is at the top; each loads its module on first use, so that
``import drivegrid`` stays fast and needs no torch.

>>> from drivegrid import GridSpec
>>> GridSpec().num_cells
1024
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from drivegrid.errors import (
    ConfigError,
    DriveGridError,
    FormatError,
    GeometryError,
    MissingExtraError,
    ModelError,
    TokenError,
)

if TYPE_CHECKING:
    from drivegrid.data.scene import Frame, Instance, Scene
    from drivegrid.data.store import load_scenes, save_scenes
    from drivegrid.inference.florence import post_process_generation
    from drivegrid.inference.predictor import Predictor
    from drivegrid.labels import LabelSpace, default_label_space
    from drivegrid.scenes.render import render_scene
    from drivegrid.tokens.codec import Codec
    from drivegrid.tokens.grammar import parse_answer
    from drivegrid.tokens.grid import GridSpec
    from drivegrid.tokens.vocabulary import Vocabulary

__version__ = "0.1.0"

__all__ = [
    "Codec",
    "ConfigError",
    "DriveGridError",
    "FormatError",
    "Frame",
    "GeometryError",
    "GridSpec",
    "Instance",
    "LabelSpace",
    "MissingExtraError",
    "ModelError",
    "Predictor",
    "Scene",
    "TokenError",
    "Vocabulary",
    "__version__",
    "default_label_space",
    "load_scenes",
    "parse_answer",
    "post_process_generation",
    "render_scene",
    "save_scenes",
]

_HOMES = {
    "Codec": "drivegrid.tokens.codec",
    "Frame": "drivegrid.data.scene",
    "GridSpec": "drivegrid.tokens.grid",
    "Instance": "drivegrid.data.scene",
    "LabelSpace": "drivegrid.labels",
    "Predictor": "drivegrid.inference.predictor",
    "Scene": "drivegrid.data.scene",
    "Vocabulary": "drivegrid.tokens.vocabulary",
    "default_label_space": "drivegrid.labels",
    "load_scenes": "drivegrid.data.store",
    "parse_answer": "drivegrid.tokens.grammar",
    "post_process_generation": "drivegrid.inference.florence",
    "render_scene": "drivegrid.scenes.render",
    "save_scenes": "drivegrid.data.store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'drivegrid' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name in _MODEL_PACKAGES:
            raise MissingExtraError(name, error.name, "model") from error
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


_MODEL_PACKAGES = frozenset(
    {"accelerate", "peft", "safetensors", "tokenizers", "torch", "transformers"}
)
