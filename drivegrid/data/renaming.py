"""A user's own class names, for data sets whose names mean something else or nothing to us."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from drivegrid.data.formats.contract import Format, Source
from drivegrid.data.scene import Instance, Scene
from drivegrid.errors import ConfigError
from drivegrid.labels.load import load_source_map
from drivegrid.labels.mapping import DroppedLabel, MappedLabel, SourceMap


def load_classes(path: str | Path) -> SourceMap:
    """Read what a user's class names mean.

    Args:
        path: YAML in the form of a taxonomy map: ``labels: {stop: sign/regulatory/stop}``.

    Raises:
        ConfigError: If the file is missing, says nothing of classes, or names what is not in the
            taxonomy; all problems at once. Nothing can be dropped: a class without a target keeps
            its name.
    """
    path = Path(path)
    found = load_source_map(path)
    dropped = [name for name, to in found.labels.items() if isinstance(to, DroppedLabel)]
    if dropped or not (found.labels or found.rules):
        got = f"drop for {', '.join(dropped)}" if dropped else "none"
        raise ConfigError(f"classes must each have a target, got {got} ({path}).")
    return found


def with_classes(known: Format, classes: SourceMap) -> Format:
    """Return a format that reads with a user's class names.

    A name is looked up as the data set writes it; where that was not kept, as the label it became.
    """
    return replace(known, open=partial(_open, known, classes))


def _open(known: Format, classes: SourceMap, path: Path) -> Source:
    source = known.open(path)
    return replace(source, parse=partial(_parse, source.parse, known.name, classes))


def _parse(parse: Any, name: str, classes: SourceMap, entry: Any) -> Scene:
    scene: Scene = parse(entry)
    return replace(scene, instances=tuple(_renamed(i, name, classes) for i in scene.instances))


def _renamed(instance: Instance, name: str, classes: SourceMap) -> Instance:
    kept = instance.extra.get(name)
    written = kept.get("class") if isinstance(kept, dict) else None
    for word in (written, instance.label):
        try:
            found = classes.label(word) if isinstance(word, str) else None
        except ConfigError:
            continue
        if isinstance(found, MappedLabel):
            attributes = {**instance.attributes, **found.attributes}
            return replace(instance, label=found.path, attributes=attributes)
    return instance
