"""LabelSpace: every label of drivegrid, its words, its attributes and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from drivegrid.errors import ConfigError
from drivegrid.labels.mapping import DroppedLabel, MappedLabel, SourceMap


def spelling(text: str) -> str:
    """Return text as terms are compared: lower case, single blanks for blanks, "_" and "-".

    >>> spelling("Stop-line  of the_lane")
    'stop line of the lane'
    """
    return " ".join(re.sub(r"[\s_-]+", " ", text.lower()).split())


@dataclass(frozen=True, slots=True)
class Label:
    """One node of the tree.

    Args:
        path: Names from the root, joined by "/".
        words: Short words for model text, unique in the space.
        terms: Everything that means this label in a query, lower case, plurals included.
        geometry: Usual shape: point, box, line, poly or seg.
        attributes: Attribute name to its closed list of values, inherited ones included.
        plural: Plural of ``words``.
        basic: Path of the label, this or one above, at which plain answers stop; empty if none.
    """

    path: str
    words: str
    terms: tuple[str, ...]
    geometry: str
    attributes: Mapping[str, tuple[str, ...]]
    plural: str = ""
    basic: str = ""


@dataclass(frozen=True, slots=True)
class AttributeTask:
    """One question about a marked place with a closed list of answers.

    Args:
        name: For example ``"sign_color"``.
        question: Text put to a model.
        attribute: Attribute that holds the answer; ``"label"`` if the answer is the label's words.
        applies_to: Paths asked about, with everything below them.
        region: Geometry that marks the place: point, box, line, poly, seg, or ``"frame"``.
        rules: Option to the rule that makes it the answer; the first rule that holds wins.
    """

    name: str
    question: str
    attribute: str
    applies_to: tuple[str, ...]
    region: str
    rules: Mapping[str, str]

    @property
    def options(self) -> tuple[str, ...]:
        """The answers, in the order in which their rules are tried."""
        return tuple(self.rules)


@dataclass(frozen=True)
class LabelSpace:
    """All labels, tasks and source maps; read-only.

    Args:
        labels: Path to label, parents before children.
        frame_attributes: Attributes of a whole frame: name to closed list of values.
        tasks: Name to attribute task.
        maps: Source name to its map.
    """

    labels: Mapping[str, Label]
    frame_attributes: Mapping[str, tuple[str, ...]]
    tasks: Mapping[str, AttributeTask]
    maps: Mapping[str, SourceMap]

    @cached_property
    def _by_term(self) -> dict[str, str]:
        return {
            spelling(term): label.path for label in self.labels.values() for term in label.terms
        }

    @cached_property
    def _terms(self) -> re.Pattern[str]:
        longest_first = sorted(self._by_term, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path, parents before children."""
        return tuple(self.labels)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the data sets with a map."""
        return tuple(self.maps)

    def label(self, path: str) -> Label:
        """Return the label of a path.

        Raises:
            ConfigError: If the path is unknown; the message lists its neighbours.
        """
        if path not in self.labels:
            parent = path.rpartition("/")[0]
            near = [p for p in self.labels if p.rpartition("/")[0] == parent] or self.children("")
            raise ConfigError(
                f"label path must be in the taxonomy, got {path!r}. Known here: {', '.join(near)}."
            )
        return self.labels[path]

    def words(self, path: str) -> str:
        """Return the words of a path in model text; raises ConfigError if it is unknown.

        >>> from drivegrid.labels import default_label_space
        >>> default_label_space().words("sign/regulatory/stop")
        'stop sign'
        """
        return self.label(path).words

    def basic(self, path: str) -> str:
        """Return the path that a plain answer names; a path that is unknown stays as it is.

        >>> from drivegrid.labels import default_label_space
        >>> default_label_space().basic("sign/regulatory/stop")
        'sign/regulatory'
        """
        known = self.labels.get(path)
        return known.basic or path if known is not None else path

    def path_of(self, text: str) -> str:
        """Return the path that words, a plural or a synonym name, whatever the case.

        Raises:
            ConfigError: If no label has this name.
        """
        path = self._by_term.get(spelling(text))
        if path is None:
            known = ", ".join(label.words for label in self.labels.values())
            raise ConfigError(f"label words must be in the taxonomy, got {text!r}. Known: {known}.")
        return path

    def path_or_words(self, text: str) -> str:
        """Return the path as `path_of`, or the words themselves: a model may write anything."""
        return self._by_term.get(spelling(text), text)

    def find(self, text: str) -> list[str]:
        """Return the paths mentioned in a text, each once, in order of first mention.

        At each place the longest term wins: "traffic light" is not "light".

        >>> from drivegrid.labels import default_label_space
        >>> default_label_space().find("Any water barriers or pylons near the pedestrian crossing?")
        ['obstacle/water_barrier', 'obstacle/cone', 'lane/crosswalk']
        """
        found = self._terms.findall(spelling(text))
        return list(dict.fromkeys(self._by_term[term] for term in found))

    def parent(self, path: str) -> str | None:
        """Return the path above, None for a root; raises ConfigError if unknown."""
        return self.label(path).path.rpartition("/")[0] or None

    def children(self, path: str) -> tuple[str, ...]:
        """Return the paths directly below; ``""`` gives the roots."""
        if path:
            self.label(path)
        return tuple(p for p in self.labels if p.rpartition("/")[0] == path)

    def is_a(self, path: str, ancestor: str) -> bool:
        """Return whether a path is the ancestor or lies below it; both must be known.

        >>> from drivegrid.labels import default_label_space
        >>> default_label_space().is_a("object/vehicle/car", "object/vehicle")
        True
        """
        self.label(path), self.label(ancestor)
        return path == ancestor or path.startswith(f"{ancestor}/")

    def attributes_of(self, path: str) -> Mapping[str, tuple[str, ...]]:
        """Return attribute name to its closed list of values, inherited ones included."""
        return self.label(path).attributes

    def map_label(self, source: str, name: str) -> MappedLabel | DroppedLabel:
        """Return where a class of a source goes.

        Args:
            source: One of ``sources``.
            name: Class name or id, as text, as the source writes it.

        Raises:
            ConfigError: If the source or the name is unknown; the message lists the known ones.

        >>> from drivegrid.labels import default_label_space
        >>> default_label_space().map_label("bdd100k", "traffic cone")
        MappedLabel(path='obstacle/cone', attributes={})
        """
        return self._map(source).label(name)

    def map_attribute(
        self, source: str, attribute: str, value: str
    ) -> Mapping[str, str] | DroppedLabel:
        """Return our attributes for one attribute value of a source (booleans: "true", "false").

        Raises:
            ConfigError: If source, attribute or value is unknown.

        >>> from drivegrid.labels import default_label_space
        >>> default_label_space().map_attribute("bdd100k", "trafficLightColor", "G")
        {'state': 'green'}
        """
        return self._map(source).attribute(attribute, value)

    def _map(self, source: str) -> SourceMap:
        if source not in self.maps:
            raise ConfigError(
                f"source must be a known data set, got {source!r}. Known: {', '.join(self.maps)}."
            )
        return self.maps[source]
