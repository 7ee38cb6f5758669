"""Corpora on disk: whole files, found again, and clear errors."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.training.masks.corpus import (
    RenderedCorpus,
    build_corpus,
    load_masks,
    save_masks,
)
from drivegrid.training.masks.varying import pick_evenly, vary

from drivegrid.data.augment import AugmentConfig
from drivegrid.errors import FormatError
from drivegrid.masks.labelled import LabelledMasks


def sample():
    image = np.zeros((32, 64, 3), np.uint8)
    image[:, 32:] = 200
    masks = np.zeros((3, 32, 64), np.bool_)
    masks[0, :, 32:] = True
    masks[1, 4:12, 4:12] = True
    masks[2, 20:28, 4:24] = True
    return LabelledMasks.of(image, zip(("area/drivable", "sign", "sign"), masks, strict=True))


def test_masks_go_there_and_back(tmp_path) -> None:
    save_masks(tmp_path / "1.npz", sample())
    again = load_masks(tmp_path / "1.npz")
    assert again.labels == sample().labels
    np.testing.assert_array_equal(again.masks.words, sample().masks.words)
    assert np.abs(again.image.astype(int) - sample().image).mean() < 4


def test_a_picture_without_masks(tmp_path) -> None:
    save_masks(tmp_path / "1.npz", LabelledMasks.of(sample().image, []))
    assert load_masks(tmp_path / "1.npz").labels == ()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"x" * 100])
def test_damaged_files_are_named(tmp_path, content) -> None:
    path = tmp_path / "1.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="masks must be readable") as caught:
        load_masks(path)
    assert str(path) in str(caught.value)


def test_a_corpus_goes_on_where_it_stopped(tmp_path) -> None:
    corpus = RenderedCorpus(tmp_path, 500_000, 2, (128, 64))
    first, second = build_corpus(corpus, 0)
    kept = first.read_bytes()
    second.unlink()
    first.write_bytes(kept + b"kept")
    assert build_corpus(corpus, 0) == [first, second]
    assert first.read_bytes() == kept + b"kept"
    assert load_masks(second).masks.size_wh == (128, 64)


def test_classes_come_in_turn() -> None:
    rng = np.random.default_rng(0)
    classes = ["obstacle"] * 20 + ["road"] + ["sign"] * 2
    for _ in range(10):
        picked = pick_evenly(classes, 6, rng)
        assert len(set(picked)) == 6
        names = [classes[i] for i in picked]
        assert names.count("road") == 1
        assert names.count("sign") == 2
    assert pick_evenly([], 6, rng) == []
    assert len(pick_evenly(classes, 99, rng)) == len(classes)


def test_pictures_and_masks_change_together() -> None:
    rng = np.random.default_rng(0)
    config = AugmentConfig(flip=0.5, crop=1.0, colour=0, camera=0, weather=0)
    seen = 0
    for _ in range(30):
        varied = vary(sample(), 8, config, rng)
        bright = varied.image[..., 0] > 150
        for mask in varied.masks:
            if mask.sum() > 400 and (mask & bright).any():
                seen += 1
                # The bright half is the road: no more than its edge may differ.
                assert (mask ^ bright).sum() < 0.05 * mask.size
    assert seen > 10


def test_nothing_changes_without_changes() -> None:
    off = AugmentConfig.off()
    varied = vary(sample(), 8, off, np.random.default_rng(0))
    np.testing.assert_array_equal(varied.image, sample().image)
    found = {mask.tobytes() for mask in varied.masks}
    assert found == {mask.tobytes() for mask in sample().masks.unpack()}
