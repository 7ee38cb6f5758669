"""Splits, clips, worst frames and tables of an outcome."""

import json

import numpy as np
import pytest

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.errors import FormatError
from drivegrid.geometry import Box, Polyline
from drivegrid.metrics.outcome import MIN_CLIPS, Bootstrap, evaluate_rule
from drivegrid.metrics.pairing import pair_scenes
from drivegrid.metrics.rows import match_table, save_rows
from drivegrid.metrics.rules.settings import Settings
from drivegrid.metrics.splits import find_listed, load_splits

UP = np.array([[800.0, 580.0], [800.0, 300.0]])


def scene(name, *places, clip=None):
    lanes = (Polyline(UP + np.array([dx, 0.0])) for dx in places)
    instances = tuple(Instance("lane/line", lane, confidence=0.5) for lane in lanes)
    return Scene(Frame(name, (1640, 590), clip=clip), instances)


def make_pairs():
    """One right, one wrong, and a crossroads without lanes where two are predicted."""
    pred = [scene("a.jpg", 0), scene("b.jpg", 99), scene("c.jpg", 0, 99)]
    return pair_scenes(pred, [scene("a.jpg", 0), scene("b.jpg", 0), scene("c.jpg")])


def outcome(pairs, **change):
    return evaluate_rule("culane", pairs, Settings(), Bootstrap(resamples=50), **change)


def test_nothing_to_score_is_json_too():
    found = outcome(pair_scenes([], [])).as_dict()
    assert json.loads(json.dumps(found, allow_nan=False))["per_frame"] == {}
    assert found["intervals"]["f1_50"] == [None, None]


def test_splits_are_told_apart_and_a_crossroads_has_false_alarms_only():
    found = outcome(make_pairs(), splits={"normal": [0, 1], "cross": [2]}).as_dict()
    normal, cross = found["splits"]["normal"], found["splits"]["cross"]
    assert (normal["frames"], normal["tp_50"], normal["f1_50"]) == (2, 1, 0.5)
    assert (cross["num_pred"] - cross["tp_50"], cross["recall_50"]) == (2, None)
    assert found["at_iou"]["0.5"]["fp"] == 3  # those of the crossroads enter the total
    assert found["f1_50"] == pytest.approx(2 / 6)


def test_splits_are_shown_without_the_counts_behind_the_figures():
    found = outcome(make_pairs(), splits={"normal": [0, 1]})
    row = found.shown_splits()["normal"]
    assert list(row) == [
        "frames", "num_pred", "num_gt", "tp_50", "tp_75", "f1_50", "precision_50", "recall_50",
        "f1_75", "precision_75", "recall_75", "mf1",
    ]  # fmt: skip
    assert all(type(row[name]) is int for name in ("frames", "num_pred", "num_gt", "tp_50"))
    assert "tp_95" in found.splits["normal"]


def test_ap_has_intervals_of_fewer_resamples():
    pytest.importorskip("faster_coco_eval")
    box = Instance("object/person", Box(np.array([0.0, 0, 40, 40])), confidence=0.5)
    frames = [Scene(Frame(f"{i}.jpg", (99, 99)), (box,)) for i in range(6)]
    empty = [Scene(Frame(f"{i}.jpg", (99, 99))) for i in range(2)]
    pairs = pair_scenes(empty + frames[2:], frames)
    found = evaluate_rule("coco", pairs, Settings(), Bootstrap())
    assert found.drawn["resamples"] == 200
    low, high = found.ends()["ap"]
    assert low < found.evaluation.figures["ap"] < high
    few = evaluate_rule("coco", pairs, Settings(), Bootstrap(resamples=20))
    assert few.drawn["resamples"] == 20
    assert evaluate_rule("coco", pairs, Settings(), Bootstrap(resamples=0)).intervals == {}
    assert evaluate_rule("coco", pair_scenes([], []), Settings(), Bootstrap()).intervals == {}


