"""Packs: pinned, checked before they are opened, whole or absent, and watched afterwards."""

import json
import re
import urllib.request
from io import BytesIO
from pathlib import Path
from urllib.error import URLError

import pytest

from drivegrid.errors import ConfigError, DriveGridError, FormatError
from drivegrid.scenes import assets
from drivegrid.scenes.assets import (
    PACKS,
    add_pack,
    altered_files,
    assets_folder,
    find_pack,
    pack_folder,
    pack_state,
    remove_pack,
)
from tests.scenes.archiving import GOOD, SVG, pinned, tar_of

STOP = "regulatory--stop--g1.svg"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DRIVEGRID_ASSETS", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def archive(tmp_path) -> Path:
    path = tmp_path / "signs.tgz"
    path.write_bytes(tar_of(GOOD))
    return path


@pytest.fixture
def pack(archive):
    return pinned(archive.read_bytes())


@pytest.mark.parametrize("name", PACKS)
def test_the_table_is_complete(name) -> None:
    pack = PACKS[name]
    assert pack.name == name
    assert re.fullmatch(r"[a-z]+", name)
    assert re.fullmatch(r"[0-9a-f]{64}", pack.sha256)
    assert pack.url.startswith("https://")
    assert pack.version in pack.file
    assert pack.file.endswith(".tgz")
    assert 0 < pack.num_bytes < 20e6
    assert any("LICENSE" in member for member in pack.members)
    assert all((pack.licence, pack.purpose, pack.package))


def test_the_notice_names_every_pack_and_licence() -> None:
    notice = (Path(__file__).parents[2] / "NOTICE").read_text(encoding="utf-8")
    for pack in PACKS.values():
        assert f"{pack.package} {pack.version}" in notice
        assert pack.licence in notice


def test_a_pack_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="one of signs, got 'trees'"):
        find_pack("trees")


def test_added_from_a_file(cache, archive, pack) -> None:
    assert pack_state(pack) == "absent"
    folder = add_pack(pack, archive)
    assert folder == pack_folder(pack) == cache / "signs"
    assert pack_state(pack) == "present"
    assert (folder / STOP).read_bytes() == SVG
    assert {path.name for path in folder.iterdir()} == {
        "LICENSE", STOP, "regulatory--maximum-speed-limit-50--g1.svg", "manifest.json",
    }  # fmt: skip
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["archive_sha256"] == pack.sha256
    assert manifest["licence"] == "MIT"
    assert [path.name for path in cache.iterdir()] == ["signs"]


def test_adding_again_does_nothing(archive, pack) -> None:
    before = (add_pack(pack, archive) / STOP).stat().st_mtime_ns
    archive.unlink()
    assert (add_pack(pack, archive) / STOP).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda data: b"", "got 0 bytes with"),
        (lambda data: data[:-1], "SHA-256"),
        (lambda data: bytes([data[0] ^ 1]) + data[1:], "SHA-256"),
        (lambda data: data + b"x", "got more"),
    ],
    ids=["empty", "torn", "changed", "longer"],
)
def test_other_bytes_are_never_opened(monkeypatch, cache, archive, pack, change, named) -> None:
    archive.write_bytes(change(archive.read_bytes()))
    monkeypatch.setattr(assets, "unpack", lambda *_: pytest.fail("opened before it was checked"))
    with pytest.raises(FormatError, match=named):
        add_pack(pack, archive)
    assert not cache.exists()


