"""A small data set of each format by hand: its files, so that tests can change one value."""

import json
from pathlib import Path
from typing import NamedTuple

from drivegrid.data.formats import FORMATS
from tests.data.formats import cvat_text, nuimages_tables, test_openlane, test_referkitti
from tests.data.formats.labelstudio_tasks import REGIONS, choice, region, task
from tests.data.formats.test_curvelanes import BY_HAND
from tests.data.formats.test_scalabel import FRAMES
from tests.data.formats.test_talk2car import GOLDEN as COMMANDS

_GOLDEN = Path(__file__).parents[2] / "golden" / "formats"


class SmallSet(NamedTuple):
    """Files of a data set.

    Args:
        format: Name of its format.
        files: Name to content: a text, or a JSON value.
        opened: Name of what is opened; the folder itself if empty.
    """

    format: str
    files: dict[str, object]
    opened: str = ""

    def write(self, folder, files=None):
        """Write its files, or those given, into a folder."""
        for name, content in (self.files if files is None else files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")

    def load(self, folder):
        """Read what was written into a folder."""
        return FORMATS[self.format].load(folder / self.opened)


def _text(name):
    return (_GOLDEN / name).read_text()


def _json(name):
    return json.loads(_text(name))


def _one(name, value, file="a.json"):
    return SmallSet(name, {file: value}, file)


_tusimple = {"lanes": [[-2, 640, 650.5]], "h_samples": [160, 170, 180], "raw_file": "clips/a.jpg"}
_tasks = [
    task(*(region(kind, value) for kind, value, _ in REGIONS.values()), choice("color", "orange")),
    task(image="b.jpg", predictions=[{"result": [region(*REGIONS["turned"][:2])], "score": 0.5}]),
]
_scalabel = ("a score", "a curve", "an area and lines", "a mask", "facts of both")
_sized = {"size": {"width": 64, "height": 48}}
_cipo = {"a/segment-1/10.json": _json("openlane.json")}
_cipo["b/segment-1/10.jpg.json"] = json.loads(test_openlane.CIPO)
_drawn = "".join(element for element, _ in cvat_text.ELEMENTS.values())
_track = cvat_text.track(cvat_text.box(0, 1, 2, 3, 4), cvat_text.box(3, 5, 6, 7, 8, outside=1))
_ids = {
    f"KITTI/labels_with_ids/image_02/0001/00000{frame}.txt": test_referkitti.LABELS
    for frame in (0, 2)
}

SMALL_SETS = {
    "tusimple": _one("tusimple", _tusimple),
    "culane": SmallSet("culane", {"clip/a.lines.txt": "-12.5 590 30 580.0\n1700 590 1e3 580 \n"}),
    "curvelanes": SmallSet("curvelanes", {"train/labels/a.lines.json": json.loads(BY_HAND)}),
    "openlane": SmallSet("openlane", _cipo),
    "bdd100k, newest": _one("bdd100k", _json("bdd100k_newest.json")),
    "bdd100k, middle": _one("bdd100k", _json("bdd100k_middle.json")),
    "bdd100k, oldest": _one("bdd100k", _json("bdd100k_oldest.json")),
    "scalabel": _one("scalabel", {"frames": [FRAMES[name] | _sized for name in _scalabel]}),
    "coco": _one("coco", _json("coco.json")),
    "nuimages": SmallSet("nuimages", {f"{k}.json": v for k, v in nuimages_tables.GOLDEN.items()}),
    "labelme": SmallSet("labelme", {"labelme.json": _json("labelme.json")}),
    "cvat": _one("cvat", cvat_text.images(_drawn), "a.xml"),
    "cvat, tracks": _one("cvat", cvat_text.video(_track), "a.xml"),
    "labelstudio": _one("labelstudio", _tasks),
    "cityscapes": SmallSet(
        "cityscapes",
        {"gtFine/val/u/u_000001_000019_gtFine_polygons.json": _json("cityscapes.json")},
    ),
    "vistas": SmallSet("vistas", {"training/v2.0/polygons/a.json": _json("vistas.json")}),
    "kitti": SmallSet("kitti", {"training/label_2/000001.txt": _text("kitti.txt")}),
    "voc": SmallSet("voc", {"Annotations/a.xml": _text("voc.xml")}),
    "yolo": SmallSet(
        "yolo",
        {
            "labels/a.txt": _text("yolo.txt"),
            "data.yaml": "train: images\nnames: [person, Traffic Cone, d40]\n",
        },
    ),
    "gtsrb": _one("gtsrb", _text("gtsrb.csv"), "a.csv"),
    "mtsd": SmallSet("mtsd", {"annotations/a.json": _json("mtsd.json")}),
    "drivelm": _one("drivelm", _json("drivelm.json")),
    "talk2car": _one("talk2car", COMMANDS),
    "referkitti": SmallSet(
        "referkitti",
        _ids | {"expression/0001/red-cars.json": json.loads(test_referkitti.RED)},
    ),
}
