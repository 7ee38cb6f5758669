"""The folder of a run: begun once, gone on with by the same settings."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError

from drivegrid.data.files import write_text
from drivegrid.errors import ConfigError, ModelError
from drivegrid.model.stored import tensor_headers

from .config import Strict

CONFIG_FILE = "config.yaml"
HEAD = "# Every setting of this run, as drivegrid wrote it down.\n"
FREE = ("data.workers", "optim.threads", "optim.save_every", "optim.judge_every", "log.")
"""Settings, or beginnings of such, that may change when a run is resumed: the result does not."""
STEPS, STATE = "steps", "state.json"
"""Folder of the saved steps, and what each tells beside its weights."""
BEFORE_A_STEP = frozenset(
    (CONFIG_FILE, "judged.json", "best", "pictures", "log.jsonl", "baselines.json",
     "failures.jsonl", "trainer", "steps", ".checkpoint.part")
)  # fmt: skip
"""What a run leaves that ended before its first saved step; another may begin in its place."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Name the folder where weights cannot be written, as on a full disk.

    Raises:
        ModelError: If safetensors or torch, which have errors of their own, cannot write.
    """
    try:
        yield
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"weights must be written whole, got {error!s:.200} ({folder}). Is the disk full? What "
            "was saved before stays; --resume goes on."
        ) from error


def check_new(folder: Path, saved: Path | None) -> None:
    """Raise unless a new run may begin in a folder; nothing is changed.

    Args:
        folder: Of the run.
        saved: The last step that a run before it saved whole; None without any.

    Raises:
        ConfigError: If the folder holds a run, or anything else: nothing is overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"folder of a run must be a folder, got a file ({folder}).")
    if saved is not None or (folder / "checkpoint").exists():
        raise ConfigError(f"folder must hold no run, got one ({folder}). Add --resume.")
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strange = found - BEFORE_A_STEP
    if found and not _is_ours(folder / CONFIG_FILE):
        strange = found
    if strange:
        raise ConfigError(f"folder of a run must be empty, got {min(strange)} in it ({folder}).")


def begin(folder: Path, config: Strict) -> None:
    """Clear a folder that `check_new` allowed, and write the settings of a run down."""
    for name in BEFORE_A_STEP:
        left = folder / name
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    write_settings(folder, config)


def write_settings(folder: Path, config: Strict) -> None:
    """Write the settings of a run down, as they are now."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CONFIG_FILE, HEAD + yaml.safe_dump(_plain(config), sort_keys=False))


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(HEAD.encode())


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
    known = dict(_flat(_settings_in(path))) if path.is_file() else {}
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


def _settings_in(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} must be YAML, got {error} ({path}).") from error


def last_saved(folder: Path) -> Path | None:
    """Return the last step of a run that was saved; None without any. It appears whole."""
    steps = sorted((folder / STEPS).glob("step-*"))
    return next((step for step in reversed(steps) if (step / STATE).is_file()), None)


def step_part(folder: Path) -> Path:
    """Return where the files of a step are gathered before `put_step` makes it a saved one."""
    return folder / STEPS / "part"


def put_step(folder: Path, step: int, **state: Any) -> None:
    """Make what lies in `step_part` the last saved step, whole or not at all; the one before goes.

    Args:
        folder: Of the run.
        step: Its number.
        **state: JSON values that stand beside it in `STATE`.
    """
    part, target = step_part(folder), folder / STEPS / f"step-{step:06}"
    write_text(part / STATE, json.dumps({"step": step, **state}) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    for old in target.parent.glob("step-*"):
        if old != target:
            shutil.rmtree(old)


def resumed_from(folder: Path, saved: Path | None) -> Path:
    """Return the step that a run goes on from.

    Raises:
        ConfigError: If none was saved.
    """
    if saved is None:
        raise ConfigError(
            f"run must have a saved step to resume from, got none ({folder}). Leave out --resume "
            "to begin anew; optim.save_every is the number of steps between saved ones."
        )
    return saved


def check_step(step: Path) -> None:
    """Raise unless the files of a saved step can be opened: a disk may have lost some of them.

    Raises:
        ModelError: Naming the first that is damaged.
    """
    for path in sorted(step.iterdir()):
        if path.suffix in {".pt", ".pth", ".bin", ".pkl"} and not _is_whole(path):
            raise ModelError(f"{path.name} must be a whole file, got a damaged one ({path}).")
        if path.suffix == ".safetensors":
            tensor_headers(path)


def _is_whole(path: Path) -> bool:
    """Tell whether what torch saved can be read: it is a ZIP archive with checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False


def keep(best: Path, target: Path) -> None:
    """Make a copy of the best checkpoint the result of a run, whole or not at all.

    Raises:
        ModelError: If it is damaged, or not there.
    """
    if not best.is_dir():
        raise ModelError(f"run must hold its best checkpoint, which is missing ({best}).")
    check_step(best)
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(best, part)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def _plain(config: Strict) -> dict[str, Any]:
    return config.model_dump(mode="json")


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings by their dotted names."""
    if not isinstance(values, dict) or not values:
        yield name.removesuffix("."), values
        return
    for key, value in values.items():
        yield from _flat(value, f"{name}{key}.")
