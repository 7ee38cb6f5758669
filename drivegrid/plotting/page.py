"""A report page: scores beside their ceilings, then pictures. One file, no network, no scripts."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2

from drivegrid.data.files import write_text
from drivegrid.plotting.canvas import ImageArray
from drivegrid.plotting.chart import Chart, svg_of

Cell: TypeAlias = str | int | float

JPEG_QUALITY = 85
MAX_PICTURE_PX = 1280
"""Wider pictures are made this wide before they go into the page."""


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers under a heading.

    Args:
        title: Heading.
        columns: Column names.
        rows: Cells; every row as long as ``columns``. Floats are shown with three decimals.
        note: One sentence below the table; may be empty.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the gallery.

    Args:
        image: (height, width, 3) uint8 RGB.
        title: Line below it, for example the frame's name.
        text: Small print, for example the answer as tokens; may be empty.
    """

    image: ImageArray
    title: str
    text: str = ""


def write_page(
    path: str | Path,
    title: str,
    tables: Sequence[Table],
    pictures: Sequence[Picture],
    charts: Sequence[Chart] = (),
) -> None:
    """Write a self-contained HTML page, whole or not at all; missing folders are made.

    Args:
        path: The file to write.
        title: Heading of the page.
        tables: Shown first.
        pictures: The gallery, embedded as JPEG.
        charts: Shown between tables and gallery, as inline SVG.

    Every text is escaped: names and answers come from outside.
    """
    parts = [f"<h1>{html.escape(title)}</h1>"]
    parts += [_table(table) for table in tables]
    if charts:
        parts.append(f'<div class="charts">{"".join(map(svg_of, charts))}</div>')
    if pictures:
        parts.append(f"<main>{''.join(_figure(picture) for picture in pictures)}</main>")
    body = "\n".join(parts)
    page = f"{_HEAD.format(title=html.escape(title))}<body>\n{body}\n</body>\n</html>\n"
    write_text(path, page)


def score_table(
    title: str, scores: dict[str, float], ceilings: dict[str, float], note: str = ""
) -> Table:
    """Return the table of scores beside their ceilings, all in [0, 1], and their ratio.

    >>> score_table("Lanes", {"F1": 0.6}, {"F1": 0.8}).rows
    [('F1', 0.6, 0.8, '75 %')]
    >>> score_table("Lanes", {"F1": 0.6}, {}).rows
    [('F1', 0.6, '–', '–')]
    """
    rows: list[tuple[Cell, ...]] = []
    for name, score in scores.items():
        ceiling = ceilings.get(name)
        share = f"{100 * score / ceiling:.0f} %" if ceiling else "–"
        rows.append((name, score, "–" if ceiling is None else ceiling, share))
    return Table(title, ("", "score", "ceiling", "of ceiling"), rows, note)


def _table(table: Table) -> str:
    """Return a table as HTML."""
    head = "".join(f"<th>{_breakable(name)}</th>" for name in table.columns)
    rows = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in table.rows)
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    return (
        f"<section><h2>{html.escape(table.title)}</h2><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{note}</section>"
    )


def _cell(cell: Cell) -> str:
    """Return a table cell as HTML."""
    shown = f"{cell:.3f}" if isinstance(cell, float) else str(cell)
    return f"<td>{_breakable(shown)}</td>"


def _breakable(text: str) -> str:
    """Return text as HTML that may go on in a new line behind _ and /, so that tables fit."""
    return re.sub(r"(?<=[_/])(?=\w)", "<wbr>", html.escape(text))


def _figure(picture: Picture) -> str:
    """Return a picture with its texts as HTML."""
    title = html.escape(picture.title)
    text = f"<details><summary>answer</summary><pre>{html.escape(picture.text)}</pre></details>"
    return (
        f'<figure><img alt="{title}" src="{_data_url(picture.image)}">'
        f"<figcaption>{title}{text if picture.text else ''}</figcaption></figure>"
    )


def _data_url(image: ImageArray) -> str:
    """Return an RGB image as a JPEG data URL."""
    height, width = image.shape[:2]
    if width > MAX_PICTURE_PX:
        smaller = (MAX_PICTURE_PX, max(1, round(height * MAX_PICTURE_PX / width)))
        image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --edge: #8884; --soft: #8881 }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1320px; margin: 0 auto; padding: 1.5rem }}
h1 {{ font-size: 1.6rem; margin: 0 0 1rem }}
h2 {{ font-size: 1.1rem; margin: 1.5rem 0 .5rem }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .3rem .9rem; border-bottom: 1px solid var(--edge); text-align: right }}
th {{ vertical-align: bottom }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0 }}
tbody tr:hover {{ background: var(--soft) }}
section {{ overflow-x: auto }}
section p {{ margin: .4rem 0; opacity: .75 }}
main {{ display: grid; gap: 1.2rem; margin-top: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)) }}
.charts {{ display: flex; flex-wrap: wrap; gap: 1.2rem; margin-top: 1.5rem }}
svg text {{ fill: currentColor; font: 12px system-ui, sans-serif }}
figure {{ margin: 0; border: 1px solid var(--edge); border-radius: 8px; overflow: hidden }}
img {{ display: block; width: 100%; height: auto }}
figcaption {{ padding: .5rem .8rem; overflow-wrap: anywhere }}
summary {{ cursor: pointer; opacity: .75 }}
pre {{ white-space: pre-wrap; font-size: 12px; margin: .4rem 0 }}
</style>
</head>
"""
