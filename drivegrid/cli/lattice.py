"""How a lattice is written on the command line."""

from __future__ import annotations

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

    cols, _, rows = text.partition("x")
    if not (cols.isdecimal() and rows.isdecimal()):
        raise ConfigError(f"lattice must read columns x rows, got {text!r}. Example: 32x32")
    return GridSpec(int(cols), int(rows), 2 * int(cols), 2 * int(rows), gamma)
