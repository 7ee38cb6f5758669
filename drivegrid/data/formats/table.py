"""The table of formats: every one that labels are read from or written to."""

from __future__ import annotations

from drivegrid.data.formats.bdd100k import BDD100K
from drivegrid.data.formats.cityscapes import CITYSCAPES
from drivegrid.data.formats.coco import COCO
from drivegrid.data.formats.culane import CULANE
from drivegrid.data.formats.curvelanes import CURVELANES
from drivegrid.data.formats.cvat import CVAT
from drivegrid.data.formats.drivelm import DRIVELM
from drivegrid.data.formats.gtsrb import GTSRB
from drivegrid.data.formats.kitti import KITTI
from drivegrid.data.formats.labelme import LABELME
from drivegrid.data.formats.labelstudio import LABELSTUDIO
from drivegrid.data.formats.masks import MASKS
from drivegrid.data.formats.mtsd import MTSD
from drivegrid.data.formats.nuimages import NUIMAGES
from drivegrid.data.formats.openlane import OPENLANE
from drivegrid.data.formats.referkitti import REFERKITTI
from drivegrid.data.formats.scalabel import SCALABEL
from drivegrid.data.formats.scene import SCENE
from drivegrid.data.formats.talk2car import TALK2CAR
from drivegrid.data.formats.tusimple import TUSIMPLE
from drivegrid.data.formats.vistas import VISTAS
from drivegrid.data.formats.voc import VOC
from drivegrid.data.formats.yolo import YOLO

_TABLE = (
    SCENE,
    TUSIMPLE,
    CULANE,
    CURVELANES,
    OPENLANE,
    BDD100K,
    SCALABEL,
    COCO,
    NUIMAGES,
    LABELME,
    CVAT,
    LABELSTUDIO,
    MASKS,
    CITYSCAPES,
    VISTAS,
    KITTI,
    VOC,
    YOLO,
    GTSRB,
    MTSD,
    DRIVELM,
    TALK2CAR,
    REFERKITTI,
)

FORMATS = {entry.name: entry for entry in _TABLE}
"""Name to format, as lists print them."""
