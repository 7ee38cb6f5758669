"""Shapes in tokens, built by hand."""

from __future__ import annotations

import numpy as np

from drivegrid.tokens.grid import GridGeometry


def shape(kind: str, *parts: list[list[int]]) -> GridGeometry:
    """Return a shape of cells without offsets; each part is a list of [column, row]."""
    return GridGeometry(kind, tuple(np.array(p, dtype=np.int64).reshape(-1, 2) for p in parts))
