"""From the class names of a public data set to taxonomy paths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from drivegrid.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MappedLabel:
    """Where a source class goes: a taxonomy path and the attributes its name implies."""

    path: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DroppedLabel:
    """A source class or value that has no place in the taxonomy, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A target for every name that ``pattern`` matches in full.

    Args:
        pattern: What the whole name must match.
        path: Target path.
        attributes: Target attributes; ``"{1}"`` stands for the first group of the match.
        allowed: Closed value list of each attribute; a captured value outside it means that the
            rule does not apply.
    """

    pattern: re.Pattern[str]
    path: str
    attributes: Mapping[str, str]
    allowed: Mapping[str, tuple[str, ...]]

    def apply(self, name: str) -> MappedLabel | None:
        """Return the target of a name, or None if the rule does not apply."""
        match = self.pattern.fullmatch(name)
        if match is None:
            return None
        filled = {key: value.format("", *match.groups()) for key, value in self.attributes.items()}
        if any(value not in self.allowed[key] for key, value in filled.items()):
            return None
        return MappedLabel(self.path, filled)


@dataclass(frozen=True, slots=True)
class SourceMap:
    """The map of one source; names are looked up exactly, then stripped, then by rule.

    Args:
        source: Name of the source, for example ``"bdd100k"``.
        labels: Class name to target.
        attributes: Attribute name to its values; each value to our attributes or a reason.
        rules: Tried in order after both exact look-ups failed.
        strip: What is cut from a name that is not in ``labels``; None cuts nothing.
    """

    source: str
    labels: Mapping[str, MappedLabel | DroppedLabel]
    attributes: Mapping[str, Mapping[str, Mapping[str, str] | DroppedLabel]]
    rules: tuple[Rule, ...] = ()
    strip: re.Pattern[str] | None = None

    def label(self, name: str) -> MappedLabel | DroppedLabel:
        """Return the target of a class name.

        Raises:
            ConfigError: If neither a name nor a rule fits.
        """
        if name in self.labels:
            return self.labels[name]
        short = self.strip.sub("", name) if self.strip else name
        if short in self.labels:
            return self.labels[short]
        for rule in self.rules:
            if target := rule.apply(short):
                return target
        raise ConfigError(
            f"class of {self.source} must be a known name, got {name!r}. "
            f"Known: {', '.join(self.labels)}."
        )

    def attribute(self, name: str, value: str) -> Mapping[str, str] | DroppedLabel:
        """Return our attributes for one value of a source attribute.

        Raises:
            ConfigError: If the attribute or the value is unknown.
        """
        if name not in self.attributes:
            raise ConfigError(
                f"attribute of {self.source} must be a known name, got {name!r}. "
                f"Known: {', '.join(self.attributes) or 'none'}."
            )
        values = self.attributes[name]
        if value not in values:
            raise ConfigError(
                f"{name} of {self.source} must be a known value, got {value!r}. "
                f"Known: {', '.join(values)}."
            )
        return values[value]
