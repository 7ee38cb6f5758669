import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.store.facts import facts_of, split_of

from drivegrid.data.scene import Frame, Instance, Scene
from drivegrid.geometry import Box, Polygon, Polyline


def scene(*instances: Instance, **attributes: str) -> Scene:
    return Scene(Frame("a.jpg", (64, 48), attributes), instances)


def box(side: float, **attributes: str) -> Instance:
    return Instance("sign", Box([0, 0, side, side]), attributes)


LINE = Instance("lane/line", Polyline([[0, 0], [500, 500]]))


@pytest.mark.parametrize(
    ("given", "split", "expected"),
    [
        (scene(), None, {("density", "0")}),
        (scene(weather="rain"), "val", {("density", "0"), ("weather", "rain"), ("split", "val")}),
        (scene(LINE), None, {("density", "1-4"), ("label", "lane/line")}),
        (
            scene(box(5, color="red"), box(32, color="blue"), box(96)),
            None,
            {
                ("density", "1-4"),
                ("label", "sign"),
                ("instance.color", "red"),
                ("instance.color", "blue"),
                ("size", "small"),
                ("size", "medium"),
                ("size", "large"),
            },
        ),
        (
            scene(Instance("area", Polygon(()))),
            None,
            {("density", "1-4"), ("label", "area"), ("size", "small")},
        ),
        (scene(essay="x" * 201, null="\0"), None, {("density", "0")}),
    ],
)
def test_facts_of_a_frame(given, split, expected) -> None:
    assert facts_of(given, split) == expected


@pytest.mark.parametrize(
    ("num", "density"), [(4, "1-4"), (5, "5-9"), (9, "5-9"), (10, "10-19"), (20, "20+")]
)
def test_density_counts_instances(num, density) -> None:
    assert ("density", density) in facts_of(scene(*[LINE] * num), None)


@pytest.mark.parametrize(
    ("paths", "split"),
    [
        ([], None),
        ([".", "labels.json", "a.jpg"], None),
        (["labels/det_val.json"], "val"),
        (["Training/x.json", "val/a.jpg"], "train"),
        (["x.json", "validation/a.jpg"], "val"),
        (["trainer/a.jpg", "contest/b.jpg"], None),
        (["list/test1_normal.txt"], "test"),
        (["test_set/a.jpg"], "test"),
    ],
)
def test_splits_are_words_of_paths(paths, split) -> None:
    assert split_of(*paths) == split
