"""``drivegrid masks``: masks as words, side by side and file by file."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from drivegrid.cli.output import (
    counting_bar,
    print_error,
    print_json,
    print_rejected,
    progress_bar,
)
from drivegrid.cli.reading import FromOption, RootOption, find_labels
from drivegrid.masks.names import TokenizerName

if TYPE_CHECKING:
    from drivegrid.inference.mask_comparison import Comparison
    from drivegrid.inference.mask_peers import MaskWriter
    from drivegrid.masks.grid_tokenizer import GridMaskTokenizer
    from drivegrid.masks.segmenter import Segmenter
    from drivegrid.masks.tokenizer import MaskTokenizer

masks = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

TokenizerOption: TypeAlias = Annotated[TokenizerName, typer.Option(help="who writes the masks")]
WeightsOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="folder of the tokenizer; default: the shipped one")
]
SegOption: TypeAlias = Annotated[
    Path | None, typer.Option(help="grid, samtok: folder of drivegrid-seg; default: the shipped")
]
Sam2Option: TypeAlias = Annotated[
    Path | None, typer.Option(help="grid: a SAM2 folder in place of drivegrid-seg")
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="print one JSON object")]
DEFAULT_FRAMES = 20
HIMTOK_LENGTHS = (4, 8, 16, 32)


@masks.callback()
def _masks() -> None:
    """Write masks as tokens and draw them again.

    Example: drivegrid masks compare --limit 20
    """


@masks.command()
def compare(  # noqa: PLR0913, PLR0917 - options of a command
    data: Annotated[
        Path | None, typer.Option(help="labels with polygons or masks; default: rendered scenes")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="frames at most")] = DEFAULT_FRAMES,
    label_format: FromOption = "auto",
    root: RootOption = None,
    seg: SegOption = None,
    sam2: Sam2Option = None,
    samtok: Annotated[
        Path | None, typer.Option(help="folder of SAMTok's weights; default: the shipped ones")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="draw masks here")] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge every way to write a mask on the same masks.

    Means over masks of IoU, boundary F and IoU of small things, in percent; tokens a mask with
    tags; milliseconds a mask on this machine; IoU by class. Masks of fewer than 16 pixels are
    counted and left out.

    Example: drivegrid masks compare --data camvid --limit 40
    """
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.inference.mask_comparison import compare as compare_masks
    from drivegrid.inference.mask_frames import labelled_frames, rendered_frames, without_specks
    from drivegrid.inference.mask_sheet import draw_sheets

    _one_thread()
    quarantine = Quarantine()
    if data is None:
        found = list(progress_bar(rendered_frames(limit), "scenes"))
    else:
        source = find_labels(data, label_format, None, None)
        read = islice(labelled_frames(source, root, quarantine), limit)
        found = [labelled for _, labelled in progress_bar(read, "frames")]
    judged = [without_specks(labelled) for labelled in found]
    specks = sum(len(one.labels) for one in found) - sum(len(one.labels) for one in judged)
    writers = _writers(samtok, seg, sam2)
    if pictures is not None:
        draw_sheets(judged, writers, pictures)
    with counting_bar(2 * len(judged) * len(writers), "writing and drawing") as progress:
        comparison = compare_masks(judged, writers, progress)
    print_rejected(quarantine.rejected)
    if as_json:
        counts = {"frames": comparison.frames, "specks": specks}
        counts["quarantined"] = quarantine.num_rejected
        print_json({**counts, "rows": comparison.rows()})
    else:
        typer.echo(f"{_table(comparison)}\n\nleft out: {specks} masks of fewer than 16 pixels")
    if not comparison.frames:
        print_error("labels must hold polygons or masks of 16 pixels or more, got none")
    if quarantine.num_rejected or not comparison.frames:
        raise typer.Exit(1)


@masks.command()
def encode(  # noqa: PLR0913, PLR0917 - options of a command
    data: Annotated[Path, typer.Argument(help="labels with polygons or masks")],
    out: Annotated[Path, typer.Option(help="file of JSON lines to write or go on with")],
    tokenizer: TokenizerOption,
    limit: Annotated[int | None, typer.Option(min=1, help="frames at most")] = None,
    label_format: FromOption = "auto",
    root: RootOption = None,
    weights: WeightsOption = None,
    seg: SegOption = None,
    sam2: Sam2Option = None,
    as_json: JsonOption = False,
) -> None:
    """Write the masks of a data set as words, each with the IoU of what the words give.

    After Ctrl-C the same command does what is left.

    Example: drivegrid masks encode camvid --tokenizer himtok --out words.jsonl
    """
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.inference.mask_corpus import write_words
    from drivegrid.inference.mask_frames import labelled_frames

    _one_thread()
    quarantine = Quarantine()
    source = find_labels(data, label_format, None, None)
    frames = islice(labelled_frames(source, root, quarantine), limit)
    try:
        done = write_words(
            progress_bar(frames, "frames"), _tokenizer(tokenizer, weights, seg, sam2), out
        )
    except KeyboardInterrupt:
        print_error(f"stopped; what is written stays: the same command goes on ({out})")
        raise typer.Exit(130) from None
    print_rejected(quarantine.rejected)
    facts = {
        "frames": done.frames,
        "masks": done.masks,
        "outside": done.outside,
        "mean_iou": round(done.ious / done.masks, 4) if done.masks else None,
        "written_before": done.before,
        "quarantined": quarantine.num_rejected,
    }
    _tell(facts, as_json)
    if quarantine.num_rejected:
        raise typer.Exit(1)


