"""Templates of referring expressions: a logical form with blanks and the ways to say it.

They are data, in ``taxonomy/referring.yaml``, whose head explains the blanks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

import yaml

from drivegrid.data.queries import Query, query_from_json
from drivegrid.errors import ConfigError

Split: TypeAlias = Literal["train", "held_out"]
_THINGS = ("obstacle", "object", "sign", "light")
_KEYS = {"about", "form", "say", "held_out", "weight"}
_BLANK = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Blanks:
    """What fills a template: JSON for the form, words for the wordings, by the blank's name."""

    values: Mapping[str, Any]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A logical form with blanks and its wordings.

    Args:
        name: Unique name.
        about: Roots of the labels that are asked for.
        form: JSON of a query whose texts that begin with "$" are blanks.
        say: Wordings for training; none where the template is held out as a whole.
        held_out: Wordings that are never trained on.
        weight: How often it is tried, against others; at least 1.
    """

    name: str
    about: tuple[str, ...]
    form: Mapping[str, Any]
    say: tuple[str, ...]
    held_out: tuple[str, ...]
    weight: int = 1

    def wordings(self, split: Split) -> tuple[str, ...]:
        """Return the wordings of a split; may be empty for "train"."""
        return self.say if split == "train" else self.held_out

    def blanks(self) -> frozenset[str]:
        """Return the names of the blanks in the form."""
        return frozenset(_blanks_in(self.form))

    def query(self, blanks: Blanks) -> Query:
        """Return the query with its blanks filled."""
        form: dict[str, Any] = {"where": [], "order": None, "number": "all", "count": 0}
        return query_from_json(form | _filled(self.form, blanks.values))

    def text(self, wording: str, blanks: Blanks) -> str:
        """Return a wording with its blanks filled."""
        return _BLANK.sub(lambda found: blanks.words[found[1]], wording)


def _blanks_in(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [name for inner in value.values() for name in _blanks_in(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in _blanks_in(inner)]
    return [value[1:]] if isinstance(value, str) and value.startswith("$") else []


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """Return JSON with its blanks filled; a list that fills a blank in a list is joined to it."""
    if isinstance(value, Mapping):
        filled = {key: _filled(inner, values) for key, inner in value.items()}
        if "by" in filled and "test" not in filled:
            return {"place": 0, "count": 1} | filled
        if "where" in filled:
            return {"order": None, "number": "all", "count": 0} | filled
        return filled
    if isinstance(value, list):
        parts = [(inner, _filled(inner, values)) for inner in value]
        return [
            one
            for inner, part in parts
            for one in (part if isinstance(inner, str) and isinstance(part, list) else [part])
        ]
    return values[value[1:]] if isinstance(value, str) and value.startswith("$") else value


@cache
def templates() -> tuple[Template, ...]:
    """Return the templates shipped with drivegrid; read once."""
    text = (files("drivegrid.taxonomy") / "referring.yaml").read_text(encoding="utf-8")
    return load_templates(text)


def load_templates(text: str) -> tuple[Template, ...]:
    """Read templates from YAML.

    Raises:
        ConfigError: If an entry is not a template.
    """
    entries = yaml.safe_load(text) or {}
    return tuple(_template(name, entry) for name, entry in entries.items())


def _template(name: str, entry: Any) -> Template:
    if not isinstance(entry, dict) or not {"about", "form", "held_out"} <= set(entry) <= _KEYS:
        raise ConfigError(
            f"template must have about, form and held_out, got {entry!r:.200} ({name}). "
            "It may have say."
        )
    about = tuple(
        root for one in entry["about"] for root in (_THINGS if one == "things" else (one,))
    )
    say = tuple(entry.get("say", ()))
    held_out, weight = tuple(entry["held_out"]), int(entry.get("weight", 1))
    return Template(name, about, entry["form"], say, held_out, weight)
