"""What may be answered by "none".

A data set that does not mark cones shows none, and its frames are full of them. "None" is an
answer only where the label asked for would have been marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from drivegrid.data.scene import KEY_OBJECTS, Scene
from drivegrid.errors import FormatError
from drivegrid.labels import LabelSpace, MappedLabel
from drivegrid.tasks.settings import EVERYTHING

RENDERED = "rendered"
FRAMES_LOOKED_AT = 1000
"""Frames that tell which kinds of labels a data set holds."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Labels that are marked wherever they are seen.

    Args:
        paths: Taxonomy paths, as exactly as the data set tells them apart: a data set of
            "object/vehicle/truck" calls fire engines trucks.
    """

    paths: frozenset[str] = frozenset()

    def can_deny(self, path: str, labels: Iterable[str]) -> bool:
        """Tell whether a frame without such a thing was looked at for it.

        Args:
            path: What is asked for.
            labels: Labels of everything in the frame.

        A label above the one asked for (an unknown vehicle, when cars are asked for) leaves it
        open; where that is what the data set marks, its absence settles it.

        >>> trucks = Coverage(frozenset({"object/vehicle/truck"}))
        >>> trucks.can_deny("object/vehicle/truck", []), trucks.can_deny("object/vehicle/bus", [])
        (True, False)
        """
        above = {path[:end] for end, letter in enumerate(path) if letter == "/"}
        if not above.isdisjoint(labels):
            return False
        return path in self.paths or not above.isdisjoint(self.paths)


def marks_some(scene: Scene) -> bool:
    """Tell whether other things of the kinds that a frame marks may stand there unmarked."""
    return scene.extra.get(KEY_OBJECTS) is True


def coverage_of(scene: Scene, covered: tuple[str, ...] | None, space: LabelSpace) -> Coverage:
    """Return what a frame covers: as set, or all where everything in it was rendered.

    A frame that marks key objects only covers nothing, whatever is set.

    Args:
        scene: The frame.
        covered: Labels from the settings; "*" is all of them.
        space: The taxonomy.
    """
    if marks_some(scene):
        covered = ()
    if covered is None:
        rendered = scene.instances and all(i.source == RENDERED for i in scene.instances)
        covered = (EVERYTHING,) if rendered else ()
    return Coverage(frozenset(space.paths if EVERYTHING in covered else covered))


def covered_by(source: str, seen: Iterable[str], space: LabelSpace) -> tuple[str, ...] | None:
    """Return the labels a data set marks, by its map in the taxonomy; None where it has none.

    Args:
        source: Name of the format.
        seen: Labels that occur in it, as `labels_seen` returns them. Many data sets keep lanes,
            boxes and areas in files of their own: a kind of which nothing occurs is not covered.
        space: The taxonomy.
    """
    if source not in space.maps:
        return None
    roots = {_root(label) for label in seen}
    known = space.maps[source]
    targets = {target.path for target in known.labels.values() if isinstance(target, MappedLabel)}
    targets |= {rule.path for rule in known.rules}
    return tuple(sorted(path for path in targets if _root(path) in roots))


def labels_seen(scenes: Iterable[Scene | FormatError]) -> set[str]:
    """Return the labels in the first `FRAMES_LOOKED_AT` frames."""
    frames = islice(scenes, FRAMES_LOOKED_AT)
    return {i.label for found in frames if isinstance(found, Scene) for i in found.instances}


def _root(path: str) -> str:
    return path.partition("/")[0]
