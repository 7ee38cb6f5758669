"""Folders of class masks by hand, for tests."""

import numpy as np
from PIL import Image

from drivegrid.data.formats.masks import save_masks
from drivegrid.data.scene import Instance
from drivegrid.geometry import Polygon
from tests.data.builders import make_scene

CAMVID = """0 Sky
1 Building
2 Pole
3 Road
8 Car
11 Unlabelled
"""


def write(root, values, mask="trainannot/0001TP_006690.png", classes=CAMVID):
    """Write a mask of numbers (H, W) or colours (H, W, 3), and the class list."""
    path = root / mask
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    Image.fromarray(values.astype(np.uint8 if values.max() < 256 else np.uint16)).save(path)
    if classes is not None:
        (root / "classes.txt").write_text(classes)
    return root


def pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def region(x0, y0, x1, y1, label="area/drivable", **changes):
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)
    return Instance(label, Polygon((ring,)), **changes)


def small_scene(*instances, **changes):
    return make_scene(*instances, size_wh=(6, 4), **changes)


def painted(folder, *instances, **changes):
    """Return the pixels of one scene, the class list, and what was lost."""
    saved = save_masks([small_scene(*instances, **changes)], folder)
    [mask] = folder.rglob("*.png")
    return pixels(mask).tolist(), (folder / "classes.txt").read_text().splitlines(), saved.losses
