import numpy as np
import pytest

torch = pytest.importorskip("torch")

from transformers import LogitsProcessorList  # noqa: E402

from drivegrid.errors import ModelError  # noqa: E402
from drivegrid.inference import predictor as module  # noqa: E402
from drivegrid.inference.choosing import greedy  # noqa: E402
from drivegrid.inference.constrained import GrammarLogits  # noqa: E402
from drivegrid.inference.decoding import best_offsets, propose, refine  # noqa: E402
from drivegrid.inference.predictor import Predictor  # noqa: E402
from drivegrid.inference.qwen_speaker import QwenSpeaker  # noqa: E402
from drivegrid.inference.talks import Talks  # noqa: E402
from drivegrid.model.adapter import load_adapter  # noqa: E402
from drivegrid.model.processor import QwenProcessor  # noqa: E402
from drivegrid.tokens.automaton import AnswerAutomaton, Limits  # noqa: E402
from drivegrid.tokens.grammar import parse_answer, parse_offsets  # noqa: E402
from drivegrid.tokens.template import offset_template  # noqa: E402
from tests.model.conftest import trained_ones  # noqa: E402, F401

SIZE_WH = (112, 84)
LIMITS = Limits(items=3, anchors=5, text=6)
QUERIES = ["all lanes", "the red car to the left", "x"]


@pytest.fixture(scope="module")
def speaker(trained_ones):  # noqa: F811
    # A trained adapter: of untrained weights all answers are much the same.
    base, adapter, _, _ = trained_ones(True)
    model, tokenizer, manifest = load_adapter(base, adapter)
    processor = QwenProcessor(tokenizer, manifest.vocabulary, SIZE_WH)
    return QwenSpeaker(model.get_base_model(), processor)


@pytest.fixture(scope="module")
def frames():
    return list(np.random.default_rng(0).integers(0, 255, (3, 90, 160, 3)).astype(np.uint8))


@pytest.fixture(scope="module")
def automaton(speaker):
    return AnswerAutomaton(speaker.processor.token_classes, limits=LIMITS)


def propose_all(speaker, automaton, frames, queries):
    talks = Talks.about(speaker, [speaker.encode(frame) for frame in frames])
    prompts = [speaker.processor.prompt_ids(query) for query in queries]
    return propose(talks, prompts, automaton, [greedy] * len(queries))


def test_answers_parse_strictly(speaker, automaton, frames) -> None:
    for found in propose_all(speaker, automaton, frames, QUERIES):
        text = speaker.processor.text_of(found.ids)
        items = parse_answer(text, speaker.processor.grid, strict=True).items
        assert sum(item.geometry.num_anchors for item in items) == len(found.cells)


def test_greedy_equals_generate_of_transformers(speaker, automaton, frames) -> None:
    processor = speaker.processor
    turns = [[{"role": "user", "content": query}] for query in QUERIES]
    inputs = processor(frames, turns)
    grammar = GrammarLogits(automaton, inputs["input_ids"].shape[1])
    written = speaker.model.generate(
        **inputs,
        max_new_tokens=200,
        do_sample=False,
        eos_token_id=automaton.classes.end,
        pad_token_id=processor.tokenizer.pad_token_id,
        logits_processor=LogitsProcessorList([grammar]),
    )[:, grammar.prompt_length :]
    together = propose_all(speaker, automaton, frames, QUERIES)
    for row, frame, query, found in zip(written.tolist(), frames, QUERIES, together, strict=True):
        expected = row[: row.index(automaton.classes.end)]
        assert found.ids == expected
        assert propose_all(speaker, automaton, [frame], [query])[0].ids == expected


def test_refine_turns_stand_alone(speaker, frames) -> None:
    """The joint offsets are those of the whole conversation read anew, token by token."""
    processor, query = speaker.processor, "all lanes"
    items = parse_answer("lane: <line><grid_1_2><grid_2_0></line>", processor.grid).items
    shapes = [item.geometry for item in items]
    template = offset_template(shapes, processor.vocabulary)
    talks = Talks.about(speaker, [speaker.encode(frames[0])])
    (moves,) = refine(talks, [speaker.refine_ids(query, items, 0)], [template])
    prompt = [*processor.opening_ids, *speaker.refine_ids(query, items, 0)]
    inputs = processor([frames[0]], [[{"role": "user", "content": ""}]])
    written = []
    for forced in template.ids.tolist():
        ids = torch.tensor([[*prompt, *written]])
        with torch.no_grad():
            scores = speaker.model(
                input_ids=ids,
                pixel_values=inputs["pixel_values"],
                image_grid_thw=inputs["image_grid_thw"],
                mm_token_type_ids=(ids == processor.image_token_id).int(),
            ).logits[0, -1]
        chances = scores[torch.from_numpy(template.choices)].softmax(-1)
        best = int(best_offsets(chances[None].double().numpy())[0])
        written.append(int(template.choices[best]) if forced < 0 else forced)
    assert template.fill(moves.offsets).tolist() == written
    assert not parse_offsets(processor.text_of(written), shapes).diagnostics


def test_prompt_is_that_of_training(speaker) -> None:
    from drivegrid.model.processor import chat_text

    processor = speaker.processor
    turn = {"role": "user", "content": "all <b> lanes"}
    text = chat_text([turn], processor.num_image_tokens)
    whole = processor.tokenizer.encode(text, add_special_tokens=False)
    assert processor.opening_ids + processor.prompt_ids("all <b> lanes") == whole


@pytest.mark.parametrize("kind", ["base", "adapter"])
def test_predictor_loads_and_answers(trained_ones, frames, monkeypatch, kind) -> None:  # noqa: F811
    base, adapter, _, _ = trained_ones(True)
    monkeypatch.setattr(module, "LIMITS", LIMITS)
    monkeypatch.setattr(QwenProcessor.__init__, "__defaults__", (SIZE_WH,))
    loaded = (adapter, base) if kind == "adapter" else (base,)
    predictor = Predictor.from_pretrained(*loaded)
    answers = predictor.ask_batch(frames, QUERIES, rounds=2)
    for frame, query, answer in zip(frames, QUERIES, answers, strict=True):
        assert len(answer.texts) == (3 if answer.found else 1)
        assert answer.well_formed
        assert predictor.ask(frame, query, rounds=2).texts == answer.texts
        assert {i.source for i in answer.instances} <= {"qwen2.5-vl"}


def test_adapter_and_base_go_together(trained_ones, tmp_path) -> None:  # noqa: F811
    base, adapter, _, _ = trained_ones(True)
    with pytest.raises(ModelError, match="base"):
        Predictor.from_pretrained(adapter)
    with pytest.raises(ModelError, match="adapter"):
        Predictor.from_pretrained(base, base)
    with pytest.raises(ModelError, match="checkpoint"):
        Predictor.from_pretrained(tmp_path)


def test_scores_are_of_the_ids_of_the_tokenizer(speaker) -> None:
    classes = speaker.processor.token_classes
    assert classes.size <= speaker.model.config.text_config.vocab_size
