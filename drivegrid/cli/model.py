"""``drivegrid model``: checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drivegrid.cli.lattice import parse_lattice
from drivegrid.cli.output import print_json

if TYPE_CHECKING:
    from drivegrid.model.info import ModelInfo
    from drivegrid.model.manifest import Manifest
    from drivegrid.tokens.mask_words import MaskWords

model = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
OutArgument = Annotated[Path, typer.Argument(help="folder to create")]
MasksOption = Annotated[
    Literal["samtok", "himtok"] | None,
    typer.Option("--masks", help="whose words for masks are added; default: none"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="print the manifest")]


@model.callback()
def _model() -> None:
    """Prepare checkpoints for training and for other tools.

    Example: drivegrid model extend Qwen2.5-VL-3B-Instruct/ qwen-grid/
    """


@model.command()
def extend(
    base: Annotated[Path, typer.Argument(help="Qwen2.5-VL checkpoint folder; left as it is")],
    out: OutArgument,
    lattice: Annotated[str, typer.Option(help="columns x rows")] = "32x32",
    init: Annotated[
        Literal["fourier", "gaussian", "vision"],
        typer.Option(help="how the rows of grid tokens start"),
    ] = "fourier",
    masks: MasksOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of a checkpoint that knows the grid and offset tokens.

    Example: drivegrid model extend Qwen2.5-VL-3B-Instruct/ qwen-grid/
    """
    from drivegrid.model.extend import extend_checkpoint

    words = _words_of(masks)
    _report(out, extend_checkpoint(base, out, parse_lattice(lattice), init, words), as_json)


@model.command()
def new(  # noqa: PLR0913, PLR0917 - options of a command
    out: OutArgument,
    lattice: Annotated[str, typer.Option(help="columns x rows")] = "32x32",
    width: Annotated[int, typer.Option(help="of the language body, a multiple of 32")] = 256,
    layers: Annotated[int, typer.Option(help="of the language body")] = 4,
    tower_width: Annotated[int, typer.Option(help="of the vision tower, likewise")] = 192,
    tower_layers: Annotated[int, typer.Option(help="of the vision tower")] = 6,
    seed: Annotated[int, typer.Option(help="of the random weights")] = 0,
    masks: MasksOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a small untrained Qwen2.5-VL with a small tokenizer: the control of the nano.

    Example: drivegrid model new runs/control-base
    """
    from drivegrid.labels import default_label_space
    from drivegrid.model.new_qwen import QwenSizes, new_qwen
    from drivegrid.tasks.corpus import text_corpus

    sizes = QwenSizes(
        hidden_size=width,
        num_layers=layers,
        tower_size=tower_width,
        tower_layers=tower_layers,
    )
    corpus = text_corpus(default_label_space())
    grid, words = parse_lattice(lattice), _words_of(masks)
    _report(out, new_qwen(out, corpus, grid, sizes, seed, words), as_json)


@model.command()
def info(
    folder: Annotated[
        Path | None, typer.Argument(help="checkpoint or adapter; default: the shipped nano")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print it as JSON")] = False,
) -> None:
    """Check a checkpoint or adapter against its manifest and tell what it is.

    Example: drivegrid model info qwen-grid/
    """
    from drivegrid.model.adapter_files import QWEN_TYPE
    from drivegrid.model.info import as_json as facts_of
    from drivegrid.model.info import describe

    if folder is None:
        from drivegrid.model.checkpoint import shipped_checkpoint

        folder = shipped_checkpoint()
    found = describe(folder)
    if found.model_type == QWEN_TYPE and found.form != "adapter":
        from drivegrid.model.whole import check_whole

        check_whole(folder)
    if as_json:
        print_json(facts_of(found))
    else:
        typer.echo(_as_text(folder, found))


@model.command()
def merge(
    base: Annotated[Path, typer.Argument(help="checkpoint the adapter was trained on")],
    adapter: Annotated[Path, typer.Argument(help="folder of the adapter")],
    out: OutArgument,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of a checkpoint with an adapter put into its weights for good.

    Example: drivegrid model merge qwen-grid/ runs/lanes/adapter/ qwen-lanes/
    """
    from drivegrid.model.merge import merge_adapter

    _report(out, merge_adapter(base, adapter, out), as_json)


@model.command()
def export(
    folder: Annotated[Path, typer.Argument(help="extended or merged checkpoint; left as it is")],
    out: OutArgument,
    dtype: Annotated[
        Literal["bfloat16", "float16", "float32"] | None,
        typer.Option(help="of the weights; default: as they are"),
    ] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="most megabytes of weights a file")] = 5000,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of a checkpoint for other tools: dtype, shards, settings for serving.

    Example: drivegrid model export qwen-lanes/ serve/ --dtype bfloat16
    """
    from drivegrid.model.export import export_checkpoint, picture_size_wh

    manifest = export_checkpoint(folder, out, dtype=dtype, shard_bytes=shard_mb * 1_000_000)
    _report(out, manifest, as_json)
    if not as_json:
        width, height = picture_size_wh(out)
        typer.echo(f"  scale pictures to {width} x {height} before sending them")


def _words_of(name: Literal["samtok", "himtok"] | None) -> MaskWords | None:
    from drivegrid.tokens.mask_words import ALL_MASK_WORDS

    return None if name is None else ALL_MASK_WORDS[name]


def _report(out: Path, manifest: Manifest, as_json: bool) -> None:
    from drivegrid.model.manifest import MANIFEST_FILE
    from drivegrid.model.stored import read_json

    if as_json:
        print_json(read_json(out / MANIFEST_FILE))
    else:
        last = manifest.token_ids[-1]
        typer.echo(f"{out}: {manifest.num_tokens} tokens, ids {manifest.base_id} to {last}")


def _as_text(folder: Path, found: ModelInfo) -> str:
    kinds = {"full": "checkpoint", "adapter": "adapter", "base": "checkpoint, not extended"}
    dtypes = ", ".join(f"{count:,} {dtype}" for dtype, count in found.dtypes.items())
    rows = [
        ("kind", f"{found.model_type} {kinds[found.form]}"),
        ("parameters", f"{dtypes}; {found.num_bytes / 1e6:,.1f} MB, files: {found.num_files}"),
    ]
    if found.form == "adapter":
        rows.append(("LoRA", f"rank {found.rank}, alpha {found.alpha}"))
        rows.append(("base", f"manifest {found.base_sha256}"))
    else:
        head = "tied" if found.tied else "untied"
        rows.append(("body", f"{found.num_layers} layers, {found.hidden_size} wide"))
        rows.append(("matrices", f"{found.num_rows:,} rows, head {head}"))
    if found.grid is not None and found.token_ids is not None:
        grid, (first, last) = found.grid, found.token_ids
        offsets = f"offsets {grid.offset_cols} x {grid.offset_rows}, gamma {grid.gamma:g}"
        rows.append(("lattice", f"{grid.cols} x {grid.rows}, {offsets}"))
        rows.append(("tokens", f"{last - first + 1}, ids {first} to {last}, init {found.init}"))
        if found.mask_words is not None:
            words = found.mask_words
            rows.append(("masks", f"the last {words.count} tokens are words of {words.name}"))
        rows.append(("manifest", f"{found.created_by}; ids, tokenizer and rows match"))
    if found.form == "adapter":
        rows[-1] = ("manifest", "weights match; that of the base is a copy")
    return "\n".join([str(folder), *(f"  {name:<11} {text}" for name, text in rows)])
