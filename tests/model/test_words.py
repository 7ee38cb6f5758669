"""A model that goes on with other words knows what it knew."""

import pytest

torch = pytest.importorskip("torch")

from drivegrid.model.checkpoint import load_nano, save_nano  # noqa: E402
from drivegrid.model.words import renew_words  # noqa: E402
from drivegrid.tokens.mask_words import ALL_MASK_WORDS  # noqa: E402
from drivegrid.tokens.spelling import Spelling  # noqa: E402
from tests.toy import GRID  # noqa: E402

CORPUS = ("all lanes", "lane line: ", "car: ", "zebra crossing: ") * 20


@pytest.fixture(scope="module")
def renewed(toy):
    return renew_words(*toy, CORPUS)


def test_tokens_of_both_keep_their_rows(toy, renewed) -> None:
    model, processor = toy
    again, reader = renewed
    former, present = processor.tokenizer.get_vocab(), reader.tokenizer.get_vocab()
    shared = [token for token in present if token in former]
    assert {"<grid_0_0>", "<OFF_0_0>", "</offset>", "c"} <= set(shared) < set(present)
    before = model.embedding.weight[[former[token] for token in shared]]
    assert torch.equal(again.embedding.weight[[present[token] for token in shared]], before)
    assert again.config.spatial_base_id == reader.base_id == present["<grid_0_0>"]
    assert again.config.vocab_size == len(present)


def test_new_tokens_start_at_the_mean_of_their_pieces(toy, renewed) -> None:
    model, processor = toy
    again, reader = renewed
    former, present = processor.tokenizer.get_vocab(), reader.tokenizer.get_vocab()
    [token] = [token for token in present if token.strip("Ġ") == "zebra"]
    pieces = processor.tokenizer.encode(token.replace("Ġ", " "))
    assert len(pieces) > 1 and token not in former
    expected = model.embedding.weight[pieces].mean(dim=0)
    assert torch.allclose(again.embedding.weight[present[token]], expected, atol=1e-6)


def test_other_weights_stay_and_the_model_is_left_alone(toy, renewed) -> None:
    model, again = toy[0], renewed[0]
    before, after = model.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[n], after[n]) for n in before if n != "embedding.weight")
    again.embedding.weight.data[0] += 1
    assert not torch.equal(model.embedding.weight[0], again.embedding.weight[0])


@pytest.mark.parametrize("name", ["samtok", "himtok"])
def test_words_for_masks_are_learnt_anew(toy, name, tmp_path) -> None:
    model, processor = toy
    words = ALL_MASK_WORDS[name]
    again, reader = renew_words(model, processor, CORPUS, Spelling("grid", GRID, words))
    assert reader.vocabulary.words == words
    before = again.embedding.weight[: reader.vocabulary.word_range.start]
    rows = again.embedding.weight[list(reader.vocabulary.word_range)]
    assert len(rows.unique(dim=0)) == words.count
    torch.testing.assert_close(rows.std(), before.std(), rtol=0.3, atol=0)
    save_nano(again, reader, tmp_path / "nano", {})
    loaded, known = load_nano(tmp_path / "nano")
    assert known.vocabulary == reader.vocabulary
    kept, _ = renew_words(loaded, known, CORPUS, Spelling("grid", GRID, words))
    place = list(reader.vocabulary.word_range)
    assert torch.equal(kept.embedding.weight[place], loaded.embedding.weight[place])
    mask = words.tokens[0] + words.tokens[-1]
    assert known.text_of(known.reply_ids(f"<seg>{mask}</seg>")) == f"<seg>{mask}</seg>"
    assert mask in known.tokenizer.decode(known.turn_ids(f"What is AT <seg>{mask}</seg>?"))
