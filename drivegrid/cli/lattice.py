"""How a lattice is written on the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivegrid.errors import ConfigError

if TYPE_CHECKING:
    from drivegrid.tokens.grid import GridSpec


def parse_lattice(text: str, gamma: float = 0.5) -> GridSpec:
    """Return the lattice of for example "32x32"; offsets move by half a cell.

    Args:
        text: Columns x rows.
        gamma: Step ratio of later rounds.
    """
    from drivegrid.tokens.grid import GridSpec

    match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", text)
    if match is None:
        raise ConfigError(f"lattice must read columns x rows, got {text[:50]!r}. Example: 32x32")
    cols, rows = int(match[1]), int(match[2])
    return GridSpec(cols, rows, 2 * cols, 2 * rows, gamma)
