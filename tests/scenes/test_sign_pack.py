"""Real sign faces: names become labels, plates are cut out of their drawings."""

import sys

import pytest

from drivegrid.errors import FormatError, MissingExtraError
from drivegrid.labels import default_label_space
from drivegrid.scenes.sign_pack import load_sign_faces
from tests.scenes.archiving import GOOD, SIGNS, need_cairo, pack_of


def test_faces_with_label_aspect_and_plate(tmp_path, monkeypatch) -> None:
    need_cairo()
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
def test_broken_faces_are_named(tmp_path, monkeypatch, svg) -> None:
    need_cairo()
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
