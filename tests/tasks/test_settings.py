"""Settings: every constant says who gave it, and every wrong key is named."""

import pytest
from pydantic import BaseModel

from drivegrid.errors import ConfigError
from drivegrid.tasks.settings import (
    GIVEN_BY,
    KINDS,
    ConversationConfig,
    GridConfig,
    OffsetConfig,
    load_conversation_config,
    with_options,
)

PAPER = {"cols": 32, "rows": 32, "offset_cols": 64, "offset_rows": 64, "mask_size_wh": (840, 840)}


@pytest.mark.parametrize("config", [GridConfig, OffsetConfig, ConversationConfig])
def test_every_constant_is_marked_as_the_paper_s_or_ours(config) -> None:
    for name, field in config.model_fields.items():
        if isinstance(field.default, BaseModel):
            continue
        assert field.description, name
        given_by = field.json_schema_extra[GIVEN_BY]
        assert given_by == ("paper" if name in PAPER else "ours"), name
        if given_by == "paper":
            assert field.default == PAPER[name]
            assert "section" in field.description or "C.1" in field.description


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        ("tasks: {lanes: 2}\ngrid: {cols: 16}\n", None),
        ("tasks: {lane: 1}", "lane"),
        ("tasks: {lanes: -1}", "tasks"),
        ("sed: 1", "sed"),
        ("turns: [3, 2]", "turns"),
        ("offsets: {pool_weights: {near: 1}}", "pools"),
        ("offsets: {fewest_cells: 9, most_cells: 3}", "fewest_cells"),
        ("offsets: {mask_size_wh: [0, 9]}", "mask_size_wh"),
        ("grid: {gamma: 0}", "gamma"),
        ("a: [", "YAML"),
        ("- 1", "config"),
    ],
)
def test_files(tmp_path, text, found) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    if found is None:
        config = load_conversation_config(path)
        assert (text == "") == (config == ConversationConfig())
        return
    with pytest.raises(ConfigError, match=found):
        load_conversation_config(path)


def test_no_file(tmp_path) -> None:
    assert load_conversation_config(None) == ConversationConfig()
    with pytest.raises(ConfigError, match="exist"):
        load_conversation_config(tmp_path / "none.yaml")


def test_all_wrong_keys_are_named_at_once(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: -1\ngrid: {cols: 1}\n")
    with pytest.raises(ConfigError, match=r"seed.*grid\.cols"):
        load_conversation_config(path)


def test_options_go_before_the_file() -> None:
    config = ConversationConfig(tasks={"lanes": 7}, covered=("lane/line",))
    changed = with_options(config, tasks="lanes, signs,refine", seed=4, covered=("sign",))
    assert changed.tasks == {"lanes": 7, "signs": KINDS["signs"], "refine": KINDS["refine"]}
    assert (changed.seed, changed.covered) == (4, ("lane/line",))
    with pytest.raises(ConfigError, match="sign"):
        with_options(config, tasks="sign", seed=None, covered=None)
