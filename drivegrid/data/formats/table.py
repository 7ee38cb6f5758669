"""The table of formats: every one that labels are read from or written to."""

from __future__ import annotations

from drivegrid.data.formats.contract import Format
from drivegrid.data.formats.culane import open_culane, recognise_culane, save_culane
from drivegrid.data.formats.scene import open_scene, recognise_scene, save_scene
from drivegrid.data.formats.tusimple import open_tusimple, recognise_tusimple, save_tusimple
from drivegrid.data.formats.tusimple_types import find_side_file, own_side_file

_TABLE = (
    Format(
        name="scene",
        title="drivegrid's own (.jsonl, .jsonl.gz, .parquet)",
        path_is="file",
        open=open_scene,
        save=save_scene,
        recognise=recognise_scene,
        holds="everything",
        lost_in="",
        lost_out="nothing",
    ),
    Format(
        name="tusimple",
        title="TuSimple lanes (JSON lines), lane types in a file beside",
        path_is="file",
        open=open_tusimple,
        save=save_tusimple,
        recognise=recognise_tusimple,
        holds="lane lines by row, style and colour as lane types, run time",
        lost_in="",
        lost_out="all but lane lines; points between, above and below the rows; other attributes",
        side_read=find_side_file,
        side_written=own_side_file,
    ),
    Format(
        name="culane",
        title="CULane lanes (x.lines.txt beside x.jpg, list/all.txt)",
        path_is="folder",
        open=open_culane,
        save=save_culane,
        recognise=recognise_culane,
        holds="lane lines",
        lost_in="",
        lost_out="all but lane lines; all attributes; parts of lines outside the image",
    ),
)

FORMATS = {entry.name: entry for entry in _TABLE}
"""Name to format, in the order in which a data set is tried."""
