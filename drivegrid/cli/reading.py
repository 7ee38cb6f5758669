"""How commands find and read labels: format, pictures, sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from drivegrid.cli.output import print_warning

if TYPE_CHECKING:
    from drivegrid.data.sizing import AssumedSizes
    from drivegrid.data.sources import LabelSource

FromOption: TypeAlias = Annotated[str, typer.Option("--from", help="format; auto detects it")]
RootOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="folder of the pictures; default: that of the labels")
]
SizeOption: TypeAlias = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT of frames without a picture, e.g. 1280x720")
]


def find_labels(path: Path, name: str, root: Path | None, size: str | None) -> LabelSource:
    """Return the data set of a path, read as the options say; what was detected is told.

    Raises:
        FormatError: If there is none or several, or no such folder of pictures.
        ConfigError: If the size is none.
    """
    from drivegrid.data.formats import detect_format
    from drivegrid.data.sources import AUTO, find_source

    source = find_source(path, name)
    if name == AUTO:
        reason = f" ({detect_format(path)[1]})" if source.path == path else ""
        typer.echo(f"{source.path}: {source.format.name}{reason}", err=True)
    return sized(source, root, size)


def sized(source: LabelSource, root: Path | None, size: str | None) -> LabelSource:
    """Return a data set that takes sizes from these pictures, and this one without."""
    from drivegrid.data.sizing import check_root, parse_size, with_sizes

    check_root(root)
    size_wh = None if size is None else parse_size(size)
    return replace(source, format=with_sizes(source.format, root, size_wh))


def warn_of(sizes: AssumedSizes) -> None:
    """Say on stderr that sizes were assumed, and what helps."""
    if warning := sizes.warning():
        print_warning(f"{warning}. Say where they are (--root) or how large (--size).")
