"""Tables of drivegrid-bench: trivial predictors beside the ceiling, task by task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from drivegrid.cli.output import print_json

if TYPE_CHECKING:
    from drivegrid.tokens.codec import Codec


def find_split(path: Path) -> Path | None:
    """Return the split to score: a folder of bench-data or its ``test``; None for other paths."""
    from drivegrid.data.split import is_split

    return next((folder for folder in (path, path / "test") if is_split(folder)), None)


def print_benchmark(folder: Path, codec: Codec, as_json: bool) -> None:
    """Score the trivial predictors and the ceiling of a split and print their tables.

    Averages and usual answers are learnt from the ``train`` beside the split, if it is there.

    Args:
        folder: The split.
        codec: Gives the ceiling.
        as_json: Print one JSON object, rates in [0, 1], instead of tables in percent.
    """
    from drivegrid.data.split import is_split, load_split
    from drivegrid.metrics.report import format_table
    from drivegrid.tasks.baselines import (
        attribute_table,
        referring_table,
        refine_table,
        scene_table,
    )

    beside = folder.resolve().parent / "train"
    learnt = beside != folder.resolve() and is_split(beside)
    test, training = load_split(folder), load_split(beside) if learnt else None
    tables: dict[str, dict[str, dict[str, Any]]] = {
        "scenes": scene_table(test.scenes, training.scenes if training else (), codec),
        "referring": referring_table(test, codec),
        "attributes": attribute_table(test, training),
        "refinement": refine_table(test.scenes, codec),
    }
    if as_json:
        print_json(tables | {"frames": len(test.scenes), "trained": learnt})
        return
    typer.echo(f"{folder}: {len(test.scenes)} frames, averages of {beside if learnt else 'none'}")
    for name, rows in tables.items():
        shown = {row: {key: _percent(v) for key, v in cells.items()} for row, cells in rows.items()}
        typer.echo("\n".join(["", f"{name}, percent", *format_table(shown)]))


def _percent(value: Any) -> Any:
    return f"{100 * value:.1f}" if isinstance(value, float) else value
