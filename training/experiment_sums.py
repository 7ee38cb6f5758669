"""What a run is scored by: sums over each frame, from which intervals can be drawn."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FrameSums:
    """A figure as two sums a frame; the figure of many frames is the ratio of their totals.

    Args:
        above: What counts, for each frame.
        below: Of how much, for each frame.
    """

    above: list[float] = field(default_factory=list)
    below: list[float] = field(default_factory=list)

    def add(self, above: float, below: float) -> None:
        """Add a frame."""
        self.above.append(float(above))
        self.below.append(float(below))


Scores = dict[str, FrameSums]
