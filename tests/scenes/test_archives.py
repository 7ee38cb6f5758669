"""What comes out of archives: the wanted files and nothing else, nowhere else."""

import gzip
import hashlib
import tarfile

import pytest

from drivegrid.errors import FormatError
from drivegrid.scenes import archives
from drivegrid.scenes.archives import unpack
from tests.scenes.archiving import GOOD, SVG, member, tar_of

WANTED = (r"package/package_signs/[\w-]+\.svg", "package/LICENSE")
INSIDE = "package/package_signs/a.svg"


def unpacked(tmp_path, data: bytes) -> dict[str, str]:
    archive, folder = tmp_path / "archive.tgz", tmp_path / "folder"
    archive.write_bytes(data)
    folder.mkdir()
    return unpack(archive, folder, WANTED)


def test_wanted_files_come_out_flat(tmp_path) -> None:
    found = unpacked(tmp_path, tar_of(GOOD | {"package/folder/": b""}))
    written = {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    assert written == {name.split("/")[-1]: GOOD[name] for name in [*GOOD][:3]}
    assert found == {name: hashlib.sha256(data).hexdigest() for name, data in written.items()}


@pytest.mark.parametrize(
    "name",
    ["../evil.svg", "package/../../evil", "/etc/evil", "package//evil", "./evil", "C:/evil",
     "package\\..\\evil", "package/..", "package/e\nvil"],
)  # fmt: skip
def test_names_that_lead_outside_refuse_the_archive(tmp_path, name) -> None:
    with pytest.raises(FormatError, match="relative names"):
        unpacked(tmp_path, tar_of(GOOD | {name: SVG}))
    assert {path.name for path in tmp_path.iterdir()} == {"archive.tgz", "folder"}


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
        unpacked(tmp_path, tar_of(GOOD, evil))
    assert not any(path.is_symlink() for path in (tmp_path / "folder").iterdir())


@pytest.mark.parametrize("name", [INSIDE, "package/unwanted"])
def test_a_tar_bomb_stops_at_the_limit(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    bomb = tar_of({name: bytes(1_000_000)} | GOOD)
    assert len(bomb) < 5000
    with pytest.raises(FormatError, match="unpack to at most 100000 bytes"):
        unpacked(tmp_path, bomb)
    assert sum(path.stat().st_size for path in (tmp_path / "folder").iterdir()) <= 100_000


def test_too_many_members(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", len(GOOD))
    (tmp_path / "enough").mkdir()
    unpacked(tmp_path / "enough", tar_of(GOOD))
    with pytest.raises(FormatError, match="at most 4 members"):
        unpacked(tmp_path, tar_of(GOOD | {"one more": b""}))


def test_two_files_of_one_name(tmp_path) -> None:
    again = member(INSIDE, tarfile.REGTYPE)
    with pytest.raises(FormatError, match="two files of one name"):
        unpacked(tmp_path, tar_of({INSIDE: SVG}, again))


def test_two_names_that_differ_by_case_alone(tmp_path) -> None:
    with pytest.raises(FormatError, match="two files of one name"):
        unpacked(tmp_path, tar_of({INSIDE: SVG, INSIDE.replace("a.svg", "A.svg"): SVG}))


def test_a_wanted_file_that_is_not_there(tmp_path) -> None:
    with pytest.raises(FormatError, match=r"must hold package/LICENSE, got none"):
        unpacked(tmp_path, tar_of({INSIDE: SVG}))


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", tar_of(GOOD)[:-200], gzip.compress(b"x" * 2000)],
    ids=["empty", "text", "torn", "gzip of text"],
)
def test_broken_archives(tmp_path, data) -> None:
    with pytest.raises(FormatError, match="archive must"):
        unpacked(tmp_path, data)
