"""Pascal VOC: a file by hand, names, flags, hostile XML, layouts, broken files, round trips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drivegrid.data.formats import detect_format
from drivegrid.data.formats.voc import SIZE, load_voc, save_voc
from drivegrid.data.images import save_image
from drivegrid.data.scene import Instance
from tests.data.builders import SHAPES, make_scene
from tests.data.formats.boxed import make_box, put, read_one, trip

GOLDEN = Path(__file__).parents[2] / "golden" / "formats" / "voc.xml"
BOX = "<xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax>"
SIZED = "<size><width>50</width><height>40</height><depth>3</depth></size>"


def an_object(name="car", box=BOX, more=""):
    return f"<object><name>{name}</name>{more}<bndbox>{box}</bndbox></object>"


def annotation(*parts, head=SIZED):
    return f"<annotation><filename>a.jpg</filename>{head}{''.join(parts)}</annotation>"


def write(folder, text, name="Annotations/a.xml"):
    return put(folder, text, name)


def written(folder):
    return next(folder.rglob("*.xml")).read_text()


def test_a_file_by_hand(tmp_path):
    scene = read_one("voc", write(tmp_path, GOLDEN.read_text()))
    assert (scene.frame.image, scene.frame.size_wh) == ("JPEGImages/a.jpg", (500, 375))
    cone, car = scene.instances
    assert (cone.label, cone.attributes) == ("obstacle/cone", {"visible_state": "cut off"})
    assert cone.geometry.xyxy.tolist() == [-3, 20.5, 40, 60]
    assert (car.label, car.attributes) == ("object/vehicle/car", {"visible_state": "partly hidden"})
    assert (car.extra["voc"]["pose"], car.extra["voc"]["difficult"]) == ("Frontal", "1")


TEXTS = {
    "no object": annotation(),
    "golden": GOLDEN.read_text(),
    "no size": annotation(an_object(), head=""),
    "no depth": annotation(head="<size><width>5</width><height>4</height></size>"),
    "numbers": annotation(an_object(box=BOX.replace("1<", "1.50<").replace("2<", "2e0<"))),
    "unknown name": annotation(an_object("d40 &lt;x&gt; \u00fc")),
    "other flags": annotation(an_object(more="<truncated>2</truncated><difficult/>")),
    "empty texts": annotation(head=f"<folder></folder>{SIZED}"),
    "path": annotation(head=rf"<path>C:\pictures\a.jpg</path>{SIZED}"),
    "attributes": annotation("<owner id='3'>me<x/></owner>"),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_files_come_back(tmp_path, text):
    scene = read_one("voc", write(tmp_path / "in", text))
    [again], losses = trip("voc", [scene], tmp_path / "out")
    assert (again, losses) == (scene, [])
    trip("voc", [again], tmp_path / "more")
    assert written(tmp_path / "more") == written(tmp_path / "out")


def test_a_canonical_file_comes_back_byte_for_byte(tmp_path):
    scene = read_one("voc", write(tmp_path / "in", GOLDEN.read_text()))
    trip("voc", [scene], tmp_path / "out")
    assert written(tmp_path / "out") == GOLDEN.read_text()


def test_names_hold_while_they_mean_the_label(tmp_path):
    scene = read_one("voc", write(tmp_path / "in", annotation(an_object("trafficlight"))))
    assert scene.instances[0].label == "light"
    trip("voc", [scene], tmp_path / "out")
    assert "<name>trafficlight</name>" in written(tmp_path / "out")
    changed = replace(scene, instances=(replace(scene.instances[0], label="sign"),))
    trip("voc", [changed], tmp_path / "changed")
    assert "<name>sign</name>" in written(tmp_path / "changed")


CHANGES = {
    "hidden": ("<truncated>1</truncated>", "partly hidden", "<truncated>0", "<occluded>1"),
    "cut": ("<occluded>1</occluded>", "cut off", "<truncated>1", "<occluded>0"),
    "nothing known": ("<truncated>1</truncated>", None, "<truncated>0", "<occluded>0"),
}


@pytest.mark.parametrize(("flag", "state", *("first", "second")), CHANGES.values(), ids=CHANGES)
def test_a_changed_state_changes_the_flags(tmp_path, flag, state, first, second):
    scene = read_one("voc", write(tmp_path / "in", annotation(an_object(more=flag))))
    attributes = {"visible_state": state} if state else {}
    car = replace(scene.instances[0], attributes=attributes)
    trip("voc", [replace(scene, instances=(car,))], tmp_path / "out")
    assert first in written(tmp_path / "out")
    assert second in written(tmp_path / "out")


BOMB = (
    '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>'
)
OUTSIDE = (
    '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<annotation><folder>&x;</folder></annotation>"
)
BAD = {
    "empty": ("", "must be XML"),
    "no XML": ("Car 0 0", "must be XML"),
    "bomb": (BOMB, "without entities"),
    "outside": (OUTSIDE, "without entities"),
    "deep": (annotation("<a>" * 60 + "</a>" * 60), "50 deep"),
    "root": ("<annotations/>", "must hold <annotation>"),
    "encoding": ("<?xml version='1.0' encoding='none'?><annotation/>", "must be XML"),
    "namespace": (annotation("<a:b xmlns:a='c'/>"), "letters and digits"),
    "no name": (annotation(an_object("")), "must have a name"),
    "no box": (annotation("<object><name>car</name></object>"), "one bndbox, got 0"),
    "two boxes": (annotation(an_object(more=f"<bndbox>{BOX}</bndbox>")), "one bndbox, got 2"),
    "no corner": (annotation(an_object(box=BOX.replace("xmax", "x"))), "one xmax, got 0"),
    "word": (annotation(an_object(box=BOX.replace("3", "x"))), "must be a number"),
    "NaN": (annotation(an_object(box=BOX.replace("3", "nan"))), "must be a number"),
    "corners": (annotation(an_object(box=BOX.replace("3", "0"))), "upper left"),
    "size": (annotation(head=SIZED.replace("50", "5.5")), "whole numbers"),
    "absurd size": (annotation(head=SIZED.replace("50", "999999999")), "at most 100000"),
    "two sizes": (annotation(head=SIZED * 2), "one size, got 2"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_set_aside_whole(tmp_path, text, message):
    write(write(tmp_path, annotation(an_object())), text, "Annotations/b.xml")
    loaded = load_voc(tmp_path)
    assert [scene.frame.image for scene in loaded.scenes] == ["JPEGImages/a.jpg"]
    [record] = loaded.quarantine.rejected
    assert record.path == str(tmp_path / "Annotations" / "b.xml")
    assert message in record.message


def test_absurdly_large_files_are_refused(tmp_path):
    write(tmp_path, annotation(" " * 2**24))
    [record] = load_voc(tmp_path).quarantine.rejected
    assert "at most 16777216 bytes" in record.message


LAYOUTS = {
    "VOC2012": ("V/Annotations/a.xml", "V/JPEGImages/a.jpg", ".", "V/JPEGImages/a.jpg"),
    "small": ("annotations/a.xml", "images/a.png", ".", "images/a.png"),
    "other twin": ("Annotations/a.xml", "images/a.jpg", ".", "images/a.jpg"),
    "beside": ("train/a.xml", "train/a.jpg", ".", "train/a.jpg"),
    "labels": ("Annotations/a.xml", "JPEGImages/a.jpg", "Annotations", "JPEGImages/a.jpg"),
    "list": ("Annotations/a.xml", "JPEGImages/a.jpg", "ImageSets/Main/car.txt", "JPEGImages/a.jpg"),
}


@pytest.mark.parametrize(("label", "picture", "path", "image"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path, label, picture, path, image):
    write(write(tmp_path, annotation(head=""), label), "a -1\n", "ImageSets/Main/car.txt")
    (tmp_path / picture).parent.mkdir(parents=True, exist_ok=True)
    save_image(tmp_path / picture, np.zeros((3, 4, 3), np.uint8))
    frame = read_one("voc", tmp_path / path).frame
    assert (frame.image, frame.size_wh) == (image, (4, 3))


def test_a_file_not_named_after_its_picture_keeps_its_name(tmp_path):
    write(tmp_path / "in", annotation(an_object()), "Annotations/0001.xml")
    scene = read_one("voc", tmp_path / "in")
    assert (scene.frame.image, scene.extra["voc"]["file"]) == (
        "JPEGImages/a.jpg", "Annotations/0001.xml"
    )  # fmt: skip
    assert trip("voc", [scene], tmp_path / "out")[0] == [scene]
    assert (tmp_path / "out" / "Annotations" / "0001.xml").is_file()


@pytest.mark.parametrize("head", ["", SIZED.replace("50", "0"), "<size/>"])
def test_without_a_size_the_usual_one_is_assumed(tmp_path, head):
    scene = read_one("voc", write(tmp_path, annotation(head=head)))
    assert (scene.frame.size_wh, scene.extra["assumed_size"]) == (SIZE, True)


LOST = {
    "a line": (Instance("lane/line", SHAPES["line"]), "lane/line (line) left out: no box"),
    "mostly": (
        make_box("obstacle/cone", attributes={"visible_state": "mostly hidden"}),
        "visible_state left out",
    ),
    "color": (make_box("obstacle/cone", attributes={"color": "red"}), "color left out"),
    "confidence": (make_box("obstacle/cone", confidence=0.5), "confidence left out"),
}


@pytest.mark.parametrize(("instance", "message"), LOST.values(), ids=LOST)
def test_what_cannot_be_held_is_reported(tmp_path, instance, message):
    [loss] = save_voc([make_scene(instance)], tmp_path).losses
    assert message in loss.message
    assert loss.item == f"instance 0 ({instance.label})"


HOSTILE = {
    "no object": [1],
    "control character": {"pose": "a\x00"},
    "number": {"truncated": 1},
    "corners": {"bndbox": ["1", "2", "3", None]},
    "tag": {"rest": [{"tag": "a><b"}]},
    "no tag": {"rest": [{}]},
    "attribute": {"rest": [{"tag": "a", "attributes": {"b c": "d"}}]},
    "text": {"rest": [{"tag": "a", "text": "\ud800"}]},
}


@pytest.mark.parametrize("extra", HOSTILE.values(), ids=HOSTILE)
def test_extras_that_no_reader_left_are_set_aside(tmp_path, extra):
    scene = make_scene(make_box("obstacle/cone", extra={"voc": extra}))
    assert save_voc([scene], tmp_path / "out").quarantine.num_rejected == 1


FRAME_EXTRAS = [1, {"file": "../a.xml"}, {"folder": 1}, {"depth": 3}, {"attributes": {"a b": "c"}}]


@pytest.mark.parametrize("extra", FRAME_EXTRAS, ids=str)
def test_extras_of_frames_that_no_reader_left_are_set_aside(tmp_path, extra):
    saved = save_voc([make_scene(extra={"voc": extra})], tmp_path / "out")
    assert saved.quarantine.num_rejected == 1


def test_real_labels_come_back(realdata, tmp_path):
    root = realdata / "road_signs_voc"
    loaded = load_voc(root)
    assert (loaded.quarantine.num_kept, loaded.quarantine.num_rejected) == (300, 0)
    names = [i.label for scene in loaded.scenes for i in scene.instances]
    assert (names.count("light"), names.count("sign/regulatory/speed_limit")) == (135, 169)
    again, losses = trip("voc", loaded.scenes, tmp_path / "out")
    assert (again, losses) == (loaded.scenes, [])
    assert detect_format(root)[0] == "voc"
    for label in (root / "annotations").iterdir():
        ours = (tmp_path / "out" / "annotations" / label.name).read_text()
        assert "".join(ours.split()) == "".join(label.read_text().split())
