"""Figures of single frames and single matches as Parquet tables."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pandas as pd

from drivegrid.data.files import atomic_path
from drivegrid.data.parquet import import_parquet
from drivegrid.metrics.evaluation import MatchRow
from drivegrid.metrics.outcome import Outcome
from drivegrid.metrics.pairing import FramePairs


def frame_table(outcome: Outcome, pairs: FramePairs) -> pd.DataFrame:
    """Return one row a frame: its name, clip, counts and rates (NaN over nothing)."""
    tally = outcome.evaluation.tally
    clips = {name: gt.frame.clip for name, (_, gt) in pairs.pairs.items()}
    head = {
        "frame": pd.array(list(tally.names), dtype="string"),
        "clip": pd.array([clips[name] for name in tally.names], dtype="string"),
    }
    return pd.DataFrame({**head, **tally.columns, **tally.rates_by_frame()})


def match_table(rows: tuple[MatchRow, ...]) -> pd.DataFrame:
    """Return one row a match, as `MatchRow` describes it; empty cells are null."""
    names = [column.name for column in fields(MatchRow)]
    table = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})
    return table.astype({"pred": "Int64", "gt": "Int64", "confidence": "Float64"})


def save_rows(outcomes: list[Outcome], pairs: FramePairs, folder: str | Path) -> list[Path]:
    """Write ``<rule>_frames.parquet``, and ``<rule>_matches.parquet`` for rules that match.

    Args:
        outcomes: One a rule.
        pairs: What they scored.
        folder: Made if it is not there.

    Returns:
        The files written, each whole.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        OSError: If the folder cannot be written.
    """
    import_parquet()
    written = []
    for outcome in outcomes:
        tables = {"frames": frame_table(outcome, pairs)}
        if outcome.evaluation.rows:
            tables["matches"] = match_table(outcome.evaluation.rows)
        for kind, table in tables.items():
            path = Path(folder) / f"{outcome.rule}_{kind}.parquet"
            with atomic_path(path) as part:
                table.to_parquet(part, engine="pyarrow", index=False)
            written.append(path)
    return written
