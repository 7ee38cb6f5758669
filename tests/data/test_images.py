"""Pictures: every kind becomes RGB, everything else a FormatError that names the file."""

import io
import os
import struct
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from drivegrid.data.images import image_size, iter_frames, load_image, save_image
from drivegrid.errors import FormatError, GeometryError
from tests.data.builders import full_disk

RED = np.zeros((4, 6, 3), np.uint8) + np.array([200, 10, 10], np.uint8)


def encoded(image, format_name, **options):
    buffer = io.BytesIO()
    image.save(buffer, format=format_name, **options)
    return buffer.getvalue()


def png_of_size(width, height):
    """A PNG whose header claims a size that its body does not have."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def noise(width=64, height=48):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.ppm", "a.tif", "a.TIFF", "new/a.png"])
def test_lossless_formats_give_the_same_pixels(tmp_path, name):
    image = np.asarray(noise())
    save_image(tmp_path / name, image)
    assert np.array_equal(load_image(tmp_path / name), image)
    assert image_size(tmp_path / name) == (64, 48)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_lossy_formats_stay_close(tmp_path, name):
    save_image(tmp_path / name, RED)
    assert np.abs(load_image(tmp_path / name).astype(int) - RED).max() <= 4


def test_the_array_can_be_written_to(tmp_path):
    save_image(tmp_path / "a.png", RED)
    load_image(tmp_path / "a.png")[0, 0] = 7


def grey16(values, name="I;16"):
    return Image.fromarray(np.array([values], np.uint16)).convert(name)


def palette_with_clear():
    image = Image.new("P", (2, 1))
    image.putpalette([200, 100, 50, 9, 9, 9])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 1
    return image


KINDS = {
    "grey": (encoded(Image.new("L", (1, 1), 90), "PNG"), [[90, 90, 90]]),
    "one bit": (encoded(Image.new("1", (1, 1), 1), "PNG"), [[255, 255, 255]]),
    "grey and alpha": (encoded(Image.new("LA", (1, 1), (200, 0)), "PNG"), [[0, 0, 0]]),
    "half clear": (encoded(Image.new("RGBA", (1, 1), (200, 100, 0, 51)), "PNG"), [[40, 20, 0]]),
    "palette": (encoded(palette_with_clear(), "PNG", transparency=1), [[200, 100, 50], [0, 0, 0]]),
    "16-bit PNG": (encoded(grey16([0, 257, 65535]), "PNG"), [[0] * 3, [1] * 3, [255] * 3]),
    "16-bit TIFF": (encoded(grey16([0, 25700]), "TIFF"), [[0] * 3, [100] * 3]),
    "16-bit PGM": (b"P5 2 1 65535\n\x00\x00\xff\xff", [[0] * 3, [255] * 3]),
    "CMYK": (encoded(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF"), [[255, 0, 0]]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "pixels"), KINDS.values(), ids=KINDS)
def test_every_kind_of_pixel_becomes_rgb(tmp_path, content, pixels):
    (tmp_path / "a").write_bytes(content)
    image = load_image(tmp_path / "a")
    assert image.dtype == np.uint8
    assert image.reshape(-1, 3).tolist() == pixels


def test_cmyk_jpeg(tmp_path):
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    (tmp_path / "a.jpg").write_bytes(encoded(red, "JPEG", quality=100))
    assert np.abs(load_image(tmp_path / "a.jpg").astype(int) - [255, 0, 0]).max() <= 4


# What the camera stored for orientation o so that the upright picture is [[1, 2, 3], [4, 5, 6]].
STORED = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[3, 6], [2, 5], [1, 4]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[4, 1], [5, 2], [6, 3]],
    99: [[1, 2, 3], [4, 5, 6]],
}


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_rotation_is_applied(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.array(STORED[orientation], np.uint8))
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    assert load_image(tmp_path / f"a.{suffix}")[:, :, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert image_size(tmp_path / f"a.{suffix}") == (3, 2)


def test_a_turned_jpeg(tmp_path):
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[:, :32] = 200  # left half of what the camera stored
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: the left half comes on top
    Image.fromarray(stored).save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = load_image(tmp_path / "a.jpg")
    assert image.shape == (64, 32, 3)
    assert image_size(tmp_path / "a.jpg") == (32, 64)
    assert (image[:28].min() > 180, image[36:].max() < 20) == (True, True)


def exif_jpeg(*, missing):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "x" * 200
    return encoded(noise(), "JPEG", exif=exif.tobytes()[:-missing])


BROKEN_EXIF = {
    "text is cut": (exif_jpeg(missing=150), (64, 48)),
    "entries are cut": (exif_jpeg(missing=230), (48, 64)),
}


@pytest.mark.parametrize(("content", "shape"), BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_broken_exif_blocks_are_passed_over_without_a_warning(tmp_path, content, shape):
    (tmp_path / "a.jpg").write_bytes(content)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        assert load_image(tmp_path / "a.jpg").shape == (*shape, 3)
        assert image_size(tmp_path / "a.jpg") == shape[::-1]
    assert leaked == []


def test_a_large_picture_is_decided_about_without_a_warning(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of_size(10_000, 10_000))
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        assert image_size(tmp_path / "a.png", max_pixels=10**8) == (10_000, 10_000)
        with pytest.raises(FormatError, match="at most 99999999 pixels, got 10000x10000"):
            image_size(tmp_path / "a.png", max_pixels=10**8 - 1)
    assert leaked == []


JPEG, PNG = encoded(noise(), "JPEG"), encoded(noise(), "PNG")
HOSTILE = {
    "empty": (b"", "got 0 bytes"),
    "text": (b"hello", "must be a picture"),
    "markup": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be a picture"),
    "GIF is not allowed": (encoded(noise(), "GIF"), "must be a picture"),
    "cut JPEG": (JPEG[: len(JPEG) // 2], "whole and readable"),
    "cut PNG": (PNG[: len(PNG) // 2], "whole and readable"),
    "JPEG header only": (JPEG[:20], "a.jpg"),
    "corrupt PNG": (PNG[:200] + b"\0" * 50 + PNG[250:], "whole and readable"),
    "cut WEBP": (encoded(noise(), "WEBP")[:100], "a.jpg"),
    "cut TIFF": (encoded(noise(), "TIFF")[:60], "a.jpg"),
    "cut BMP": (encoded(noise(), "BMP")[:100], "whole and readable"),
    "65 megapixels": (png_of_size(8192, 8193), "at most 67108864 pixels, got 8192x8193"),
    "100 megapixels": (png_of_size(10_000, 10_000), "at most 67108864 pixels"),
    "bomb": (png_of_size(60_000, 60_000), "at most 67108864 pixels"),
    "too wide": (png_of_size(100_001, 1), "sides of at most 100000 pixels, got 100001x1"),
    "no pixels": (b"P6 0 0 255\n", "a.jpg"),
    "floats": (encoded(Image.new("F", (2, 2), 0.5), "TIFF"), "no fixed white"),
    "32-bit": (encoded(Image.new("I", (2, 2), 70_000), "TIFF"), "not 16-bit"),
}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_format_errors(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.jpg") as caught:
        load_image(tmp_path / "a.jpg")
    assert message in str(caught.value)


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path, tmp_path / "absent.jpg"):
        with pytest.raises(FormatError, match=path.name):
            load_image(path)


def test_random_damage_is_never_another_error(tmp_path):
    rng = np.random.default_rng(3)
    sources = [JPEG, PNG] + [encoded(noise(), name) for name in ("WEBP", "BMP", "PPM", "TIFF")]
    for trial in range(240):
        content = bytearray(sources[trial % len(sources)])
        for where in rng.integers(0, min(len(content), 400), 3):
            content[where] = rng.integers(256)
        (tmp_path / "a").write_bytes(content)
        try:
            assert load_image(tmp_path / "a", max_pixels=10**6).shape[2] == 3
        except FormatError as error:
            assert str(tmp_path / "a") in str(error)


def test_the_cap_can_be_moved(tmp_path):
    save_image(tmp_path / "a.png", RED)
    assert load_image(tmp_path / "a.png", max_pixels=24).shape == (4, 6, 3)
    with pytest.raises(FormatError, match="at most 23 pixels, got 6x4"):
        image_size(tmp_path / "a.png", max_pixels=23)


@pytest.mark.parametrize(
    "image", [RED[:, :, 0], RED.astype(float), RED[:0], np.zeros((2, 2, 4), np.uint8)], ids=str
)
def test_only_rgb_is_written(tmp_path, image):
    with pytest.raises(GeometryError, match="uint8"):
        save_image(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "ppm", "tif"])
def test_a_full_disk_leaves_nothing(tmp_path, suffix):
    with full_disk(), pytest.raises(OSError, match=f"a.{suffix}"):
        save_image(tmp_path / f"a.{suffix}", np.asarray(noise()))
    assert list(tmp_path.iterdir()) == []


def test_unknown_suffix(tmp_path):
    with pytest.raises(FormatError, match=r"\.png"):
        save_image(tmp_path / "a.gif", RED)


def write_clip(path, num_frames=5):
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, (64, 48))
    for index in range(num_frames):
        writer.write(np.full((48, 64, 3), (20, 20, 40 * index + 20), np.uint8))  # BGR
    writer.release()


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mov", ".mkv"])
def test_clips_give_numbered_rgb_frames(tmp_path, suffix):
    path = tmp_path / f"drive{suffix}"
    write_clip(path)
    frames = list(iter_frames([path]))
    assert [name for name, _ in frames] == [f"{path}#{index:06d}" for index in range(5)]
    assert np.abs(frames[4][1].astype(int) - [180, 20, 20]).mean() < 8


def test_a_batch_goes_on_and_adds_up(tmp_path):
    save_image(tmp_path / "b" / "2.png", RED)
    save_image(tmp_path / "b" / "10.PNG", RED)
    save_image(tmp_path / "a" / "x.jpg", RED)
    (tmp_path / "a" / "broken.jpg").write_bytes(JPEG[:300])
    (tmp_path / "a" / "README.md").write_text("not a frame")
    write_clip(tmp_path / "a" / "c.mp4", 2)
    (tmp_path / "a" / "c.mov").write_bytes(b"")
    frames = dict(iter_frames([tmp_path, tmp_path / "absent.jpg", tmp_path / "a" / "README.md"]))
    names = [name.removeprefix(f"{tmp_path}/") for name in frames]
    assert names == ["a/broken.jpg", "a/c.mov", "a/c.mp4#000000", "a/c.mp4#000001", "a/x.jpg",
                     "b/10.PNG", "b/2.png", "absent.jpg", "a/README.md"]  # fmt: skip
    bad = [name for name, value in frames.items() if isinstance(value, FormatError)]
    assert len(bad) == 4
    assert all(name in str(frames[name]) for name in bad)


def test_clips_in_a_folder_are_found(tmp_path):
    for suffix in (".avi", ".mkv", ".mov", ".mp4"):
        write_clip(tmp_path / f"a{suffix}", 1)
    assert [name[-10:] for name, _ in iter_frames([tmp_path])] == [
        "avi#000000", "mkv#000000", "mov#000000", "mp4#000000"
    ]  # fmt: skip


def test_no_path_gives_nothing():
    assert list(iter_frames([])) == []


def test_linked_folders_are_walked_and_odd_files_are_errors(tmp_path):
    save_image(tmp_path / "far" / "a.png", RED)
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "top" / "ring").symlink_to(".")
    for name in ("pipe.png", "pipe.mp4"):
        os.mkfifo(tmp_path / "top" / name)
    (tmp_path / "top" / os.fsdecode(b"\xff.png")).touch()
    frames = list(iter_frames([tmp_path / "top"]))
    good = [name for name, value in frames if not isinstance(value, FormatError)]
    assert good == [f"{tmp_path}/top/link/a.png"]
    errors = [str(value) for _, value in frames if isinstance(value, FormatError)]
    assert ["Not a regular file" in error for error in errors] == [True, True, False]
    assert "must be UTF-8" in errors[2]


@pytest.mark.parametrize(
    "name",
    ["empty", "notes", "absent", "absent.mp4", "dangling", "n" * 300, "n" * 300 + ".mp4", "a\0b"],
)
def test_a_path_without_frames_is_one_error_that_names_it(tmp_path, name):
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "README.md").write_text("not a frame")
    (tmp_path / "dangling").symlink_to("nowhere")
    [(found, error)] = iter_frames([tmp_path / name])
    assert found == f"{tmp_path}/{name}"
    assert isinstance(error, FormatError)
    assert str(tmp_path / name) in str(error)


def test_a_cut_clip_says_so(tmp_path):
    write_clip(tmp_path / "a.avi", 30)
    content = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(content[: len(content) // 2])
    *good, (name, error) = iter_frames([tmp_path / "a.avi"])
    assert 0 < len(good) < 30
    assert name == f"{tmp_path}/a.avi#{len(good):06d}"
    assert f"30 frames, got {len(good)}" in str(error)


@pytest.mark.parametrize(
    ("held", "announced", "good"),
    [(5, 5, True), (5, 6, True), (5, 7, False), (100, 105, True), (100, 106, False), (9, 3, True)],
)
def test_an_estimated_number_of_frames_may_be_a_little_high(tmp_path, held, announced, good):
    write_clip(tmp_path / "a.avi", held)
    content = bytearray((tmp_path / "a.avi").read_bytes())
    struct.pack_into("<I", content, content.index(b"strh") + 40, announced)  # dwLength
    (tmp_path / "a.avi").write_bytes(content)
    frames = [value for _, value in iter_frames([tmp_path / "a.avi"])]
    errors = [str(value) for value in frames if isinstance(value, FormatError)]
    assert len(frames) - len(errors) == held
    assert ["frames, got" in error for error in errors] == ([] if good else [True])


CLIPS = {
    "playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "text": b"hello",
    "MKV head only": b"\x1a\x45\xdf\xa3" + b"\0" * 12,
    "head only": b"\0\0\0\x18ftypmp42" + b"\0" * 12,
}


@pytest.mark.parametrize("content", CLIPS.values(), ids=CLIPS)
def test_hostile_clips_are_one_error(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    [(name, error)] = iter_frames([tmp_path / "a.mp4"])
    assert name == f"{tmp_path}/a.mp4"
    assert isinstance(error, FormatError)


def test_the_cap_holds_for_clips(tmp_path):
    write_clip(tmp_path / "a.mp4")
    [(_, error)] = iter_frames([tmp_path / "a.mp4"], max_pixels=64 * 48 - 1)
    assert "at most 3071 pixels" in str(error)


def test_names_that_look_like_addresses_or_patterns_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http://127.0.0.1:9/a.mp4", "concat:a.mp4", "a_%03d.mp4"):
        [(_, error)] = iter_frames([name])
        assert "No such file" in str(error)


def test_real_frames_and_clip(realdata):
    folder = realdata / "dashcam_unlabelled"
    frames = dict(iter_frames([folder]))
    clip = [name for name in frames if "solidWhiteRight.mp4#" in name]
    assert (len(frames) - len(clip), len(clip)) == (37, 221)
    assert not [name for name, value in frames.items() if isinstance(value, FormatError)]
    assert frames[clip[0]].shape == (540, 960, 3)


def test_two_pictures_in_one_jpeg_and_turned_16_bit(tmp_path):
    noise().save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[noise()])
    assert load_image(tmp_path / "a.jpg").shape == (48, 64, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    grey16([0, 65535]).save(tmp_path / "a.png", exif=exif)
    assert load_image(tmp_path / "a.png")[:, :, 0].tolist() == [[0], [255]]
