"""Broken taxonomy files: every problem is named in one error."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivegrid.errors import ConfigError
from drivegrid.labels import DroppedLabel, LabelSpace, MappedLabel, load_label_space

LABELS = """
frame: {surface: [dry, wet]}
labels:
  obstacle:
    attributes: {visible_state: [seen, hidden]}
    children: {cone: {also: [pylon]}, rock: rock}
  sign: {geometry: point, attributes: {limit: ["30", "50"]}}
"""
TASKS = """
seen:
  question: Seen?
  attribute: visible_state
  applies_to: [obstacle]
  region: box
  options: {seen: It is seen., hidden: It is not.}
"""
MAP = r"""
strip: "-old$"
labels: {cone: obstacle/cone, sky: {drop: No thing.}}
rules:
  - {match: "limit-(\\d+)", to: sign, with: {limit: "{1}"}}
  - {match: "limit-.+", to: sign}
attributes: {wet: {"1": {surface: wet}, "0": {drop: Not known.}}}
"""


def load(
    folder: Path, labels: str = LABELS, tasks: str = TASKS, source: str | None = MAP
) -> LabelSpace:
    (folder / "labels.yaml").write_text(labels)
    (folder / "tasks.yaml").write_text(tasks)
    if source is not None:
        (folder / "map_toy.yaml").write_text(source)
    return load_label_space(folder)


def test_an_empty_tree_loads(tmp_path: Path) -> None:
    space = load(tmp_path, "labels: {}", "{}", None)
    assert (space.paths, space.tasks, space.sources) == ((), {}, ())


def test_a_small_tree_loads(tmp_path: Path) -> None:
    space = load(tmp_path)
    assert space.paths == ("obstacle", "obstacle/cone", "obstacle/rock", "sign")
    assert space.find("Pylons and rocks") == ["obstacle/cone", "obstacle/rock"]
    assert space.tasks["seen"].options == ("seen", "hidden")
    assert space.frame_attributes == {"surface": ("dry", "wet")}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("cone", MappedLabel("obstacle/cone", {})),
        ("cone-old", MappedLabel("obstacle/cone", {})),
        ("sky", DroppedLabel("No thing.")),
        ("limit-50", MappedLabel("sign", {"limit": "50"})),
        ("limit-50-old", MappedLabel("sign", {"limit": "50"})),
        ("limit-51", MappedLabel("sign", {})),
    ],
)
def test_look_up_goes_from_name_to_strip_to_rules(
    tmp_path: Path, name: str, target: MappedLabel | DroppedLabel
) -> None:
    assert load(tmp_path).map_label("toy", name) == target


def test_the_basic_level_holds_for_what_lies_below(tmp_path: Path) -> None:
    space = load(
        tmp_path,
        "labels: {a: {basic: true, children: {b: {basic: true, children: {c: c}}}}, d: d}",
        "{}",
        None,
    )
    basic = {path: space.basic(path) for path in (*space.paths, "nowhere")}
    assert basic == {"a": "a", "a/b": "a", "a/b/c": "a", "d": "d", "nowhere": "nowhere"}


def test_rules_match_whole_names_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cone, sky"):
        load(tmp_path).map_label("toy", "no-limit-50")


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("labels: [", "readable YAML"),
        ("[]", "must be a mapping"),
        ("labels: {a: {colour: red}}", "'colour'"),
        ("labels: {A b: {}}", "lower case"),
        ("labels: {a: {geometry: cube}}", "'cube'"),
        ("labels: {a: {attributes: {limit: [30]}}}", "quote numbers"),
        ("labels: {a: {attributes: {state: [on, on]}}}", "quote numbers"),
        ("labels: {a: {attributes: {state: [x, x]}}}", "must not repeat"),
        ("labels: {a: {words: cone}, b: {words: Cone}}", "unique, got 'cone'"),
        ("labels: {a: {words: stop-line}, b: {also: [stop lines]}}", "unique, got 'stop lines'"),
        ("labels: {a: {words: 3}}", "words: must be text"),
        ("labels: {a: {basic: 1}}", "basic: must be true or false"),
        ("{frame: [dry], labels: {}}", "must be a mapping"),
    ],
)
def test_broken_labels(tmp_path: Path, labels: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, labels, "{}", None)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("region: box", "region: cube", "'cube'"),
        ("[obstacle]", "[obstacles]", "'obstacles'"),
        ("hidden: It is not.", "gone: It is not.", r"\['gone'\]"),
        ("visible_state", "label", r"\['seen', 'hidden'\]"),
        ("  question: Seen?\n", "", "must have question"),
        ("question: Seen?", "question: [1]", "must be text"),
        ("It is seen.", "7", "must be text"),
    ],
)
def test_broken_tasks(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, tasks=TASKS.replace(old, new))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("labels: {cone: obstacle/cones}", "'obstacle/cones'"),
        ("labels: {1: obstacle/cone}", "text keys"),
        ("labels: {a: {to: sign, with: {limit: '40'}}}", "limit: '40'"),
        ("labels: {a: {to: sign, with: {limit: '{1}'}}}", r"limit: '\{1\}'"),
        ("labels: {a: {to: sign, with: {colour: red}}}", "colour: 'red'"),
        ("labels: {a: {to: sign, drop: why}}", "either to or drop"),
        ("labels: {a: {}}", "either to or drop"),
        ("labels: {a: {drop: ''}}", "drop: must be text"),
        ("labels: {a: {to: sign, aka: [b]}, b: sign}", "'b' twice"),
        ("rules: [{match: 'a(', to: sign}]", "regular expression"),
        ("rules: [{match: a, to: sign, with: {limit: '{1}'}}]", r"limit: '\{1\}'"),
        ("rules: [{match: a, drop: b}]", "must have to"),
        ("rules: {match: a}", "must be a list"),
        ("strip: '('", "regular expression"),
        ("attributes: {wet: {'1': {surface: damp}}}", "surface: 'damp'"),
        ("attributes: {wet: {true: {surface: wet}}}", "text keys"),
        ("attributes: {wet: {'1': {drop: ''}}}", "drop: must be text"),
        ("label: {}", "'label'"),
    ],
)
def test_broken_maps(tmp_path: Path, source: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, source=source)


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(
            tmp_path,
            LABELS.replace("point", "cube"),
            TASKS.replace("region: box", "region: ball"),
            "labels: {x: nowhere}",
        )
    message = str(caught.value)
    assert all(part in message for part in ("3 problems", "'cube'", "'ball'", "'nowhere'"))


def test_missing_files_are_problems(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)labels\.yaml.*tasks\.yaml"):
        load_label_space(tmp_path)
