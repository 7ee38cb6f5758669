"""Label files in a folder: several a frame, and none left of a frame that is set aside."""

import pytest

from drivegrid.data.formats.label_tree import FrameFiles, save_label_tree
from tests.data.builders import make_scene


def files_of(scene):
    image = scene.frame.image
    texts = {f"{image}.one": "1", f"{'x' * 300 if 'long' in image else image}.two": "2"}
    return FrameFiles(texts, None if "unlisted" in image else image, [])


IMAGES = {
    "none": ([], [], ""),
    "two": (["a.jpg", "b.jpg"], ["a.jpg.one", "a.jpg.two", "b.jpg.one", "b.jpg.two"],
            "a.jpg\nb.jpg\n"),
    "twice": (["a.jpg", "a.jpg"], ["a.jpg.one", "a.jpg.two"], "a.jpg\n"),
    "the second file fails": (["long.jpg", "a.jpg"], ["a.jpg.one", "a.jpg.two"], "a.jpg\n"),
    "unlisted": (["unlisted.jpg"], ["unlisted.jpg.one", "unlisted.jpg.two"], ""),
    "in the list": (["all.txt/a.jpg"], [], ""),
    "in a label": (["a.jpg", "a.jpg.one/b.jpg"], ["a.jpg.one", "a.jpg.two"], "a.jpg\n"),
}  # fmt: skip


@pytest.mark.parametrize("root", ["new", "full"])
@pytest.mark.parametrize(("images", "names", "listed"), IMAGES.values(), ids=IMAGES)
def test_frames_are_written_whole_or_not_at_all(tmp_path, images, names, listed, root):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "z").touch()
    scenes = [make_scene(image=image) for image in images]
    saved = save_label_tree(iter(scenes), tmp_path / root, files_of, "all.txt")
    assert saved.quarantine.num_read == len(images)
    found = sorted(file.name for file in (tmp_path / root).rglob("*") if file.is_file())
    assert found == sorted([*names, "all.txt", *(["z"] if root == "full" else [])])
    assert (tmp_path / root / "all.txt").read_text() == listed


@pytest.mark.parametrize("root", ["new", "full"])
def test_text_that_utf8_cannot_hold_sets_its_frame_aside(tmp_path, root):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "z").touch()

    def odd(scene):
        texts = {f"{scene.frame.image}.one": "\ud800" if scene.frame.image == "a.jpg" else "1"}
        return FrameFiles(texts, None, [])

    scenes = [make_scene(image="a.jpg"), make_scene(image="b.jpg")]
    saved = save_label_tree(scenes, tmp_path / root, odd)
    [wrong] = saved.quarantine.rejected
    assert "UTF-8" in wrong.message
    assert [file.name for file in (tmp_path / root).glob("*.jpg.*")] == ["b.jpg.one"]
