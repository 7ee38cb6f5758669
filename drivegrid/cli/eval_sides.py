"""Predictions and labels as ``drivegrid eval`` reads them, and the frames where they meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from drivegrid.cli.output import print_error, print_rejected, with_progress
from drivegrid.data.formats import FORMATS, detect_format, find_format
from drivegrid.data.formats.coco import open_coco
from drivegrid.data.json_stream import first_char
from drivegrid.data.quarantine import Loaded
from drivegrid.errors import ConfigError, FormatError
from drivegrid.metrics.pairing import FramePairs, pair_scenes
from drivegrid.metrics.rules.table import rules_for, scorable
from drivegrid.metrics.splits import find_listed, load_splits


@dataclass(frozen=True)
class Side:
    """Labels as they were read."""

    path: Path
    format: str
    loaded: Loaded


@dataclass(frozen=True)
class Compared:
    """The frames that are scored, and what stands beside them.

    Args:
        pairs: Predictions and truth.
        quarantined: How many records were set aside on reading.
        splits: Places of the frames of each split; None if none were asked for.
        unknown: Images of each split that the truth does not have.
    """

    pairs: FramePairs
    quarantined: int
    splits: Mapping[str, Sequence[int]] | None = None
    unknown: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether nothing had to be left out."""
        return not (self.quarantined or self.pairs.rejected or self.unknown)

    def as_dict(self) -> dict[str, Any]:
        """Return the frames that met, those that did not, and what was set aside."""
        unknown = {"unknown_images": dict(self.unknown)} if self.splits is not None else {}
        return {**self.pairs.as_dict(), **unknown, "quarantined": self.quarantined}

    def counts(self) -> dict[str, int]:
        """Return the sizes of what `as_dict` names."""
        whole = {name: value for name, value in self.as_dict().items() if name != "num_frames"}
        whole |= {"unknown_images": sum(map(len, self.unknown.values()))} if self.unknown else {}
        return {n: value if isinstance(value, int) else len(value) for n, value in whole.items()}


def load_sides(
    paths: tuple[Path, Path], asked: tuple[str, str], rules: Sequence[str] | None
) -> tuple[Side, Side]:
    """Read predictions and truth, each in the format asked for or the one it looks like.

    COCO results are read with the images and classes of the truth, if that is a COCO file.

    Raises:
        FormatError: If a format is unknown, or there is not a single good frame.
    """
    (pred, truth), (from_pred, from_gt) = paths, asked
    true_name, name = _format_of(truth, from_gt, rules), _format_of(pred, from_pred, rules)
    labels = truth if name == true_name == "coco" and first_char(pred) == "[" else None
    return _load(pred, name, labels), _load(truth, true_name)


def _format_of(path: Path, asked: str, rules: Sequence[str] | None) -> str:
    """Return the format asked for, the one labels look like, or that of the only rule."""
    if asked != "auto":
        return asked
    try:
        name, reason = detect_format(path)
    except FormatError:
        name = rules[0] if rules else ""
        if name not in FORMATS or not path.exists():
            raise
        return name
    typer.echo(f"{path}: {name} ({reason})", err=True)
    return name


def _load(path: Path, name: str, labels: Path | None = None) -> Side:
    source = (
        find_format(name).open(path) if labels is None else open_coco(path, labels.parent, labels)
    )
    loaded = with_progress(source, f"reading {path.name}").load()
    if loaded.quarantine.rejected and not loaded.scenes:
        print_rejected(loaded.quarantine.rejected[:1])
        raise FormatError(
            f"labels must hold frames of the format {name}, got not a single one", path
        )
    return Side(path, name, loaded)


def compare_sides(sides: tuple[Side, Side], splits: Path | None) -> Compared:
    """Bring the frames together, those of the splits if there are any; tell what is left out.

    Raises:
        FormatError: If the truth has no frame, no frame is in both or in the lists, or a list
            cannot be read.
    """
    listed = load_splits(splits) if splits else None
    pred, truth = sides
    truth.loaded.require_frames(truth.path)
    rejected = [record for side in sides for record in side.loaded.quarantine.rejected]
    print_rejected(rejected)
    pairs = pair_scenes(pred.loaded.scenes, truth.loaded.scenes)
    for message in pairs.rejected:
        print_error(message)
    if len(pairs.missing) == len(pairs.pairs) and not pairs.rejected:
        raise FormatError(
            f"predictions must have a frame in common with {truth.path}, got "
            f"{_first(pairs.extra)} where it has {_first(pairs.missing)}.",
            pred.path,
        )
    if listed is None or splits is None:
        return Compared(pairs, len(rejected))
    found, unknown = find_listed(listed, pairs.pairs)
    for split, names in unknown.items():
        print_error(f"split {split} names {len(names)} images without labels, first {names[0]}")
    if not any(found.values()):
        raise FormatError("lists must name frames of the labels, got none of them.", splits)
    pairs = pairs.only({name for names in found.values() for name in names})
    places = {name: i for i, name in enumerate(pairs.pairs)}
    at = {split: [places[name] for name in names] for split, names in found.items()}
    return Compared(pairs, len(rejected), at, unknown)


def _first(names: Sequence[str]) -> str:
    """Say which frames there are: the first, and how many more."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def choose_rules(
    compared: Compared, asked: Sequence[str] | None, truth_format: str
) -> tuple[list[str], bool]:
    """Return the rules to score by, and whether each has something to score; say what has not.

    Raises:
        ConfigError: If no rule is asked for and none applies.
    """
    able = scorable(compared.pairs)
    if not asked:
        chosen = rules_for(compared.pairs, truth_format)
        if not chosen:
            raise ConfigError(
                "frames must hold something to score, got no lane, box, point or polygon."
            )
        if "attributes" in able - set(chosen):
            note = "attributes: left out, no prediction has any (--rule attributes counts them)"
            typer.echo(note, err=True)
        return chosen, True
    empty = [name for name in asked if name not in able]
    for name in empty:
        print_error(f"nothing to score by the rule {name}: neither side holds what it compares")
    return list(asked), not empty
