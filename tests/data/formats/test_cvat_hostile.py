"""CVAT: wrong and hostile XML, what cannot be written, broken files."""

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings

from drivegrid.data.formats.cvat import load_cvat, save_cvat
from drivegrid.errors import FormatError
from tests.data.builders import make_lane, make_scene
from tests.data.formats.cvat_text import ELEMENTS, box, images, load, track, video
from tests.data.formats.drawn import broken


def mask(rle, side=2):
    return f'<mask label="x" rle="{rle}" left="0" top="0" width="{side}" height="{side}"/>'


BAD = {
    "no label": ('<box xtl="0" ytl="0" xbr="1" ybr="1"/>', "label"),
    "no corner": ('<box label="x" xtl="0" ytl="0" xbr="1"/>', "ybr"),
    "no number": ('<box label="x" xtl="0" ytl="nan" xbr="1" ybr="1"/>', "number"),
    "far": ('<box label="x" xtl="0" ytl="-1e99" xbr="1" ybr="1"/>', "number"),
    "corners turned round": ('<box label="x" xtl="5" ytl="0" xbr="1" ybr="1"/>', "upper left"),
    "half a pair": ('<polygon label="x" points="1,2;3"/>', "pairs"),
    "three in a pair": ('<polygon label="x" points="1,2,3"/>', "pairs"),
    "huge mask": (mask("1", 99999), "pixels"),
    "short mask": (mask("1,2"), "fill"),
    "endless run": (mask("9999999999"), "whole"),
    "no run": (mask("-1"), "whole"),
}


@pytest.mark.parametrize(("element", "message"), BAD.values(), ids=BAD)
def test_a_wrong_image_is_set_aside_and_the_rest_loads(tmp_path, element, message):
    loaded = load(tmp_path, images("", element, ""))
    assert [scene.frame.image for scene in loaded.scenes] == ["0.jpg", "2.jpg"]
    [rejected] = loaded.quarantine.rejected
    assert message in rejected.message
    assert rejected.item.startswith("image 1.jpg")


@pytest.mark.parametrize("old", ['width="200"', 'height="100"', 'name="0.jpg"'])
@pytest.mark.parametrize("value", ["", "0", "-5", "1e3", "../a", "999999999999", "²"])
def test_wrong_sizes_and_names(tmp_path, old, value):
    name = old.partition("=")[0]
    loaded = load(tmp_path, images("").replace(old, f'{name}="{value}"'))
    good = name == "name" and value not in ("", "../a")
    assert (loaded.quarantine.num_kept, loaded.quarantine.num_rejected) == (good, not good)


BOMB = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]>'
HOSTILE = {
    "bomb": (f"{BOMB}<annotations>&y;</annotations>", "document type"),
    "outside": ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>', "document type"),
    "unknown entity": ("<annotations>&y;</annotations>", "XML"),
    "deep": ("<annotations>" + "<a>" * 50_000, "levels"),
    "cut off": ("<annotations><image", "XML"),
    "other root": ("<annotation/>", "root"),
    "empty": ("", "XML"),
    "encoding": ('<?xml version="1.0" encoding="no-such"?><annotations/>', "XML"),
    "not UTF-8": (b"<annotations>\xff</annotations>", "XML"),
    "long video": (video(frames=(0, 999_999_999)), "1000000 frames"),
    "frame twice": (video(track(box(0, 0, 0, 1, 1), box(0, 0, 0, 1, 1))), "frame of its own"),
    "no frame": (video(track(box("x", 0, 0, 1, 1))), "frame of its own"),
    "no label": (video('<track id="0"/>'), "label"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused(tmp_path, text, message):
    with pytest.raises(FormatError, match=message) as caught:
        load(tmp_path, text)
    assert str(caught.value.path).endswith("a.xml")


def test_missing_files_and_pipes_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "pipe", "."):
        with pytest.raises(FormatError):
            load_cvat(tmp_path / name)


def test_what_cannot_be_written_is_set_aside(tmp_path):
    lane = make_lane([[1, 2], [3, 4]])
    scenes = [
        make_scene(lane),
        make_scene(image=""),
        make_scene(replace(lane, label="\x00")),
        make_scene(replace(lane, attributes={"a": "\ud800"})),
        make_scene(replace(lane, extra={"cvat": {"xml": {"a b": "c"}}})),
        make_scene(replace(lane, extra={"cvat": {"element": ["box", 1]}})),
        make_scene(extra={"cvat": {"kept": [[0, "<a"]]}}),
        make_scene(extra={"cvat": {"kept": [[0, "<!DOCTYPE a><a/>"]]}}),
        make_scene(extra={"cvat": {"image": {"id": 5}}}),
        make_scene(extra={"cvat": []}),
    ]
    saved = save_cvat(iter(scenes), tmp_path / "a.xml")
    assert [bad.item.partition(" (")[0] for bad in saved.quarantine.rejected] == [
        f"scene {i}" for i in range(1, 10)
    ]
    assert len(load_cvat(tmp_path / "a.xml").scenes) == 1
    frames = [make_scene(extra={"cvat": {"frame": n}}) for n in (3, 3, 4)]
    frames.append(make_scene(size_wh=(5, 5), extra={"cvat": {"frame": 7}}))
    frames.append(make_scene())
    saved = save_cvat(frames, tmp_path / "b.xml")
    assert [bad.item.partition(" (")[0] for bad in saved.quarantine.rejected] == [
        "scene 1",
        "scene 3",
        "scene 4",
    ]


GOOD = images(
    "".join(element for element, _ in ELEMENTS.values()) + '<tag label="rain"/>',
    '<cuboid label="car" xtl1="1"/><box label="cone" occluded="1" xtl="1" ytl="2" xbr="3" ybr="4">'
    '<attribute name="color">orange</attribute></box>',
).encode()
FILM = video(
    track(box(1, 0, 0, 10, 10), box(3, 4, 8, 10, 20, rotation=5), box(4, 0, 0, 1, 1, outside=1)),
    track('<polyline frame="0" points="1,2;3,4"/>', number=1),
    frames=(0, 5),
).encode()


@settings(max_examples=200)
@given(content=broken(GOOD) | broken(FILM))
def test_broken_files_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "a.xml").write_bytes(content)
    try:
        scenes = load_cvat(folder / "a.xml").scenes
    except FormatError:
        return
    save_cvat(scenes, folder / "b.xml")
