"""XML of CVAT by hand, read and written, for tests."""

from drivegrid.data.formats.cvat import load_cvat, save_cvat
from drivegrid.geometry import Anchors, Box, Point, Polygon, Polyline


def images(*bodies):
    frames = "".join(
        f'<image id="{i}" name="{i}.jpg" width="200" height="100">{body}</image>'
        for i, body in enumerate(bodies)
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{frames}</annotations>'


def video(*tracks, frames=(0, 9), meta="", source="a.mp4"):
    task = f"<start_frame>{frames[0]}</start_frame><stop_frame>{frames[1]}</stop_frame>{meta}"
    size = "<original_size><width>200</width><height>100</height></original_size>"
    head = (
        f"<meta><task><mode>interpolation</mode>{task}{size}</task><source>{source}</source></meta>"
    )
    return f"<annotations>{head}{''.join(tracks)}</annotations>"


def box(frame, *xyxy, outside=0, keyframe=1, **more):
    told = dict(zip(("xtl", "ytl", "xbr", "ybr"), xyxy, strict=True)) | more
    told |= {"frame": frame, "outside": outside, "keyframe": keyframe, "occluded": 0}
    return "<box " + " ".join(f'{key}="{value}"' for key, value in told.items()) + "/>"


def track(*shapes, label="car", number=0):
    return f'<track id="{number}" label="{label}">{"".join(shapes)}</track>'


def load(folder, text):
    path = folder / "a.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_cvat(path)


def read(folder, text):
    loaded = load(folder, text)
    assert loaded.quarantine.rejected == []
    return loaded.scenes


def again(scenes, folder):
    """Return scenes written and read, and what was lost."""
    saved = save_cvat(iter(scenes), folder / "b.xml")
    assert saved.quarantine.rejected == []
    loaded = load_cvat(folder / "b.xml")
    assert loaded.quarantine.rejected == []
    return loaded.scenes, [loss.message for loss in saved.losses]


SQUARE = [[0, 0], [2, 0], [2, 2], [0, 2]]
ELEMENTS = {
    "box": ('<box label="cone" xtl="1.5" ytl="2" xbr="3" ybr="4.25"/>', Box([1.5, 2, 3, 4.25])),
    "turned box": (
        '<box label="cone" xtl="0" ytl="1" xbr="4" ybr="3" rotation="90"/>',
        Polygon(([[3, 0], [3, 4], [1, 4], [1, 0]],)),
    ),
    "polygon": ('<polygon label="wall" points="0,0;2,0;2,2;0,2"/>', Polygon((SQUARE,))),
    "polyline": ('<polyline label="curb" points="0,-9.125;2,0"/>', Polyline([[0, -9.125], [2, 0]])),
    "lane down": ('<polyline label="lane line" points="5,1;2,9"/>', Polyline([[2, 9], [5, 1]])),
    "point": ('<points label="stop sign" points="5,1"/>', Point([5, 1])),
    "points": ('<points label="wall" points="5,1;2,9"/>', Anchors([[5, 1], [2, 9]])),
    "mask": (
        '<mask label="wall" rle="1, 2, 1" left="10" top="20" width="2" height="2"/>',
        Polygon(
            (
                [[11, 20], [12, 20], [12, 21], [11, 21]],
                [[10, 21], [11, 21], [11, 22], [10, 22]],
            )
        ),
    ),
}
