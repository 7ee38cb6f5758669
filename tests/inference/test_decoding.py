import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.inference.decoding import Dialogue, _first_token, propose, refine  # noqa: E402
from drivegrid.tokens.automaton import AnswerAutomaton, Limits  # noqa: E402
from drivegrid.tokens.grammar import parse_answer  # noqa: E402
from drivegrid.tokens.template import offset_template  # noqa: E402


@pytest.fixture
def dialogue(toy):
    model, _ = toy
    rng = np.random.default_rng(1)
    pixels = torch.from_numpy(rng.normal(size=(1, 3, 96, 128))).float()
    with torch.inference_mode():
        return Dialogue(model, model.encode_image(pixels))


def test_untrained_model_can_only_write_legal_answers(toy, dialogue) -> None:
    processor = toy[1]
    automaton = AnswerAutomaton(processor.token_classes, limits=Limits(4, 6, 8))
    end = processor.special_ids["end"]
    found = propose(dialogue, processor.prompt_ids("all lanes"), automaton, end)
    parsed = parse_answer(processor.text_of(found.ids), processor.grid, strict=True)
    assert len(parsed.items) <= 4
    assert sum(i.geometry.num_anchors for i in parsed.items) == len(found.cells)
    assert ((found.probabilities > 0) & (found.probabilities <= 1)).all()


@pytest.mark.parametrize(
    ("chances", "none", "token"),
    [
        ([1.0, 0.0, 0.0, 0.0], (), 0),
        ([0.4, 0.25, 0.2, 0.15], (0,), 1),
        ([0.6, 0.25, 0.1, 0.05], (0,), 0),
        ([0.1, 0.25, 0.2, 0.45], (3, 1), 1),
    ],
)
def test_none_must_outweigh_all_labels_together(chances, none, token) -> None:
    assert _first_token(torch.tensor(chances), none) == token


def test_joint_refinement_equals_token_by_token(toy, dialogue) -> None:
    model, processor = toy
    answer = "car: <box><grid_1_2><grid_4_6></box>\nlane line: <line><grid_0_7><grid_2_3></line>"
    first = processor.prompt_ids("car") + processor.reply_ids(answer)
    prompt, end = processor.prompt_ids("refine"), processor.special_ids["end"]
    geometries = [i.geometry for i in parse_answer(answer, processor.grid, strict=True).items]
    template = offset_template(geometries, processor.vocabulary)
    literal, scores = Dialogue(model, dialogue.image), None
    scores = literal.feed([*first, *prompt])[-1]
    expected = []
    for place, forced in enumerate(template.ids.tolist()):
        token = forced
        if place in template.slots:
            expected.append(int(scores[torch.from_numpy(template.choices)].argmax()))
            token = int(template.choices[expected[-1]])
        scores = literal.feed([token])[-1]
    dialogue.feed(first)
    moves = refine(dialogue, prompt, template, end)
    assert moves.offsets.tolist() == expected
    assert moves.passes <= len(template.slots) + 1
    np.testing.assert_allclose(moves.probabilities.sum(axis=1), 1.0)
    assert dialogue.ids == [*first, *prompt, *template.fill(moves.offsets).tolist(), end]


def test_rewinding_forgets(dialogue) -> None:
    before = dialogue.feed([5, 6, 7]).clone()
    dialogue.feed([8, 9])
    dialogue.rewind(0)
    torch.testing.assert_close(dialogue.feed([5, 6, 7]), before)
