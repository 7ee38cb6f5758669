import numpy as np
import pytest

torch = pytest.importorskip("torch")

from drivegrid.inference.choosing import greedy  # noqa: E402
from drivegrid.inference.decoding import Anything, propose, refine  # noqa: E402
from drivegrid.inference.sampling import ChanceOffsets, LegalMasks, sample_answers  # noqa: E402
from drivegrid.inference.speaker import NanoSpeaker  # noqa: E402
from drivegrid.inference.talks import Talks  # noqa: E402
from drivegrid.tokens.automaton import AnswerAutomaton, Limits  # noqa: E402
from drivegrid.tokens.grammar import parse_answer  # noqa: E402
from drivegrid.tokens.template import offset_template  # noqa: E402

QUERIES = ("car", "all lanes", "all lanes car all")
ANSWER = "car: <box><grid_1_2><grid_4_6></box>\nlane line: <line><grid_0_7><grid_2_3></line>"


@pytest.fixture(scope="module")
def speaker(toy):
    return NanoSpeaker(*toy)


@pytest.fixture(scope="module")
def views(speaker):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 255, (len(QUERIES), 96, 128, 3)).astype(np.uint8)
    return [speaker.encode(frame) for frame in frames]


@pytest.fixture(scope="module")
def automaton(speaker):
    return AnswerAutomaton(speaker.processor.token_classes, limits=Limits(4, 6, 8))


def sampled(speaker, views, grammar, seed=0, **settings):
    prompts = [speaker.processor.prompt_ids(query) for query in QUERIES[: len(views)]]
    masks = LegalMasks(grammar.classes.size)
    talks = Talks.about(speaker, views)
    rngs = [np.random.default_rng((seed, number)) for number in range(len(views))]
    grammars = [grammar] * len(views)
    found = sample_answers(talks, prompts, grammars, masks, rngs, **settings)
    return found, masks


@pytest.mark.parametrize("most", [1, 5, 500])
def test_samples_are_legal_and_know_what_else_was(speaker, views, automaton, most) -> None:
    found, masks = sampled(speaker, views, automaton, copies=4, most=most)
    assert [len(group) for group in found] == [4, 4, 4]
    for sample in (sample for group in found for sample in group):
        state = automaton.start_state()
        assert len(sample.ids) == len(sample.legal) <= most
        for token, place in zip(sample.ids, sample.legal, strict=True):
            legal = masks.masks(np.array([place]))[0]
            np.testing.assert_array_equal(legal, automaton.allowed(state))
            assert legal[token]
            state = automaton.step(state, token)
        assert (
            sample.ended == automaton.is_final(state) == (sample.ids[-1] == automaton.classes.end)
        )
        if sample.ended:
            text = speaker.processor.text_of(sample.ids)
            parse_answer(text, speaker.processor.grid, strict=True)


def test_the_likeliest_sample_is_the_greedy_answer(speaker, views, automaton) -> None:
    """Also where several rows look at the same picture, and prompts differ in length."""
    found, _ = sampled(speaker, views, automaton, copies=3, temperature=0.0)
    prompts = [speaker.processor.prompt_ids(query) for query in QUERIES]
    for view, prompt, group in zip(views, prompts, found, strict=True):
        [alone] = propose(Talks.about(speaker, [view]), [prompt], automaton, [_likeliest])
        assert [sample.ids for sample in group] == [[*alone.ids, automaton.classes.end]] * 3


def _likeliest(chances, first):
    """Choose without the rule about "none", which is for answers and not for policies."""
    del first
    return greedy(chances, None)


