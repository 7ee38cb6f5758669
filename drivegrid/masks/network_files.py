"""Folders of the small networks: ``config.json`` and ``model.safetensors`` in half precision."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from drivegrid.data.files import atomic_folder
from drivegrid.errors import ModelError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
WEIGHTS = Path(__file__).parent / "weights"
"""Folder of the shipped networks."""

Network = TypeVar("Network", bound=nn.Module)
Config = TypeVar("Config", bound="DataclassInstance")


def is_shipped(name: str) -> bool:
    """Tell whether the package ships weights of a network."""
    return (WEIGHTS / name / WEIGHTS_FILE).is_file()


def save_network(network: nn.Module, config: DataclassInstance, folder: str | Path) -> None:
    """Write a network, whole or not at all; floats become half precision."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in network.state_dict().items()
    }
    with atomic_folder(folder) as part:
        text = json.dumps(dataclasses.asdict(config), indent=2)
        (part / CONFIG_FILE).write_text(f"{text}\n", encoding="utf-8")
        save_file(tensors, part / WEIGHTS_FILE)


def fingerprint(*parts: nn.Module) -> str:
    """Return the SHA-256 of the weights of some parts, in half precision, as files hold them."""
    digest = hashlib.sha256()
    for part in parts:
        for name, tensor in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().half().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_network(
    make: Callable[[Config], Network],
    form: type[Config],
    folder: str | Path | None,
    shipped: str,
) -> Network:
    """Return a network in single precision.

    Args:
        make: Builds it from its config.
        form: Dataclass of the config.
        folder: Its folder; None takes the shipped one.
        shipped: Name of that.

    Raises:
        ModelError: If a file is missing or damaged, the weights are not the config's, or none are
            shipped.
    """
    if folder is None and not is_shipped(shipped):
        raise ModelError(
            f"weights of {shipped} must be named, since the package ships none, got no folder. "
            f"Train them: drivegrid train masks --tokenizer {shipped}"
        )
    folder = WEIGHTS / shipped if folder is None else Path(folder)
    network = make(_read_config(form, folder / CONFIG_FILE))
    path = folder / WEIGHTS_FILE
    try:
        weights = load_file(path)
        network.load_state_dict({name: _single(tensor) for name, tensor in weights.items()})
    except (OSError, SafetensorError) as error:
        raise ModelError(f"weights must be readable, got {error} ({path}).") from error
    except RuntimeError as error:
        raise ModelError(
            f"weights must be those of {CONFIG_FILE} beside them, got {error!s:.300} ({path})."
        ) from error
    for name, tensor in network.state_dict().items():
        if not tensor.isfinite().all():
            raise ModelError(f"weights must be finite, got others in {name} ({path}).")
    return network.eval()


def _single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _read_config(form: type[Config], path: Path) -> Config:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        config: Config = _from_json(form, values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"config must hold the sizes of a {form.__name__}, got {error!r:.200} ({path})."
        ) from error
    return config


def _from_json(form: Any, values: Any) -> Any:
    """Return a dataclass from JSON values; parts that are dataclasses themselves likewise."""
    kinds = get_type_hints(form)
    parts = {}
    for name, value in values.items():
        kind = kinds[name]
        if dataclasses.is_dataclass(kind):
            parts[name] = _from_json(kind, value)
        else:
            parts[name] = tuple(value) if isinstance(value, list) else value
    return form(**parts)
