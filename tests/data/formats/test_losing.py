"""What formats cannot hold: sizes that readers without the picture would not know."""

import pytest

from drivegrid.data.formats.losing import size_losses
from tests.data.builders import make_scene


@pytest.mark.parametrize(("default", "lost"), [((64, 48), 0), ((48, 64), 1), ((64, 49), 1)])
def test_sizes(default, lost):
    losses = size_losses(make_scene(image="a.jpg", size_wh=(64, 48)), default)
    assert len(losses) == lost
    for loss in losses:
        assert (loss.image, loss.item) == ("a.jpg", None)
        assert f"take {default[0]}x{default[1]}" in loss.message
