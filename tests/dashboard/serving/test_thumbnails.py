"""Thumbnails: made once, of whole pictures, on a disk with room."""

import os
import threading
import time

import numpy as np
import pytest
from drivegrid.dashboard.serving import thumbnails as module
from drivegrid.dashboard.serving.thumbnails import ThumbnailError, Thumbnails
from PIL import Image

from drivegrid.errors import FormatError
from tests.dashboard.serving.pictures import encoded, noise, png_claiming, turned
from tests.data.builders import full_disk


@pytest.fixture
def reads(monkeypatch):
    """Count how often pictures are read."""
    seen, load_image = [], module.load_image

    def load(path):
        seen.append(path)
        time.sleep(0.05)  # long enough for another thread to come
        return load_image(path)

    monkeypatch.setattr(module, "load_image", load)
    return seen


@pytest.fixture
def thumbnails(tmp_path):
    return Thumbnails(tmp_path / "cache")


def put(folder, content, name="a.jpg"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "side", "size_wh"),
    [
        (encoded(noise(64, 48)), 32, (32, 24)),
        (encoded(noise(48, 64)), 32, (24, 32)),
        (encoded(noise(64, 48)), 64, (64, 48)),
        (encoded(noise(64, 48)), 320, (64, 48)),
        (encoded(noise(64, 48), "TIFF"), 0, (64, 48)),
        (encoded(noise(400, 1)), 320, (320, 1)),
        (turned(), 32, (24, 32)),
    ],
)
def test_it_fits_and_stands_upright(tmp_path, thumbnails, content, side, size_wh):
    made = thumbnails.get(put(tmp_path, content), side)
    with Image.open(made) as image:
        assert (image.format, image.size) == ("WEBP", size_wh)


def test_it_shows_the_picture(tmp_path, thumbnails):
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 32:] = 255
    with Image.open(thumbnails.get(put(tmp_path, encoded(Image.fromarray(halves))), 16)) as image:
        shown = np.asarray(image.convert("L")).astype(int)
    assert shown[:, :6].max() < 20 < 235 < shown[:, 10:].min()


def test_it_is_made_once(tmp_path, thumbnails, reads):
    path = put(tmp_path, encoded(noise()))
    first = thumbnails.get(path, 32)
    assert thumbnails.get(path, 32) == first
    assert Thumbnails(thumbnails.folder).get(path, 32) == first
    assert len(reads) == 1
    assert thumbnails.get(path, 16) != first
    assert len(reads) == 2


def test_two_requests_at_once_make_it_once(tmp_path, thumbnails, reads):
    path, found, start = put(tmp_path, encoded(noise())), [], threading.Barrier(2)

    def ask():
        start.wait()
        found.append(thumbnails.get(path, 32))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1
    assert len(found) == 2
    assert found[0] == found[1]


def test_a_picture_that_changes_gets_a_new_one(tmp_path, thumbnails):
    path = put(tmp_path, encoded(noise(seed=1)))
    first = thumbnails.get(path, 32)
    put(tmp_path, encoded(noise(seed=2)))
    os.utime(path, ns=(1, 1))
    assert thumbnails.get(path, 32) != first


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", encoded(noise(), "JPEG")[:500], png_claiming(30000, 30000)]
)
def test_damaged_pictures_are_named_and_read_once(tmp_path, thumbnails, reads, content):
    path = put(tmp_path, content)
    told = set()
    for _ in range(3):
        with pytest.raises(FormatError, match=r"a\.jpg") as caught:
            thumbnails.get(path, 32)
        told.add(str(caught.value))
    assert len(told) == len(reads) == 1
    put(tmp_path, encoded(noise()))
    os.utime(path, ns=(1, 1))
    assert thumbnails.get(path, 32).exists()


def test_trouble_of_the_machine_is_no_damage(tmp_path, thumbnails, monkeypatch):
    path = put(tmp_path, encoded(noise()))
    with monkeypatch.context() as patch:
        patch.setattr(module, "load_image", _refused)
        with pytest.raises(FormatError, match="Permission denied"):
            thumbnails.get(path, 32)
    assert thumbnails.get(path, 32).exists()


def _refused(path):
    try:
        raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise FormatError("picture must be readable, got: Permission denied.", path) from error


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, thumbnails):
    path = put(tmp_path, encoded(noise(640, 480)))
    with full_disk(), pytest.raises(ThumbnailError, match="Make room on the disk"):
        thumbnails.get(path, 320)
    assert [file for file in thumbnails.folder.rglob("*") if file.is_file()] == []
    assert thumbnails.get(path, 320).exists()


def test_a_missing_picture_is_no_thumbnail(tmp_path, thumbnails):
    with pytest.raises(FileNotFoundError):
        thumbnails.get(tmp_path / "none.jpg", 32)


def test_beyond_the_limit_the_oldest_go(tmp_path):
    paths = [put(tmp_path, encoded(noise(seed=n)), f"{n}.jpg") for n in range(8)]
    size = Thumbnails(tmp_path / "one").get(paths[0], 32).stat().st_size
    folder = tmp_path / "cache"
    thumbnails = Thumbnails(folder, 4 * size)
    made = []
    for n, path in enumerate(paths):
        made.append(thumbnails.get(path, 32))
        os.utime(made[-1], (n, n))
        assert made[-1].exists()
        assert sum(file.stat().st_size for file in folder.glob("*/*")) <= 4 * size
    there = [one.exists() for one in made]
    assert there == sorted(there) and 2 <= sum(there) < 8
    assert thumbnails.get(paths[0], 32).exists()  # made anew


def test_what_was_there_before_counts_too_and_the_newest_always_stays(tmp_path):
    paths = [put(tmp_path, encoded(noise(seed=n)), f"{n}.jpg") for n in range(3)]
    for n, path in enumerate(paths[:2]):
        os.utime(Thumbnails(tmp_path / "cache").get(path, 32), (n, n))
    last = Thumbnails(tmp_path / "cache", 1).get(paths[2], 32)
    assert list((tmp_path / "cache").glob("*/*")) == [last]
