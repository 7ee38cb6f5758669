"""Tasks of Label Studio by hand, read and written, for tests."""

import json

from drivegrid.data.formats.labelstudio import load_labelstudio, save_labelstudio
from drivegrid.geometry import Box, Point, Polygon, Polyline


def region(kind, value, label="cone", number="a", **more):
    named = {kind: [label]} if kind.endswith("labels") else {}
    record = {"id": number, "type": kind, "value": value | named, "from_name": "x"}
    return record | {"to_name": "image", "original_width": 200, "original_height": 100} | more


def choice(name, value, number="a"):
    return {"id": number, "type": "choices", "from_name": name, "value": {"choices": [value]}}


def task(*results, image="a.jpg", **more):
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": list(results)}]} | more


def load(folder, *tasks):
    path = folder / "a.json"
    path.write_text(json.dumps(tasks))
    return load_labelstudio(path)


def read(folder, *tasks):
    loaded = load(folder, *tasks)
    assert loaded.quarantine.rejected == []
    return loaded.scenes


def again(scenes, folder):
    """Return scenes written and read, and what was lost."""
    saved = save_labelstudio(iter(scenes), folder / "b.json")
    assert saved.quarantine.rejected == []
    loaded = load_labelstudio(folder / "b.json")
    assert loaded.quarantine.rejected == []
    return loaded.scenes, [loss.message for loss in saved.losses]


def written(folder):
    return json.loads((folder / "b.json").read_text())


BOX = {"x": 10, "y": 20.5, "width": 5, "height": 10, "rotation": 0}
TRIANGLE = {"points": [[0, 0], [50, 0], [50, 100]]}
VERTICES = [{"x": 5, "y": 50, "isBezier": False}, {"x": 10, "y": 25, "isBezier": True}]
CLOSED, OPEN = TRIANGLE | {"closed": True}, TRIANGLE | {"closed": False}
VECTOR = {"vertices": VERTICES, "closed": False}
REGIONS = {
    "rectangle": ("rectanglelabels", BOX, Box([20, 20.5, 30, 30.5])),
    "turned": (
        "rectanglelabels",
        {"x": 50, "y": 50, "width": 10, "height": 5, "rotation": 90},
        Polygon(([[100, 50], [100, 70], [95, 70], [95, 50]],)),
    ),
    "drawn backwards": (
        "rectanglelabels",
        {"x": 15, "y": 30, "width": -5, "height": -10},
        Box([20, 20, 30, 30]),
    ),
    "polygon": ("polygonlabels", TRIANGLE, Polygon(([[0, 0], [100, 0], [100, 100]],))),
    "closed": ("polygonlabels", CLOSED, Polygon(([[0, 0], [100, 0], [100, 100]],))),
    "open": ("polygonlabels", OPEN, Polyline([[0, 0], [100, 0], [100, 100]])),
    "vector": ("vectorlabels", VECTOR, Polyline([[10, 50], [20, 25]])),
    "keypoint": ("keypointlabels", {"x": 12.5, "y": 101, "width": 0.4}, Point([25, 101])),
}
