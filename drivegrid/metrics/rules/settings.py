"""What all rules are told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """How rules are run.

    Args:
        densify_px: Largest spacing of points along predicted lines before the CULane spline, in
            pixels; None takes the points as they are, as the official tools take those of a file.
        workers: Processes that share the slow rules' work.
    """

    densify_px: float | None = None
    workers: int = 1
