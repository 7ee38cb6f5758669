"""Uploads: pictures become RGB, all else is refused in words."""

import tempfile
from io import BytesIO

import numpy as np
import pytest
from drivegrid.dashboard.serving import uploads
from drivegrid.dashboard.serving.uploads import MAX_UPLOAD_BYTES, keep_upload, read_upload
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drivegrid.errors import FormatError
from tests.dashboard.serving.pictures import encoded, noise, png_claiming, real_bomb, turned
from tests.data.builders import full_disk


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Give uploads a folder of their own, and see that nothing stays in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 100, "subsampling": 0})],
)
def test_pictures_are_read(kind, options):
    image = noise()
    found = read_upload(encoded(image, kind, **options))
    assert found.shape == (48, 64, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - np.asarray(image)).max() <= (0 if kind != "JPEG" else 12)


def test_a_picture_is_turned_once():
    assert read_upload(turned()).shape == (64, 48, 3)
    assert read_upload(encoded(Image.open(BytesIO(turned())), "JPEG")).shape == (48, 64, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [noise(seed=seed) for seed in range(3)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert Image.open(BytesIO(content)).n_frames == 3
    assert np.array_equal(read_upload(content), np.asarray(frames[0]))


BAD = {
    "empty": (b"", "JPEG, PNG or WebP"),
    "text": (b"hello", "JPEG, PNG or WebP"),
    "html": (b"<html><script>alert(1)</script></html>", "JPEG, PNG or WebP"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "JPEG, PNG or WebP"),
    "gif": (encoded(noise(), "GIF"), "JPEG, PNG or WebP"),
    "tiff": (encoded(noise(), "TIFF"), "JPEG, PNG or WebP"),
    "html after a JPEG's first bytes": (b"\xff\xd8\xff<script>", "picture"),
    "cut JPEG": (encoded(noise(), "JPEG")[:500], "whole and readable"),
    "cut PNG": (encoded(noise())[:2000], "whole and readable"),
    "cut WebP": (encoded(noise(), "WEBP")[:200], "picture"),
    "one pixel": (encoded(noise(1, 1)), "at least 32 pixels"),
    "a strip": (encoded(noise(4000, 2)), "at least 32 pixels"),
    "claims of 2^31": (png_claiming(2**31 - 1, 2**31 - 1), "picture must"),
    "claims of 30000 by 30000": (png_claiming(30000, 30000), "picture must have at most"),
    "real bomb": (real_bomb(), "picture must have at most"),
    "200 MB": (b"\xff\xd8\xff" + bytes(200 * 2**20), "at most 32 MiB, got 200 MiB"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_uploads_are_refused_in_words(name, tmp_path):
    content, told = BAD[name]
    with pytest.raises(FormatError, match=told) as caught:
        read_upload(content)
    assert str(tmp_path) not in str(caught.value)
    assert " object at 0x" not in str(caught.value)


def test_bombs_are_small():
    assert len(BAD["real bomb"][0]) < 20_000
    assert MAX_UPLOAD_BYTES > len(BAD["claims of 30000 by 30000"][0])


def test_a_full_disk_is_told():
    with full_disk(), pytest.raises(FormatError, match="upload must be kept for a moment"):
        read_upload(encoded(noise()))


def test_an_upload_is_kept_once(temporary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    name, size_wh = keep_upload(encoded(noise()), folder)
    assert (keep_upload(encoded(noise()), folder), size_wh) == ((name, size_wh), (64, 48))
    assert [one.name for one in folder.iterdir()] == [name]


def test_an_upload_that_cannot_be_kept_is_told(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("uploads")
    monkeypatch.setattr(uploads, "read_upload", lambda _: np.asarray(noise()))
    with full_disk(), pytest.raises(FormatError, match="Make room on the server"):
        keep_upload(b"", folder)
    assert list(folder.iterdir()) == []


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b""]))
def test_no_bytes_crash_it(body, start):
    with pytest.raises(FormatError):
        read_upload(start + body)
