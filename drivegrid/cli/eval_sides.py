"""Predictions and labels as ``drivegrid eval`` reads them, and the frames where they meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from drivegrid.cli.output import print_error, print_rejected
from drivegrid.data.formats import FORMATS, detect_format, find_format
from drivegrid.data.quarantine import Loaded
from drivegrid.errors import FormatError
from drivegrid.metrics.pairing import FramePairs, pair_scenes
from drivegrid.metrics.splits import load_splits, places_of


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


def load_side(path: Path, asked: str, rules: Sequence[str] | None) -> Side:
    """Read labels in the format asked for, the one they look like, or that of the only rule.

    Raises:
        FormatError: If the format is unknown, or there is not a single good frame.
    """
    name = asked
    if asked == "auto":
        try:
            name, reason = detect_format(path)
            typer.echo(f"{path}: {name} ({reason})", err=True)
        except FormatError:
            name = rules[0] if rules else ""
            if name not in FORMATS or not path.exists():
                raise
    loaded = find_format(name).load(path)
    if loaded.quarantine.rejected and not loaded.scenes:
        print_rejected(loaded.quarantine.rejected[:1])
        raise FormatError(
            f"labels must hold frames of the format {name}, got not a single one", path
        )
    return Side(path, name, loaded)


def compare_sides(sides: tuple[Side, Side], splits: Path | None) -> Compared:
    """Bring the frames together, those of the splits if there are any; tell what is left out.

    Raises:
        FormatError: If the truth has no frame, or a list of a split cannot be read.
    """
    listed = load_splits(splits) if splits else {}
    pred, truth = sides
    truth.loaded.require_frames(truth.path)
    rejected = [record for side in sides for record in side.loaded.quarantine.rejected]
    print_rejected(rejected)
    pairs = pair_scenes(pred.loaded.scenes, truth.loaded.scenes)
    for message in pairs.rejected:
        print_error(message)
    if not listed:
        return Compared(pairs, len(rejected))
    pairs = pairs.only({name for names in listed.values() for name in names})
    places, unknown = places_of(listed, pairs.pairs)
    for split, names in unknown.items():
        print_error(f"split {split} names {len(names)} images without labels, first {names[0]}")
    return Compared(pairs, len(rejected), places, unknown)
