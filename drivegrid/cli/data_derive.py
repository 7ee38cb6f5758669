"""``drivegrid data import``, ``export``, ``merge``, ``split``, ``sample``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from drivegrid.cli.output import (
    print_error,
    print_json,
    print_rejected,
    print_warning,
    printable,
    progress_bar,
)
from drivegrid.cli.reading import FromOption, RootOption, SizeOption, find_labels, sized, warn_of

if TYPE_CHECKING:
    from drivegrid.data.target import Outcome, Target

SourceArgument: TypeAlias = Annotated[Path, typer.Argument(help="label file or folder")]
TargetArgument: TypeAlias = Annotated[Path, typer.Argument(help="new or empty folder")]
ToOption: TypeAlias = Annotated[
    str, typer.Option(help="format to write, as `drivegrid data formats` lists it")
]
PicturesOption: TypeAlias = Annotated[
    Literal["link", "copy", "none"], typer.Option(help="what to do with the pictures")
]
ReportOption: TypeAlias = Annotated[
    Path | None, typer.Option("--report", help="write rejected records and losses here")
]
SeedOption: TypeAlias = Annotated[int, typer.Option(min=0, help="another seed, another choice")]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="print the counts as JSON")]


def import_labels(  # noqa: PLR0913, PLR0917 - options of a command
    source: SourceArgument,
    target: TargetArgument,
    source_format: FromOption = "auto",
    pictures: PicturesOption = "link",
    root: RootOption = None,
    size: SizeOption = None,
    classes: Annotated[
        Path | None, typer.Option(help="YAML that says what class names mean (taxonomy/README.md)")
    ] = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a folder of scenes from labels of any format: labels.jsonl, its pictures beside.

    Example: drivegrid data import bdd100k/labels/val.json bdd --root bdd100k/images/val

    Example: drivegrid data import voc/ signs --classes mine.yaml, with `labels: {stop:
    sign/regulatory/stop}` in mine.yaml
    """
    from drivegrid.data.derive import copy_labels
    from drivegrid.data.renaming import load_classes, with_classes

    made = _target(target, "scene", pictures, root)
    found = find_labels(source, source_format, root, size)
    if classes is not None:
        found = replace(found, format=with_classes(found.format, load_classes(classes)))
    _finish(copy_labels(found, made), made, report, as_json)


