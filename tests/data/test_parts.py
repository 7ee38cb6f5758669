"""Parts by shares: form, proportions, and a place that depends on nothing else."""

import numpy as np
import pytest

from drivegrid.data.parts import group_of, parse_parts, part_of
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