@masks.command()
def decode(  # noqa: PLR0913, PLR0917 - options of a command
    words: Annotated[Path, typer.Argument(help="file that `masks encode` wrote")],
    root: Annotated[Path, typer.Option(help="folder of the pictures")],
    out: Annotated[Path, typer.Option(help="file of JSON lines: COCO run lengths")],
    tokenizer: TokenizerOption,
    weights: WeightsOption = None,
    seg: SegOption = None,
    sam2: Sam2Option = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the masks of words; broken words give no mask and are told.

    Example: drivegrid masks decode words.jsonl --root camvid --tokenizer himtok --out masks.jsonl
    """
    from drivegrid.data.files import write_lines
    from drivegrid.data.quarantine import Quarantine
    from drivegrid.inference.mask_corpus import draw_words

    if out.resolve() == words.resolve():
        raise typer.BadParameter(f"--out must not be the file that is read, got {out}")
    _one_thread()
    quarantine, counts = Quarantine(), {"masks": 0, "dropped": 0}

    def lines() -> Any:
        drawn = draw_words(words, _tokenizer(tokenizer, weights, seg, sam2), root, quarantine)
        for frame, found in progress_bar(drawn, "frames"):
            whole = sum(mask["segmentation"] is not None for mask in found)
            counts["masks"] += whole
            counts["dropped"] += len(found) - whole
            yield json.dumps({**frame, "masks": found})

    write_lines(out, lines())
    print_rejected(quarantine.rejected)
    facts = {"frames": quarantine.num_kept, **counts, "quarantined": quarantine.num_rejected}
    _tell(facts, as_json)
    if quarantine.num_rejected or counts["dropped"]:
        raise typer.Exit(1)


@masks.command()
def check(
    weights: Annotated[
        Path,
        typer.Argument(help="SAM2 folder of transformers; with --config a file of Meta's package"),
    ],
    config: Annotated[
        str | None,
        typer.Option(help="YAML of Meta's package, such as configs/sam2.1/sam2.1_hiera_t.yaml"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that SAM2 weights load and draw: a click and a box on a rendered scene.

    Example: drivegrid masks check weights/sam2.1-hiera-tiny
    """
    from drivegrid.inference.mask_check import check_segmenter
    from drivegrid.masks.sam2 import Sam2Segmenter
    from drivegrid.masks.sam2_package import Sam2PackageSegmenter

    if config is None and weights.is_file():
        raise typer.BadParameter(f"{weights} is a file: give the --config of Meta's package too")
    _one_thread()
    segmenter: Segmenter[Any] = (
        Sam2Segmenter.from_pretrained(weights)
        if config is None
        else Sam2PackageSegmenter.from_pretrained(weights, config)
    )
    _tell(check_segmenter(segmenter), as_json)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _tokenizer(
    name: TokenizerName, weights: Path | None, seg: Path | None, sam2: Path | None
) -> MaskTokenizer:
    from drivegrid.masks.loading import load_tokenizer

    if name == "grid" and weights is not None:
        raise typer.BadParameter("grid anchors have no weights of their own: leave out --weights")
    if name == "himtok" and seg is not None:
        raise typer.BadParameter("himtok draws without drivegrid-seg: leave out --seg")
    if name != "grid" and sam2 is not None:
        raise typer.BadParameter(f"{name} draws without SAM2: leave out --sam2")
    return _grid_tokenizer(seg, sam2) if name == "grid" else load_tokenizer(name, weights, seg)


def _grid_tokenizer(seg: Path | None, sam2: Path | None) -> GridMaskTokenizer:
    from drivegrid.masks.grid_tokenizer import GridMaskTokenizer
    from drivegrid.masks.sam2 import Sam2Segmenter
    from drivegrid.masks.seg.segmenter import SmallSegmenter

    if sam2 is not None:
        return GridMaskTokenizer(Sam2Segmenter.from_pretrained(sam2))
    return GridMaskTokenizer(SmallSegmenter.from_pretrained(seg))


def _writers(samtok: Path | None, seg: Path | None, sam2: Path | None) -> list[MaskWriter]:
    from drivegrid.inference.mask_peers import (
        BoxedAnchorsWriter,
        EllipseWriter,
        PolygonWriter,
        RunLengthWriter,
        TokenizerWriter,
    )
    from drivegrid.masks.himtok.tokenizer import HimTokenizer

    name = "drivegrid-seg" if sam2 is None else "SAM2"
    grid = _grid_tokenizer(seg, sam2)
    himtok = [
        TokenizerWriter(HimTokenizer.from_pretrained(length=length), f"HiMTok, {length}")
        for length in HIMTOK_LENGTHS
    ]
    return [
        TokenizerWriter(grid, f"grid + {name}"),
        BoxedAnchorsWriter(grid, f"grid and box + {name}"),
        TokenizerWriter(_tokenizer("samtok", samtok, seg, None), "SAMTok"),
        *himtok,
        PolygonWriter(0),
        PolygonWriter(1),
        RunLengthWriter(),
        EllipseWriter(),
    ]


def _tell(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        typer.echo(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items()))


def _table(comparison: Comparison) -> str:
    """Return rows of a Markdown table, shares in percent."""
    from drivegrid.inference.mask_comparison import CLASSES

    head = ["way", "IoU", "boundary F", "small IoU", "tokens", "encode ms", "decode ms", *CLASSES]
    lines = [head, ["---"] * len(head)]
    for row in comparison.rows():
        shares = [row["iou"], row["boundary_f"], row["small_iou"]]
        costs = [row["tokens"], row["encode_ms"], row["decode_ms"]]
        cells = [_cell(value, 100) for value in shares] + [_cell(value, 1) for value in costs]
        lines.append([str(row["tokenizer"]), *cells, *(_cell(row[n], 100) for n in CLASSES)])
    count = len(comparison.classes)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{count} masks of {comparison.frames} frames\n\n{table}"


def _cell(value: float | int | str | None, factor: float) -> str:
    return "-" if value is None else f"{factor * float(value):.1f}"
