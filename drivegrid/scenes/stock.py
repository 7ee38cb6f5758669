"""Which models a world may show: held-out ones appear in test scenes only."""

from __future__ import annotations

from functools import lru_cache

from drivegrid.scenes.draws import Draws
from drivegrid.scenes.meshes import CATALOGUE


class Stock:
    """Models by label.

    Args:
        test: Whether held-out models may be shown; then every third pick prefers them.
    """

    def __init__(self, test: bool) -> None:
        self._test = test

    def pick(self, d: Draws, label: str) -> str:
        """Return a model of a label."""
        common, held_out = _by_label()[label]
        if self._test and held_out and d.chance(0.4):
            return d.pick(held_out)
        return d.pick(common)

    def scenery(self, d: Draws, names: tuple[str, ...]) -> str:
        """Return one of several models, held-out ones in test scenes only."""
        return d.pick([name for name in names if self.shows(name)])

    def shows(self, name: str) -> bool:
        """Return whether scenes may show a model."""
        return self._test or not CATALOGUE[name].held_out


@lru_cache(maxsize=1)
def _by_label() -> dict[str, tuple[list[str], list[str]]]:
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name, model in CATALOGUE.items():
        if model.label is not None:
            found.setdefault(model.label, ([], []))[model.held_out].append(name)
    return found
