"""Class names of data sets to taxonomy paths and back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeAlias

from drivegrid.data.scene import Instance
from drivegrid.errors import ConfigError
from drivegrid.labels import default_label_space
from drivegrid.labels.mapping import DroppedLabel, MappedLabel
from drivegrid.labels.space import spelling

Allowed: TypeAlias = Mapping[str, tuple[str, ...]]
"""Attribute name to its closed list of values."""


class ClassName(NamedTuple):
    """What a source calls an instance.

    Args:
        name: Class name there.
        path: Taxonomy path that the name stands for: the instance's own, or one above it.
        says: Names of the instance's attributes that the class name says too.
    """

    name: str
    path: str
    says: frozenset[str]


def label_of(source: str, name: str) -> MappedLabel | DroppedLabel:
    """Return the label of a class name; a name the map does not know stays as it is.

    So nothing is lost on reading, and ``drivegrid data validate`` finds the label.

    Args:
        source: A source of the taxonomy's maps, for example ``"kitti"``.
        name: Class name as the source writes it.

    >>> label_of("kitti", "Tram").path, label_of("kitti", "Spaceship").path
    ('object/vehicle/train', 'Spaceship')
    """
    try:
        return default_label_space().map_label(source, name)
    except ConfigError:
        return MappedLabel(name, {})


def class_of(source: str, instance: Instance, original: object = None) -> ClassName | None:
    """Return what a source calls an instance, None if it has no word for it.

    Of several names the one that says most of the attributes wins, then the first of the map. A
    label without a name takes that of the nearest label above it.

    Args:
        source: A source of the taxonomy's maps.
        instance: Any instance.
        original: The class name it was read with, if it was; it holds while it still says the
            same.

    >>> from drivegrid.data.scene import Instance
    >>> from drivegrid.geometry import Point
    >>> police = Instance("object/vehicle/emergency/police", Point([1, 2]))
    >>> class_of("kitti", police)
    ClassName(name='Misc', path='object/vehicle', says=frozenset())
    """
    if isinstance(original, str):
        target = label_of(source, original)
        if isinstance(target, MappedLabel) and _fits(target, instance, instance.label):
            return ClassName(original, instance.label, frozenset(target.attributes))
    path = instance.label
    while path:
        fitting = [
            (name, target)
            for name, target in _names(source).get(path, ())
            if _fits(target, instance, path)
        ]
        if fitting:
            name, target = max(fitting, key=lambda known: len(known[1].attributes))
            return ClassName(name, path, frozenset(target.attributes))
        path = path.rpartition("/")[0]
    return None


def class_implied(source: str, instance: Instance, original: object = None) -> ClassName | None:
    """Return what ``class_of`` does, but a class may say more of a label than the instance does.

    So a stop sign of no shape or colour is written as the stop sign it is, and not as some sign.
    Of several classes that would each say something else, none is taken.

    >>> from drivegrid.geometry import Point
    >>> class_implied("gtsrb", Instance("sign/regulatory/stop", Point([1, 2]))).name
    '14'
    """
    name = class_of(source, instance, original)
    if name is not None and name.path == instance.label:
        return name
    has = instance.attributes
    fitting = [
        ClassName(said, instance.label, frozenset(target.attributes))
        for said, target in _names(source).get(instance.label, ())
        if all(has.get(attribute, value) == value for attribute, value in target.attributes.items())
    ]
    implied = [label_of(source, known.name) for known in fitting]
    return fitting[0] if fitting and implied.count(implied[0]) == len(implied) else name


def _fits(target: MappedLabel, instance: Instance, path: str) -> bool:
    return target.path == path and target.attributes.items() <= instance.attributes.items()


@cache
def _names(source: str) -> dict[str, list[tuple[str, MappedLabel]]]:
    """Class names of a source by taxonomy path, in the order of its map."""
    found: dict[str, list[tuple[str, MappedLabel]]] = {}
    for name, target in default_label_space().maps[source].labels.items():
        if isinstance(target, MappedLabel):
            found.setdefault(target.path, []).append((name, target))
    return found


def label_of_word(name: str) -> str:
    """Return the label of a class name that a user chose: a path, words, or the name itself.

    Words may be run together, as many data sets write them.

    >>> label_of_word("obstacle/cone"), label_of_word("trafficCone"), label_of_word("d40")
    ('obstacle/cone', 'obstacle/cone', 'd40')
    """
    space = default_label_space()
    if name in space.labels:
        return name
    label = space.path_or_words(name)
    return _run_together().get(name.lower(), name) if label == name else label


@cache
def _run_together() -> dict[str, str]:
    """Paths by the terms of several words, without the blanks."""
    labels = default_label_space().labels.values()
    terms = ((spelling(term), label.path) for label in labels for term in label.terms)
    return {term.replace(" ", ""): path for term, path in terms if " " in term}


def allowed_of(label: str) -> Allowed:
    """Return the attributes of a label; none where the taxonomy does not know it."""
    known = default_label_space().labels.get(label)
    return known.attributes if known else {}