def test_the_same_seed_gives_the_same_samples(speaker, views, automaton) -> None:
    first, again, other = (
        [s.ids for group in sampled(speaker, views, automaton, seed, copies=4)[0] for s in group]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_first_tokens_come_as_often_as_they_are_likely(speaker, views, automaton) -> None:
    view, prompt = views[:1], speaker.processor.prompt_ids(QUERIES[0])
    found, _ = sampled(speaker, view, automaton, copies=4000, most=1)
    scores = Talks.about(speaker, view).feed([prompt], scored=1)[0, -1, : automaton.classes.size]
    legal = torch.from_numpy(automaton.allowed(automaton.start_state()).copy())
    chances = scores.masked_fill(~legal, -torch.inf).softmax(-1).numpy()
    counted = np.bincount([s.ids[0] for s in found[0]], minlength=len(chances)) / 4000
    # Four standard deviations of a share of 4,000 draws.
    assert (np.abs(counted - chances) <= 4 * np.sqrt(chances * (1 - chances) / 4000)).all()


def test_temperature_sharpens(speaker, views, automaton) -> None:
    def variety(temperature):
        settings = {"copies": 64, "most": 1, "temperature": temperature}
        found, _ = sampled(speaker, views[:1], automaton, **settings)
        return len({sample.ids[0] for sample in found[0]})

    assert variety(0.01) < variety(1.0)


def test_masks_are_kept_once() -> None:
    masks = LegalMasks(11)
    some, same = np.arange(11) > 4, np.arange(11) > 4
    other = np.zeros(11, dtype=bool)
    assert [masks.place(mask) for mask in (some, same, other, some)] == [0, 0, 1, 0]
    found = masks.masks(np.array([1, 0]))
    np.testing.assert_array_equal(found, np.stack([other, some]))


def test_free_answers_end_at_their_longest(speaker, views) -> None:
    grammar = Anything(speaker.processor.token_classes, most=5)
    found, _ = sampled(speaker, views, grammar, copies=2, most=50)
    assert all(sample.ended and len(sample.ids) <= 6 for group in found for sample in group)


def test_offsets_come_as_often_as_they_are_likely() -> None:
    chances = np.array([0.5, 0.2, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01, 0.0])
    for temperature in (1.0, 0.5):
        rng = np.random.default_rng(0)
        drawn = ChanceOffsets(20_000, rng, temperature)(np.tile(chances, (20_000, 1)))
        wanted = chances ** (1 / temperature) / (chances ** (1 / temperature)).sum()
        counted = np.bincount(drawn, minlength=10) / 20_000
        assert (np.abs(counted - wanted) <= 4 * np.sqrt(wanted * (1 - wanted) / 20_000)).all()


def test_offsets_of_a_group_equal_those_drawn_token_by_token(speaker, views) -> None:
    processor, copies = speaker.processor, 3
    shapes = [item.geometry for item in parse_answer(ANSWER, processor.grid).items]
    template = offset_template(shapes, processor.vocabulary)
    prefix = [
        *processor.turn_ids("car"), *processor.reply_ids(ANSWER), *processor.turn_ids("refine")
    ]  # fmt: skip
    rng = np.random.default_rng(3)
    picks = [ChanceOffsets(len(template.slots), rng) for _ in range(2 * copies)]
    talks = Talks.about(speaker, views[:2])
    talks.feed([prefix[:-1]] * 2, scored=1)
    talks.repeat(copies)
    lasts, forms = [prefix[-1:]] * 2 * copies, [template] * 2 * copies
    together = refine(talks, lasts, forms, picks, copies)
    assert len({tuple(moves.offsets) for moves in together}) > 1
    for number, moves in enumerate(together):
        talk = Talks.about(speaker, [views[number // copies]])
        assert moves.offsets.tolist() == _one_by_one(talk, prefix, template, picks[number].noise)


def _one_by_one(talks, prefix, template, noise) -> list[int]:
    scores, found = talks.feed([prefix], scored=1)[0, -1], []
    for place, forced in enumerate(template.ids.tolist()):
        token = forced
        if place in template.slots:
            logs = scores[torch.from_numpy(template.choices)].log_softmax(-1).double().numpy()
            found.append(int((logs + noise[len(found)]).argmax()))
            token = int(template.choices[found[-1]])
        scores = talks.feed([[token]])[0, -1]
    return found