def test_a_pinned_archive_with_an_evil_member_leaves_nothing(tmp_path, cache) -> None:
    path = tmp_path / "evil.tgz"
    path.write_bytes(tar_of(GOOD | {"../../evil": b"x"}))
    with pytest.raises(FormatError, match="relative names"):
        add_pack(pinned(path.read_bytes()), path)
    assert not cache.exists() or list(cache.iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda f: (f / STOP).write_bytes(SVG + b" "), [STOP]),
        (lambda f: (f / STOP).unlink(), [STOP]),
        (lambda f: (f / "new.svg").write_bytes(b""), ["new.svg"]),
        (lambda f: (f / "folder").mkdir(), ["folder"]),
        (lambda f: (f / STOP).symlink_to((f / STOP).rename(f.parent / "x")), [STOP]),
        (lambda f: (f / "manifest.json").unlink(), ["manifest.json"]),
        (lambda f: (f / "manifest.json").write_text("[]"), ["manifest.json"]),
        (lambda f: (f / "manifest.json").write_text('{"files": 3}'), ["manifest.json"]),
        (lambda f: (f / "manifest.json").write_text("{"), ["manifest.json"]),
    ],
    ids=["changed", "missing", "new", "folder", "link", "no manifest", "list", "number", "torn"],
)  # fmt: skip
def test_what_was_altered_is_named(archive, pack, break_it, named) -> None:
    folder = add_pack(pack, archive)
    break_it(folder)
    assert altered_files(pack, folder) == named
    assert pack_state(pack) == "altered"
    with pytest.raises(ConfigError, match="drivegrid scenes assets remove signs"):
        add_pack(pack, archive)


def test_another_version_counts_as_altered(archive, pack) -> None:
    folder = add_pack(pack, archive)
    assert altered_files(pinned(b"newer"), folder) == ["manifest.json"]


def test_removed(cache, archive, pack) -> None:
    assert not remove_pack(pack)
    add_pack(pack, archive)
    assert remove_pack(pack)
    assert pack_state(pack) == "absent"
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("link", [False, True])
def test_a_folder_of_somebody_else_is_not_removed(cache, archive, pack, link) -> None:
    mine = cache / ("mine" if link else "signs")
    mine.mkdir(parents=True)
    (mine / "photo.jpg").write_bytes(b"dear")
    if link:
        (mine / "manifest.json").write_text("{}")
        (cache / "signs").symlink_to(mine)
    with pytest.raises(ConfigError, match="must hold a pack"):
        remove_pack(pack)
    assert (mine / "photo.jpg").read_bytes() == b"dear"


class Response(BytesIO):
    """What urlopen gives back."""

    def __init__(self, data: bytes, url: str) -> None:
        super().__init__(data)
        self.url = url


def test_downloaded_from_the_registry(monkeypatch, archive, pack) -> None:
    asked = []

    def fetch(url, timeout):
        asked.append((url, timeout))
        return Response(archive.read_bytes(), url)

    monkeypatch.setattr(urllib.request, "urlopen", fetch)
    folder = add_pack(pack)
    assert (folder / STOP).read_bytes() == SVG
    assert asked == [(pack.url, assets.TIMEOUT_S)]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (URLError("no route"), "no route.*--from FILE"),
        (TimeoutError("timed out"), "timed out.*--from FILE"),
        (Response(b"", "http://elsewhere/"), "sent on to http://elsewhere/"),
    ],
    ids=["no network", "silence", "sent on"],
)
def test_a_registry_out_of_reach(monkeypatch, cache, pack, answer, named) -> None:
    def fetch(url, timeout):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(urllib.request, "urlopen", fetch)
    with pytest.raises(DriveGridError, match=f"pack signs must be reachable, got: .*{named}"):
        add_pack(pack)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"DRIVEGRID_ASSETS": "/packs"}, "/packs"),
        ("linux", {"XDG_CACHE_HOME": "/caches"}, "/caches/drivegrid/assets"),
        ("linux", {}, "/home/me/.cache/drivegrid/assets"),
        ("darwin", {}, "/home/me/Library/Caches/drivegrid/assets"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/drivegrid/assets"),
    ],
)
def test_where_packs_go(monkeypatch, platform, variables, expected) -> None:
    for name in ("DRIVEGRID_ASSETS", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(assets.sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert assets_folder() == Path(expected)
