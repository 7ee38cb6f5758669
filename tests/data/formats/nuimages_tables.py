"""Tables of nuImages by hand, read and written, for tests."""

import base64
import json

import numpy as np

from drivegrid.data.formats.nuimages import save_nuimages
from drivegrid.data.formats.nuimages_write import TABLES, VERSION
from drivegrid.geometry import Box, Polygon

SIZE = (4, 3)


def mask(text, size=SIZE):
    """A mask in base64 of COCO's text; "37" is [3, 7], 0 more than before is "0"."""
    return {"size": [size[1], size[0]], "counts": base64.b64encode(text.encode()).decode()}


# columns first: 3 pixels out, 6 in (columns 1 and 2), 3 out
MIDDLE, NOTHING, ALL = mask("363"), mask("<"), mask("0<")

GOLDEN = {
    "sensor": [{"token": "s1", "channel": "CAM_FRONT", "modality": "camera"}],
    "calibrated_sensor": [
        {"token": "c1", "sensor_token": "s1", "translation": [1.5, 0, 1], "camera_intrinsic": []},
        {"token": "unused", "sensor_token": "s1"},
    ],
    "log": [{"token": "l1", "logfile": "n003-2018", "location": "singapore-onenorth"}],
    "ego_pose": [{"token": "e1", "speed": 3.25}, {"token": "e2", "speed": 0}],
    "sample": [{"token": "p1", "timestamp": 7, "log_token": "l1", "key_camera_token": "d1"},
               {"token": "p2", "timestamp": 9, "log_token": "l1", "key_camera_token": "d2"}],
    "sample_data": [
        {"token": "d0", "filename": "sweeps/0.jpg", "is_key_frame": False, "sample_token": "p1"},
        {"token": "d1", "filename": "samples/CAM_FRONT/1.jpg", "width": 4, "height": 3,
         "is_key_frame": True, "sample_token": "p1", "ego_pose_token": "e1", "timestamp": 8,
         "calibrated_sensor_token": "c1", "fileformat": "jpg", "prev": "d0", "next": ""},
        {"token": "dl", "filename": "samples/LIDAR/1.pcd.bin", "is_key_frame": True,
         "sample_token": "p1"},
        {"token": "d2", "filename": "samples/CAM_FRONT/2.jpg", "width": 4, "height": 3,
         "is_key_frame": True, "sample_token": "p2", "ego_pose_token": "e9", "timestamp": 9,
         "calibrated_sensor_token": "c1", "fileformat": "jpg", "prev": "", "next": ""},
    ],
    "category": [
        {"token": "k1", "name": "vehicle.car", "description": "A car."},
        {"token": "k2", "name": "human.pedestrian.adult", "description": ""},
        {"token": "k3", "name": "flat.driveable_surface", "description": ""},
        {"token": "k4", "name": "vehicle.ego", "description": ""},
        {"token": "k5", "name": "vehicle.motorcycle", "description": ""},
    ],
    "attribute": [
        {"token": "t1", "name": "vehicle.parked", "description": ""},
        {"token": "t2", "name": "pedestrian.sitting_lying_down", "description": ""},
        {"token": "t3", "name": "cycle.with_rider", "description": ""},
        {"token": "t4", "name": "vehicle.moving", "description": ""},
    ],
    "object_ann": [
        {"token": "o1", "sample_data_token": "d1", "category_token": "k1",
         "attribute_tokens": ["t1"], "bbox": [-1, 0, 3, 3], "mask": MIDDLE},
        {"token": "o2", "sample_data_token": "d2", "category_token": "k1",
         "attribute_tokens": [], "bbox": [0, 0, 4, 3], "mask": None},
        {"token": "o3", "sample_data_token": "d1", "category_token": "k2",
         "attribute_tokens": ["t2"], "bbox": [0, 0, 1, 1], "mask": None},
        {"token": "o4", "sample_data_token": "d1", "category_token": "k5",
         "attribute_tokens": ["t3", "t4"], "bbox": [0, 0, 1, 2], "mask": NOTHING},
    ],
    "surface_ann": [
        {"token": "f1", "sample_data_token": "d1", "category_token": "k4", "mask": ALL},
        {"token": "f2", "sample_data_token": "d1", "category_token": "k3", "mask": MIDDLE},
        {"token": "f3", "sample_data_token": "d1", "category_token": "k3", "mask": NOTHING},
    ],
}  # fmt: skip


def write(folder, tables=GOLDEN):
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        text = rows if isinstance(rows, str | bytes) else json.dumps(rows)
        (folder / f"{name}.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def rows_in(root):
    return {name: json.loads((root / VERSION / f"{name}.json").read_text()) for name in TABLES}


def written(root, *scenes):
    saved = save_nuimages(scenes, root)
    assert saved.quarantine.num_rejected == 0
    return rows_in(root), [loss.message for loss in saved.losses]


def changed(**tables):
    """The golden tables with the first row of each changed."""
    return GOLDEN | {
        name: [GOLDEN[name][0] | changes, *GOLDEN[name][1:]] for name, changes in tables.items()
    }


def box(*xyxy):
    return Box(np.array(xyxy, dtype=float))


def polygon(*rings):
    return Polygon(tuple(np.array(ring, dtype=float) for ring in rings))


SQUARE = polygon([[1, 0], [3, 0], [3, 3], [1, 3]])
