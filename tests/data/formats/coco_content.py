"""Content of COCO files, for tests: by hand, read and written."""

import json
from pathlib import Path

import numpy as np

from drivegrid.data.formats.coco import load_coco, save_coco
from drivegrid.geometry import Box, Polygon

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "coco.json"
CATEGORIES = [
    {"id": 1, "name": "car", "supercategory": "vehicle"},
    {"id": 2, "name": "traffic cone"},
]


def annotation(number=1, **changes):
    usual = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    return {"id": number, **usual, "segmentation": [], **changes}


def content(*annotations, images=None, **members):
    image = {"id": 1, "file_name": "a.jpg", "width": 8, "height": 6}
    tables = {"images": images or [image], "annotations": list(annotations)}
    return {"categories": CATEGORIES, **tables, **members}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def load_one(tmp_path, *annotations, **members):
    [scene] = load_coco(write(tmp_path / "in.json", content(*annotations, **members))).scenes
    return scene


def written(tmp_path, *scenes):
    """The content of the file that is written, and the messages of what was lost."""
    saved = save_coco(scenes, tmp_path / "out.json")
    return json.loads((tmp_path / "out.json").read_text()), [loss.message for loss in saved.losses]


def by_id(value):
    """Content with annotations by id and keys in no order."""
    return value | {"annotations": {found["id"]: found for found in value["annotations"]}}


def box(*xyxy):
    return Box(np.array(xyxy, dtype=float))


def polygon(*rings):
    return Polygon(tuple(np.array(ring, dtype=float) for ring in rings))


SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4]]
HOLE = [[1, 1], [3, 1], [3, 3], [1, 3]]


# Shapes -------------------------------------------------------------------------------------------

FULL = {"size": [6, 8], "counts": [0, 12, 36]}
