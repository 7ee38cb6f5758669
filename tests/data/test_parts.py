"""Parts by shares: form, proportions, and a place that depends on nothing else."""

import numpy as np
import pytest

from drivegrid.data.parts import group_of, held_out, parse_parts, part_of, uniform
from drivegrid.data.scene import Frame
from drivegrid.errors import ConfigError


@pytest.mark.parametrize(
    "text",
    [
        "",
        "train",
        "a=1,a=0",
        "a=.5,a=.5",
        "a=.5",
        "a=.9,b=.2",
        "a=1,b=0",
        "../a=1",
        "a=-1,b=2",
        "a=1,",
    ],
)
def test_wrong_parts(text) -> None:
    with pytest.raises(ConfigError, match="must be"):
        parse_parts(text)


def test_thirds_are_whole() -> None:
    assert parse_parts(" a=.333333, b=.333333,c=.333334") == {
        "a": 0.333333,
        "b": 0.333333,
        "c": 0.333334,
    }
    assert parse_parts("all=1") == {"all": 1.0}


@pytest.mark.parametrize("seed", [0, 1])
def test_shares(seed) -> None:
    parts = {"train": 0.8, "val": 0.15, "test": 0.05}
    found = [part_of(f"clip {number}", parts, seed) for number in range(10_000)]
    shares = [found.count(part) / len(found) for part in parts]
    np.testing.assert_allclose(shares, list(parts.values()), atol=0.012)


def test_parts_are_nested_as_shares_grow() -> None:
    names = [f"c{number}" for number in range(500)]
    small = {name for name in names if part_of(name, {"a": 0.2, "b": 0.8}, 0) == "a"}
    large = {name for name in names if part_of(name, {"a": 0.4, "b": 0.6}, 0) == "a"}
    assert small < large


@pytest.mark.parametrize(
    ("clip", "by", "group"),
    [
        (None, "clip", "x/a.png"),
        ("", "clip", "x/a.png"),
        (".", "clip", "x/a.png"),
        ("x", "clip", "x"),
        ("x", "frame", "x/a.png"),
    ],
)
def test_groups(clip, by, group) -> None:
    assert group_of(Frame("x/a.png", (9, 9), clip=clip), by) == group


@pytest.mark.parametrize("groups", [set(), {"a"}])
def test_one_clip_cannot_both_teach_and_judge(groups) -> None:
    with pytest.raises(ConfigError, match="two clips"):
        held_out(groups, 0.2, 0)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_that_leaves_a_side_empty_is_refused(share) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        held_out({"a", "b"}, share, 0)


@pytest.mark.parametrize(("num", "share"), [(2, 0.01), (2, 0.99), (3, 0.5), (200, 0.2)])
def test_both_sides_have_clips_and_the_share_is_about_kept(num, share) -> None:
    groups = {f"clip {number}" for number in range(num)}
    for seed in range(5):
        chosen = held_out(groups, share, seed)
        assert chosen < groups and chosen
        own = {group for group in groups if uniform(group, seed) < share}
        assert chosen == own or len(own) in (0, num)
        if num == 200:
            assert len(chosen) == pytest.approx(40, abs=20)
