import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.inference import predictor, written  # noqa: E402
from drivegrid.inference.written import Writer  # noqa: E402
from drivegrid.model.checkpoint import save_nano  # noqa: E402
from drivegrid.tokens.automaton import Limits  # noqa: E402
from tests.toy import writer  # noqa: E402

NAMES = ("grid", "text", "bins")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(written, "LIMITS", Limits(items=2, anchors=4, text=4))
    monkeypatch.setattr(written, "MOST_TOKENS", 60)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (60, 100, 3)).astype(np.uint8) for _ in range(3)]


@pytest.mark.parametrize("name", NAMES)
def test_points_take_the_tokens_that_the_automaton_knows(name, monkeypatch) -> None:
    one = writer(name)
    line, box = "<line><grid_4_7><grid_0_0><grid_5_6></line>", "<box><grid_1_2><grid_1_2></box>"
    answer = f"lane line (limit: 50): {line}\ncar: {box}"
    ids = one.processor.reply_ids(one.way.spelling.spell(answer))
    monkeypatch.setattr(written, "LIMITS", Limits(text=24))
    full = one.automaton()
    state = full.start_state()
    for token in ids:
        assert full.allowed(state)[token], one.processor.text_of([token])
        state = full.step(state, token)
    assert not full.allowed(state)[one.processor.base_id :].any()  # it has ended


@pytest.mark.parametrize("name", NAMES)
def test_constrained_answers_parse_strictly_and_batches_change_nothing(name, images) -> None:
    one = writer(name)
    together = one.ask(images, "all lanes")
    for found, image in zip(together, images, strict=True):
        assert found.diagnostics == ()
        one.way.spelling.parse(found.text, strict=True)
        assert found.scene.frame.size_wh == (100, 60)
        [alone] = one.ask([image], "all lanes")
        assert alone.text == found.text
        assert found.num_tokens == len(one.processor.reply_ids(found.text)) - 1


@pytest.mark.parametrize("name", NAMES)
def test_free_answers_are_read_whatever_they_are(name, images) -> None:
    for found in writer(name).ask(images, "all lanes", constrained=False):
        assert found.num_tokens <= 60
        assert found.diagnostics  # a random model does not know the grammar


def test_the_predictor_gives_the_same_answer(images, monkeypatch) -> None:
    monkeypatch.setattr(predictor, "LIMITS", written.LIMITS)
    one = writer("grid", grounded=True)
    asked = predictor.Predictor(one.model, one.processor).ask(images[0], "all lanes", rounds=0)
    assert one.ask(images[:1], "all lanes")[0].text == asked.texts[0]


@pytest.mark.parametrize(
    ("name", "grounded", "absent"),
    [
        ("grid+offset", True, ()),
        ("grid", True, ("move_key", "anchor_input", "memory_fine")),
        ("grid+offset", False, ("move_key", "cell_query", "cell_input", "memory_fine")),
        ("text", False, ("move_key", "cell_query", "cell_input", "memory_fine")),
    ],
)
def test_what_looks_at_nothing_is_not_there(name, grounded, absent) -> None:
    names = " ".join(dict(writer(name, grounded).model.named_parameters()))
    everything = ("move_key", "anchor_input", "memory_fine", "cell_query", "cell_input")
    missing = [part for part in everything if part not in names]
    assert set(absent) <= set(missing)
    assert bool(missing) == bool(absent)


def test_a_checkpoint_remembers_how_it_writes(tmp_path, images) -> None:
    one = writer("bins")
    save_nano(one.model, one.processor, tmp_path / "bins", {})
    other = Writer.from_pretrained(tmp_path / "bins")
    assert other.way.name == "bins"
    assert not other.model.config.grounded
    assert len(other.ask(images, "car")) == 3
