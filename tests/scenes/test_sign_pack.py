"""Real sign faces: names become labels, plates are cut out of their drawings."""

import sys

import pytest

from drivegrid.errors import FormatError, MissingExtraError
from drivegrid.labels import default_label_space
from drivegrid.scenes import sign_pack
from drivegrid.scenes.assets import add_pack
from drivegrid.scenes.sign_pack import load_sign_faces
from tests.scenes.archiving import GOOD, pinned, tar_of

SIGNS = "package/package_signs"


@pytest.fixture
def cairo():
    try:
        import cairosvg  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"needs cairosvg: {error}")


def pack_of(tmp_path, monkeypatch, files):
    """Add a pack with these files and return its folder."""
    archive = tmp_path / "signs.tgz"
    archive.write_bytes(tar_of(GOOD | files))
    pack = pinned(archive.read_bytes())
    monkeypatch.setenv("DRIVEGRID_ASSETS", str(tmp_path / "cache"))
    monkeypatch.setattr(sign_pack, "find_pack", lambda name: pack)
    return add_pack(pack, archive)


def test_faces_with_label_aspect_and_plate(tmp_path, monkeypatch, cairo) -> None:
    more = {f"{SIGNS}/{n}.svg": GOOD[f"{SIGNS}/regulatory--stop--g1.svg"] for n in (
        "warning--unheard-of--g2", "no-group-at-all")}  # fmt: skip
    faces = load_sign_faces(pack_of(tmp_path, monkeypatch, more), 16)
    assert list(faces) == sorted(faces)
    found = [(face.label, dict(face.attributes), face.is_exact) for face in faces.values()]
    assert found == [
        ("sign/regulatory/speed_limit", {"limit": "50"}, True),
        ("sign/regulatory/stop", {"shape": "octagon", "color": "red"}, True),
        ("sign/warning", {}, False),
    ]
    for face in faces.values():
        assert face.label in default_label_space().labels
        assert face.aspect == 0.5  # the plate covers half the drawing's width
        assert face.image.shape == (16, 16, 4)
        assert (face.image == (200, 0, 0, 255)).all()


@pytest.mark.parametrize(
    "svg",
    [
        b"",
        b"<svg",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24"/>',
        b'<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg '
        b'xmlns="http://www.w3.org/2000/svg" width="24" height="24"><text>&e;</text></svg>',
    ],
    ids=["empty", "torn", "nothing to see", "entity"],
)
def test_broken_faces_are_named(tmp_path, monkeypatch, cairo, svg) -> None:
    folder = pack_of(tmp_path, monkeypatch, {f"{SIGNS}/warning--a.svg": svg})
    with pytest.raises(FormatError, match=r"face must .*warning--a\.svg"):
        load_sign_faces(folder, 16)


def test_an_altered_pack_is_refused(tmp_path, monkeypatch) -> None:
    folder = pack_of(tmp_path, monkeypatch, {})
    (folder / "new.svg").write_bytes(b"")
    with pytest.raises(FormatError, match=r"1 altered files.*new\.svg"):
        load_sign_faces(folder)


def test_without_cairosvg_the_extra_is_named(tmp_path, monkeypatch) -> None:
    folder = pack_of(tmp_path, monkeypatch, {})
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(MissingExtraError, match=r"drivegrid\[assets\]"):
        load_sign_faces(folder)
