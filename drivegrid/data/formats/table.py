"""The table of formats: every one that labels are read from or written to."""

from __future__ import annotations

from drivegrid.data.formats.bdd100k import BDD100K
from drivegrid.data.formats.culane import CULANE
from drivegrid.data.formats.curvelanes import CURVELANES
from drivegrid.data.formats.openlane import OPENLANE
from drivegrid.data.formats.scalabel import SCALABEL
from drivegrid.data.formats.scene import SCENE
from drivegrid.data.formats.tusimple import TUSIMPLE

FORMATS = {
    entry.name: entry
    for entry in (SCENE, TUSIMPLE, CULANE, CURVELANES, OPENLANE, BDD100K, SCALABEL)
}
"""Name to format, as lists print them."""
