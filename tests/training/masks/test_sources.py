"""Where pictures with masks come from: real frames beside rendered ones."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drivegrid.training.masks.corpus import load_masks
from drivegrid.training.masks.settings import DataSettings
from drivegrid.training.masks.sources import Samples, held_out, keep_real

from drivegrid.data.augment import AugmentConfig
from drivegrid.data.images import save_image
from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.data.store import save_scenes
from drivegrid.errors import ConfigError
from drivegrid.geometry import Box, Polygon

SIZE_WH = (64, 32)


def data_set(folder, label, count=2, grey=0):
    """Write frames that a polygon fills, and one without any."""
    ring = np.array([[0.0, 0.0], [64.0, 0.0], [64.0, 32.0], [0.0, 32.0]])
    shapes = [(Instance(label, Polygon((ring,))),)] * count
    shapes.append((Instance("object/car", Box(np.array([0.0, 0, 9, 9]))),))
    scenes = [Scene(Frame(f"{i}.png", SIZE_WH), some) for i, some in enumerate(shapes)]
    for scene in scenes:
        save_image(folder / scene.frame.image, np.full((32, 64, 3), grey, np.uint8))
    save_scenes(scenes, folder / "scenes.jsonl")
    return folder


def settings(folder) -> DataSettings:
    return DataSettings(folder=folder, size_wh=SIZE_WH)


def test_frames_without_polygons_are_passed_over(tmp_path) -> None:
    one = data_set(tmp_path / "one", "region/puddle")
    paths = keep_real(one, settings(tmp_path / "kept"))
    assert [load_masks(path).labels for path in paths] == [("region/puddle",)] * 2
    assert keep_real(one, settings(tmp_path / "kept")) == paths
    boxes = data_set(tmp_path / "boxes", "region/puddle", count=0)
    with pytest.raises(ConfigError, match="must hold frames with polygons"):
        keep_real(boxes, settings(tmp_path / "kept"))


def test_real_frames_may_judge(tmp_path) -> None:
    mine = data_set(tmp_path / "mine", "region/puddle")
    data = DataSettings(
        folder=tmp_path / "kept", size_wh=(128, 64), held_out=1, held_out_real=(mine,), workers=0
    )
    rendered, *real = held_out(data)
    assert "area/drivable" in load_masks(rendered).labels
    assert [load_masks(path).labels for path in real] == [("region/puddle",)] * 2


def test_data_sets_of_one_name_are_not_mixed_up(tmp_path) -> None:
    roots = (data_set(tmp_path / "a" / "train", "region/puddle"),
             data_set(tmp_path / "b" / "train", "region/snow"))  # fmt: skip
    labels = [load_masks(keep_real(root, settings(tmp_path / "kept"))[0]).labels for root in roots]
    assert labels == [("region/puddle",), ("region/snow",)]


@pytest.mark.parametrize(("share", "grey"), [(0.0, {0}), (1.0, {200})])
def test_the_share_of_real_frames(tmp_path, share, grey) -> None:
    kept = settings(tmp_path / "kept")
    rendered = keep_real(data_set(tmp_path / "rendered", "region/snow"), kept)
    real = keep_real(data_set(tmp_path / "real", "region/snow", grey=200), kept)
    rng = np.random.default_rng(0)

    def greys(paths):
        samples = Samples(rendered, paths, share, AugmentConfig.off())
        return {int(samples.draw(4, rng).image.mean().round()) for _ in range(5)}

    assert greys(real) == grey
    assert greys(()) == {0}
