"""``drivegrid demo``: the whole thread on rendered scenes, and on your frames, as one page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivegrid.cli.output import print_error, print_json, progress_bar

if TYPE_CHECKING:
    from drivegrid.data.scene import Scene
    from drivegrid.inference.predictor import Predictor
    from drivegrid.plotting.page import Picture

FRAME_WH = (1280, 720)
MAX_REAL_FRAMES = 24


def demo(
    out: Annotated[Path, typer.Option(help="folder for the page")] = Path("out/demo"),
    frames: Annotated[
        Path | None, typer.Option(help="also answer real frames of this folder")
    ] = None,
    scenes: Annotated[int, typer.Option(min=1, help="rendered scenes")] = 6,
    model: Annotated[
        Path | None, typer.Option(help="checkpoint folder; default: the shipped nano")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the scores as JSON")] = False,
) -> None:
    """Render road scenes, find lanes, obstacles, signs and drivable area, and score them.

    Writes a page with overlays and a table of scores beside their ceilings.

    Example: drivegrid demo --frames my_frames/
    """
    from drivegrid.inference.predictor import Predictor
    from drivegrid.plotting.page import Table, write_page

    predictor = Predictor.from_pretrained(model)
    rendered, table = _rendered(predictor, scenes)
    real, failed = _real(predictor, frames) if frames is not None else ([], 0)
    tables = [Table("Scores on the rendered scenes, in percent", ("", "model", "ceiling"), table)]
    page = out / "index.html"
    write_page(page, "drivegrid demo", tables, [*rendered, *real])
    if as_json:
        print_json({"page": str(page), "scores": {name: [a, b] for name, a, b in table}})
    else:
        for name, score, ceiling in table:
            typer.echo(f"{name:24} {score:>6}   ceiling {ceiling:>6}")
        typer.echo(f"page: {page}")
    if failed:
        typer.echo(f"{failed} frames could not be read", err=True)
        raise typer.Exit(1)
