"""A model that a worker's process can load at once and that answers every frame with one lane."""

import numpy as np

from drivegrid.data.scene import Instance
from drivegrid.geometry import Polyline
from drivegrid.inference.results import Answer, Found
from drivegrid.plotting.trace import AnchorTrace

TOKENS = ("<line><grid_16_31><grid_16_20></line>", "<line><OFF_0_0><OFF_0_-1></line>")


class Seeing:
    """Sees a lane in the middle of every frame."""

    def detect(self, image, tasks, rounds) -> Answer:
        height, width, _ = image.shape
        anchors = np.array([[width / 2, height - 1], [width / 2, height * 0.6]])
        lane = Instance("lane/line", Polyline(anchors), confidence=0.5, source="model")
        trace = AnchorTrace(anchors, anchors, np.zeros(2, dtype=bool))
        return Answer((), (width, height), (Found(lane, TOKENS, trace),), ())


def load_seeing(checkpoint) -> Seeing:
    return Seeing()
