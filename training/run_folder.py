"""The folder of a run: begun once, gone on with by the same settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError

from .config import Strict

CONFIG_FILE = "config.yaml"
HEAD = "# Every setting of this run, as drivegrid wrote it down.\n"
FREE = ("data.workers", "optim.threads", "optim.save_every", "optim.judge_every", "log.")
"""Settings, or beginnings of such, that may change when a run is resumed: the result does not."""
BEFORE_A_STEP = frozenset(
    (CONFIG_FILE, "judged.json", "best", "pictures", "log.jsonl", "baselines.json",
     "failures.jsonl")
)  # fmt: skip
"""What a run leaves that ended before its first saved step; another may begin in its place."""


def begin(folder: Path, config: Strict) -> None:
    """Make a folder ready for a new run, and write its settings down.

    Raises:
        ConfigError: If the folder holds a run, or anything else: nothing is overwritten.
    """
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if found & {"trainer", "steps", "checkpoint"}:
        raise ConfigError(f"folder must hold no run, got one ({folder}). Add --resume.")
    strange = found - BEFORE_A_STEP
    if CONFIG_FILE in found and not (folder / CONFIG_FILE).read_text().startswith(HEAD):
        strange.add(CONFIG_FILE)
    if strange:
        raise ConfigError(f"folder of a run must be empty, got {min(strange)} in it ({folder}).")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"folder of a run must be a folder, got a file ({folder}).")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CONFIG_FILE, HEAD + yaml.safe_dump(_plain(config), sort_keys=False))


def check_same(folder: Path, config: Strict, free: Collection[str] = ()) -> None:
    """Raise unless a run is gone on with by its own settings.

    Args:
        folder: Of the run.
        config: Settings now.
        free: Names of settings that may change beside `FREE`.

    Raises:
        ConfigError: If others differ; they are named.
    """
    path = folder / CONFIG_FILE
    known = dict(_flat(yaml.safe_load(path.read_text()))) if path.is_file() else {}
    now = dict(_flat(_plain(config)))
    allowed = (*FREE, *free)
    differ = [
        name
        for name in sorted(known.keys() | now.keys())
        if known.get(name) != now.get(name) and not name.startswith(allowed)
    ]
    if differ:
        told = ", ".join(f"{name} {known.get(name)!r} -> {now.get(name)!r}" for name in differ[:5])
        raise ConfigError(f"a run must be resumed with its own settings, got {told} ({path}).")


def _plain(config: Strict) -> dict[str, Any]:
    return config.model_dump(mode="json")


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings by their dotted names."""
    if not isinstance(values, dict) or not values:
        yield name.removesuffix("."), values
        return
    for key, value in values.items():
        yield from _flat(value, f"{name}{key}.")
