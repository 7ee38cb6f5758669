"""``drivegrid``: the commands put together. Each stands in a file of its own."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from drivegrid import __version__
from drivegrid.cli.bench_data import bench_data
from drivegrid.cli.ceiling import ceiling
from drivegrid.cli.check import check
from drivegrid.cli.conversations import conversations
from drivegrid.cli.convert import data
from drivegrid.cli.dashboard import dashboard
from drivegrid.cli.data_derive import export_labels, import_labels, merge, sample, split
from drivegrid.cli.data_formats import formats
from drivegrid.cli.demo import demo
from drivegrid.cli.eval_model import eval_model
from drivegrid.cli.evaluate import evaluate
from drivegrid.cli.experiment import experiment
from drivegrid.cli.masks import masks
from drivegrid.cli.model import model
from drivegrid.cli.output import print_error
from drivegrid.cli.predict import predict
from drivegrid.cli.scenes import scenes
from drivegrid.cli.stats import stats
from drivegrid.cli.train import train
from drivegrid.cli.validate import validate
from drivegrid.errors import DriveGridError

app = typer.Typer(
    name="drivegrid",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"drivegrid {__version__}")
        raise typer.Exit


@app.callback()
def _drivegrid(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="show it")
    ] = False,
) -> None:
    """Ground lanes, obstacles, signs and drivable area by grid and offset tokens.

    Example: drivegrid demo
    """


app.command()(demo)
app.command()(dashboard)
app.command()(predict)
app.command("eval")(evaluate)
app.command("eval-model")(eval_model)
app.command()(ceiling)
app.command()(check)
app.command("bench-data")(bench_data)
app.command()(experiment)
data.command("formats")(formats)
data.command("import")(import_labels)
data.command("export")(export_labels)
data.command("validate")(validate)
data.command("stats")(stats)
data.command("merge")(merge)
data.command("split")(split)
data.command("sample")(sample)
data.command("conversations")(conversations)
app.add_typer(data, name="data")
app.add_typer(masks, name="masks")
app.add_typer(model, name="model")
app.add_typer(scenes, name="scenes")
app.add_typer(train, name="train")


def main() -> None:
    """Run the command line: exit 0 if all went well, 1 on an error, 2 on wrong usage."""
    try:
        app()
    except DriveGridError as error:
        print_error(error)
        sys.exit(1)
    except OSError as error:  # the system's own words, without its number
        named = error.strerror and error.filename is not None
        print_error(f"{error.strerror}: {error.filename}" if named else error)
        sys.exit(1)


if __name__ == "__main__":
    main()
