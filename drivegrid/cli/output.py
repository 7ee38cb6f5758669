"""What commands write: results to stdout; errors and progress to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from drivegrid.errors import FormatError

if TYPE_CHECKING:
    from drivegrid.data.formats import Source
    from drivegrid.data.quarantine import Rejected

T = TypeVar("T")
MAX_SHOWN = 20
"""Most rejected records that are named one by one."""


def print_json(value: Any) -> None:
    """Write a value as indented JSON, and nothing else, to stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_error(error: Exception | str) -> None:
    """Write one line, ``error: ...``, to stderr; the text is shown as it is, markup included."""
    from rich.console import Console
    from rich.text import Text

    line = " ".join(str(error).split()) or type(error).__name__
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text.assemble(("error: ", "bold red"), printable(line)))


def print_warning(text: str) -> None:
    """Write one line, ``warning: ...``, to stderr: the work goes on, but people should know."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text.assemble(("warning: ", "bold yellow"), printable(text)))


def print_rejected(rejected: Sequence[Rejected]) -> None:
    """Write an error for each of the first records that were set aside, and how many more."""
    for record in rejected[:MAX_SHOWN]:
        print_error(FormatError(record.message, record.path, record.line, record.item))
    if len(rejected) > MAX_SHOWN:
        print_error(f"{len(rejected) - MAX_SHOWN} more records were set aside")


def progress_bar(items: Iterable[T], name: str) -> Iterator[T]:
    """Yield the items while a bar on stderr counts them; no bar where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(
        items, description=name, console=console, disable=not console.is_terminal, transient=True
    )


def with_progress(source: Source, name: str) -> Source:
    """Return an opened data set whose frames a bar on stderr counts as they are read."""
    return replace(source, entries=progress_bar(source.entries, name))


@contextmanager
def counting_bar(total: int | None, name: str) -> Iterator[Callable[[int], None]]:
    """Give a function that moves a bar on stderr by a count; no bar where it is no terminal.

    Args:
        total: How many there will be; None if nobody knows: then the count is shown.
        name: What is going on.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    columns = Progress.get_default_columns()
    if total is None:
        columns = (*columns[:2], MofNCompleteColumn())
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)


def printable(text: str) -> str:
    """Return text without control characters: file names and answers come from outside."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