def export_labels(  # noqa: PLR0913, PLR0917 - options of a command
    source: SourceArgument,
    target: TargetArgument,
    to: ToOption,
    source_format: FromOption = "auto",
    pictures: PicturesOption = "link",
    root: RootOption = None,
    size: SizeOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a folder of labels in a format that others read, with its pictures beside.

    Example: drivegrid data export reviewed/ coco/ --to coco --pictures copy
    """
    from drivegrid.data.derive import copy_labels

    made = _target(target, to, pictures, root)
    _finish(
        copy_labels(find_labels(source, source_format, root, size), made), made, report, as_json
    )


def merge(  # noqa: PLR0913, PLR0917 - options of a command
    paths: Annotated[
        list[Path], typer.Argument(metavar="SOURCE... TARGET", help="label files or folders")
    ],
    to: ToOption = "scene",
    on_duplicate: Annotated[
        Literal["error", "keep-first"], typer.Option(help="where an image name comes again")
    ] = "error",
    pictures: PicturesOption = "link",
    size: SizeOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put data sets of any formats together; the last path is the new or empty folder to make.

    Example: drivegrid data merge tusimple/ culane/ lanes/ --on-duplicate keep-first
    """
    from drivegrid.data.derive import merge_labels
    from drivegrid.data.sources import find_sources

    *given, target = paths
    if not given:
        raise typer.BadParameter("name at least one source and the target")
    sources = [sized(source, None, size) for path in given for source in find_sources(path)]
    for source in sources:
        typer.echo(f"{source.path}: {source.format.name}", err=True)
    made = _target(target, to, pictures, None)
    _finish(merge_labels(sources, made, on_duplicate), made, report, as_json)


def split(  # noqa: PLR0913, PLR0917 - options of a command
    source: SourceArgument,
    target: TargetArgument,
    parts: Annotated[str, typer.Option(help="shares by name")] = "train=.8,val=.1,test=.1",
    by: Annotated[
        Literal["clip", "frame"], typer.Option(help="what stays together; frames leak")
    ] = "clip",
    seed: SeedOption = 0,
    to: ToOption = "scene",
    source_format: FromOption = "auto",
    pictures: PicturesOption = "link",
    root: RootOption = None,
    size: SizeOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Split a data set; a clip goes to one part, and stays there when the data set grows.

    Example: drivegrid data split bdd/ parts/ --parts train=.8,val=.1,test=.1 --seed 1
    """
    from drivegrid.data.derive import split_labels
    from drivegrid.data.parts import parse_parts

    made, shares = _target(target, to, pictures, root), parse_parts(parts)
    outcome = split_labels(find_labels(source, source_format, root, size), made, shares, by, seed)
    _finish(outcome, made, report, as_json)
    if outcome.torn:
        print_warning(f"{outcome.torn} clips stand in several parts, since frames went one by one")


def sample(  # noqa: PLR0913, PLR0917 - options of a command
    source: SourceArgument,
    target: TargetArgument,
    num: Annotated[int, typer.Option("--num", "-n", min=1, help="how many frames")],
    seed: SeedOption = 0,
    label: Annotated[
        list[str] | None, typer.Option(help="only frames with this label or below; repeatable")
    ] = None,
    to: ToOption = "scene",
    source_format: FromOption = "auto",
    pictures: PicturesOption = "link",
    root: RootOption = None,
    size: SizeOption = None,
    report: ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw frames at random. Exit code 1 if there are fewer than asked for.

    Example: drivegrid data sample bdd/ few/ -n 100 --label object/person
    """
    from drivegrid.data.derive import sample_labels

    made = _target(target, to, pictures, root)
    outcome = sample_labels(
        find_labels(source, source_format, root, size), made, num, seed, label or ()
    )
    _finish(outcome, made, report, as_json)
    if (drawn := sum(outcome.written.values())) < num:
        print_error(f"sample must have {num} frames, got {drawn}: there are no more")
        raise typer.Exit(1)


def _target(
    folder: Path, name: str, pictures: Literal["link", "copy", "none"], root: Path | None
) -> Target:
    from drivegrid.data.formats import find_format
    from drivegrid.data.target import Target

    def watch(frames: Any) -> Any:
        return progress_bar(frames, "frames")

    return Target(folder, find_format(name), pictures, root, watch)


def _finish(outcome: Outcome, target: Target, report: Path | None, as_json: bool) -> None:
    """Print and save what was done; exit code 1 if a frame was set aside or ``--root`` is wrong."""
    from drivegrid.data.files import write_text

    if report is not None:
        write_text(report, json.dumps(outcome.to_dict(), indent=1) + "\n")
    if as_json:
        print_json(outcome.counts())
    else:
        for line in _lines(outcome):
            typer.echo(printable(line))
        typer.echo(f"made {target.folder}")
    warn_of(outcome.assumed)
    print_rejected(outcome.rejected)
    astray = target.root is not None and set(outcome.pictures) == {"missing"}
    if astray:
        print_error(f"--root must hold the pictures, got none of them ({target.root}).")
    if outcome.rejected or astray:
        raise typer.Exit(1)


def _lines(outcome: Outcome) -> list[str]:
    counts = outcome.counts()
    said = "read {read}, written {written}, left {left}, quarantined {quarantined}"
    lines = [said.format(**counts)]
    if len(outcome.written) > 1:
        lines += [f"  {part}: {number}" for part, number in outcome.written.items()]
    if outcome.pictures:
        lines.append("pictures " + ", ".join(f"{k} {n}" for k, n in outcome.pictures.items()))
    beside = bool(outcome.pictures) and not outcome.pictures["missing"]
    lines += [
        f"{number} times: {message}"
        for message, number in counts["loss_counts"].items()
        if not (beside and "without the picture" in message)
    ]
    return lines
