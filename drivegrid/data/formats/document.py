"""docs/formats.md, from the table: ``python -m drivegrid.data.formats.document``."""

from __future__ import annotations

import inspect
import sys

from drivegrid.data.formats.contract import Format
from drivegrid.data.formats.table import FORMATS

_HEAD = """# Label formats

Made from the table of formats by `python -m drivegrid.data.formats.document > docs/formats.md`;
`drivegrid data formats` prints the same.

Every reader gives scenes, and every writer takes scenes: any format goes to any other. A frame
with anything wrong is set aside whole, with file, line and item. What a target cannot hold is
counted and named. `drivegrid data convert A B --to NAME` does it; `--from NAME` says what A is
where its content does not tell.

Sizes: the file's own, else that of the picture beside the labels or in `--root`, else `--size`,
else one that is assumed, with a warning.

Class names of your own: `drivegrid data import SOURCE scenes/ --classes mine.yaml`, with
`labels: {stop: sign/regulatory/stop}` in it; everything goes on from those scenes.

In Python: `from drivegrid.data.formats import load_coco, save_voc`, and so on for each name.

A lane without a point (all x -2 in TuSimple) is a finding of `validate`; official files have them.
"""
EVERYTHING = "everything of the kinds it marks"
SOME = "only what it speaks of: nothing is counted, ranked or denied in training data"


def describe(entry: Format) -> dict[str, str | bool]:
    """Return what people should know of a format, as JSON values."""
    return {
        "name": entry.name,
        "title": entry.title,
        "path_is": entry.path_is,
        "written": entry.save is not None,
        "holds": entry.holds,
        "marks": EVERYTHING if entry.labels_all else SOME,
        "lost_in": entry.lost_in,
        "lost_out": entry.lost_out,
    }


def document() -> str:
    """Return the page: an overview, then each format with what it holds and what is lost."""
    rows = [
        f"| [`{entry.name}`](#{entry.name}) | {_cell(entry.title)} | {entry.path_is} "
        f"| {'read, written' if entry.save else 'read'} |"
        for entry in FORMATS.values()
    ]
    table = ["| name | format | labels are a | |", "|---|---|---|---|", *rows, ""]
    return "\n".join([_HEAD, *table, *(_section(entry) for entry in FORMATS.values())])


def _section(entry: Format) -> str:
    out = entry.lost_out if entry.save else "not written"
    return (
        f"## {entry.name}\n\n{entry.title}.\n\n{_layout(entry)}\n\n{_example(entry)}\n"
        f"- holds: {entry.holds or 'nothing'}\n"
        f"- marks: {EVERYTHING if entry.labels_all else SOME}\n"
        f"- lost on reading: {entry.lost_in or 'nothing'}\n- lost on writing: {out or 'nothing'}\n"
    )


def _layout(entry: Format) -> str:
    """Return what the reader's module says of files and folders: its first two paragraphs."""
    told = inspect.getdoc(sys.modules[entry.recognise.__module__]) or ""
    return "\n\n".join(told.split("\n\n")[:2]).replace("``", "`")


def _example(entry: Format) -> str:
    a_file = entry.path_is == "file"
    lines = [f"drivegrid data import PATH scenes/ --from {entry.name}"]
    if entry.save is not None:
        target = f"labels{entry.suffix}" if a_file else "labels/"
        lines.append(f"drivegrid data convert scenes/labels.jsonl {target} --to {entry.name}")
    return "\n".join(["```", *lines, "```", ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(document(), end="")
