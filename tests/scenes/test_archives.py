"""What comes out of archives: the wanted files and nothing else, nowhere else."""

import gzip
import hashlib
import tarfile

import pytest

from drivegrid.errors import FormatError
from drivegrid.scenes import archives
from drivegrid.scenes.archives import unpack
from tests.scenes.archiving import GOOD, SVG, member, tar_of, zip_of

WANTED = (r"package/package_signs/[\w-]+\.svg", "package/LICENSE")
INSIDE = "package/package_signs/a.svg"


def unpacked(tmp_path, data: bytes, suffix: str) -> dict[str, str]:
    archive, folder = tmp_path / f"archive{suffix}", tmp_path / "folder"
    archive.write_bytes(data)
    folder.mkdir()
    return unpack(archive, folder, WANTED)


@pytest.mark.parametrize(("pack", "suffix"), [(tar_of, ".tgz"), (zip_of, ".whl")])
def test_wanted_files_come_out_flat(tmp_path, pack, suffix) -> None:
    found = unpacked(tmp_path, pack(GOOD | {"package/folder/": b""}), suffix)
    written = {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    assert written == {name.split("/")[-1]: GOOD[name] for name in [*GOOD][:3]}
    assert found == {name: hashlib.sha256(data).hexdigest() for name, data in written.items()}


@pytest.mark.parametrize(("pack", "suffix"), [(tar_of, ".tgz"), (zip_of, ".whl")])
@pytest.mark.parametrize(
    "name",
    ["../evil.svg", "package/../../evil", "/etc/evil", "package//evil", "./evil", "C:/evil",
     "package\\..\\evil", "package/..", "package/e\nvil"],
)  # fmt: skip
def test_names_that_lead_outside_refuse_the_archive(tmp_path, pack, suffix, name) -> None:
    with pytest.raises(FormatError, match="relative names"):
        unpacked(tmp_path, pack(GOOD | {name: SVG}), suffix)
    assert {path.name for path in tmp_path.iterdir()} == {f"archive{suffix}", "folder"}


@pytest.mark.parametrize(
    "evil",
    [
        member(INSIDE, tarfile.SYMTYPE, "/etc/passwd"),
        member(INSIDE, tarfile.LNKTYPE, "package/LICENSE"),
        member("package/unwanted", tarfile.SYMTYPE, ".."),
        member(INSIDE, tarfile.CHRTYPE),
        member(INSIDE, tarfile.FIFOTYPE),
        member("../", tarfile.DIRTYPE),
    ],
    ids=["link", "hard link", "unwanted link", "device", "pipe", "folder above"],
)
def test_tar_members_that_are_no_plain_files(tmp_path, evil) -> None:
    with pytest.raises(FormatError, match="plain files"):
        unpacked(tmp_path, tar_of(GOOD, evil), ".tgz")
    assert not any(path.is_symlink() for path in (tmp_path / "folder").iterdir())


def test_zip_links_are_refused(tmp_path) -> None:
    with pytest.raises(FormatError, match="plain files"):
        unpacked(tmp_path, zip_of(GOOD, INSIDE), ".whl")


@pytest.mark.parametrize("name", [INSIDE, "package/unwanted"])
def test_a_tar_bomb_stops_at_the_limit(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    bomb = tar_of({name: bytes(1_000_000)} | GOOD)
    assert len(bomb) < 5000
    with pytest.raises(FormatError, match="unpack to at most 100000 bytes"):
        unpacked(tmp_path, bomb, ".tgz")
    assert sum(path.stat().st_size for path in (tmp_path / "folder").iterdir()) <= 100_000


def test_a_zip_bomb_stops_at_the_limit(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    each = {f"package/package_signs/{i}.svg": bytes(60_000) for i in range(3)}
    with pytest.raises(FormatError, match="unpack to at most 100000 bytes"):
        unpacked(tmp_path, zip_of(each), ".whl")
    assert sum(path.stat().st_size for path in (tmp_path / "folder").iterdir()) <= 100_000


@pytest.mark.parametrize(("pack", "suffix"), [(tar_of, ".tgz"), (zip_of, ".whl")])
def test_too_many_members(tmp_path, monkeypatch, pack, suffix) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", len(GOOD))
    (tmp_path / "enough").mkdir()
    unpacked(tmp_path / "enough", pack(GOOD), suffix)
    with pytest.raises(FormatError, match="at most 4 members"):
        unpacked(tmp_path, pack(GOOD | {"one more": b""}), suffix)


def test_two_files_of_one_name(tmp_path) -> None:
    again = member(INSIDE, tarfile.REGTYPE)
    with pytest.raises(FormatError, match="two files of one name"):
        unpacked(tmp_path, tar_of({INSIDE: SVG}, again), ".tgz")


def test_two_names_that_differ_by_case_alone(tmp_path) -> None:
    with pytest.raises(FormatError, match="two files of one name"):
        unpacked(tmp_path, zip_of({INSIDE: SVG, INSIDE.replace("a.svg", "A.svg"): SVG}), ".whl")


def test_a_wanted_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(FormatError, match=r"must hold package/LICENSE, got none"):
        unpacked(tmp_path, tar_of({INSIDE: SVG}), ".tgz")


@pytest.mark.parametrize("suffix", [".tgz", ".whl"])
@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", tar_of(GOOD)[:-200], zip_of(GOOD)[:-40], gzip.compress(b"x" * 2000)],
    ids=["empty", "text", "torn tar", "torn zip", "gzip of text"],
)
def test_broken_archives(tmp_path, data, suffix) -> None:
    with pytest.raises(FormatError, match="archive must"):
        unpacked(tmp_path, data, suffix)


def test_a_changed_byte_in_a_zip_is_noticed(tmp_path) -> None:
    good = zip_of(GOOD)
    place = good.index(b"LICENSE") + len("LICENSE") + 1
    with pytest.raises(FormatError, match="whole"):
        unpacked(tmp_path, good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :], ".whl")
