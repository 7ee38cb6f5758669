"""Small archives, good and evil, and a pack that pins one."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace

import pytest

from drivegrid.scenes import sign_pack
from drivegrid.scenes.assets import PACKS, add_pack

SIGNS = "package/package_signs"
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24">'
    b'<rect x="6" y="0" width="12" height="24" fill="#c80000"/></svg>'
)
GOOD = {
    "package/LICENSE": b"MIT",
    "package/package_signs/regulatory--stop--g1.svg": SVG,
    "package/package_signs/regulatory--maximum-speed-limit-50--g1.svg": SVG,
    "package/package_ui/other.svg": b"not wanted",
}


def tar_of(files, *extra: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in extra:
            tar.addfile(info)
    return gzip.compress(packed.getvalue(), mtime=0)


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def pinned(data: bytes):
    """The pack ``signs`` with another archive."""
    return replace(PACKS["signs"], num_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def pack_of(tmp_path, monkeypatch, files):
    """Add a pack with these files and return its folder."""
    archive = tmp_path / "signs.tgz"
    archive.write_bytes(tar_of(GOOD | files))
    pack = pinned(archive.read_bytes())
    monkeypatch.setenv("DRIVEGRID_ASSETS", str(tmp_path / "cache"))
    monkeypatch.setattr(sign_pack, "find_pack", lambda name: pack)
    return add_pack(pack, archive)


def need_cairo() -> None:
    """Skip the test where nothing can draw SVG files."""
    try:
        import cairosvg  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"needs cairosvg: {error}")
