"""Settings in YAML, from a file or out of the package; every problem is reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from drivegrid.errors import ConfigError

Settings = TypeVar("Settings", bound=BaseModel)


def read_settings(
    form: type[Settings], thing: str, name: str | Path, changes: Sequence[str]
) -> Settings:
    """Read a YAML file, or a packaged one by its name.

    Args:
        form: What is read.
        thing: What it is called in errors, as ``"config"``; packaged ones are in the folder of that
            name and an s.
        name: A path, or for example ``"nano-cpu"``.
        changes: Settings that replace those of the file, as ``"optim.steps=100"``; the value is
            YAML.

    Raises:
        ConfigError: If there is no such file, or with every wrong field at once.
    """
    try:
        values = yaml.load(_text(thing, name), _UniqueKeys) or {}
        if not isinstance(values, dict):
            raise ConfigError(f"{thing} must hold settings by name, got {values!r:.60} ({name}).")
        for change in changes:
            apply_change(values, change)
        return form.model_validate(values)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{thing} must be YAML, got {error} ({name}).") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, p['loc']))}: {p['msg']}, got {p['input']!r:.100}"
            for p in error.errors()
        )
        raise ConfigError(f"{thing} must be valid, got {problems} ({name}).") from error


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which no key comes twice: the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key that is no name"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value} twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _text(thing: str, name: str | Path) -> str:
    path = Path(name)
    packaged = files(f"drivegrid.training.{thing.lower().replace(' ', '_')}s")
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise ConfigError(f"{thing} must exist, got {path}.")
        try:
            return path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{thing} must be UTF-8, got {error} ({path}).") from error
    known = sorted(p.name[:-5] for p in packaged.iterdir() if p.name.endswith(".yaml"))
    if str(name) not in known:
        raise ConfigError(f"{thing} must be a YAML file or one of {known}, got {str(name)!r}.")
    return (packaged / f"{name}.yaml").read_text("utf-8")


def apply_change(settings: dict[str, Any], change: str) -> None:
    """Set one key, given as ``part.key=value``.

    Raises:
        ConfigError: If it names no setting.

    >>> settings = {"optim": {"steps": 10}}
    >>> apply_change(settings, "optim.seed=3")
    >>> settings
    {'optim': {'steps': 10, 'seed': 3}}
    """
    path, value = setting(change)
    *parts, key = path.split(".")
    for part in parts:
        settings = settings.setdefault(part, {})
        if not isinstance(settings, dict):
            raise ConfigError(f"a change must name a setting, got {change!r}.")
    settings[key] = value


def setting(change: str) -> tuple[str, Any]:
    """Return the dotted key of a change and its value.

    Raises:
        ConfigError: If it names no setting.

    >>> setting("optim.seed=3")
    ('optim.seed', 3)
    """
    path, sign, value = change.partition("=")
    if not sign or not all(path.strip().split(".")):
        raise ConfigError(f"a change must look like optim.steps=100, got {change!r}.")
    return path.strip(), yaml.load(value, _UniqueKeys)
