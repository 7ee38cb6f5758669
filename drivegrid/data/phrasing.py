"""Templates of referring expressions: a logical form with blanks and the ways to say it.

They are data, in ``taxonomy/referring.yaml``, whose head explains the blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import Any, Literal, TypeAlias

import yaml

from drivegrid.data.queries import TESTS, Order, Query
from drivegrid.errors import ConfigError

Split: TypeAlias = Literal["train", "held_out"]
Fill: TypeAlias = Callable[[Mapping[str, Any]], Any]
_THINGS = ("obstacle", "object", "sign", "light")
_KEYS = {"about", "form", "say", "held_out", "weight"}
_BLANK = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Blanks:
    """What fills a template: parts of a query, and words for the wordings, by the blank's name."""

    values: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: Any, words: str) -> None:
        """Fill a blank."""
        self.values[name], self.words[name] = value, words


@dataclass(frozen=True, slots=True)
class Template:
    """A logical form with blanks and its wordings.

    Args:
        name: Unique name.
        about: Roots of the labels that are asked for.
        form: JSON of a query whose texts that begin with "$" are blanks.
        fill: Makes the query of the form from what fills its blanks.
        blanks: Names of the blanks in the form.
        say: Wordings for training; none where the template is held out as a whole.
        held_out: Wordings that are never trained on.
        weight: How often it is tried, against others; at least 1.
    """

    name: str
    about: tuple[str, ...]
    form: Mapping[str, Any]
    fill: Fill
    blanks: frozenset[str]
    say: tuple[str, ...]
    held_out: tuple[str, ...]
    weight: int = 1

    def wordings(self, split: Split) -> tuple[str, ...]:
        """Return the wordings of a split; may be empty for "train"."""
        return self.say if split == "train" else self.held_out

    @property
    def order(self) -> str:
        """Name of the order whose places are asked for; empty without one."""
        order = self.form.get("order")
        return str(order["by"]) if order else ""

    def query(self, blanks: Blanks) -> Query:
        """Return the query with its blanks filled."""
        query: Query = self.fill(blanks.values)
        return query

    def text(self, wording: str, blanks: Blanks) -> str:
        """Return a wording with its blanks filled."""
        return _BLANK.sub(lambda found: blanks.words[found[1]], wording)


def _blanks_in(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [name for inner in value.values() for name in _blanks_in(inner)]
    if isinstance(value, list):
        return [name for inner in value for name in _blanks_in(inner)]
    return [value[1:]] if isinstance(value, str) and value.startswith("$") else []


def _filler(value: Any) -> Fill:
    """Return what makes a part of a query from what fills the blanks in its JSON."""
    if isinstance(value, str) and value.startswith("$"):
        return itemgetter(value[1:])
    if isinstance(value, list):
        return _list_filler([_filler(inner) for inner in value])
    if not isinstance(value, Mapping):
        return lambda values: value
    made = TESTS[value["test"]] if "test" in value else Order if "by" in value else Query
    parts = {key: _filler(inner) for key, inner in value.items() if key != "test"}
    return lambda values: made(**{key: fill(values) for key, fill in parts.items()})


def _list_filler(parts: Sequence[Fill]) -> Fill:
    """Return what makes a tuple; a tuple that fills a blank in it is joined to it."""

    def fill(values: Mapping[str, Any]) -> tuple[Any, ...]:
        found: list[Any] = []
        for part in parts:
            one = part(values)
            found += one if isinstance(one, tuple) else (one,)
        return tuple(found)

    return fill


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
    form = entry["form"]
    blanks = frozenset(_blanks_in(form))
    return Template(name, about, form, _filler(form), blanks, say, held_out, weight)
