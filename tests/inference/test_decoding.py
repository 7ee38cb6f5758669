import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.inference.choosing import greedy  # noqa: E402
from drivegrid.inference.decoding import Anything, best_offsets, propose, refine  # noqa: E402
from drivegrid.inference.speaker import NanoSpeaker  # noqa: E402
from drivegrid.inference.talks import Talk, Talks  # noqa: E402
from drivegrid.tokens.automaton import AnswerAutomaton, Limits  # noqa: E402
from drivegrid.tokens.grammar import parse_answer  # noqa: E402
from drivegrid.tokens.template import offset_template  # noqa: E402

QUERIES = ("car", "all lanes", "all lanes car all")
ANSWERS = (
    "car: <box><grid_1_2><grid_4_6></box>\nlane line: <line><grid_0_7><grid_2_3></line>",
    "car: <point><grid_5_5></point>",
    "lane line: <line><grid_1_7><grid_2_5><grid_4_3><grid_4_1></line>",
)


@pytest.fixture(scope="module")
def speaker(toy):
    return NanoSpeaker(*toy)


@pytest.fixture(scope="module")
def views(speaker):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 255, (len(QUERIES), 96, 128, 3)).astype(np.uint8)
    return [speaker.encode(frame) for frame in frames]


def test_untrained_model_can_only_write_legal_answers(speaker, views) -> None:
    processor = speaker.processor
    automaton = AnswerAutomaton(processor.token_classes, limits=Limits(4, 6, 8))
    talks = Talks.about(speaker, views[:1])
    (found,) = propose(talks, [processor.prompt_ids("all lanes")], automaton, [greedy])
    parsed = parse_answer(processor.text_of(found.ids), processor.grid, strict=True)
    assert len(parsed.items) <= 4
    assert sum(i.geometry.num_anchors for i in parsed.items) == len(found.cells)
    assert ((found.probabilities > 0) & (found.probabilities <= 1)).all()
    assert list(found.talk.ids) == processor.prompt_ids("all lanes") + found.ids


@pytest.mark.parametrize("constrained", [True, False])
def test_side_by_side_equals_alone(speaker, views, constrained) -> None:
    processor = speaker.processor
    automaton = AnswerAutomaton(processor.token_classes, limits=Limits(4, 6, 8))
    grammar = automaton if constrained else Anything(processor.token_classes, most=20)
    prompts = [processor.prompt_ids(query) for query in QUERIES]
    together = propose(Talks.about(speaker, views), prompts, grammar, [greedy] * 3)
    for view, prompt, found in zip(views, prompts, together, strict=True):
        (alone,) = propose(Talks.about(speaker, [view]), [prompt], grammar, [greedy])
        assert found.ids == alone.ids
        np.testing.assert_allclose(found.probabilities, alone.probabilities, rtol=1e-4)
        for mine, other in zip(found.cells, alone.cells, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-6)


def test_answers_without_grammar_end_after_so_many_tokens(speaker, views) -> None:
    processor = speaker.processor
    talks = Talks.about(speaker, views[:1])
    grammar = Anything(processor.token_classes, most=5)
    (found,) = propose(talks, [processor.prompt_ids("car")], grammar, [greedy])
    assert len(found.ids) <= 5


def literal_offsets(talks, prompt, template) -> list[int]:
    """Decode a refine turn token by token."""
    scores, found = talks.feed([prompt])[0, -1], []
    for place, forced in enumerate(template.ids.tolist()):
        token = forced
        if place in template.slots:
            chances = scores[torch.from_numpy(template.choices)].softmax(-1)
            found.append(int(best_offsets(chances[None].double().numpy())[0]))
            token = int(template.choices[found[-1]])
        scores = talks.feed([[token]])[0, -1]
    return found


def test_joint_refinement_equals_token_by_token_alone(speaker, views) -> None:
    processor = speaker.processor
    prompt = speaker.refine_ids("", [], 0)
    talks, templates = [], []
    for view, answer in zip(views, ANSWERS, strict=True):
        told = Talks.about(speaker, [view])
        told.feed([processor.prompt_ids("car") + processor.reply_ids(answer)[:-1]])
        talks.append(told.talk(0))
        items = parse_answer(answer, processor.grid, strict=True).items
        templates.append(offset_template([i.geometry for i in items], processor.vocabulary))
    together = refine(Talks(speaker, talks), [prompt] * 3, templates)
    for talk, template, moves in zip(talks, templates, together, strict=True):
        expected = literal_offsets(Talks(speaker, [talk]), prompt, template)
        assert moves.offsets.tolist() == expected
        assert moves.passes <= len(template.slots) + 1
        np.testing.assert_allclose(moves.probabilities.sum(axis=1), 1.0)
        filled = template.fill(moves.offsets).tolist()
        assert moves.talk.ids == (*talk.ids, *prompt, *filled)


def test_a_talk_goes_on_as_if_never_parted(speaker, views) -> None:
    pair = Talks.about(speaker, views[:2])
    pair.feed([[5, 6, 7], [8]])
    split = [pair.talk(0), pair.talk(1)]
    whole = pair.feed([[9], [10, 11]])
    for row, talk in enumerate(split):
        more = [[9], [10, 11]][row]
        alone = Talks(speaker, [talk]).feed([more])[0]
        torch.testing.assert_close(whole[row, -len(more) :], alone, rtol=1e-4, atol=1e-5)


def test_rewinding_forgets(speaker, views) -> None:
    talks = Talks(speaker, [Talk(views[0], (), ()), Talk(views[1], (), ())])
    before = talks.feed([[5, 6, 7], [4]])
    talks.feed([[8, 9], [3]])
    talks.rewind(2)
    assert talks.rows == [[5, 6, 7], [4]]
    talks.rewind(3)
    assert talks.rows == [[], []]
    torch.testing.assert_close(talks.feed([[5, 6, 7], [4]])[:, -1], before[:, -1])


def test_dropped_rows_leave_the_others_alone(speaker, views) -> None:
    talks = Talks.about(speaker, views)
    talks.feed([[5, 6], [7], [8, 9, 10]])
    talks.keep([0, 2])
    assert talks.rows == [[5, 6], [8, 9, 10]]
    left = talks.feed([[11], [11]])[:, -1]
    for row, (view, ids) in enumerate([(views[0], [5, 6, 11]), (views[2], [8, 9, 10, 11])]):
        alone = Talks.about(speaker, [view]).feed([ids])[0, -1]
        torch.testing.assert_close(left[row], alone, rtol=1e-4, atol=1e-5)