def test_worst_frames_come_first_and_perfect_and_empty_ones_not_at_all():
    pairs = pair_scenes(
        [scene("b.jpg", 99)], [scene("a.jpg"), scene("b.jpg", 0), scene("c.jpg", 0)]
    )
    assert outcome(pairs).worst_frames(5) == [("b.jpg", 0.0), ("c.jpg", 0.0)]
    assert outcome(make_pairs()).worst_frames(1) == [("b.jpg", 0.0)]
    right = pair_scenes([scene("a.jpg", 0)], [scene("a.jpg", 0)])
    assert outcome(right).worst_frames(5) == []


@pytest.mark.parametrize(
    ("num_clips", "by", "expected"),
    [(MIN_CLIPS, None, "clip"), (MIN_CLIPS - 1, None, "frame"), (2, "clip", "clip"),
     (MIN_CLIPS, "frame", "frame")],
)  # fmt: skip
def test_clips_are_drawn_whole_where_there_are_enough(num_clips, by, expected):
    truth = [scene(f"{i}.jpg", 0, clip=f"clip {i % num_clips}") for i in range(30)]
    found = evaluate_rule("culane", pair_scenes([], truth), Settings(), Bootstrap(by, 20))
    assert found.drawn["by"] == expected


def test_no_resamples_draw_no_intervals():
    found = evaluate_rule("culane", make_pairs(), Settings(), Bootstrap(resamples=0))
    assert found.as_dict()["intervals"] == {}


def test_rows_are_written_and_read_back(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    found = outcome(make_pairs())
    files = save_rows([found], make_pairs(), tmp_path / "new" / "rows")
    assert [file.name for file in files] == ["culane_frames.parquet", "culane_matches.parquet"]
    frames, matches = map(pandas.read_parquet, files)
    assert frames["frame"].tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert frames["tp_50"].tolist() == [1, 0, 0]
    assert frames["f1_50"].tolist() == [1, 0, 0]
    assert matches["hit"].sum() == 1
    missed = matches[matches["pred"].isna()]
    assert missed[["frame", "gt"]].to_numpy().tolist() == [["b.jpg", 0]]
    assert missed["confidence"].isna().all()
    assert len(match_table(())) == 0


def test_lists_of_splits_are_read(tmp_path):
    (tmp_path / "test0_normal.txt").write_text("/a/1.jpg /mask.png 1 1 1 0\n\n/a/2.jpg\n/a/1.jpg\n")
    (tmp_path / "test7_cross.txt").write_text("b/1.jpg\r\n")
    found = load_splits(tmp_path)
    assert found == {"test0_normal": ["a/1.jpg", "a/2.jpg"], "test7_cross": ["b/1.jpg"]}
    assert list(load_splits(tmp_path / "test7_cross.txt")) == ["test7_cross"]


@pytest.mark.parametrize(
    ("listed", "names", "found", "lost"),
    [
        ([], ["a.jpg"], [], []),
        (["a.jpg", "z.jpg"], ["a.jpg"], ["a.jpg"], ["z.jpg"]),
        (["s/a.jpg"], ["images/s/a.jpg", "images/t/a.jpg"], ["images/s/a.jpg"], []),
        (["data/s/a.jpg"], ["s/a.jpg", "a.jpg"], ["s/a.jpg"], []),
        (["a.jpg"], ["s/a.jpg", "t/a.jpg"], [], ["a.jpg"]),
        (["a.jpg"], ["a.jpg", "t/a.jpg"], ["a.jpg"], []),
        (["s/a.jpg", "data/s/a.jpg"], ["s/a.jpg"], ["s/a.jpg"], []),
        (["b/a.jpg"], ["bb/a.jpg"], [], ["b/a.jpg"]),
    ],
)
def test_lists_may_have_longer_or_shorter_paths(listed, names, found, lost):
    known, unknown = find_listed({"test": listed}, names)
    assert (known["test"], unknown.get("test", [])) == (found, lost)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "hold"), (b"\n \n", "at least one image"), (b"a\xff.jpg\n", "UTF-8")],
)
def test_bad_lists_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        load_splits(tmp_path)
