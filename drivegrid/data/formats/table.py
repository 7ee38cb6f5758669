"""The table of formats: every one that labels are read from or written to."""

from __future__ import annotations

from drivegrid.data.formats.culane import CULANE
from drivegrid.data.formats.scene import SCENE
from drivegrid.data.formats.tusimple import TUSIMPLE

FORMATS = {entry.name: entry for entry in (SCENE, TUSIMPLE, CULANE)}
"""Name to format, as lists print them."""
