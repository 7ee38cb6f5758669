"""The tasks by name."""

from __future__ import annotations

from drivegrid.tasks.base import Task
from drivegrid.tasks.drivable import Drivable
from drivegrid.tasks.irregular import Regions
from drivegrid.tasks.lanes import Lanes
from drivegrid.tasks.objects import Objects
from drivegrid.tasks.signs import Signs

SCORED: dict[str, Task] = {task.name: task for task in (Lanes(), Objects(), Signs(), Drivable())}
"""What the figures of whole scenes are about, and what cells are told apart by in training."""
TASKS: dict[str, Task] = {**SCORED, Regions.name: Regions()}
DEFAULT_TASKS = ("drivable", "lanes", "objects", "signs")
"""What a frame is asked for where nobody says: areas first, which the others lie on."""
